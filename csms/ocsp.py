"""OCSP: what is asked about a certificate, and what an answer is worth.

Source: RFC 6960, sections 4.1 and 4.2.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from csms.certificates import UNREADABLE, hash_data_of
from csms.reports import OcspQuestion
from foundation.errors import InvalidInput

_HASHES: Final[dict[str, hashes.HashAlgorithm]] = {
    "SHA256": hashes.SHA256(),
    "SHA384": hashes.SHA384(),
    "SHA512": hashes.SHA512(),
}
_CLOCKS_DIFFER_BY: Final = timedelta(minutes=5)
_HOLDS_FOR: Final = timedelta(days=1)
"""An answer that does not say until when it holds: whoever kept it could show it for ever."""


class Revocation(StrEnum):
    """What a responder says."""

    GOOD = "good"
    REVOKED = "revoked"
    UNKNOWN = "unknown"
    """It knows nothing of it, or its answer is worth nothing."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an answer is worth; an unreadable one, or one to another question, is nothing at all."""

    revocation: Revocation
    is_unreadable: bool = False
    next_update: datetime | None = None


_NOTHING: Final = Verdict(Revocation.UNKNOWN, is_unreadable=True)


def request_for(question: OcspQuestion) -> bytes:
    """Return the request for a question, as DER.

    Raises:
        InvalidInput: The question's hashes are none.
    """
    try:
        builder = ocsp.OCSPRequestBuilder().add_certificate_by_hash(
            bytes.fromhex(question.issuer_name_hash),
            bytes.fromhex(question.issuer_key_hash),
            int(question.serial_number, 16),
            _HASHES[question.hash_algorithm],
        )
        return builder.build().public_bytes(Encoding.DER)
    except (ValueError, KeyError, TypeError):
        raise InvalidInput(
            "These are no hashes of a certificate.", field="ocspRequestData"
        ) from None


def verdict_in(
    der: bytes, question: OcspQuestion, known: Sequence[x509.Certificate], now: datetime
) -> Verdict:
    """Return what an answer to a question is worth.

    It counts only if the certificate's own issuer, which must be known, signed it, or somebody
    whom that issuer lets sign such answers; if it is about this certificate; and if it is fresh.
    """
    try:
        answer = ocsp.load_der_ocsp_response(der)
        if answer.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
            return _NOTHING
        is_about = answer.serial_number == int(
            question.serial_number, 16
        ) and answer.issuer_key_hash == bytes.fromhex(question.issuer_key_hash)
        if not is_about:
            return _NOTHING
        until = answer.next_update_utc or answer.this_update_utc + _HOLDS_FOR
        is_fresh = (
            answer.this_update_utc <= now + _CLOCKS_DIFFER_BY and now <= until + _CLOCKS_DIFFER_BY
        )
        if not is_fresh or not _is_signed(answer, question, known, now):
            return Verdict(Revocation.UNKNOWN)
        match answer.certificate_status:
            case ocsp.OCSPCertStatus.GOOD:
                return Verdict(Revocation.GOOD, next_update=until)
            case ocsp.OCSPCertStatus.REVOKED:
                return Verdict(Revocation.REVOKED, next_update=until)
    except UNREADABLE:
        return _NOTHING
    return Verdict(Revocation.UNKNOWN)


def _is_signed(
    answer: ocsp.OCSPResponse,
    question: OcspQuestion,
    known: Sequence[x509.Certificate],
    now: datetime,
) -> bool:
    wanted = question.issuer_key_hash.casefold()
    for issuer in known:
        found = hash_data_of(issuer, issuer, question.hash_algorithm).issuer_key_hash
        if found.casefold() != wanted:
            continue
        if _verifies(issuer, answer):
            return True
        return any(
            _may_answer(each, issuer, now) and _verifies(each, answer)
            for each in answer.certificates
        )
    return False


def _may_answer(certificate: x509.Certificate, issuer: x509.Certificate, now: datetime) -> bool:
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        return False
    try:
        certificate.verify_directly_issued_by(issuer)
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (*UNREADABLE, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return False
    return ExtendedKeyUsageOID.OCSP_SIGNING in usage


def _verifies(certificate: x509.Certificate, answer: ocsp.OCSPResponse) -> bool:
    key: Any = certificate.public_key()
    algorithm = answer.signature_hash_algorithm
    if algorithm is None:
        return False
    try:
        if isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(answer.signature, answer.tbs_response_bytes, ec.ECDSA(algorithm))
        elif isinstance(key, rsa.RSAPublicKey):
            key.verify(answer.signature, answer.tbs_response_bytes, padding.PKCS1v15(), algorithm)
        else:
            return False
    except InvalidSignature:
        return False
    return True
