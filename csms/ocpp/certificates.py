"""What stations say about certificates, to reports; and our answers.

The types of 2.0.1 stand for 2.1's here: 2.1 adds fields, which are read where they are.

Sources: OCPP 1.6 security whitepaper edition 3, section 5; OCPP 2.0.1 part 2, A02, C07, M01, M02
and M06; OCPP 2.1 part 2, M01.
"""

from collections.abc import Callable
from typing import Any, Final

from csms.ocpp.errors import ErrorCode, MessageError
from csms.ocpp.fields import Message
from csms.ocpp.translation import id_token, integer, text
from csms.reports import (
    AuthorizeReport,
    CertificateChainReport,
    CertificateStatusAnswer,
    CertificateStatusReport,
    CertificateWishAnswer,
    CertificateWishReport,
    ChainQuestion,
    ContractAuthorizeReport,
    ContractCertificateAnswer,
    ContractCertificateReport,
    OcspQuestion,
    Origin,
    Report,
)

OWN: Final = "ChargingStationCertificate"
_REASON_LONGEST: Final = 20
_WORDS_LONGEST: Final = 512
_ASKED_MOST: Final = 4
_HASH_LONGEST: Final = 128
_SERIAL_LONGEST: Final = 40


def wish(message: Any, origin: Origin) -> Report:
    """Read SignCertificate of any version; without a kind it is for the station itself."""
    kind = getattr(message, "certificate_type", None)
    return CertificateWishReport(
        origin,
        csr=message.csr.replace("\0", ""),
        kind=kind or OWN,
        request_id=integer(getattr(message, "request_id", None)),  # type: ignore[arg-type]
    )


def contract_certificate(message: Any, origin: Origin) -> Report:
    """Read Get15118EVCertificate."""
    most = getattr(message, "maximum_contract_certificate_chains", None)
    return ContractCertificateReport(
        origin,
        action=message.action,
        schema=message.iso15118_schema_version,
        exi_request=message.exi_request,
        chains_most=integer(most),  # type: ignore[arg-type]
        wanted=tuple(getattr(message, "prioritized_emaids", None) or ()),
    )


def certificate_status(message: Any, origin: Origin) -> Report:
    """Read GetCertificateStatus."""
    return CertificateStatusReport(origin, _question(message.ocsp_request_data))


def certificate_chain(message: Any, origin: Origin) -> Report:
    """Read GetCertificateChainStatus of 2.1.

    Raises:
        MessageError: What is asked could not be said back: the answer names each certificate.
    """
    asked = tuple(
        ChainQuestion(
            each.certificate_hash_data.hash_algorithm,
            each.certificate_hash_data.issuer_name_hash,
            each.certificate_hash_data.issuer_key_hash,
            each.certificate_hash_data.serial_number,
            each.source,
            tuple(each.urls),
        )
        for each in message.certificate_status_requests
    )
    fits = all(
        len(each.issuer_name_hash) <= _HASH_LONGEST
        and len(each.issuer_key_hash) <= _HASH_LONGEST
        and len(each.serial_number) <= _SERIAL_LONGEST
        for each in asked
    )
    if not fits or not 1 <= len(asked) <= _ASKED_MOST:
        raise MessageError(
            ErrorCode.PROPERTY_VIOLATION,
            "$.certificateStatusRequests",
            f"1 to {_ASKED_MOST} certificates, each named by hashes, are asked about at once",
        )
    return CertificateChainReport(origin, asked)


def authorize(message: Any, origin: Origin) -> Report:
    """Read 2.x's Authorize, with the driver's contract certificate where there is one."""
    token = message.id_token
    presented = id_token(token.id_token, token.type) if token else None
    hashes = message.iso15118_certificate_hash_data
    if not hashes and not message.certificate:
        return AuthorizeReport(origin, presented)
    return ContractAuthorizeReport(
        origin,
        presented,
        certificate=text(message.certificate),
        questions=tuple(_question(each) for each in hashes or ()),
    )


def _question(told: Any) -> OcspQuestion:
    return OcspQuestion(
        told.hash_algorithm,
        told.issuer_name_hash,
        told.issuer_key_hash,
        told.serial_number,
        told.responder_url or "",
    )


HANDLED_CERTIFICATES_16: Final[dict[str, Callable[[Any, Origin], Report]]] = {
    "SignCertificate": wish
}
HANDLED_CERTIFICATES: Final[dict[str, Callable[[Any, Origin], Report]]] = {
    "Authorize": authorize,
    "Get15118EVCertificate": contract_certificate,
    "GetCertificateStatus": certificate_status,
    "SignCertificate": wish,
}

HANDLED_CERTIFICATES_21: Final[dict[str, Callable[[Any, Origin], Report]]] = {
    "GetCertificateChainStatus": certificate_chain
}

Answer = CertificateWishAnswer | ContractCertificateAnswer | CertificateStatusAnswer


def response_fields(
    answer: Answer, make_reason: Callable[..., Message] | None, *, tells_remaining: bool
) -> dict[str, Any]:
    """Return the fields of an answer about certificates.

    Args:
        answer: What we answer.
        make_reason: Makes a StatusInfo; None where the version has none (1.6).
        tells_remaining: Whether the version says how many contracts are left (2.1).
    """
    more: dict[str, Any] = {}
    if answer.reason is not None and make_reason is not None:
        more["status_info"] = make_reason(
            reason_code=answer.reason.partition(": ")[0][:_REASON_LONGEST],
            additional_info=answer.reason[:_WORDS_LONGEST],
        )
    match answer:
        case CertificateWishAnswer():
            return {"status": "Accepted" if answer.is_accepted else "Rejected", **more}
        case ContractCertificateAnswer():
            if tells_remaining and answer.remaining is not None:
                more["remaining_contracts"] = answer.remaining
            status = "Accepted" if answer.is_accepted else "Failed"
            return {"status": status, "exi_response": answer.exi_response, **more}
        case CertificateStatusAnswer():
            if answer.result is not None:
                more["ocsp_result"] = answer.result
            return {"status": "Accepted" if answer.is_accepted else "Failed", **more}
