"""What stations of a make mean by what they say: repairs that only hold per vendor and model.

The rules are data: `csms/quirks/*.toml`, each with its source; `docs/quirks.md` tells their form.
They change what a report means (a kWh that is labelled Wh), so a rule names the firmware for which
it was seen; everything else that is odd about energy is caught by plausibility, and a clock that is
wrong by `csms.skew`. Others say what a station must not be asked for, or what to know of it.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
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


class Note(StrEnum):
    """What one should know of a make, since nothing that it sends shows it."""

    SERVER_NOT_CHECKED = "server_not_checked"
    """It takes any certificate for ours: its line is no safer than one without TLS."""
    OLD_TLS = "old_tls"
    """It knows no TLS 1.2: it connects without, or through a proxy that ends its TLS."""
    LOWEST_STACK_LEVEL = "lowest_stack_level"
    """Of charging profiles it keeps those on stack level 0 alone."""
    PROFILE_AFTER_START = "profile_after_start"
    """It refuses a remote start that has a charging profile with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """The rules for one make.

    `vendor`, `model` and `firmware` are patterns with `*` and `?`, compared without regard to
    case. Energies (Wh) and powers (W) of matching stations are multiplied by the factors. `harmful`
    are actions that do harm there, each with the settings behind it that do if it is not the whole
    action: `ChangeConfiguration MeterValuesSampledData`.
    """

    vendor: str
    model: str
    firmware: str
    source: str
    energy_factor: Decimal = _ONE
    power_factor: Decimal = _ONE
    harmful: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()

    @property
    def adjusts(self) -> bool:
        """Tell whether reports mean something else than they say."""
        return (self.energy_factor, self.power_factor) != (_ONE, _ONE)

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
    """Return the first profile that changes what a station with these names says, if any."""
    return next(
        (each for each in profiles if each.adjusts and each.matches(vendor, model, firmware)), None
    )


def harm_of(
    vendor: str | None,
    model: str | None,
    firmware: str | None,
    action: str,
    payload: Mapping[str, Any],
) -> Profile | None:
    """Return the profile by which an action does harm at a station with these names, if any.

    Args:
        vendor: As it booted; None: nothing is known of it.
        model: As it booted.
        firmware: As it booted.
        action: What it is to be asked for.
        payload: OCPP's own; the names of settings in it count.
    """
    if vendor is None or model is None:
        return None
    for profile in shipped():
        if profile.harmful and profile.matches(vendor, model, firmware):
            for each in profile.harmful:
                name, _, settings = each.partition(" ")
                wanted = set(settings.lower().split())
                if name == action and (not wanted or wanted & settings_in(payload)):
                    return profile
    return None


def notes_of(vendor: str | None, model: str | None, firmware: str | None) -> list[Note]:
    """Return what one should know of a station with these names."""
    if vendor is None or model is None:
        return []
    return [
        note
        for profile in shipped()
        if profile.matches(vendor, model, firmware)
        for note in profile.notes
    ]


def harmful_at(vendor: str | None, model: str | None, firmware: str | None) -> list[str]:
    """Return what a station with these names must not be asked for, as the rules say it."""
    if vendor is None or model is None:
        return []
    return [
        each
        for profile in shipped()
        if profile.matches(vendor, model, firmware)
        for each in profile.harmful
    ]


def settings_in(payload: Any) -> set[str]:
    """Return the names of settings that a payload is about, in small letters."""
    if isinstance(payload, Mapping):
        named = payload.get("key")
        keys = named if isinstance(named, list) else [named]
        variable = payload.get("variable")
        if isinstance(variable, Mapping):
            keys = [*keys, variable.get("name")]
        inner = [settings_in(each) for each in payload.values()]
        return {each.lower() for each in keys if isinstance(each, str)}.union(*inner)
    if isinstance(payload, list):
        return set().union(*(settings_in(each) for each in payload))
    return set()


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
    lists = {
        "harmful": tuple(_harmful(each) for each in entry.get("harmful", ())),
        "notes": tuple(Note(each) for each in entry.get("notes", ())),
    }
    profile = Profile(**(entry | factors | lists))
    if not (profile.adjusts or profile.harmful or profile.notes):
        raise ValueError(f"{profile.vendor} {profile.model}: the profile says nothing")
    return profile


def _harmful(value: Any) -> str:
    """Return an action that does harm, with the settings behind it, if any."""
    if not isinstance(value, str) or not re.fullmatch(r"[A-Z][A-Za-z]+( \w+)*", value):
        raise ValueError(f"an action, perhaps with settings behind it: {value}")
    return value


def _factor(value: Any) -> Decimal:
    """Return a factor, which TOML has as a number or, if it is to be exact, as a text."""
    factor = Decimal(str(value))
    if not factor.is_finite() or factor <= 0:
        raise ValueError(f"a factor is above zero: {value}")
    return factor
