"""Charts of a station's statistics: how busy the week is, and how it compares with others.

As all charts: drawn twice, with title, description and the same figures as a table. A heat map of
168 fields would fill a page with marks, so its fields are drawn by level, thick strokes of
one path for each, and a day is what can be picked.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from babel import Locale
from markupsafe import Markup, escape

from portal import formats
from portal.charts import (
    CHARACTER,
    NARROW,
    WIDE,
    Chart,
    ChartWords,
    Series,
    drawing,
    px,
)

LEVELS: Final = (0, 1, 100, 250, 500, 750)
"""From how many per mille on a field is drawn darker; the first one is an empty field."""
_OPACITY: Final = ("0.5", "0.3", "0.44", "0.6", "0.8", "1")
_MONDAY: Final = date(2024, 1, 1)
_DAYS: Final = 7
_HOURS: Final = 24


@dataclass(frozen=True, slots=True)
class WeekWords:
    """The words of the heat map beside those of every chart; with %(name)s as in messages."""

    chart: ChartWords
    hour: str
    busiest: str
    """With %(day)s, %(hour)s and %(part)s."""
    idle: str
    """With %(day)s."""


def level(per_mille: int) -> int:
    """Return how dark a field is: an index of `LEVELS`."""
    return max(index for index, least in enumerate(LEVELS) if per_mille >= least)


def heat_map(
    key: str, per_mille: Sequence[int | None], places: int, words: WeekWords, locale: Locale
) -> Chart:
    """Return how busy each hour of the week was.

    Args:
        key: Of the drawing, on its page.
        per_mille: By hour of the week from Monday, 0:00: the mean number of sessions × 1000.
        places: How many sessions there can be at once: what counts as wholly busy.
        words: What it says.
        locale: The reader's.
    """
    parts = [None if each is None else min(1000, each // max(places, 1)) for each in per_mille]
    days = [formats.weekday(_MONDAY + timedelta(days=number), locale) for number in range(_DAYS)]
    rows = tuple(
        (
            _hour(hour),
            *(_plain(parts[day * _HOURS + hour], locale) for day in range(_DAYS)),
        )
        for hour in range(_HOURS)
    )
    return Chart(
        wide=_week(key, parts, days, words, locale, WIDE),
        narrow=_week(key, parts, days, words, locale, NARROW),
        title=words.chart.title,
        description=words.chart.description,
        legend=(),
        head=(words.hour, *days),
        rows=rows,
    )


def _hour(hour: int) -> str:
    return f"{hour:02d}:00"


def _percent(per_mille: int | None, locale: Locale) -> str:
    return "–" if per_mille is None else formats.share(round(per_mille / 10) * 100, locale)


def _plain(per_mille: int | None, locale: Locale) -> str:
    """Write a share without its sign, which stands in the table's head."""
    return "–" if per_mille is None else formats.number(round(per_mille / 10), locale)


def _week(
    key: str,
    parts: Sequence[int | None],
    days: Sequence[str],
    words: WeekWords,
    locale: Locale,
    width: int,
) -> Markup:
    names = days if width == WIDE else [each[:2] for each in days]
    left = 12 + CHARACTER * max(len(each) for each in names)
    pitch = (width - left) / _HOURS
    high = min(pitch, 26.0)
    gap = 1.5 if width == WIDE else 1
    top = 4.0
    shapes: list[list[str]] = [[] for _ in LEVELS]
    for place, part in enumerate(parts):
        if part is not None:
            x, y = left + place % _HOURS * pitch, top + (place // _HOURS + 0.5) * high
            shapes[level(part)].append(f"M{px(x)} {px(y)}h{px(pitch - gap)}")
    drawn = [
        f'<path stroke="var(--{"chart-energy" if index else "line"})" fill="none" '
        f'stroke-width="{px(high - gap)}" stroke-opacity="{_OPACITY[index]}" d="{"".join(found)}"/>'
        for index, found in enumerate(shapes)
        if found
    ]
    bottom = top + _DAYS * high
    every = 3 if width == WIDE else 6
    drawn += [
        f'<text x="{px(left + hour * pitch)}" y="{px(bottom + 16)}">{_hour(hour)}</text>'
        for hour in range(0, _HOURS, every)
    ]
    for number, name in enumerate(names):
        y = top + number * high
        drawn.append(
            f'<text x="{px(left - 8)}" y="{px(y + high / 2 + 4)}" text-anchor="end">'
            f"{escape(name)}</text>"
        )
        said = _told(parts[number * _HOURS : (number + 1) * _HOURS], days[number], words, locale)
        drawn.append(
            f'<g class="pick" tabindex="{0 if number == 0 else -1}" role="img" '
            f'aria-label="{escape(said)}">'
            f'<path class="spot" d="M{px(left)} {px(y)}h{px(width - left)}'
            f'v{px(high - gap)}H{px(left)}z"/></g>'
        )
    chart = words.chart
    return drawing(f"{key}-{width}", width, bottom + 22, chart.title, chart.description, drawn)


def _told(parts: Sequence[int | None], day: str, words: WeekWords, locale: Locale) -> str:
    """Say of a day when it is busiest."""
    most = max((each for each in parts if each is not None), default=0)
    if most == 0:
        return words.idle % {"day": day}
    return words.busiest % {
        "day": day,
        "hour": _hour(parts.index(most)),
        "part": _percent(most, locale),
    }


# ----------------------------------------------------------------------------------- comparison


@dataclass(frozen=True, slots=True)
class Pair:
    """A figure of one, and the same of its group: as they are written, and in proportion."""

    name: str
    own: str
    group: str
    own_part: float
    """From 0 to 1; likewise that of the group."""
    group_part: float


def compared(key: str, pairs: Sequence[Pair], words: ChartWords) -> Chart:
    """Return figures of one beside those of its group, as two bars for each."""

    def draw(width: int) -> Markup:
        return _pairs(key, pairs, words, width)

    return Chart(
        wide=draw(WIDE),
        narrow=draw(NARROW),
        title=words.title,
        description=words.description,
        legend=(Series(words.first, "bars"), Series(words.second, "area")),
        head=(words.moment, words.first, words.second),
        rows=tuple((each.name, each.own, each.group) for each in pairs),
    )


def _pairs(key: str, pairs: Sequence[Pair], words: ChartWords, width: int) -> Markup:
    row, bar = 62, 14
    room = (
        width
        - 14
        - CHARACTER
        * max((len(text) for each in pairs for text in (each.own, each.group)), default=0)
    )
    drawn: list[str] = []
    for number, each in enumerate(pairs):
        y = number * row
        said = f"{each.name}: {each.own} ({words.first}), {each.group} ({words.second})"
        drawn.append(
            f'<g class="pick" tabindex="{0 if number == 0 else -1}" role="img" '
            f'aria-label="{escape(said)}"><title>{escape(said)}</title>'
            f'<text x="0" y="{y + 14}">{escape(each.name)}</text>'
        )
        for kind, part, text, down in (
            ("columns-of", each.own_part, each.own, 20),
            ("column-today", each.group_part, each.group, 37),
        ):
            wide = max(room * part, 1.0)
            drawn.append(
                f'<rect class="{kind}" x="0.5" y="{y + down}" width="{px(wide)}" '
                f'height="{bar}" rx="1.5"/><text x="{px(wide + 8)}" y="{y + down + 11}">'
                f"{escape(text)}</text>"
            )
        drawn.append(f'<path class="spot" d="M0 {y + 2}h{width}v{row - 6}H0z"/></g>')
    height = row * len(pairs)
    return drawing(f"{key}-{width}", width, height, words.title, words.description, drawn)
