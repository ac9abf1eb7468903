"""Repairs that only hold per vendor and model."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from msgspec.structs import replace

from csms import vendors
from csms.reports import (
    HeartbeatReport,
    MeterReport,
    OcppVersion,
    Origin,
    Reading,
    Sample,
    TransactionEndReport,
    TransactionStartReport,
)
from csms.vendors import InvalidProfile, Profile
from foundation.identifiers import ConnectorId, EvseId, StationId

NOON = datetime(2026, 10, 15, 12, 0, tzinfo=UTC)
ORIGIN = Origin(StationId("CS-1"), OcppVersion.V16, 1, NOON, "1", "MeterValues", "[]")
PROFILE = Profile(
    vendor="Wattwerk",
    model="*",
    firmware="2.*",
    source="a test",
    energy_factor=Decimal(1000),
    power_factor=Decimal("0.001"),
)
REGISTER = "Energy.Active.Import.Register"
READING = Reading(
    NOON,
    "Sample.Periodic",
    Decimal(361),
    (
        Sample(REGISTER, Decimal(361), "Wh"),
        Sample("Power.Active.Import", Decimal(9_451_000), "W"),
        Sample("Voltage", Decimal(230), "V"),
        Sample(REGISTER, None, "Wh", signed="OCMF|"),
    ),
)
MEANT = Reading(
    NOON,
    "Sample.Periodic",
    Decimal(361_000),
    (
        Sample(REGISTER, Decimal(361_000), "Wh"),
        Sample("Power.Active.Import", Decimal(9451), "W"),
        Sample("Voltage", Decimal(230), "V"),
        Sample(REGISTER, None, "Wh", signed="OCMF|"),
    ),
)


@pytest.mark.parametrize(
    ("vendor", "model", "firmware", "is_meant"),
    [
        ("Wattwerk", "One", "2.1", True),
        ("WATTWERK", "Two", "2.", True),
        ("Wattwerk", "One", "3.0", False),
        ("Wattwerk", "One", None, False),
        ("Wattwerk AG", "One", "2.1", False),
    ],
)
def test_a_profile_is_meant_for_its_make_and_firmware_only(
    vendor: str, model: str, firmware: str | None, is_meant: bool
) -> None:
    found = vendors.profile_of(vendor, model, firmware, [PROFILE])
    assert (found is PROFILE) == is_meant


def test_kwh_labelled_wh_are_read_as_kwh() -> None:
    report = MeterReport(ORIGIN, EvseId(1), 7, (READING,))
    assert vendors.adjusted(report, PROFILE) == replace(report, readings=(MEANT,))


def test_the_registers_of_start_and_end_are_adjusted_too() -> None:
    start = TransactionStartReport(
        ORIGIN,
        ref=None,
        number=None,
        evse_id=EvseId(1),
        connector_id=ConnectorId(1),
        at=NOON,
        seq_no=None,
        id_token=None,
        readings=(),
        offline=False,
        trigger=None,
        charging_state=None,
        meter_start_wh=Decimal(5),
        remote_start_id=None,
        reservation_id=None,
    )
    assert vendors.adjusted(start, PROFILE) == replace(start, meter_start_wh=Decimal(5000))
    end = TransactionEndReport(
        ORIGIN,
        ref=None,
        number=7,
        evse_id=None,
        connector_id=None,
        at=NOON,
        seq_no=None,
        id_token=None,
        readings=(READING,),
        offline=False,
        trigger=None,
        charging_state=None,
        meter_stop_wh=None,
        reason="Local",
    )
    assert vendors.adjusted(end, PROFILE) == replace(end, readings=(MEANT,))


def test_other_reports_mean_what_they_say() -> None:
    report = HeartbeatReport(ORIGIN)
    assert vendors.adjusted(report, PROFILE) is report


def test_the_shipped_profiles_are_read_and_name_their_source() -> None:
    shipped = vendors.shipped()
    assert all(profile.source for profile in shipped)
    known = vendors.profile_of("OpenEVSE", "ESP32", "4.2.2", shipped)
    assert known is not None
    assert known.energy_factor == 1000
    assert vendors.profile_of("OpenEVSE", "ESP32", "5.0.0", shipped) is None


GOOD = """
[[profile]]
vendor = "V"
model = "*"
firmware = "*"
source = "s"
power_factor = "0.001"
"""


def test_a_rules_file_with_a_mistake_is_refused_by_name() -> None:
    [profile] = vendors.profiles_in(GOOD, "good.toml")
    assert profile.power_factor == Decimal("0.001")
    for bad in (
        GOOD + "energy_factor = 0\n",
        GOOD + 'energy_factor = "much"\n',
        GOOD + "colour = 5\n",
        GOOD.replace('vendor = "V"\n', ""),
        "[[profile]\n",
        "",
    ):
        with pytest.raises(InvalidProfile, match=r"^bad\.toml: "):
            vendors.profiles_in(bad, "bad.toml")


# ---------------------------------------------------------------- what must not be asked, and notes

TERRA = "ABB", "Terra AC W22"
READ_ALL: tuple[str, dict[str, object]] = ("GetConfiguration", {})
WRITE = "ChangeConfiguration", {"key": "MeterValuesSampledData", "value": "Voltage"}


# field notes, row 61
@pytest.mark.parametrize(
    ("names", "asked", "harms"),
    [
        ((*TERRA, "1.8.21"), READ_ALL, True),
        ((*TERRA, "1.8.9"), WRITE, True),
        ((*TERRA, "1.7.3"), READ_ALL, True),
        ((*TERRA, "1.8.22"), READ_ALL, False),
        ((*TERRA, None), READ_ALL, False),
        ((*TERRA, "1.8.21"), ("ChangeConfiguration", {"key": "HeartbeatInterval"}), False),
        ((*TERRA, "1.8.21"), ("Reset", {"type": "Soft"}), False),
        (("SyncEV", "Any", "1"), WRITE, True),
        (("SyncEV", "Any", "1"), READ_ALL, False),
        ((None, None, None), READ_ALL, False),
    ],
)
def test_what_restarts_a_make_is_known_by_action_setting_and_firmware(
    names: tuple[str | None, str | None, str | None],
    asked: tuple[str, dict[str, object]],
    harms: bool,
) -> None:
    assert (vendors.harm_of(*names, *asked) is not None) is harms


def test_settings_are_found_wherever_a_payload_names_them() -> None:
    text = """
