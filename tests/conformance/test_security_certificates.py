"""Security cases of certificates: TC_074 to TC_078 of 1.6; A_11 to A_14 and M_01 to M_21 of 2.x."""

from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509

from accounts.directory import WHOLE
from csms import certificate_authority, station_certificates
from csms.certificate_authority import KEY_PURPOSE
from csms.certificate_tables import CertificateAuthorityRow
from csms.certificates import facts_of, fingerprint, hash_data_of
from csms.queue import Command, CommandState
from csms.reports import OcppVersion
from csms.signing import Signing
from foundation.identifiers import StationId
from foundation.sealing import sealer_of
from tests.conformance.conftest import Secured
from tests.conformance.stations import LinkLost, Station, trusting
from tests.csms import asking
from tests.csms.central import eventually
from tests.pki import Authority, Holder, csr, new_key

PASSWORD = "0123456789abcdef"
V16, V201, V21 = (each.value for each in OcppVersion)
OWN = "ChargingStationCertificate"


async def signing(secured: Secured, purpose: str = "station") -> Signing:
    """The signing side of the program, with an authority of our own that the listener trusts."""
    central, now = secured.central, secured.central.clock.now()
    sealer = sealer_of(secured.files, "a secret of the installation")
    make = (
        certificate_authority.new_root
        if purpose == "station"
        else certificate_authority.new_below_root
    )
    known = await central.rows(
        "select 1 from certificate_authorities where purpose = :purpose", purpose=purpose
    )
    if not known:
        made = make("Stations", "Operator", days=3650, now=now)
        async with central.database.unit_of_work() as db:
            db.add(
                CertificateAuthorityRow(
                    purpose=purpose,
                    subject="CN=Stations",
                    certificate=made.pem,
                    fingerprint=fingerprint(made.certificate),
                    sealed_key=sealer.seal(made.key_der, KEY_PURPOSE),
                    not_after=made.certificate.not_valid_after_utc,
                    created_at=now,
                    created_by="test",
                )
            )
        await central.system.listener.doors.take_new_keys()
    return Signing(central.database, central.clock, sealer, days=365)


async def booted(secured: Secured, version: str, *, profile: int = 1, **settings: Any) -> Station:
    identity = await secured.central.station(
        security_profile=profile, password=PASSWORD, **settings
    )
    case = Station(secured.central, identity, version)
    await case.connect(password=PASSWORD, tls=trusting(secured.root) if profile > 1 else None)
    await case.boot()
    return case


def wish(case: Station, request: str, kind: str | None = None) -> dict[str, Any]:
    more = {} if case.version == V16 or kind is None else {"certificateType": kind}
    return {"csr": request, **more}


async def request_row(secured: Secured, case: Station) -> dict[str, Any]:
    return (
        await secured.central.rows(
            "select state, reason, kind from certificate_requests where station = :station"
            " order by id desc limit 1",
            station=case.identity,
        )
    )[0]


async def asked_to_renew(secured: Secured, case: Station, kind: str) -> Command:
    action, payload = station_certificates.renew_call(OcppVersion(case.version), kind)
    case.answers[action] = {"status": "Accepted"}
    command = await asking.ask(secured.central, case.identity, action, payload)
    await case.was_asked(action)
    return command


@pytest.mark.parametrize("version", [V16, V201, V21])
async def test_tc_074_and_a_11_a_station_gets_a_certificate_and_connects_with_it(
    secured: Secured, version: str
) -> None:
    worker = await signing(secured)
    case = await booted(secured, version, profile=2)
    trigger = await asked_to_renew(secured, case, OWN)
    key = new_key()
    answer = await case.call("SignCertificate", wish(case, csr(case.identity, key), OWN))
    assert answer["status"] == "Accepted"
    await asking.becomes(secured.central, trigger, CommandState.EFFECTIVE)
    assert "CertificateSigned" not in {action for action, _ in case.asked}  # the answer came first

    case.answers["CertificateSigned"] = {"status": "Accepted"}
    await worker.work_off()
    told = await case.was_asked("CertificateSigned")
    given = x509.load_pem_x509_certificate(told["certificate_chain"].encode())
    assert facts_of(given).common_name == case.identity
    assert facts_of(given).organisation == "Operator"
    assert given.public_key() == key.public_key()
    assert ("certificate_type" in told) is (version != V16)

    async def installed() -> bool:
        return bool((await request_row(secured, case))["state"] == "installed")

    await eventually(installed)
    own = Holder(given, key)
    await case.connect(tls=trusting(secured.root, own, secured.files))
    assert (await case.boot())["status"] == "Accepted"
    async with secured.central.database.unit_of_work() as db:
        [held] = await station_certificates.certificates(db, WHOLE, case.identity)
    assert (held.kind, held.not_after) == (OWN, given.not_valid_after_utc)

    async with secured.central.database.unit_of_work() as db:
        [made] = await station_certificates.requests(db, WHOLE, case.identity)
        await station_certificates.revoke(
            db, WHOLE, case.identity, made.id, secured.central.clock.now()
        )

    async def put_out() -> bool:
        return secured.central.system.connections.get(StationId(case.identity)) is None

    await eventually(put_out)
    with pytest.raises(LinkLost, match="403"):
        await case.connect(tls=trusting(secured.root, own, secured.files))


