"""How stations are asked about certificates, in the words of each version."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from csms.certificates import OWN, V2G, UnusableCertificate, hash_data_of
from csms.ocpp import outgoing
from csms.reports import OcppVersion
from csms.station_certificates import (
    StationCertificate,
    delete_payload,
    install_payload,
    list_payloads,
    renew_call,
)
from foundation.errors import Conflict, InvalidInput
from foundation.identifiers import StationId
from tests.pki import Authority

ROOT = Authority.root()
NAMED = hash_data_of(ROOT.certificate)
V16, V201, V21 = OcppVersion
AT = datetime(2026, 10, 15, tzinfo=UTC)
HELD = StationCertificate(
    1,
    StationId("CS-1"),
    "CSMSRootCertificate",
    0,
    NAMED.serial_number,
    NAMED.hash_algorithm,
    NAMED.issuer_name_hash,
    NAMED.issuer_key_hash,
    None,
    None,
    None,
    None,
    "reported",
    AT,
    AT,
)


@pytest.mark.parametrize("version", list(OcppVersion))
def test_what_is_asked_is_valid_in_its_version(version: OcppVersion) -> None:
    kind = "CSMSRootCertificate"
    asked = [("InstallCertificate", install_payload(version, kind, ROOT.pem))]
    asked += [("GetInstalledCertificateIds", each) for each in list_payloads(version)]
    asked += [("DeleteCertificate", delete_payload(HELD)), renew_call(version, OWN)]
    for action, payload in asked:
        outgoing.encode(version, action, payload, raw=False)


@pytest.mark.parametrize(
    ("version", "kind"),
    [(V16, "V2GRootCertificate"), (V201, "OEMRootCertificate"), (V21, "NoSuchCertificate")],
)
def test_a_kind_that_the_version_does_not_know_is_refused(version: OcppVersion, kind: str) -> None:
    with pytest.raises(InvalidInput, match="kind must be one of"):
        install_payload(version, kind, ROOT.pem)


def test_what_is_no_certificate_is_not_sent() -> None:
    with pytest.raises(UnusableCertificate):
        install_payload(V201, "CSMSRootCertificate", "no PEM")


def test_only_what_the_station_named_and_what_is_not_its_own_is_deleted() -> None:
    assert delete_payload(HELD) == {"certificateHashData": NAMED.payload()}
    with pytest.raises(Conflict, match="Ask the station for its list"):
        delete_payload(replace(HELD, hash_algorithm=None))
    with pytest.raises(Conflict, match="renewed"):
        delete_payload(replace(HELD, kind=OWN))


def test_a_1_6_station_has_no_certificate_for_vehicles() -> None:
    assert renew_call(V201, V2G)[1] == {"requestedMessage": "SignV2GCertificate"}
    with pytest.raises(InvalidInput):
        renew_call(V16, V2G)
    with pytest.raises(InvalidInput):
        renew_call(V201, "MORootCertificate")
