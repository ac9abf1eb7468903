"""What stands where on a sheet of stickers: for each charge point a page with several sizes.

One sticker that fits is put where drivers see it, so that whoever calls the hotline and whoever
answers mean the same charge point. Lengths are in mm, from the upper left corner of an A4 page.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

PAGE_WIDTH_MM: Final = 210.0
PAGE_HEIGHT_MM: Final = 297.0
_LEFT_MM: Final = 15.0
_TOP_MM: Final = 38.0
_GAP_MM: Final = 8.0

WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {
        "title": "Stickers for station {station}",
        "charge_point": "Charge point {number}",
        "help": "Help with charging",
        "always": "Day and night",
        "choose": "Cut out one sticker that fits, and put it where drivers see it.",
        "only": "To be used only while the station is monitored.",
    },
    "de": {
        "title": "Aufkleber für Station {station}",
        "charge_point": "Ladepunkt {number}",
        "help": "Hilfe beim Laden",
        "always": "Rund um die Uhr",
        "choose": "Schneiden Sie einen passenden Aufkleber aus, und bringen Sie ihn sichtbar an.",
        "only": "Nur zu verwenden, solange die Betriebsführung der Station aktiv ist.",
    },
}


@dataclass(frozen=True, slots=True)
class Size:
    """A sticker's size."""

    name: str
    width_mm: float
    height_mm: float
    count: int
    """How many stand side by side."""


SIZES: Final = (
    Size("180 × 62 mm", 180.0, 62.0, 1),
    Size("120 × 42 mm", 120.0, 42.0, 1),
    Size("86 × 32 mm", 86.0, 32.0, 2),
    Size("55 × 22 mm", 55.0, 22.0, 3),
)
"""The sizes on each page, the largest first."""


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a sticker stands on its page."""

    size: Size
    x_mm: float
    y_mm: float


@dataclass(frozen=True, slots=True)
class ChargePointMark:
    """A charge point, what its stickers call it, and where their QR code leads."""

    number: int
    evse_id: str
    address: str


@dataclass(frozen=True, slots=True)
class StickerSheet:
    """The stickers of a station: one page for each charge point.

    Attributes:
        station: Its identity, or its name.
        points: In the order of their numbers.
        hotline: The number that drivers call.
        hours: When somebody answers; None: always.
        operator: Who answers.
        language: `en` or `de`.
    """

    station: str
    points: Sequence[ChargePointMark]
    hotline: str
    hours: str | None
    operator: str
    language: str

    def word(self, key: str, **values: object) -> str:
        """Return a text in the sheet's language."""
        return WORDS[self.language][key].format(**values)

    @property
    def answered(self) -> str:
        """When somebody answers, in words."""
        return self.hours or self.word("always")


def spots() -> list[Spot]:
    """Return where the stickers of one charge point stand on its page; none overlaps another."""
    found: list[Spot] = []
    y = _TOP_MM
    for size in SIZES:
        found += [
            Spot(size, _LEFT_MM + number * (size.width_mm + _GAP_MM), y)
            for number in range(size.count)
        ]
        y += size.height_mm + _GAP_MM
    return found


def sheet(
    station: str,
    evse_ids: Mapping[int, str],
    *,
    hotline: str,
    hours: str | None,
    operator: str,
    language: str,
    address: str,
) -> StickerSheet:
    """Return the sheet of a station.

    Args:
        station: Its identity, or its name.
        evse_ids: Of each charge point by its number.
        hotline: The number that drivers call.
        hours: When somebody answers; None: always.
        operator: Who answers.
        language: `en` or `de`.
        address: What QR codes begin with; the EVSE ID follows.
    """
    points = [
        ChargePointMark(number, evse_id, f"{address}{evse_id}")
        for number, evse_id in sorted(evse_ids.items())
    ]
    return StickerSheet(station, points, hotline, hours, operator, language)
