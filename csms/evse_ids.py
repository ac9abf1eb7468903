"""EVSE IDs in the three parts that people type: country, operator, number of the point.

Source: ISO 15118-1 annex H and eMI3, Electric Vehicle ICT Interface Specifications, part 2: two
letters, three letters or digits, the letter E, and up to 30 letters, digits or stars; separators
are optional. The E is added here: nobody types it.
"""

import re
from dataclasses import dataclass
from typing import Final

from foundation.errors import InvalidInput

_COUNTRY: Final = re.compile(r"[A-Z]{2}", re.ASCII)
_OPERATOR: Final = re.compile(r"[A-Z0-9]{3}", re.ASCII)
_NUMBER: Final = re.compile(r"[A-Z0-9](?:[A-Z0-9*]{0,28}[A-Z0-9])?", re.ASCII)
_WRITTEN: Final = re.compile(r"([A-Z]{2})\*?([A-Z0-9]{3})\*?E(.+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class EvseIdParts:
    """What stands between the stars; `number` without the leading E."""

    country: str
    operator: str
    number: str

    @property
    def written(self) -> str:
        """The whole ID, as on the sticker."""
        return f"{self.country}*{self.operator}*E{self.number}"


def composed(country: str, operator: str, number: str) -> EvseIdParts:
    """Return the parts as they count: in upper case, without blanks around.

    Raises:
        InvalidInput: If one of them is malformed; `field` names it.
    """
    parts = EvseIdParts(*(each.strip().upper() for each in (country, operator, number)))
    if not _COUNTRY.fullmatch(parts.country):
        raise InvalidInput("The country is two letters, as in DE.", field="country")
    if not _OPERATOR.fullmatch(parts.operator):
        raise InvalidInput("The operator is three letters or digits, as in ABC.", field="operator")
    if not _NUMBER.fullmatch(parts.number):
        raise InvalidInput(
            "The number is 1 to 30 letters, digits or stars, as in 1001.", field="number"
        )
    return parts


def parts_of(evse_id: str | None) -> EvseIdParts | None:
    """Return the parts of an ID; None if it is none of this form, as an older one may be."""
    found = _WRITTEN.fullmatch((evse_id or "").strip().upper())
    if found is None or not _NUMBER.fullmatch(found[3]):
        return None
    return EvseIdParts(*found.groups())
