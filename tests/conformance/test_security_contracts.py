"""Cases of contracts and their certificates: C_50 to C_52, M_24, M_26, M_28 and M_100."""

import base64
from dataclasses import dataclass, field
from typing import Any

import pytest
from cryptography.x509 import ocsp

from csms.certificate_tables import CertificateAuthorityRow
from csms.certificates import facts_of, hash_data_of
from csms.ocsp import request_for
from csms.plug_and_charge import Others, PlugAndCharge
from csms.reports import (
    ContractCertificateAnswer,
    ContractCertificateReport,
    OcppVersion,
    OcspQuestion,
)
from foundation.errors import Unavailable
from tests.conformance.conftest import Secured
from tests.conformance.stations import Station
from tests.pki import Authority, Holder

EMAID = "DEABCC12345671"
RESPONDER = "http://ocsp.example/"


@dataclass
class TestResponder:
    """A responder that answers for one authority, or is away."""

    __test__ = False
    authority: Authority
    now: Any
    is_away: bool = False
    asked: list[OcspQuestion] = field(default_factory=list)

    async def ask(self, question: OcspQuestion) -> bytes:
        self.asked.append(question)
        if self.is_away:
            raise Unavailable("nobody is there")
        return self.authority.answer(request_for(question), self.now())


class TestContracts:
    """A contract provider that has two contracts for every vehicle."""

    __test__ = False

    async def certificate(self, report: ContractCertificateReport) -> ContractCertificateAnswer:
        said = f"{report.action} {report.exi_request}".encode()
        left = None if report.chains_most is None else 2 - report.chains_most
        return ContractCertificateAnswer(True, base64.b64encode(said).decode(), left)


@dataclass
class Roaming:
    """A provider's authority with its responder, and a contract below it."""

    authority: Authority
    contract: Holder
    responder: TestResponder


@pytest.fixture
async def roaming(secured: Secured) -> Roaming:
    central = secured.central
    root = Authority.root("MO Root")
    authority = root.authority("MO Sub")
    contract = authority.issue(EMAID, responder=RESPONDER)
    async with central.database.unit_of_work() as db:
        for each in (root, authority):
            facts = facts_of(each.certificate)
            db.add(
                CertificateAuthorityRow(
                    purpose="contract",
                    subject=facts.subject,
                    certificate=facts.pem,
                    fingerprint=facts.fingerprint,
                    not_after=facts.not_after,
                    created_at=central.clock.now(),
                    created_by="test",
                )
            )
    responder = TestResponder(authority, central.clock.now)
    others = central.system.dispatch._others
    assert isinstance(others, PlugAndCharge)
    others._others = Others(responder, TestContracts(), 5.0)
    await central.token(EMAID, type="eMAID")
    return Roaming(authority, contract, responder)


async def booted(secured: Secured, version: str = "ocpp2.0.1") -> Station:
    case = Station(secured.central, await secured.central.station(), version)
    await case.connect()
    await case.boot()
    return case


def question(holder: Holder, issuer: Authority) -> dict[str, str]:
    named = hash_data_of(holder.certificate, issuer.certificate).payload()
    return {**named, "responderURL": RESPONDER}


TOKEN = {"idToken": EMAID, "type": "eMAID"}


async def test_c_50_and_c_51_hashes_are_asked_about_and_a_revoked_contract_is_refused(
    secured: Secured, roaming: Roaming
) -> None:
    case = await booted(secured)
    asked = {
        "idToken": TOKEN,
        "iso15118CertificateHashData": [question(roaming.contract, roaming.authority)],
    }
    answer = await case.call("Authorize", asked)
    assert answer["certificateStatus"] == "Accepted"
    assert answer["idTokenInfo"]["status"] == "Accepted"
    assert roaming.responder.asked[0].responder_url == RESPONDER

    roaming.authority.revoked.add(roaming.contract.certificate.serial_number)
    answer = await case.call("Authorize", asked)
    assert answer["certificateStatus"] == "CertificateRevoked"
    assert answer["idTokenInfo"]["status"] == "Invalid"

    roaming.responder.is_away = True  # nobody knows: not refused as revoked, and not let in
    answer = await case.call("Authorize", asked)
    assert answer["certificateStatus"] == "NoCertificateAvailable"
    assert answer["idTokenInfo"]["status"] == "Invalid"
    await case.leave()


async def test_c_50_a_good_certificate_is_no_good_token(secured: Secured, roaming: Roaming) -> None:
    case = await booted(secured)
    await secured.central.token(EMAID, type="eMAID", status="blocked")
    answer = await case.call(
        "Authorize",
        {
            "idToken": TOKEN,
            "iso15118CertificateHashData": [question(roaming.contract, roaming.authority)],
        },
    )
    assert answer["certificateStatus"] == "Accepted"
    assert answer["idTokenInfo"]["status"] == "Blocked"
    await case.leave()