async def is_installed(secured: Secured, case: Station, kind: str, given: x509.Certificate) -> None:
    """Look whether we know that the station has what it was given."""

    async def settled() -> bool:
        return bool((await request_row(secured, case))["state"] == "installed")

    await eventually(settled)
    async with secured.central.database.unit_of_work() as db:
        [known] = await station_certificates.certificates(db, WHOLE, case.identity)
    assert (known.kind, known.not_after) == (kind, given.not_valid_after_utc)
    assert known.serial_number == facts_of(given).serial_number


async def test_a_12_a_v2g_certificate_comes_with_the_chain_below_its_root(
    secured: Secured,
) -> None:
    worker = await signing(secured, "v2g")
    case = await booted(secured, V201)
    await asked_to_renew(secured, case, "V2GCertificate")
    request = wish(case, csr(case.identity), "V2GCertificate")
    assert (await case.call("SignCertificate", request))["status"] == "Accepted"
    case.answers["CertificateSigned"] = {"status": "Accepted"}
    await worker.work_off()
    told = await case.was_asked("CertificateSigned")
    assert told["certificate_type"] == "V2GCertificate"
    leaf, sub = x509.load_pem_x509_certificates(told["certificate_chain"].encode())
    leaf.verify_directly_issued_by(sub)
    assert sub.issuer != sub.subject  # the root stays at home
    await is_installed(secured, case, "V2GCertificate", leaf)
    await case.leave()


async def test_a_13_without_a_kind_it_is_the_stations_own(secured: Secured) -> None:
    worker = await signing(secured)
    case = await booted(secured, V201)
    assert (await case.call("SignCertificate", wish(case, csr(case.identity))))[
        "status"
    ] == "Accepted"
    case.answers["CertificateSigned"] = {"status": "Accepted"}
    await worker.work_off()
    told = await case.was_asked("CertificateSigned")
    assert told["certificate_type"] == OWN
    given = x509.load_pem_x509_certificates(told["certificate_chain"].encode())[0]
    await is_installed(secured, case, OWN, given)
    await case.leave()


@pytest.mark.parametrize(
    ("version", "event"),
    [(V16, "InvalidChargePointCertificate"), (V201, "InvalidChargingStationCertificate")],
)
async def test_tc_077_and_a_14_a_refused_certificate_is_noted_with_its_security_event(
    secured: Secured, version: str, event: str
) -> None:
    worker = await signing(secured)
    case = await booted(secured, version)
    await case.call("SignCertificate", wish(case, csr(case.identity), OWN))
    case.answers["CertificateSigned"] = {"status": "Rejected"}
    await worker.work_off()
    await case.was_asked("CertificateSigned")

    async def refused() -> bool:
        return bool((await request_row(secured, case))["state"] == "rejected")

    await eventually(refused)
    told = {
        "type": event,
        "timestamp": secured.central.clock.now().isoformat(),
        "techInfo": "chain incomplete",
    }
    assert await case.call("SecurityEventNotification", told) == {}
    assert [each["type"] for each in await case.events()] == [event]
    assert await worker.work_off() == 0  # what was refused is not sent again
    await case.leave()


async def test_a_14_a_bad_request_is_refused_with_a_security_event(secured: Secured) -> None:
    await signing(secured)
    case = await booted(secured, V201)
    for bad in (csr("SOMEBODY-ELSE"), "no request at all"):
        answer = await case.call("SignCertificate", wish(case, bad, OWN))
        assert answer["status"] == "Rejected"
        assert answer["statusInfo"]["reasonCode"] == "InvalidCSR"
    assert {each["type"] for each in await case.events()} == {"CertificateRequestRefused"}
    assert (await case.call("SignCertificate", wish(case, csr(case.identity), OWN)))[
        "status"
    ] == "Accepted"
    await case.leave()


