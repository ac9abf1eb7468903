"""What only others know when a vehicle pays by contract: is it revoked, and which are its papers.

Asked outside the lanes: a responder somewhere may take seconds, and no unit of work waits for it.
Who is asked is pluggable (`Responder`, `ContractProvider`); the program joins the ones that speak
HTTP (`csms.authorities_by_http`).

Sources: OCPP 2.0.1 part 2, C07, M01, M02 and M06; ISO 15118-2; RFC 6960 (OCSP).
"""

import asyncio
import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, Protocol

import structlog
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from csms import certificate_store
from csms.certificates import (
    HASHES,
    UNREADABLE,
    UnusableCertificate,
    certificates_in,
    common_name,
    hash_data_of,
    may_sign,
    same_serial,
)
from csms.lanes import Done
from csms.ocsp import Revocation, Verdict, verdict_in
from csms.reports import (
    AuthorizationStatus,
    AuthorizeAnswer,
    AuthorizeReport,
    CertificateChainAnswer,
    CertificateChainReport,
    CertificateStatusAnswer,
    CertificateStatusReport,
    ChainQuestion,
    ChainStatus,
    ContractAuthorizeReport,
    ContractCertificateAnswer,
    ContractCertificateReport,
    IdTokenInfo,
    OcspQuestion,
    Report,
)
from foundation.clock import Clock
from foundation.database import Database, DatabaseAway
from foundation.errors import ExpectedError, InvalidInput
from foundation.identifiers import normalised_token
from foundation.tasks import OnEnd, Tasks

log = structlog.get_logger(__name__)

ACCEPTED: Final = "Accepted"
_LONGEST_RESULT: Final = 5500
_QUESTIONS_MOST: Final = 10
"""About one contract; OCPP's list has four."""
_RESPONDERS_MOST: Final = 5
"""For one certificate, one after the other."""
_SHARE_OF_TIME: Final = 0.8
"""Of the time for an answer, so that the other certificates' states still go out."""
_ASK_AGAIN_AFTER: Final = timedelta(hours=1)
_AT_ONCE_MOST: Final = 100
"""Questions that may be open at others; beyond them nobody is asked."""


class Responder(Protocol):
    """Whoever answers for certificates (OCSP)."""

    async def ask(self, question: OcspQuestion) -> bytes:
        """Return the answer as DER.

        Raises:
            ExpectedError: Nobody answers there.
        """
        ...


class ContractProvider(Protocol):
    """Whoever installs and renews the contract certificates of vehicles."""

    async def certificate(self, report: ContractCertificateReport) -> ContractCertificateAnswer:
        """Return the provider's answer to a vehicle.

        Raises:
            ExpectedError: It does not answer.
        """
        ...


@dataclass(frozen=True, slots=True)
class Others:
    """Who is asked; no provider: nobody installs contracts here."""

    responder: Responder
    provider: ContractProvider | None
    timeout_s: float


Submit = Callable[[Report, Done], None]