[[profile]]
vendor = "Wattwerk"
model = "*"
firmware = "*"
harmful = ["SetVariables Interval Other"]
source = "a test"
"""
    [profile] = vendors.profiles_in(text, "test.toml")
    assert profile.harmful == ("SetVariables Interval Other",)
    assert not profile.adjusts
    payload = {
        "setVariableData": [
            {"component": {"name": "X"}, "variable": {"name": "Interval"}, "attributeValue": "1"}
        ]
    }
    assert vendors.settings_in(payload) == {"interval"}
    assert vendors.settings_in({"key": ["HeartbeatInterval", "Other"]}) == {
        "heartbeatinterval",
        "other",
    }


@pytest.mark.parametrize(
    "line",
    ['harmful = ["reset the station"]', "harmful = [1]", 'notes = ["odd"]', ""],
)
def test_a_rule_that_can_mean_nothing_is_refused_by_its_files_name(line: str) -> None:
    text = f"""
[[profile]]
vendor = "Wattwerk"
model = "*"
firmware = "*"
source = "a test"
{line}
"""
    with pytest.raises(InvalidProfile, match=r"odd\.toml"):
        vendors.profiles_in(text, "odd.toml")


def test_what_nothing_shows_is_noted_of_a_make() -> None:
    assert vendors.notes_of("Wallbox", "Pulsar", "1") == [vendors.Note.LOWEST_STACK_LEVEL]
    assert vendors.notes_of("SmartEVSE", "3", "3.6") == [vendors.Note.SERVER_NOT_CHECKED]
    assert vendors.notes_of("Wattwerk", "W1", "1") == []
    assert vendors.harmful_at(*TERRA, "1.8.21") == [
        "GetConfiguration",
        "ChangeConfiguration MeterValuesSampledData",
    ]