async def test_a_11_what_the_station_did_not_answer_is_sent_again(secured: Secured) -> None:
    worker = await signing(secured)
    case = await booted(secured, V201)
    await case.call("SignCertificate", wish(case, csr(case.identity), OWN))
    await worker.work_off()  # it answers NotImplemented: its flash is busy, say
    await case.was_asked("CertificateSigned")

    async def is_over() -> bool:
        rows = await secured.central.rows(
            "select state from commands where station = :station order by id desc limit 1",
            station=case.identity,
        )
        return bool(rows[0]["state"] in ("failed", "rejected"))

    await eventually(is_over)
    case.answers["CertificateSigned"] = {"status": "Accepted"}
    await secured.central.rows(
        "update certificate_requests set state = 'sent', next_at = :now where station = :station",
        now=secured.central.clock.now(),
        station=case.identity,
    )
    secured.central.clock.at += timedelta(minutes=10)
    await worker.work_off()
    await case.was_asked("CertificateSigned", 2)

    async def installed() -> bool:
        return bool((await request_row(secured, case))["state"] == "installed")

    await eventually(installed)
    await case.leave()


# -------------------------------------------------------------------------- roots at the station


def told(root: Authority, algorithm: str = "SHA256") -> dict[str, str]:
    """How a station names a root, in the package's keys."""
    found = hash_data_of(root.certificate, algorithm=algorithm)
    return {
        "hash_algorithm": found.hash_algorithm,
        "issuer_name_hash": found.issuer_name_hash,
        "issuer_key_hash": found.issuer_key_hash,
        "serial_number": found.serial_number.lower(),
    }


async def held(secured: Secured, case: Station) -> list[station_certificates.StationCertificate]:
    async with secured.central.database.unit_of_work() as db:
        return await station_certificates.certificates(db, WHOLE, case.identity)


async def done(secured: Secured, case: Station, action: str, payload: Any, state: str) -> None:
    command = await asking.ask(secured.central, case.identity, action, payload)
    await asking.becomes(secured.central, command, CommandState(state))


@pytest.mark.parametrize(
    ("version", "kind", "word"),
    [
        pytest.param(V16, "ManufacturerRootCertificate", None, id="TC_075_1"),
        pytest.param(V16, "CSMSRootCertificate", "CentralSystemRootCertificate", id="TC_075_2"),
        pytest.param(V201, "CSMSRootCertificate", None, id="M_01, M_12"),
        pytest.param(V201, "ManufacturerRootCertificate", None, id="M_02, M_13"),
        pytest.param(V201, "V2GRootCertificate", None, id="M_03, M_14"),
        pytest.param(V201, "MORootCertificate", None, id="M_04, M_16"),
        pytest.param(V21, "OEMRootCertificate", None, id="M_101"),
    ],
)
async def test_tc_075_and_m_01_to_m_04_a_root_is_installed_listed_and_known(
    secured: Secured, version: str, kind: str, word: str | None
) -> None:
    case = await booted(secured, version)
    root = Authority.root("To be trusted")
    case.answers["InstallCertificate"] = {"status": "Accepted"}
    payload = station_certificates.install_payload(OcppVersion(version), kind, root.pem)
    await done(secured, case, "InstallCertificate", payload, "effective")
    assert (await case.was_asked("InstallCertificate"))["certificate_type"] == (word or kind)
    [kept] = await held(secured, case)
    assert (kept.kind, kept.subject) == (kind, "CN=To be trusted")
    assert kept.not_after == root.certificate.not_valid_after_utc

    if version == V16:
        listed: dict[str, Any] = {"certificate_hash_data": [told(root, "SHA384")]}
    else:
        listed = {
            "certificate_hash_data_chain": [
                {"certificate_type": kind, "certificate_hash_data": told(root, "SHA384")}
            ]
        }
    case.answers["GetInstalledCertificateIds"] = {"status": "Accepted", **listed}
    asked = {"certificateType": word or kind if version == V16 else [kind]}
    await done(secured, case, "GetInstalledCertificateIds", asked, "effective")
    [same] = await held(secured, case)
    assert (same.id, same.hash_algorithm) == (kept.id, "SHA384")
    await case.leave()


@pytest.mark.parametrize("version", [V16, V201], ids=["TC_078", "M_05"])
async def test_tc_078_and_m_05_a_root_that_was_refused_is_not_kept(
    secured: Secured, version: str
) -> None:
    case = await booted(secured, version)
    case.answers["InstallCertificate"] = {
        "status": "Rejected" if version == V16 else "Failed",
    }
    payload = station_certificates.install_payload(
        OcppVersion(version), "CSMSRootCertificate", Authority.root().pem
    )
    await done(secured, case, "InstallCertificate", payload, "rejected")
    event = "InvalidCentralSystemCertificate" if version == V16 else "InvalidCsmsCertificate"
    said = {
        "type": event,
        "timestamp": secured.central.clock.now().isoformat(),
        "techInfo": "expired",
    }
    await case.call("SecurityEventNotification", said)
    assert await held(secured, case) == []
    assert [each["type"] for each in await case.events()] == [event]
    await case.leave()