async def test_c_52_a_whole_chain_is_validated_here(secured: Secured, roaming: Roaming) -> None:
    case = await booted(secured)
    chain = roaming.contract.chain
    answer = await case.call("Authorize", {"idToken": TOKEN, "certificate": chain})
    assert answer["certificateStatus"] == "Accepted"
    assert answer["idTokenInfo"]["status"] == "Accepted"
    stranger = Authority.root("Unknown Root").issue(EMAID, responder=RESPONDER)
    other = roaming.authority.issue("DEXYZC99999991", responder=RESPONDER)
    for bad in (stranger.chain, other.chain):
        answer = await case.call("Authorize", {"idToken": TOKEN, "certificate": bad})
        assert answer["certificateStatus"] == "CertChainError"
        assert answer["idTokenInfo"]["status"] == "Invalid"
    await case.leave()


async def test_m_24_the_responders_own_answer_is_handed_on(
    secured: Secured, roaming: Roaming
) -> None:
    case = await booted(secured)
    asked = {"ocspRequestData": question(roaming.contract, roaming.authority)}
    answer = await case.call("GetCertificateStatus", asked)
    assert answer["status"] == "Accepted"
    given = ocsp.load_der_ocsp_response(base64.b64decode(answer["ocspResult"]))
    assert given.serial_number == roaming.contract.certificate.serial_number
    roaming.responder.is_away = True
    assert (await case.call("GetCertificateStatus", asked))["status"] == "Failed"
    await case.leave()


@pytest.mark.parametrize(
    ("action", "version"),
    [
        pytest.param("Install", "ocpp2.0.1", id="M_26"),
        pytest.param("Update", "ocpp2.0.1", id="M_28"),
        pytest.param("Install", "ocpp2.1", id="M_100"),
    ],
)
async def test_m_26_m_28_and_m_100_the_providers_answer_goes_through_to_the_vehicle(
    secured: Secured, roaming: Roaming, action: str, version: str
) -> None:
    # By hand: the package writes one name of 2.1 otherwise than the schema.
    asking = await secured.central.here(OcppVersion(version))
    await asking.boot()
    asked: dict[str, Any] = {
        "iso15118SchemaVersion": "urn:iso:15118:2:2013:MsgDef",
        "action": action,
        "exiRequest": "ZXhp",
    }
    left = []
    for most in (1, 2) if version == "ocpp2.1" else (None,):
        more = {} if most is None else {"maximumContractCertificateChains": most}
        answer = await asking.call("Get15118EVCertificate", {**asked, **more})
        assert answer["status"] == "Accepted"
        assert base64.b64decode(answer["exiResponse"]).decode() == f"{action} ZXhp"
        left.append(answer.get("remainingContracts"))
    assert left == ([1, 0] if version == "ocpp2.1" else [None])


async def test_2_1_is_told_of_each_certificate_of_a_chain_by_what_its_responder_says(
    secured: Secured, roaming: Roaming
) -> None:
    """GetCertificateChainStatus: whoever asks believes us, so that only a signed answer counts."""
    asking = await secured.central.here(OcppVersion.V21)
    await asking.boot()
    revoked = roaming.authority.issue(EMAID)
    roaming.authority.revoked.add(revoked.certificate.serial_number)
    stranger = Authority.root("Nobody")
    unknown = hash_data_of(stranger.issue("X").certificate, stranger.certificate).payload()
    named = [
        hash_data_of(each.certificate, roaming.authority.certificate).payload()
        for each in (roaming.contract, revoked)
    ]
    asked = [
        {"certificateHashData": each, "source": source, "urls": [RESPONDER]}
        for each, source in (
            (named[0], "OCSP"),
            (named[1], "OCSP"),
            (unknown, "OCSP"),
            (named[0], "CRL"),
        )
    ]
    answer = await asking.call("GetCertificateChainStatus", {"certificateStatusRequests": asked})
    told = answer["certificateStatus"]
    assert [each["status"] for each in told] == ["Good", "Revoked", "Unknown", "Failed"]
    assert [each["certificateHashData"] for each in told] == [*named, unknown, named[0]]
    assert all(each["nextUpdate"] > "2026-10-15T20" for each in told)

    roaming.responder.is_away = True
    answer = await asking.call(
        "GetCertificateChainStatus", {"certificateStatusRequests": asked[:1]}
    )
    assert [each["status"] for each in answer["certificateStatus"]] == ["Failed"]
