"""Others that are asked by HTTP: OCSP responders, who signs certificates, who installs contracts.

Where to comes from the settings, but for responders: their addresses stand in certificates, so
`foundation.outgoing_http` looks where they lead.

Sources: RFC 6960, appendix A (OCSP over HTTP).
"""

import base64

import msgspec

from csms.ocsp import request_for
from csms.reports import ContractCertificateAnswer, ContractCertificateReport, OcspQuestion
from foundation.errors import Unavailable
from foundation.outgoing_http import Outgoing

_LONGEST_EXI = 17_000


class Unanswered(Unavailable):
    """Somebody whom we asked did not answer as he should."""

    code = "authority_away"

    def __init__(self, who: str, why: str) -> None:
        super().__init__(f"{who} did not answer as it should: {why}.")


async def _posted(
    outgoing: Outgoing, who: str, url: str, body: bytes, kind: str, token: str | None = None
) -> bytes:
    headers = {"Content-Type": kind}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    answer = await outgoing.post(url, body, headers)
    if not 200 <= answer.status < 300:
        raise Unanswered(who, f"HTTP {answer.status}")
    return answer.body


class HttpResponder:
    """OCSP responders, as certificates name them."""

    def __init__(self, outgoing: Outgoing) -> None:
        self._outgoing = outgoing

    async def ask(self, question: OcspQuestion) -> bytes:
        """Return a responder's answer as DER.

        Raises:
            ExpectedError: Nobody answers there, or it must not be asked.
        """
        body = request_for(question)
        url = question.responder_url
        return await _posted(
            self._outgoing, "The OCSP responder", url, body, "application/ocsp-request"
        )


class HttpSigner:
    """An authority that takes a request as PEM and answers with the chain as PEM."""

    def __init__(self, outgoing: Outgoing, url: str, token: str | None) -> None:
        self._outgoing = outgoing
        self._url = url
        self._token = token

    async def sign(self, csr: str, kind: str, station: str) -> str:
        """Return the chain for a request.

        Raises:
            ExpectedError: It does not sign, or not now.
        """
        kind_of_body = f"application/pkcs10; kind={kind}"
        body = await _posted(
            self._outgoing, "The authority", self._url, csr.encode(), kind_of_body, self._token
        )
        try:
            return body.decode("ascii")
        except UnicodeDecodeError:
            raise Unanswered("The authority", "that is no PEM") from None


class HttpContracts:
    """A contract provider that takes and gives JSON: the vehicle's message and the answer to it."""

    def __init__(self, outgoing: Outgoing, url: str) -> None:
        self._outgoing = outgoing
        self._url = url

    async def certificate(self, report: ContractCertificateReport) -> ContractCertificateAnswer:
        """Return the provider's answer to a vehicle.

        Raises:
            ExpectedError: It does not answer as it should.
        """
        asked = {
            "action": report.action,
            "schema": report.schema,
            "exi_request": report.exi_request,
            "chains_most": report.chains_most,
            "prioritized_emaids": report.wanted,
            "station": report.origin.station,
        }
        body = await _posted(
            self._outgoing,
            "The contract provider",
            self._url,
            msgspec.json.encode(asked),
            "application/json",
        )
        try:
            told = msgspec.json.decode(body, type=_Told)
            base64.b64decode(told.exi_response, validate=True)
        except (msgspec.DecodeError, ValueError):
            raise Unanswered("The contract provider", "the answer cannot be read") from None
        if len(told.exi_response) > _LONGEST_EXI:
            raise Unanswered("The contract provider", "the answer is too long")
        return ContractCertificateAnswer(
            told.status == "Accepted", told.exi_response, told.remaining_contracts
        )


class _Told(msgspec.Struct):
    """What a contract provider answers."""

    status: str
    exi_response: str
    remaining_contracts: int | None = None
