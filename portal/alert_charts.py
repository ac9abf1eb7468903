"""Charts of alerts: how many each day, how long they waited, and what was around one of them.

As all charts: drawn twice, with title, description and the same figures as a table; each day, each
step and each stretch can be picked, and says its values. Kinds differ by fill and outline, not by
colour alone.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from babel import Locale
from markupsafe import Markup, escape

from portal import formats
from portal.charts import (
    NARROW,
    WIDE,
    Chart,
    ChartWords,
    Plot,
    Series,
    axes,
    drawing,
    gutter,
    px,
    steps,
    time_marks,
    titled,
)

_FILLS: Final = (("columns-of", "bars"), ("column-today", "area"), ("rest", "rest"))
"""Of the columns' parts from the bottom up: in the drawing, and in the legend."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """How something was from when to when: in [begin, end)."""

    begin: datetime
    end: datetime
    tone: str
    """A class: ok, info, warning, fault or off."""
    said: str


@dataclass(frozen=True, slots=True)
class Lane:
    """What is told of one thing over time; where nothing is told there is only a thin line."""

    name: str
    stretches: Sequence[Stretch]


def stacked(
    key: str,
    places: Sequence[tuple[str, str, tuple[int, ...]]],
    kinds: Sequence[str],
    words: ChartWords,
    locale: Locale,
) -> Chart:
    """Return columns of up to three kinds that stand on each other.

    Args:
        key: Of the drawing, on its page.
        places: From left to right: what stands below it, what it is called, how many of each kind.
        kinds: What the kinds are called, from the bottom up.
        words: What it says; `second` is the head of the sum.
        locale: The reader's.
    """
    assert len(kinds) <= len(_FILLS)
    head = (words.moment, *kinds, words.second)
    return Chart(
        wide=_stacked(key, places, kinds, words, locale, WIDE),
        narrow=_stacked(key, places, kinds, words, locale, NARROW),
        title=words.title,
        description=words.description,
        legend=tuple(
            Series(kind, sign) for kind, (_, sign) in zip(kinds, _FILLS[: len(kinds)], strict=True)
        ),
        head=head,
        rows=tuple(
            (name, *(formats.number(each, locale) for each in (*counts, sum(counts))))
            for _, name, counts in places
        ),
    )


def _stacked(
    key: str,
    places: Sequence[tuple[str, str, tuple[int, ...]]],
    kinds: Sequence[str],
    words: ChartWords,
    locale: Locale,
    width: int,
) -> Markup:
    height = 220 if width == WIDE else 180
    most = max((sum(counts) for _, _, counts in places), default=0)
    marks = steps(most) if most > 3 else [float(each) for each in range(max(most, 1) + 1)]
    plot = Plot(gutter(marks, locale), 14, width - 8, height - 26)
    pitch = plot.width / max(len(places), 1)
    column = min(pitch * 0.64, 40)
    every = max(1, math.ceil(len(places) / (10 if width == WIDE else 4)))
    if len(places) < 10 and width == NARROW:
        every = 2
    shapes: list[list[str]] = [[] for _ in kinds]
    parts = axes(plot, marks, [], locale)
    picks = []
    for index, (below, name, counts) in enumerate(places):
        left, under = plot.left + pitch * (index + 0.5) - column / 2, 0
        for kind, count in enumerate(counts):
            if count:
                low, high = plot.y(under / marks[-1]), plot.y((under + count) / marks[-1])
                shape = f"M{px(left)} {px(high)}h{px(column)}V{px(low)}h-{px(column)}z"
                shapes[kind].append(shape)
            under += count
        if index % every == 0:
            parts.append(
                f'<text x="{px(left + column / 2)}" y="{px(plot.bottom + 18)}" '
                f'text-anchor="middle">{escape(below)}</text>'
            )
        said = (name, *(f"{kind}: {count}" for kind, count in zip(kinds, counts, strict=True)))
        picks.append(titled(plot, (left + column / 2 - pitch / 2, pitch), said, first=not index))
    parts += [
        f'<path class="{fill}" d="{"".join(found)}"/>'
        for (fill, _), found in zip(_FILLS[: len(kinds)], shapes, strict=True)
        if found
    ]
    return drawing(f"{key}-{width}", width, height, words.title, words.description, parts + picks)


