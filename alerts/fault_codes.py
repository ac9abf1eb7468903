"""What vendors' codes mean: `alerts/fault_codes.toml` says it, in the reader's language.

A station's own code tells more than the error that it stands beside; who reads it should not have
to look for the maker's manual.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

_FILE: Final = Path(__file__).with_suffix(".toml")
_LANGUAGES: Final = ("en", "de")


class InvalidMeanings(ValueError):
    """The file says something that it cannot mean."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a code means, and what helps."""

    means: str
    helps: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A code, or a part of what a station says, with its meaning by language.

    `vendor` is a pattern with `*` and `?`, compared without regard to case.
    """

    codes: frozenset[str]
    says: str
    vendor: str
    meanings: Mapping[str, Meaning]

    def fits(self, codes: frozenset[str], info: str, vendor: str) -> bool:
        """Tell whether the entry is about these codes or this text (all casefolded)."""
        if not fnmatchcase(vendor, self.vendor):
            return False
        return bool(self.codes & codes) or bool(self.says and self.says in info)


def explained(
    code: str | None, info: str | None, *, vendor: str | None = None, language: str = "en"
) -> Meaning | None:
    """Return what a vendor's code, or else the text beside it, means; None if nobody knows.

    Args:
        code: As the station sent it; several may stand in it, separated by commas, and before each
            the part of the station that it is about, as in `evse_board_support/DiodeFault`.
        info: The station's free text.
        vendor: The make; without it only what holds for every make is found.
        language: `de` or `en`; any other is answered in English.
    """
    said = [each.strip().casefold() for each in (code or "").split(",")]
    codes = frozenset(said + [each.rpartition("/")[2] for each in said]) - {""}
    text, make = (info or "").casefold(), (vendor or "").casefold()
    for entries_by in (codes, frozenset[str]()):
        for entry in _shipped():
            if entry.fits(entries_by, "" if entries_by else text, make):
                return entry.meanings.get(language, entry.meanings["en"])
    return None


@cache
def _shipped() -> tuple[Entry, ...]:
    """Return what the file says; what holds for one make only stands before what always holds."""
    found = entries(_FILE.read_text(encoding="utf-8"))
    return tuple(sorted(found, key=lambda each: each.vendor == "*"))


def entries(text: str) -> tuple[Entry, ...]:
    """Return the entries of a file's text.

    Raises:
        InvalidMeanings: An entry has no code and no text, or lacks a language.
    """
    return tuple(_entry(each) for each in tomllib.loads(text).get("meaning", ()))


def _entry(told: Mapping[str, Any]) -> Entry:
    codes = frozenset(str(each).casefold() for each in told.get("code", ()))
    says = str(told.get("says", "")).casefold()
    if not codes and not says:
        raise InvalidMeanings(f"an entry has neither code nor says: {dict(told)}")
    try:
        meanings = {
            language: Meaning(told[language], told[f"help_{language}"]) for language in _LANGUAGES
        }
    except KeyError as error:
        raise InvalidMeanings(f"{error} is missing: {dict(told)}") from None
    vendor = str(told.get("vendor", "*")).casefold()
    return Entry(codes=codes, says=says, vendor=vendor, meanings=MappingProxyType(meanings))
