"""Meter values of both dialects."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from csms.ocpp import readings
from csms.ocpp.v16 import messages as v16
from csms.ocpp.v201 import messages as v201
from csms.reports import Reading, Sample

NOON = datetime(2026, 10, 15, 12, 0, tzinfo=UTC)
REGISTER = "Energy.Active.Import.Register"


def values(*sampled: dict[str, Any], at: Any = NOON) -> v16.MeterValue:
    return v16.MeterValue(
        timestamp=at, sampled_value=tuple(v16.SampledValue(**words) for words in sampled)
    )


def numbers(*sampled: dict[str, Any], at: Any = NOON) -> v201.MeterValueType:
    return v201.MeterValueType(
        timestamp=at, sampled_value=tuple(v201.SampledValueType(**words) for words in sampled)
    )


def only_sample(sampled: dict[str, Any]) -> Sample:
    [reading] = readings.readings_of_text([values(sampled)])
    [sample] = reading.samples
    return sample


# ------------------------------------------------------------------------------- numbers


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", "0"),
        ("1234.5", "1234.5"),
        (" 1234.5 ", "1234.5"),
        ("1 234,5", "1234.5"),
        ("1\u00a0234,5", "1234.5"),
        ("1.234,5", "1234.5"),
        ("1,234.5", "1234.5"),
        ("-12", "-12"),
        ("1.5e3", "1500"),
    ],
)
def test_a_number_is_read_with_spaces_and_a_decimal_comma(text: str, value: str) -> None:
    assert readings.number(text) == Decimal(value)


@pytest.mark.parametrize(
    "text", ["", " ", "null", "NaN", "Infinity", "-inf", "1e99", "12 kWh", "1" * 65, "--1", "0x10"]
)
def test_what_no_meter_can_show_is_no_number(text: str) -> None:
    assert readings.number(text) is None


@given(st.text(max_size=70))
def test_no_text_makes_the_number_reader_fail(text: str) -> None:
    value = readings.number(text)
    assert value is None or value.is_finite()


@given(st.decimals(-(10**12), 10**12, places=3))
def test_a_written_number_is_read_again(value: Decimal) -> None:
    assert readings.number(f"{value:f}") == value
    assert readings.number(f"{value:f}".replace(".", ",")) == value


# --------------------------------------------------------------------- defaults and units


def test_a_bare_value_is_the_energy_register_in_wh_taken_periodically() -> None:
    assert readings.readings_of_text([values({"value": "1500"})]) == (
        Reading(
            NOON,
            "Sample.Periodic",
            Decimal(1500),
            (Sample(REGISTER, Decimal(1500), "Wh"),),
        ),
    )
    assert readings.readings_of_numbers([numbers({"value": Decimal(1500)})]) == (
        Reading(
            NOON,
            "Sample.Periodic",
            Decimal(1500),
            (Sample(REGISTER, Decimal(1500), "Wh"),),
        ),
    )


@pytest.mark.parametrize(
    ("measurand", "unit", "value", "base_value", "base_unit"),
    [
        (REGISTER, "kWh", "1.5", "1500", "Wh"),
        (REGISTER, "Wh", "1500", "1500", "Wh"),
        (REGISTER, "kwh", "1.5", "1500", "Wh"),
        (REGISTER, " Wh ", "1500", "1500", "Wh"),
        ("Power.Active.Import", "kW", "11.04", "11040", "W"),
        ("Energy.Reactive.Import.Register", "kvarh", "2", "2000", "varh"),
        ("Current.Import", "A", "16", "16", "A"),
        ("Current.Import", "mA", "16000", "16", "A"),
        ("Voltage", "V", "230.1", "230.1", "V"),
        ("SoC", "Percent", "80", "80", "Percent"),
        ("SoC", "%", "80", "80", "Percent"),
        ("Temperature", "Celcius", "21", "21", "Celsius"),
        ("Temperature", "K", "294.15", "21", "Celsius"),
        ("Temperature", "Fahrenheit", "70", "21.11", "Celsius"),
        ("Frequency", "Hertz", "50", "50", "Hz"),
        ("Frequency", "revolutions", "50", "50", "revolutions"),
        ("Power.Active.Import", UNSET, "11", "11", None),
        ("Voltage", "", "230", "230", None),
    ],
)
def test_values_come_to_base_units(
    measurand: str, unit: Any, value: str, base_value: str, base_unit: str | None
) -> None:
    sample = only_sample({"measurand": measurand, "unit": unit, "value": value})
    assert (sample.value, sample.unit) == (Decimal(base_value), base_unit)


@pytest.mark.parametrize(
    ("unit", "value"),
    [
        (v201.UnitOfMeasureType(unit="kWh"), "1.5"),
        (v201.UnitOfMeasureType(unit="kWh", multiplier=0), "1.5"),
        (v201.UnitOfMeasureType(unit="Wh", multiplier=3), "1.5"),
        (v201.UnitOfMeasureType(multiplier=2), "15"),
        (v201.UnitOfMeasureType(unit="kWh", multiplier=-3), "1500"),
        (v201.UnitOfMeasureType(), "1500"),
        (UNSET, "1500"),
    ],
)
def test_unit_and_power_of_ten_both_count(unit: Any, value: str) -> None:
    [reading] = readings.readings_of_numbers(
        [numbers({"value": Decimal(value), "unit_of_measure": unit})]
    )
    assert reading.energy_register_wh == 1500


def test_an_absurd_power_of_ten_leaves_out_its_value_only() -> None:
    absurd = v201.UnitOfMeasureType(multiplier=10**9)
    [reading] = readings.readings_of_numbers(
        [numbers({"value": Decimal(1), "unit_of_measure": absurd}, {"value": Decimal(7)})]
    )
    assert reading.samples == (Sample(REGISTER, Decimal(7), "Wh"),)
    assert not readings.readings_of_numbers([numbers({"value": Decimal("1E+400")})])


def test_an_energy_in_an_unknown_unit_is_kept_but_is_no_register() -> None:
    [reading] = readings.readings_of_text([values({"value": "5", "unit": "pulses"})])
    assert reading.samples == (Sample(REGISTER, Decimal(5), "pulses"),)
    assert reading.energy_register_wh is None


# ---------------------------------------------------------------------------- grouping


def test_contexts_of_one_element_become_separate_readings() -> None:
    read = readings.readings_of_text(
        [
            values(
                {"value": "100", "context": "Transaction.Begin"},
                {"value": "900", "context": "Transaction.End"},
                {"value": "230", "measurand": "Voltage", "context": "Transaction.End"},
            )
        ]
    )
    assert [(r.context, r.energy_register_wh, len(r.samples)) for r in read] == [
        ("Transaction.Begin", Decimal(100), 1),
        ("Transaction.End", Decimal(900), 2),
    ]


def test_values_spread_over_elements_of_the_same_moment_are_one_reading() -> None:
    read = readings.readings_of_text(
        [
            values({"value": "100"}),
            values({"value": "230", "measurand": "Voltage"}),
            values({"value": "200"}, at=NOON + timedelta(minutes=1)),
        ]
    )
    assert [len(r.samples) for r in read] == [2, 1]


def test_moments_come_to_utc_and_may_be_missing() -> None:
    local = NOON.astimezone(timezone(timedelta(hours=2)))
    [first, second] = readings.readings_of_text(
        [values({"value": "1"}, at=local), values({"value": "2"}, at=UNSET)]
    )
    assert first.measured_at == NOON
    assert first.measured_at.tzinfo is UTC
    assert second.measured_at is None


def test_a_value_that_is_none_is_left_out_and_the_others_stay() -> None:
    [reading] = readings.readings_of_text(
        [values({"value": ""}, {"value": "unknown"}, {"value": "230", "measurand": "Voltage"})]
    )
    assert [sample.measurand for sample in reading.samples] == ["Voltage"]
    assert readings.readings_of_text([values({"value": ""})]) == ()


def test_2x_values_of_the_same_moment_and_context_are_one_reading() -> None:
    read = readings.readings_of_numbers(
        [
            numbers({"value": Decimal(5)}, {"value": Decimal(230), "measurand": "Voltage"}),
            numbers({"value": Decimal(6)}, at=NOON + timedelta(minutes=1)),
        ]
    )
    assert [len(reading.samples) for reading in read] == [2, 1]


# ------------------------------------------------------------------------- signed data


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("SignedData", "  AbC=\r\n" * 500),
        ("SignedData", "12345"),
        (UNSET, 'OCMF|{"FV":"1.0"}|{"SD":"00ff"}'),
        ("Raw", "AP;0;3;ALCV3ABBBISHMA2RYEGAZE3HV5YQBQRAEHAR2MN"),
        (UNSET, "<signedMeterValue><publicKey/></signedMeterValue>"),
    ],
)
def test_signed_data_is_kept_byte_by_byte(form: Any, text: str) -> None:
    sample = only_sample({"value": text, "format": form})
    assert sample.signed == text
    assert sample.value is None


def test_a_signed_2x_value_keeps_its_number_and_its_text() -> None:
    signed = v201.SignedMeterValueType(
        signed_meter_data=" abc ", signing_method="", encoding_method="OCMF", public_key=""
    )
    [reading] = readings.readings_of_numbers(
        [numbers({"value": Decimal(10), "signed_meter_value": signed})]
    )
    assert reading.samples[0].signed == " abc "
    assert reading.energy_register_wh == 10


# ---------------------------------------------------------------------- the register


def sample(
    value: int | None, phase: str | None = None, location: str | None = None, unit: str = "Wh"
) -> Sample:
    return Sample(REGISTER, None if value is None else Decimal(value), unit, phase, location)


VOLTS = Sample("Voltage", Decimal(230), "V")


@pytest.mark.parametrize(
    ("samples", "register"),
    [
        ([sample(100)], 100),
        ([sample(100, "L1")], None),
        ([VOLTS], None),
        ([sample(None), VOLTS], None),
        ([sample(100), sample(30, "L1"), sample(30, "L2"), sample(30, "L3")], 100),
        ([sample(30, "L1"), sample(31, "L2"), sample(32, "L3")], 93),
        ([sample(30, "L1-N"), sample(31, "L2-N"), sample(32, "L3-N"), VOLTS], 93),
        ([sample(30, "L1"), sample(31, "L2")], None),
        ([sample(30, "L1"), sample(31, "L2"), sample(31, "N")], None),
        ([sample(5, location="Inlet"), sample(100)], 100),
        ([sample(5, location="Inlet"), sample(100, location="Outlet")], 100),
        ([sample(5, location="Inlet"), VOLTS], 5),
        ([sample(5, location="EV"), sample(7, location="Inlet"), VOLTS], 5),
        ([sample(100), sample(101)], 100),
        ([sample(100, unit="varh"), VOLTS], None),
    ],
)
def test_the_register_is_the_whole_or_the_sum_of_all_phases(
    samples: list[Sample], register: int | None
) -> None:
    assert readings.energy_register(samples) == register


def test_the_register_of_a_context_is_the_first_that_shows_one() -> None:
    read = readings.readings_of_text(
        [
            values({"value": "230", "measurand": "Voltage", "context": "Transaction.Begin"}),
            values({"value": "50"}, at=NOON + timedelta(seconds=1)),
            values({"value": "40", "context": "Transaction.Begin"}, at=NOON + timedelta(seconds=2)),
        ]
    )
    assert readings.register_in(read, "Transaction.Begin") == 40
    assert readings.register_in(read, "Transaction.End") is None
