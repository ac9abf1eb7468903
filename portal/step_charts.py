"""Charts of what holds until it changes: limits over time, and what keeps to them.

As all charts: drawn twice, with title, description and the same figures as a table. The first curve
is an area, the second a dashed line, further ones plain lines: no two look alike without colour.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from babel import Locale
from markupsafe import Markup, escape

from portal import formats
from portal.charts import (
    NARROW,
    WIDE,
    Chart,
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

_SIGNS: Final = ("area", "line dashed", "line")
_MOST_PICKED: Final = 48


@dataclass(frozen=True, slots=True)
class Curve:
    """What held from each moment on; None: nothing is known until the next one."""

    name: str
    values: Sequence[float | None]


@dataclass(frozen=True, slots=True)
class StepWords:
    """The words of such a chart; `unit` stands beside every value."""

    title: str
    description: str
    moment: str
    unit: str


def stepped(
    key: str,
    moments: Sequence[datetime],
    until: datetime,
    curves: Sequence[Curve],
    zone: ZoneInfo,
    words: StepWords,
    locale: Locale,
) -> Chart:
    """Return curves of at most three things, each with one value for each moment.

    Args:
        key: Unlike that of any other chart of the page.
        moments: In order; there is at least one.
        until: Until when the last values hold.
        curves: At most three.
        zone: Of the times that are shown.
        words: What it is called.
        locale: Of numbers and times.
    """
    assert moments
    assert len(curves) <= len(_SIGNS)
    assert all(len(each.values) == len(moments) for each in curves)

    def draw(width: int) -> Markup:
        return _drawn(key, moments, until, curves, zone, words, locale, width)

    return Chart(
        wide=draw(WIDE),
        narrow=draw(NARROW),
        title=words.title,
        description=words.description,
        legend=tuple(
            Series(f"{each.name} ({words.unit})", sign)
            for each, sign in zip(curves, _SIGNS, strict=False)
        ),
        head=(words.moment, *(f"{each.name} ({words.unit})" for each in curves)),
        rows=tuple(
            (
                formats.clock_time(moments[index], zone, locale, seconds=True),
                *(_said(each.values[index], locale) for each in curves),
            )
            for index in _picked(len(moments), _MOST_PICKED)
        ),
    )


def _drawn(
    key: str,
    moments: Sequence[datetime],
    until: datetime,
    curves: Sequence[Curve],
    zone: ZoneInfo,
    words: StepWords,
    locale: Locale,
    width: int,
) -> Markup:
    height = 240 if width == WIDE else 200
    known = [value for each in curves for value in each.values if value is not None]
    marks = steps(max(known, default=0))
    left = gutter(marks, locale)
    plot = Plot(left, 14, width - 12, height - 26)
    parts = axes(plot, marks, (), locale)
    begin = moments[0]
    span = max((until - begin).total_seconds(), 1.0)

    def x(at: datetime) -> float:
        return plot.left + plot.width * min((at - begin).total_seconds() / span, 1.0)

    ends = [*moments[1:], until]
    for place, each in enumerate(curves):
        for run in _runs(each.values):
            corners = []
            for index in run:
                y = px(plot.y((each.values[index] or 0) / marks[-1]))
                corners += [f"{px(x(moments[index]))},{y}", f"{px(x(ends[index]))},{y}"]
            path = " ".join(corners)
            if place == 0:
                first, last = corners[0].split(",")[0], corners[-1].split(",")[0]
                area = f"{first},{px(plot.bottom)} {path} {last},{px(plot.bottom)}"
                parts.append(f'<polygon class="area-of" points="{area}"/>')
                parts.append(f'<polyline class="edge-of" points="{path}"/>')
            else:
                kind = "line-of dashes" if place == 1 else "line-of"
                parts.append(f'<polyline class="{kind}" points="{path}"/>')
    for at in time_marks(begin, until, zone, 7 if width == WIDE else 3):
        parts.append(
            f'<text x="{px(x(at))}" y="{px(plot.bottom + 18)}" text-anchor="middle">'
            f"{escape(formats.clock_time(at, zone, locale))}</text>"
        )
    most = _MOST_PICKED if width == WIDE else _MOST_PICKED // 2
    for number, index in enumerate(_picked(len(moments), most)):
        lines = (
            formats.clock_time(moments[index], zone, locale, seconds=True),
            *(f"{each.name}: {_said(each.values[index], locale)} {words.unit}" for each in curves),
        )
        from_x, to_x = x(moments[index]), x(ends[index])
        parts.append(titled(plot, (from_x, max(to_x - from_x, 2.0)), lines, first=number == 0))
    return drawing(f"{key}-{width}", width, height, words.title, words.description, parts)


def _runs(values: Sequence[float | None]) -> list[list[int]]:
    """Return the stretches over which there are values."""
    runs: list[list[int]] = []
    for index, value in enumerate(values):
        if value is None:
            continue
        if runs and runs[-1][-1] == index - 1:
            runs[-1].append(index)
        else:
            runs.append([index])
    return runs


def _picked(count: int, most: int) -> list[int]:
    """Return at most `most` of the places, evenly, the first and the last among them."""
    if count <= most:
        return list(range(count))
    return [round(place * (count - 1) / (most - 1)) for place in range(most)]


def _said(value: float | None, locale: Locale) -> str:
    if value is None:
        return "–"
    return formats.number(value, locale, 0 if value == int(value) else 1)
