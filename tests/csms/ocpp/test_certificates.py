"""What stations say about certificates, and our answers, in the words of each version."""

import json

import pytest

from csms.ocpp import answers
from csms.ocpp.errors import MessageError
from csms.reports import (
    AuthorizeReport,
    CertificateChainReport,
    CertificateStatusAnswer,
    CertificateWishAnswer,
    CertificateWishReport,
    ContractAuthorizeReport,
    ContractCertificateAnswer,
    OcppVersion,
)
from tests.csms.ocpp.said import V16, V21, V201, said

HASHES = {
    "hashAlgorithm": "SHA256",
    "issuerNameHash": "aa",
    "issuerKeyHash": "bb",
    "serialNumber": "01",
    "responderURL": "http://ocsp.example",
}


def test_a_request_without_a_kind_is_for_the_station_itself() -> None:
    assert said(V16, "SignCertificate", {"csr": "x"}, CertificateWishReport).kind == (
        "ChargingStationCertificate"
    )
    payload = {"csr": "x", "certificateType": "V2GCertificate", "requestId": 7}
    found = said(V21, "SignCertificate", payload, CertificateWishReport)
    assert (found.kind, found.request_id) == ("V2GCertificate", 7)


def test_a_contract_is_read_with_whom_to_ask() -> None:
    token = {"idToken": "DEABC", "type": "eMAID"}
    payload = {"idToken": token, "iso15118CertificateHashData": [HASHES]}
    found = said(V201, "Authorize", payload, ContractAuthorizeReport)
    assert found.questions[0].responder_url == "http://ocsp.example"
    assert found.certificate is None


@pytest.mark.parametrize("version", list(OcppVersion))
def test_a_refused_request_has_its_reason_where_the_version_has_a_place_for_it(
    version: OcppVersion,
) -> None:
    answer = CertificateWishAnswer(False, "InvalidCSR: too weak")
    written = json.loads(answers.payload_of(version, "SignCertificate", answer))
    assert written["status"] == "Rejected"
    assert ("statusInfo" in written) is (version is not V16)


def test_how_many_contracts_are_left_is_told_in_2_1_only() -> None:
    answer = ContractCertificateAnswer(True, "ZXhp", 3)
    for version, left in ((V201, None), (V21, 3)):
        written = json.loads(answers.payload_of(version, "Get15118EVCertificate", answer))
        assert (written["exiResponse"], written.get("remainingContracts")) == ("ZXhp", left)
    written = json.loads(
        answers.payload_of(V201, "GetCertificateStatus", CertificateStatusAnswer(False))
    )
    assert written == {"status": "Failed"}


def test_without_a_token_there_is_nobody_to_authorize() -> None:
    for payload in ({}, {"idToken": None}):
        assert said(V201, "Authorize", payload, AuthorizeReport).id_token is None
    hashes = {"iso15118CertificateHashData": [HASHES]}
    assert said(V201, "Authorize", hashes, ContractAuthorizeReport).id_token is None


def test_only_as_many_certificates_are_asked_about_as_can_be_told_of() -> None:
    named = {name: value for name, value in HASHES.items() if name != "responderURL"}
    one = {"certificateHashData": named, "source": "OCSP", "urls": ["http://ocsp.example"]}
    long = one | {"certificateHashData": named | {"serialNumber": "1" * 41}}
    for asked, is_good in (([one], True), ([one] * 4, True), ([], False), ([long], False)):
        payload = {"certificateStatusRequests": asked}
        if is_good:
            found = said(V21, "GetCertificateChainStatus", payload, CertificateChainReport)
            assert len(found.questions) == len(asked)
        else:
            with pytest.raises(MessageError):
                said(V21, "GetCertificateChainStatus", payload, CertificateChainReport)
    with pytest.raises(MessageError):
        said(
            V21,
            "GetCertificateChainStatus",
            {"certificateStatusRequests": [one] * 5},
            CertificateChainReport,
        )
