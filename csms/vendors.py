"""What stations of a make mean by what they say: repairs that only hold per vendor and model.

The rules are data: `csms/quirks/*.toml`, each with its source. They change what a report means
(a kWh that is labelled Wh), so a rule names the firmware for which it was seen; everything else
that is odd about energy is caught by plausibility, and a clock that is wrong by `csms.skew`.
"""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

from msgspec import structs

from csms.reports import (
    MeterReport,
    Reading,
    Report,
    Sample,
    TransactionEndReport,
    TransactionReport,
    TransactionStartReport,
)

_FOLDER = Path(__file__).parent / "quirks"
_ONE = Decimal(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """The rules for one make.

    `vendor`, `model` and `firmware` are patterns with `*` and `?`, compared without regard to
    case. Energies (Wh) and powers (W) of matching stations are multiplied by the factors.
    """

    vendor: str
    model: str
    firmware: str
    source: str
    energy_factor: Decimal = _ONE
    power_factor: Decimal = _ONE

    def matches(self, vendor: str, model: str, firmware: str | None) -> bool:
        """Say whether the rules are meant for a station that boots with these names."""
        pairs = (
            (vendor, self.vendor),
            (model, self.model),
            (firmware or "", self.firmware),
        )
        return all(fnmatchcase(name.casefold(), form.casefold()) for name, form in pairs)


class InvalidProfile(ValueError):
    """A rules file says something that no profile can mean; the text names the file."""

    def __init__(self, name: str, problem: str) -> None:
        self.name = name
        super().__init__(f"{name}: {problem}")


def profiles_in(text: str, name: str) -> tuple[Profile, ...]:
    """Return the profiles of a rules file; `name` is the file's, for errors.

    Raises:
        InvalidProfile: The text is no TOML, or an entry has an unknown, missing or wrong field.
    """
    try:
        entries = tomllib.loads(text)["profile"]
        return tuple(_profile(entry) for entry in entries)
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError, ArithmeticError) as problem:
        raise InvalidProfile(name, str(problem)) from problem


@cache
def shipped() -> tuple[Profile, ...]:
    """Return the profiles that come with the program, in the order of their files' names."""
    return tuple(
        profile
        for path in sorted(_FOLDER.glob("*.toml"))
        for profile in profiles_in(path.read_text(encoding="utf-8"), path.name)
    )


def profile_of(
    vendor: str, model: str, firmware: str | None, profiles: Sequence[Profile]
) -> Profile | None:
    """Return the first profile that is meant for a station with these names, if any."""
    return next((each for each in profiles if each.matches(vendor, model, firmware)), None)


def adjusted(report: Report, profile: Profile) -> Report:
    """Return the report as the station must have meant it."""
    if not isinstance(report, TransactionReport | MeterReport):
        return report
    changes: dict[str, Any] = {
        "readings": tuple(_adjusted_reading(reading, profile) for reading in report.readings)
    }
    if isinstance(report, TransactionStartReport):
        changes["meter_start_wh"] = _times(report.meter_start_wh, profile.energy_factor)
    if isinstance(report, TransactionEndReport):
        changes["meter_stop_wh"] = _times(report.meter_stop_wh, profile.energy_factor)
    return structs.replace(report, **changes)


def _adjusted_reading(reading: Reading, profile: Profile) -> Reading:
    return structs.replace(
        reading,
        energy_register_wh=_times(reading.energy_register_wh, profile.energy_factor),
        samples=tuple(_adjusted_sample(sample, profile) for sample in reading.samples),
    )


def _adjusted_sample(sample: Sample, profile: Profile) -> Sample:
    factor = {"Wh": profile.energy_factor, "W": profile.power_factor}.get(sample.unit or "", _ONE)
    return sample if factor == 1 else structs.replace(sample, value=_times(sample.value, factor))


def _times(value: Decimal | None, factor: Decimal) -> Decimal | None:
    return None if value is None else value * factor


def _profile(entry: dict[str, Any]) -> Profile:
    factors: dict[str, Any] = {
        name: _factor(entry[name]) for name in ("energy_factor", "power_factor") if name in entry
    }
    return Profile(**(entry | factors))


def _factor(value: Any) -> Decimal:
    """Return a factor, which TOML has as a number or, if it is to be exact, as a text."""
    factor = Decimal(str(value))
    if not factor.is_finite() or factor <= 0:
        raise ValueError(f"a factor is above zero: {value}")
    return factor
