"""A session told: the curve of its meter."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from csms.charging import StoredReading, Transaction
from foundation.identifiers import EvseId, OrganisationKey, StationId, TransactionId
from portal.pages.stories import curve_points, timeline
from portal.words import words

BEGIN = datetime(2026, 10, 15, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)
SESSION = Transaction(
    transaction_id=TransactionId(7),
    station=StationId("A"),
    evse_id=EvseId(1),
    connector_id=1,
    ref="x",
    ocpp_version="2.0.1",
    state="ended",
    basis="reported",
    revision=1,
    owner=OrganisationKey("north"),
    location=None,
    time_zone="Europe/Berlin",
    id_token="04A2",
    id_token_type="ISO14443",
    token_organisation=None,
    token_provider=None,
    authorization_status=None,
    started_at=BEGIN,
    start_reported_at=BEGIN,
    start_received_at=BEGIN,
    ended_at=BEGIN + 2 * HOUR,
    end_reported_at=BEGIN + 2 * HOUR,
    end_received_at=BEGIN + 2 * HOUR,
    offline=False,
    meter_start_wh=Decimal(1000),
    meter_stop_wh=Decimal(23000),
    energy_wh=Decimal(22000),
    energy_basis="registers",
    charging_state=None,
    stop_reason=None,
    doubts=(),
    conflicting_ends=0,
)


def reading(after: timedelta, register: int | None, power: int | None = None) -> StoredReading:
    values = []
    if power is not None:
        sample = {"measurand": "Power.Active.Import", "phase": None, "value": str(power)}
        values.append(sample)
    wh = None if register is None else Decimal(register)
    return StoredReading(BEGIN + after, "Sample.Periodic", wh, values, BEGIN + after)


def test_the_curve_begins_at_zero_and_ends_at_the_energy() -> None:
    points = curve_points(SESSION, [reading(HOUR, 12000)])
    assert [(each.energy_wh, each.power_w) for each in points] == [
        (Decimal(0), Decimal(11000)),
        (Decimal(11000), Decimal(11000)),
        (Decimal(22000), Decimal(11000)),
    ]


def test_measured_power_is_shown_rather_than_the_mean() -> None:
    points = curve_points(SESSION, [reading(HOUR, 12000, 7400)])
    assert points[1].power_w == Decimal(7400)


def test_readings_from_before_the_start_or_below_it_are_left_out() -> None:
    points = curve_points(SESSION, [reading(-HOUR, 900), reading(HOUR, 500), reading(HOUR, None)])
    assert [each.energy_wh for each in points] == [Decimal(0), Decimal(22000)]


def test_without_a_start_register_the_first_reading_is_where_it_counts_from() -> None:
    unknown = replace(SESSION, meter_start_wh=None, energy_wh=None)
    points = curve_points(unknown, [reading(HOUR, 5000), reading(2 * HOUR, 9000)])
    assert [each.energy_wh for each in points] == [Decimal(0), Decimal(0), Decimal(4000)]
    assert curve_points(unknown, []) == []


def test_the_timeline_is_in_order_and_a_prompt_report_is_no_entry_of_its_own() -> None:
    told = timeline(SESSION, [reading(HOUR, 12000)], None, words("en"))
    assert [each.title for each in told] == ["Started", "Readings", "Ended"]
    late = replace(SESSION, end_received_at=BEGIN + 5 * HOUR)
    told = timeline(late, [], None, words("en"))
    assert [each.title for each in told] == ["Started", "Ended", "The end was reported late"]


def test_a_start_that_was_never_reported_is_not_made_up() -> None:
    adopted = replace(SESSION, doubts=("missing_start",))
    told = timeline(adopted, [], None, words("de"))
    assert [each.title for each in told] == ["Beendet"]