class PlugAndCharge:
    """Answers what needs others' knowledge."""

    def __init__(self, database: Database, clock: Clock, tasks: Tasks, others: Others) -> None:
        self._database = database
        self._clock = clock
        self._tasks = tasks
        self._others = others
        self._open = 0

    def submit(self, report: Report, done: Done, go_on: Submit) -> None:
        """Ask others, then answer, or let the report go on its usual way."""
        if self._open >= _AT_ONCE_MOST:
            self._answered(report, None, done, go_on)
            return
        self._open += 1

        async def ask() -> None:
            try:
                async with asyncio.timeout(self._others.timeout_s):
                    found = await self._ask(report)
            except DatabaseAway as error:
                done(None, error)
                return
            except (ExpectedError, TimeoutError) as error:
                log.warning(
                    "contract.not_known", station_id=report.origin.station, reason=str(error)
                )
                found = None
            # A boundary: the station's next calls wait for this answer, whatever went wrong.
            except Exception as error:  # noqa: BLE001
                done(None, error)
                return
            finally:
                self._open -= 1
            self._answered(report, found, done, go_on)

        self._tasks.start(f"contract at {report.origin.station}", ask, on_end=OnEnd.FINISH)

    def _answered(self, report: Report, found: Any, done: Done, go_on: Submit) -> None:
        """Answer with what was found; None: nobody knows."""
        if isinstance(report, ContractAuthorizeReport):
            status = found or "NoCertificateAvailable"
            if status == ACCEPTED:
                plain = AuthorizeReport(report.origin, report.id_token)
                go_on(plain, partial(_with_status, done))
            else:
                done(AuthorizeAnswer(IdTokenInfo(AuthorizationStatus.INVALID), status), None)
        elif isinstance(report, ContractCertificateReport):
            done(found or ContractCertificateAnswer(False, "", reason="NoProvider"), None)
        elif isinstance(report, CertificateChainReport):
            again = self._clock.now() + _ASK_AGAIN_AFTER
            failed = tuple(ChainStatus(each, "Failed", again) for each in report.questions)
            done(found or CertificateChainAnswer(failed), None)
        else:
            done(found or CertificateStatusAnswer(False, reason="NoResponder"), None)

    async def _ask(self, report: Report) -> Any:
        if isinstance(report, ContractCertificateReport):
            if self._others.provider is None:
                return None
            return await self._others.provider.certificate(report)
        if isinstance(report, CertificateStatusReport):
            return await self._status(report.question)
        if isinstance(report, CertificateChainReport):
            return await self._chain(report.questions)
        assert isinstance(report, ContractAuthorizeReport)
        return await self._contract(report)

    async def _status(self, question: OcspQuestion) -> CertificateStatusAnswer:
        """Return a responder's own answer: the station checks its signature."""
        der = await self._others.responder.ask(question)
        if verdict_in(der, question, (), self._clock.now()).is_unreadable:
            return CertificateStatusAnswer(False, reason="BadAnswer")
        result = base64.b64encode(der).decode()
        if len(result) > _LONGEST_RESULT:
            return CertificateStatusAnswer(False, reason="TooLong")
        return CertificateStatusAnswer(True, result)

    async def _chain(self, questions: Sequence[ChainQuestion]) -> CertificateChainAnswer:
        """Return what responders say of certificates: here it is we who check their signatures."""
        if len(questions) > _QUESTIONS_MOST:
            raise InvalidInput(f"At most {_QUESTIONS_MOST} certificates are asked about at once.")
        async with self._database.unit_of_work() as db:
            pems = await certificate_store.trusted_for(db, None, self._clock.now())
            known = [each for pem in pems for each in certificates_in(pem)]
        found = await asyncio.gather(*(self._of_chain(each, known) for each in questions))
        return CertificateChainAnswer(tuple(found))

    async def _of_chain(
        self, question: ChainQuestion, known: Sequence[x509.Certificate]
    ) -> ChainStatus:
        again = self._clock.now() + _ASK_AGAIN_AFTER
        if question.source != "OCSP":  # lists of what is revoked are not fetched
            return ChainStatus(question, "Failed", again)
        try:
            async with asyncio.timeout(self._others.timeout_s * _SHARE_OF_TIME):
                for url in question.urls[:_RESPONDERS_MOST]:
                    verdict = await self._asked(question, url, known)
                    if verdict is not None:
                        word = verdict.revocation.value.title()
                        return ChainStatus(question, word, verdict.next_update or again)
        except TimeoutError:
            log.info("chain.not_told_in_time", serial_number=question.serial_number)
        return ChainStatus(question, "Failed", again)

    async def _asked(
        self, question: ChainQuestion, url: str, known: Sequence[x509.Certificate]
    ) -> Verdict | None:
        asked = OcspQuestion(
            question.hash_algorithm,
            question.issuer_name_hash,
            question.issuer_key_hash,
            question.serial_number,
            url,
        )
        try:
            verdict = await self._verdict(asked, known)
        except DatabaseAway:
            raise
        except ExpectedError as error:
            log.info("responder.silent", reason=str(error))
            return None
        return None if verdict.is_unreadable else verdict

    # ------------------------------------------------------------------------------ contracts

    async def _contract(self, report: ContractAuthorizeReport) -> str:
        """Return what a contract's certificates are, in the words of AuthorizeCertificateStatus."""
        async with self._database.unit_of_work() as db:
            pems = await certificate_store.trusted_for(db, "contract", self._clock.now())
            trusted = [each for pem in pems for each in certificates_in(pem)]
        chain: list[x509.Certificate] = []
        questions = list(report.questions)
        if report.certificate is not None:
            try:
                chain = certificates_in(report.certificate)
            except UnusableCertificate:
                return "CertChainError"
            token = None if report.id_token is None else report.id_token.value
            fault = chain_fault(chain, trusted, token, self._clock.now())
            if fault is not None:
                return fault
            known = [*chain, *trusted]
            questions = questions or questions_about(known, len(chain))
            if not any(asks_about(each, chain[0], known) for each in questions):
                return "NoCertificateAvailable"  # what is good may be another certificate
        if not questions:
            return "NoCertificateAvailable"
        if len(questions) > _QUESTIONS_MOST:
            return "CertChainError"
        known = [*chain, *trusted]
        asked = (self._verdict(each, known) for each in questions)
        verdicts = await asyncio.gather(*asked)
        found = {each.revocation for each in verdicts}
        if Revocation.REVOKED in found:
            return "CertificateRevoked"
        return ACCEPTED if found == {Revocation.GOOD} else "NoCertificateAvailable"

    async def _verdict(self, question: OcspQuestion, known: Sequence[x509.Certificate]) -> Verdict:
        der = await self._others.responder.ask(question)
        return verdict_in(der, question, known, self._clock.now())


