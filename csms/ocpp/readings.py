"""Meter values of both dialects become readings in base units.

1.6 sends every value as text and names a unit; 2.x sends numbers with a unit and a power of ten.
Both leave out what is usual, so that the standard's defaults are filled in here. A value that
cannot be understood is left out (the frame keeps it); nothing here raises.

Whether a station means kWh where it says Wh is for the rules of its model (`csms.vendors`).

Source: OCPP 1.6 sections 7.38 and 7.43 (edition 2); OCPP 2.0.1 part 2, SampledValueType,
UnitOfMeasureType and appendix 2 (standardized units).
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from msgspec import UNSET

from csms.ocpp.moments import in_utc
from csms.reports import Reading, Sample

ENERGY_REGISTER: Final = "Energy.Active.Import.Register"
PERIODIC: Final = "Sample.Periodic"
BEGIN: Final = "Transaction.Begin"
END: Final = "Transaction.End"

_LONGEST_NUMBER = 64  # characters
_LARGEST_EXPONENT = 30  # of ten: far beyond any meter, and far below what slows arithmetic down
_THOUSAND = Decimal(1000)
_MILLION = Decimal(1_000_000)
_THOUSANDTH = Decimal("0.001")
_ICE = Decimal("273.15")
_HUNDREDTH = Decimal("0.01")

_UNITS: Final[dict[str, tuple[str, Decimal | None]]] = {
    # unit as the standards write it: base unit, factor (None: is the base unit)
    "Wh": ("Wh", None),
    "kWh": ("Wh", _THOUSAND),
    "MWh": ("Wh", _MILLION),
    "W": ("W", None),
    "kW": ("W", _THOUSAND),
    "MW": ("W", _MILLION),
    "varh": ("varh", None),
    "kvarh": ("varh", _THOUSAND),
    "var": ("var", None),
    "kvar": ("var", _THOUSAND),
    "VAh": ("VAh", None),
    "kVAh": ("VAh", _THOUSAND),
    "VA": ("VA", None),
    "kVA": ("VA", _THOUSAND),
    "A": ("A", None),
    "mA": ("A", _THOUSANDTH),
    "V": ("V", None),
    "mV": ("V", _THOUSANDTH),
    "kV": ("V", _THOUSAND),
    "Hz": ("Hz", None),
    "Celsius": ("Celsius", None),
    "Percent": ("Percent", None),
}
_BASE_UNITS: Final = frozenset(
    unit for unit, (base, factor) in _UNITS.items() if unit == base and factor is None
)
"""Units whose values are kept as they are."""

_NO_SAMPLES: Final[list[Sample]] = []
"""Stands for a list until there is one; never appended to."""

_TEMPERATURES = {"k": "K", "kelvin": "K", "fahrenheit": "Fahrenheit", "f": "Fahrenheit"}
_SPELLINGS: Final = {unit.casefold(): meaning for unit, meaning in _UNITS.items()} | {
    "celcius": _UNITS["Celsius"],  # 1.6's own list has it beside the right one
    "c": _UNITS["Celsius"],
    "°c": _UNITS["Celsius"],
    "%": _UNITS["Percent"],
    "percentage": _UNITS["Percent"],
    "hertz": _UNITS["Hz"],
    "volt": _UNITS["V"],
    "ampere": _UNITS["A"],
    "amp": _UNITS["A"],
    "watt": _UNITS["W"],
}

_SIGNED_FORMS = ("OCMF|", "AP;", "<")
"""How signed data begins that a station does not call so: OCMF, Alfen's form, EDL's XML."""

_PHASE_OF = {"L1": 0, "L2": 1, "L3": 2, "L1-N": 0, "L2-N": 1, "L3-N": 2}


def number(text: str) -> Decimal | None:
    """Return the number that a text holds, or None.

    Spaces anywhere and a decimal comma are understood; of a point and a comma, the later one is
    the decimal sign. Not a number, infinity, and what no meter can show are None.
    """
    if len(text) > _LONGEST_NUMBER:
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:
        plain = "".join(text.split())
        if plain.rfind(",") > plain.rfind("."):
            plain = plain.replace(".", "").replace(",", ".", 1)
        try:
            value = Decimal(plain.replace(",", ""))
        except InvalidOperation:
            return None
    return value if is_sensible(value) else None


def is_sensible(value: Decimal) -> bool:
    """Say whether a number is finite and of a size that arithmetic bears: within 10^±30."""
    return value.is_finite() and -_LARGEST_EXPONENT <= value.adjusted() <= _LARGEST_EXPONENT


def readings_of_text(meter_values: Iterable[Any]) -> tuple[Reading, ...]:
    """Return the readings of 1.6's `meterValue` or `transactionData` structs, in the order sent.

    There is one reading per moment and context, also where a station spreads its values over
    several elements with the same time.
    """
    groups: dict[tuple[datetime | None, str], list[Sample]] = {}
    for meter_value in meter_values:
        measured_at = reported_moment(meter_value.timestamp)
        last, samples = None, _NO_SAMPLES
        for sampled in meter_value.sampled_value:
            measurand = sampled.measurand or ENERGY_REGISTER
            value = number(sampled.value)
            signed = None
            if value is None or sampled.format == "SignedData":
                if sampled.format != "SignedData" and not sampled.value.startswith(_SIGNED_FORMS):
                    continue
                value, signed = None, sampled.value
            unit = sampled.unit
            if unit not in _BASE_UNITS:
                value, unit = in_base_unit(value, unit or None, measurand)
            context = sampled.context
            if context is not last:  # most of one moment have the same one
                last = context
                samples = groups.setdefault((measured_at, context or PERIODIC), [])
            samples.append(
                Sample(
                    measurand, value, unit, sampled.phase or None, sampled.location or None, signed
                )
            )
    return _readings(groups)


def readings_of_numbers(meter_values: Iterable[Any]) -> tuple[Reading, ...]:
    """Return the readings of 2.x's `meterValue` structs; grouped like `readings_of_text`."""
    groups: dict[tuple[datetime | None, str], list[Sample]] = {}
    for meter_value in meter_values:
        measured_at = reported_moment(meter_value.timestamp)
        last, samples = None, _NO_SAMPLES
        for sampled in meter_value.sampled_value:
            value: Decimal | None = sampled.value
            signed = sampled.signed_meter_value
            signed_text = signed.signed_meter_data if signed else None
            if value is None or not is_sensible(value):
                continue
            unit = None
            measurand = sampled.measurand or ENERGY_REGISTER
            unit_of_measure = sampled.unit_of_measure
            if unit_of_measure:
                unit = unit_of_measure.unit or None
                exponent = unit_of_measure.multiplier
                if exponent:
                    if abs(exponent) > _LARGEST_EXPONENT:
                        continue
                    value = value.scaleb(exponent)
            if unit not in _BASE_UNITS:
                value, unit = in_base_unit(value, unit, measurand)
            context = sampled.context
            if context is not last:
                last = context
                samples = groups.setdefault((measured_at, context or PERIODIC), [])
            samples.append(
                Sample(
                    measurand,
                    value,
                    unit,
                    sampled.phase or None,
                    sampled.location or None,
                    signed_text,
                )
            )
    return _readings(groups)