def by_day(
    key: str,
    days: Sequence[date],
    counts: Mapping[date, tuple[int, ...]],
    kinds: Sequence[str],
    words: ChartWords,
    locale: Locale,
) -> Chart:
    """Return columns by day; a day without anything is an empty place, not a missing one."""
    none = (0,) * len(kinds)
    places = [
        (formats.short_day(each, locale), formats.day(each, locale), counts.get(each, none))
        for each in days
    ]
    return stacked(key, places, kinds, words, locale)


def lanes(
    key: str,
    shown: Sequence[Lane],
    span: tuple[datetime, datetime],
    zone: ZoneInfo,
    words: ChartWords,
    locale: Locale,
) -> Chart:
    """Return what was at the same time, a lane below the other.

    Args:
        key: Of the drawing, on its page.
        shown: The lanes, from the top; stretches outside the span are left out, others cut.
        span: From when until when it is drawn.
        zone: In which times are written.
        words: What it says; `first` and `second` are the table's "from" and "until".
        locale: The reader's.
    """
    cut = [Lane(each.name, _cut(each.stretches, span)) for each in shown]
    rows = tuple(
        (
            f"{lane.name}: {each.said}",
            formats.moment(each.begin, zone, locale, seconds=True),
            formats.moment(each.end, zone, locale, seconds=True),
        )
        for lane in cut
        for each in lane.stretches
    )
    return Chart(
        wide=_lanes(key, cut, span, zone, words, locale, WIDE),
        narrow=_lanes(key, cut, span, zone, words, locale, NARROW),
        title=words.title,
        description=words.description,
        legend=(),
        head=(words.moment, words.first, words.second),
        rows=rows,
    )


def _cut(stretches: Sequence[Stretch], span: tuple[datetime, datetime]) -> list[Stretch]:
    begin, end = span
    return [
        Stretch(max(each.begin, begin), min(each.end, end), each.tone, each.said)
        for each in sorted(stretches, key=lambda each: each.begin)
        if each.begin < end and each.end > begin
    ]


def _lanes(
    key: str,
    shown: Sequence[Lane],
    span: tuple[datetime, datetime],
    zone: ZoneInfo,
    words: ChartWords,
    locale: Locale,
    width: int,
) -> Markup:
    pitch, high = 42, 16
    height = len(shown) * pitch + 26
    begin, end = span
    seconds = max((end - begin).total_seconds(), 1.0)

    def x(at: datetime) -> float:
        return width * (at - begin).total_seconds() / seconds

    parts: list[str] = []
    first = True
    for index, lane in enumerate(shown):
        top = index * pitch + 20
        parts.append(
            f'<text x="0" y="{top - 6}">{escape(lane.name)}</text>'
            f'<line class="grid" x1="0" x2="{width}" y1="{top + high / 2}" y2="{top + high / 2}"/>'
        )
        for each in lane.stretches:
            left, wide = x(each.begin), max(x(each.end) - x(each.begin), 2.0)
            said = (
                f"{lane.name}: {each.said}, {formats.moment(each.begin, zone, locale)} – "
                f"{formats.moment(each.end, zone, locale)}"
            )
            kind = "hatch" if each.tone == "off" else f"seg {each.tone}"
            box = f'x="{px(left)}" y="{top}" width="{px(wide)}" height="{high}" rx="2"'
            parts.append(
                f'<g class="pick" tabindex="{0 if first else -1}" role="img" '
                f'aria-label="{escape(said)}"><title>{escape(said)}</title>'
                f'<rect class="{kind}" {box}/><rect class="spot" {box}/></g>'
            )
            first = False
    for at in time_marks(begin, end, zone, 7 if width == WIDE else 3):
        place = min(max(x(at), 16), width - 16)
        parts.append(
            f'<text x="{px(place)}" y="{px(height - 6)}" text-anchor="middle">'
            f"{escape(formats.clock_time(at, zone, locale))}</text>"
        )
    name = f"{key}-{width}"
    return drawing(name, width, height, words.title, words.description, parts, "lanes")