@pytest.mark.parametrize(
    "kind",
    [
        "CSMSRootCertificate",
        "ManufacturerRootCertificate",
        "V2GRootCertificate",
        "MORootCertificate",
    ],
)
async def test_m_12_to_m_14_and_m_16_the_certificates_of_a_kind_are_listed(
    secured: Secured, kind: str
) -> None:
    case = await booted(secured, V201)
    root = Authority.root(f"Root of {kind}")
    case.answers["GetInstalledCertificateIds"] = {
        "status": "Accepted",
        "certificate_hash_data_chain": [
            {"certificate_type": kind, "certificate_hash_data": told(root)}
        ],
    }
    asked = {"certificateType": [kind]}
    await done(secured, case, "GetInstalledCertificateIds", asked, "effective")
    assert (await case.was_asked("GetInstalledCertificateIds"))["certificate_type"] == [kind]
    [kept] = await held(secured, case)
    assert (kept.kind, kept.place) == (kind, 0)
    await case.leave()


async def test_m_15_m_17_and_m_18_lists_of_several_kinds_and_chains_are_kept(
    secured: Secured,
) -> None:
    case = await booted(secured, V201)
    roots = [Authority.root(f"Root {number}") for number in range(3)]
    case.answers["GetInstalledCertificateIds"] = {
        "status": "Accepted",
        "certificate_hash_data_chain": [
            {
                "certificate_type": "V2GCertificateChain",
                "certificate_hash_data": told(roots[0]),
                "child_certificate_hash_data": [told(roots[1])],
            },
            {"certificate_type": "CSMSRootCertificate", "certificate_hash_data": told(roots[2])},
        ],
    }
    await done(secured, case, "GetInstalledCertificateIds", {}, "effective")
    assert [(each.kind, each.place) for each in await held(secured, case)] == [
        ("V2GCertificateChain", 0),
        ("V2GCertificateChain", 1),
        ("CSMSRootCertificate", 0),
    ]
    kinds = ["CSMSRootCertificate", "ManufacturerRootCertificate"]
    case.answers["GetInstalledCertificateIds"]["certificate_hash_data_chain"] = [
        {"certificate_type": kinds[1], "certificate_hash_data": told(roots[1])}
    ]
    await done(secured, case, "GetInstalledCertificateIds", {"certificateType": kinds}, "effective")
    assert [each.kind for each in await held(secured, case)] == [
        "V2GCertificateChain",
        "V2GCertificateChain",
        "ManufacturerRootCertificate",
    ]
    await case.leave()


async def test_m_19_a_station_without_such_certificates_has_none(secured: Secured) -> None:
    case = await booted(secured, V201)
    case.answers["InstallCertificate"] = {"status": "Accepted"}
    root = Authority.root()
    payload = station_certificates.install_payload(OcppVersion.V201, "MORootCertificate", root.pem)
    await done(secured, case, "InstallCertificate", payload, "effective")
    assert [each.kind for each in await held(secured, case)] == ["MORootCertificate"]
    case.answers["GetInstalledCertificateIds"] = {"status": "NotFound"}
    asked = {"certificateType": ["MORootCertificate"]}
    await done(secured, case, "GetInstalledCertificateIds", asked, "effective")
    assert await held(secured, case) == []
    await case.leave()


@pytest.mark.parametrize("version", [V16, V201], ids=["TC_076", "M_20, M_21"])
async def test_tc_076_m_20_and_m_21_a_certificate_is_deleted_by_the_stations_own_hashes(
    secured: Secured, version: str
) -> None:
    case = await booted(secured, version)
    root = Authority.root()
    named = told(root, "SHA512")
    if version == V16:
        listed: dict[str, Any] = {"certificate_hash_data": [named]}
    else:
        chain = {"certificate_type": "CSMSRootCertificate", "certificate_hash_data": named}
        listed = {"certificate_hash_data_chain": [chain]}
    case.answers["GetInstalledCertificateIds"] = {"status": "Accepted", **listed}
    [asked, *_] = station_certificates.list_payloads(OcppVersion(version))
    await done(secured, case, "GetInstalledCertificateIds", asked, "effective")
    [one] = await held(secured, case)
    payload = station_certificates.delete_payload(one)
    case.answers["DeleteCertificate"] = {"status": "Failed"}
    await done(secured, case, "DeleteCertificate", payload, "rejected")
    assert (await case.was_asked("DeleteCertificate"))["certificate_hash_data"] == named
    assert len(await held(secured, case)) == 1
    case.answers["DeleteCertificate"] = {"status": "Accepted"}
    await done(secured, case, "DeleteCertificate", payload, "effective")
    assert await held(secured, case) == []
    await case.leave()