def in_base_unit(
    value: Decimal | None, unit: str | None, measurand: str
) -> tuple[Decimal | None, str | None]:
    """Return a value in its base unit, and that unit.

    Without a unit an energy is in Wh, as both standards say; anything else has none. Spelling and
    case of known units do not matter; an unknown unit is kept as it is, its value untouched.
    Temperatures become Celsius, those in Fahrenheit rounded to a hundredth.
    """
    if unit is None:
        return value, "Wh" if measurand.startswith("Energy") else None
    meaning = _UNITS.get(unit)
    if meaning is None:
        spelling = unit.strip().casefold()
        meaning = _SPELLINGS.get(spelling)
        if meaning is None:
            scale = _TEMPERATURES.get(spelling)
            if scale is None or value is None:
                return value, unit.replace("\0", "").strip()
            if scale == "K":
                return value - _ICE, "Celsius"
            return ((value - 32) * 5 / 9).quantize(_HUNDREDTH), "Celsius"
    base, factor = meaning
    if factor is not None and value is not None:
        value = value * factor
    return value, base


def energy_register(samples: Sequence[Sample]) -> Decimal | None:
    """Return the total import register of one reading in Wh, or None if it shows none.

    It is the register without phase; else the sum of the three phases, if all three are there
    (never an average, never a part). The outlet's comes first; another place's counts only if the
    outlet shows none. Of two that contradict each other, the first counts.
    """
    if len(samples) == 1:
        only = samples[0]
        if only.measurand == ENERGY_REGISTER and only.phase is None and only.unit == "Wh":
            return only.value
        return None
    registers = [
        sample
        for sample in samples
        if sample.measurand == ENERGY_REGISTER and sample.value is not None and sample.unit == "Wh"
    ]
    if len(registers) == 1 and registers[0].phase is None:
        return registers[0].value
    places: dict[str, list[Decimal | None]] = {}
    for sample in registers:
        index = 3 if sample.phase is None else _PHASE_OF.get(sample.phase)
        if index is None:
            continue
        found = places.setdefault(sample.location or "Outlet", [None, None, None, None])
        if found[index] is None:
            found[index] = sample.value
    for place in sorted(places, key="Outlet".__ne__):
        one, two, three, total = places[place]
        if total is not None:
            return total
        if one is not None and two is not None and three is not None:
            return one + two + three
    return None


def register_in(readings: Iterable[Reading], context: str) -> Decimal | None:
    """Return the energy register of the first reading with this context that shows one, in Wh."""
    for reading in readings:
        if reading.context == context and reading.energy_register_wh is not None:
            return reading.energy_register_wh
    return None


def reported_moment(timestamp: object) -> datetime | None:
    """Return a message's timestamp in UTC; None where the station named none."""
    if isinstance(timestamp, datetime):
        return in_utc(timestamp)
    assert timestamp is UNSET, f"neither a moment nor missing: {timestamp!r}"
    return None


def _readings(groups: dict[tuple[datetime | None, str], list[Sample]]) -> tuple[Reading, ...]:
    return tuple(
        Reading(measured_at, context, energy_register(samples), tuple(samples))
        for (measured_at, context), samples in groups.items()
    )
