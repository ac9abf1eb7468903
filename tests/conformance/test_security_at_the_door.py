"""Security cases of the connection itself: TC_083, 085 to 087 of 1.6, A_01 to A_08 of 2.0.1."""

import ssl

import pytest

from csms.tls import SUITES
from tests.conformance.conftest import Secured
from tests.conformance.stations import LinkLost, Station, trusting

PASSWORD = "0123456789abcdef"
BOTH = pytest.mark.parametrize("version", ["ocpp1.6", "ocpp2.0.1"])


async def station(secured: Secured, version: str, profile: int, password: str | None) -> Station:
    identity = await secured.central.station(security_profile=profile, password=password)
    return Station(secured.central, identity, version)


@BOTH
async def test_tc_085_and_a_01_basic_authentication_with_the_right_pair(
    secured: Secured, version: str
) -> None:
    case = await station(secured, version, 1, PASSWORD)
    await case.connect(password=PASSWORD)
    assert (await case.boot())["status"] == "Accepted"
    [row] = await secured.central.rows(
        "select status from connectors where station = :station and evse_id = 1",
        station=case.identity,
    )
    assert row["status"] == "Available"
    await case.leave()


async def test_a_02_another_user_name_is_refused_at_the_upgrade(secured: Secured) -> None:
    case = await station(secured, "ocpp2.0.1", 1, PASSWORD)
    with pytest.raises(Exception, match="401"):
        await secured.central.connect(case.identity, user="another", password=PASSWORD)
    await secured.central.connect(case.identity, user=case.identity, password=PASSWORD)


async def test_a_03_without_or_with_a_wrong_password_a_station_is_refused(
    secured: Secured,
) -> None:
    case = await station(secured, "ocpp2.0.1", 1, PASSWORD)
    for wrong in (None, "fedcba9876543210"):
        with pytest.raises(LinkLost, match="401"):
            await case.connect(password=wrong)
    assert (await secured.central.rows(
        "select 1 from station_connections where station = :station", station=case.identity
    )) == []  # fmt: skip
    await case.connect(password=PASSWORD)
    assert (await case.boot())["status"] == "Accepted"
    await case.leave()


@pytest.mark.parametrize("suite", [each for each in SUITES if "ECDHE-RSA" not in each])
async def test_tc_086_and_a_04_each_of_the_four_suites_is_spoken(
    secured: Secured, suite: str
) -> None:
    case = await station(secured, "ocpp2.0.1", 2, PASSWORD)
    tls = trusting(secured.root, maximum_version=ssl.TLSVersion.TLSv1_2)
    tls.set_ciphers(suite)
    await case.connect(password=PASSWORD, tls=tls)
    assert case.secured_by() == (suite, "TLSv1.2")
    assert (await case.boot())["status"] == "Accepted"
    await case.leave()


async def test_a_04_the_newest_tls_is_spoken_by_name_of_the_host(secured: Secured) -> None:
    case = await station(secured, "ocpp2.0.1", 2, PASSWORD)
    await case.connect(password=PASSWORD, tls=trusting(secured.root))
    assert case.secured_by()[1] == "TLSv1.3"
    await case.leave()


async def test_a_06_a_tls_below_1_2_is_cut_off_and_a_good_one_served_afterwards(
    secured: Secured,
) -> None:
    case = await station(secured, "ocpp2.0.1", 2, PASSWORD)
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old = trusting(secured.root, maximum_version=ssl.TLSVersion.TLSv1_1)
    with pytest.raises(LinkLost):
        await case.connect(password=PASSWORD, tls=old)
    await case.connect(password=PASSWORD, tls=trusting(secured.root))
    assert (await case.boot())["status"] == "Accepted"
    await case.leave()


@BOTH
async def test_tc_087_and_a_07_a_good_certificate_needs_no_password(
    secured: Secured, version: str
) -> None:
    case = await station(secured, version, 3, None)
    own = secured.root.issue(case.identity)
    await case.connect(tls=trusting(secured.root, own, secured.files))
    assert (await case.boot())["status"] == "Accepted"
    [kept] = await secured.central.rows(
        "select kind, subject, source, not_after from station_certificates"
        " where station = :station",
        station=case.identity,
    )
    assert kept == {
        "kind": "ChargingStationCertificate",
        "subject": f"CN={case.identity}",
        "source": "shown",
        "not_after": own.certificate.not_valid_after_utc,
    }
    await case.leave()


async def test_a_08_a_wrong_certificate_is_refused_and_the_right_one_accepted(
    secured: Secured,
) -> None:
    case = await station(secured, "ocpp2.0.1", 3, None)
    unknown = type(secured.root).root("Another Root").issue(case.identity)
    with pytest.raises(LinkLost):
        await case.connect(tls=trusting(secured.root, unknown, secured.files))
    for shown, kind in (
        (secured.root.issue("SOMEBODY-ELSE"), "ForeignCertificateShown"),
        (None, "ConnectionBelowSecurityProfile"),
    ):
        with pytest.raises(LinkLost, match="403"):
            await case.connect(tls=trusting(secured.root, shown, secured.files))
        assert (await case.events())[-1]["type"] == kind
    own = secured.root.issue(case.identity)
    await case.connect(tls=trusting(secured.root, own, secured.files))
    assert (await case.boot())["status"] == "Accepted"
    await case.leave()