def _with_status(done: Done, answer: Any, error: BaseException | None) -> None:
    if isinstance(answer, AuthorizeAnswer):
        answer = AuthorizeAnswer(answer.id_token_info, ACCEPTED)
    done(answer, error)


def chain_fault(
    chain: Sequence[x509.Certificate],
    trusted: Sequence[x509.Certificate],
    token: str | None,
    now: datetime,
) -> str | None:
    """Return why a contract's chain is not good, in OCPP's words; None if it is.

    Args:
        chain: As the vehicle gave it, its own certificate first.
        trusted: The authorities at one of which it must end.
        token: The eMAID that it was presented with.
        now: When.
    """
    leaf = chain[0]
    below = 0
    name = common_name(leaf.subject)
    if token is not None and normalised_token(name or "") != normalised_token(token):
        return "CertChainError"
    if any(not each.not_valid_before_utc <= now <= each.not_valid_after_utc for each in chain):
        return "CertificateExpired"
    at = leaf
    for _ in range(len(chain) + 1):
        above = _issuer(at, trusted, below)
        if above is not None:
            return None
        above = _issuer(at, chain[1:], below)
        if above is None or above is at:
            named = any(
                each.subject == at.issuer and may_sign(each, below)
                for each in (*chain[1:], *trusted)
            )
            return "SignatureError" if named else "CertChainError"
        at, below = above, below + 1
    return "CertChainError"


def _issuer(
    certificate: x509.Certificate, among: Sequence[x509.Certificate], below: int = 0
) -> x509.Certificate | None:
    """Return who signed a certificate and may; `below`: authorities between him and the leaf."""
    for each in among:
        try:
            certificate.verify_directly_issued_by(each)
        except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
            continue
        if may_sign(each, below):
            return each
    return None


def asks_about(
    question: OcspQuestion, certificate: x509.Certificate, known: Sequence[x509.Certificate]
) -> bool:
    """Tell whether a question is about this certificate, whose issuer is among the known."""
    issuer = _issuer(certificate, known)
    if issuer is None or question.hash_algorithm not in HASHES:
        return False
    named = hash_data_of(certificate, issuer, question.hash_algorithm)
    return (
        same_serial(named.serial_number, question.serial_number)
        and named.issuer_key_hash == question.issuer_key_hash.casefold()
    )


def questions_about(known: Sequence[x509.Certificate], number: int) -> list[OcspQuestion]:
    """Return what is to be asked about the first of these certificates, where they say whom."""
    questions = []
    for certificate in known[:number]:
        issuer = _issuer(certificate, known)
        url = _responder_of(certificate)
        if issuer is None or url is None or issuer is certificate:
            continue
        hashes = hash_data_of(certificate, issuer)
        questions.append(
            OcspQuestion(
                hashes.hash_algorithm,
                hashes.issuer_name_hash,
                hashes.issuer_key_hash,
                hashes.serial_number,
                url,
            )
        )
    return questions


def _responder_of(certificate: x509.Certificate) -> str | None:
    try:
        access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess)
    except (*UNREADABLE, x509.ExtensionNotFound):
        return None
    for each in access.value:
        is_ocsp = each.access_method == x509.oid.AuthorityInformationAccessOID.OCSP
        if is_ocsp and isinstance(each.access_location, x509.UniformResourceIdentifier):
            return str(each.access_location.value)
    return None
