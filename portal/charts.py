"""Charts as SVG, drawn by the server: columns with a line, a meter curve, a bar of states.

Each chart has a title, a description, the same figures as a table, and points that can be reached
by pointer and by key; a point's values show without any script. Each is drawn twice, wide and
narrow, because text in a scaled drawing would be unreadable on a phone; the stylesheet shows one.
Colour never carries a meaning alone: columns differ from lines, lines have dots or dashes, states
have patterns and numbers. Figures come in finished; only positions are computed here, in floats.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from babel import Locale
from markupsafe import Markup, escape

from portal import formats

WIDE, NARROW = 720, 340
CHARACTER = 6.4
"""A generous width of one character of the charts' text, in units of the drawing."""
MAX_POINTS = 48
"""At most so many points of a curve can be picked; the curve itself keeps all of them."""
MAX_COLUMNS_TIPPED = 24
"""More columns of shares than this are too narrow for a finger on a phone: the table tells them."""


@dataclass(frozen=True, slots=True)
class Series:
    """A name in the legend and the class that draws its sign."""

    name: str
    sign: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A finished chart: two drawings of it, what it says in words, and its figures as a table."""

    wide: Markup
    narrow: Markup
    title: str
    description: str
    legend: tuple[Series, ...]
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class DayFigure:
    """One day of the columns: energy in Wh, revenue as exact amount of the chart's currency.

    Instead of revenue it may be another second figure, then None where it is not known.
    """

    on: date
    energy_wh: Decimal
    revenue: Decimal | None


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """Where a meter stood: energy since the start in Wh, power in W where it is known."""

    at: datetime
    energy_wh: Decimal
    power_w: Decimal | None


@dataclass(frozen=True, slots=True)
class Part:
    """One state of the bar: its word, how many, and the class of its colour."""

    name: str
    count: int
    tone: str


@dataclass(frozen=True, slots=True)
class ChartWords:
    """The words of a chart in the reader's language."""

    title: str
    description: str
    first: str
    second: str
    moment: str


@dataclass(frozen=True, slots=True)
class _Amount:
    amount: Decimal
    currency: str


def steps(highest: float, wanted: int = 4) -> list[float]:
    """Round marks from 0 to at least `highest`: 1, 2, 2.5 or 5 times a power of ten apart.

    Without anything to show (`highest` is 0) the marks are 0 and 1.
    """
    if highest <= 0:
        return [0.0, 1.0]
    raw = highest / wanted
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * each for each in (1, 2, 2.5, 5, 10) if power * each >= raw * 0.999999)
    count = math.ceil(highest / step - 1e-9)
    return [step * index for index in range(count + 1)]


def columns_and_line(
    key: str,
    days: Sequence[DayFigure],
    currency: str,
    words: ChartWords,
    locale: Locale,
    today: date | None = None,
    *,
    written: Callable[[Decimal], str] | None = None,
) -> Chart:
    """Energy per day as columns, revenue per day as a line with dots; `today` is not over yet.

    With `written` the line is a share in per cent: `currency` is its sign then.
    """

    def amount(value: Decimal | None) -> str:
        if value is None:
            return "–"
        return formats.money(_Amount(value, currency), locale) if not written else written(value)

    def draw(width: int) -> Markup:
        return _columns(key, days, words, locale, today, amount, width, 100 if written else 0)

    rows = tuple(
        (formats.day(each.on, locale), formats.kwh(each.energy_wh, locale), amount(each.revenue))
        for each in days
    )
    return Chart(
        wide=draw(WIDE),
        narrow=draw(NARROW),
        title=words.title,
        description=words.description,
        legend=(
            Series(f"{words.first} (kWh)", "bars"),
            Series(f"{words.second} ({currency})", "line"),
        ),
        head=(words.moment, f"{words.first} (kWh)", words.second),
        rows=rows,
    )


def _columns(
    key: str,
    days: Sequence[DayFigure],
    words: ChartWords,
    locale: Locale,
    today: date | None,
    amount: Callable[[Decimal | None], str],
    width: int,
    most: float,
) -> Markup:
    height = 260 if width == WIDE else 210
    energy_marks = steps(max((float(each.energy_wh) / 1000 for each in days), default=0))
    money_marks = steps(max([most, *(float(each.revenue or 0) for each in days)]))
    count = max(len(energy_marks), len(money_marks))
    energy_marks, money_marks = _as_many(energy_marks, count), _as_many(money_marks, count)
    left = gutter(energy_marks, locale)
    plot = Plot(left, 14, width - gutter(money_marks, locale), height - 26)
    pitch = plot.width / max(len(days), 1)
    column = min(pitch * 0.64, 26)

    parts = axes(plot, energy_marks, money_marks, locale)
    dots: list[str] = []
    picks: list[str] = []
    every = max(1, math.ceil(len(days) / (10 if width == WIDE else 4)))
    for index, each in enumerate(days):
        middle = plot.left + pitch * (index + 0.5)
        top = plot.y(float(each.energy_wh) / 1000 / energy_marks[-1])
        if each.energy_wh > 0:
            kind = "column-today" if each.on == today else "columns-of"
            parts.append(
                f'<rect class="{kind}" x="{px(middle - column / 2)}" y="{px(top)}" '
                f'width="{px(column)}" height="{px(max(plot.bottom - top, 0.5))}"/>'
            )
        if index % every == 0:
            parts.append(
                f'<text x="{px(middle)}" y="{px(plot.bottom + 18)}" text-anchor="middle">'
                f"{escape(formats.short_day(each.on, locale))}</text>"
            )
        if each.revenue is not None:
            dots.append(f"{px(middle)},{px(plot.y(float(each.revenue) / money_marks[-1]))}")
        lines = (
            formats.day(each.on, locale),
            f"{formats.kwh(each.energy_wh, locale)} kWh",
            amount(each.revenue),
        )
        spot = (middle - pitch / 2, pitch)
        if most and width == NARROW and len(days) > MAX_COLUMNS_TIPPED:
            picks.append(titled(plot, spot, lines, first=index == 0))
        else:
            picks.append(_pick(plot, width, spot, middle, top, lines, first=index == 0))
    if days:
        parts.append(f'<polyline class="line-of" points="{" ".join(dots)}"/>')
        radius = 2.6 if width == WIDE else 1.8
        for dot in dots:
            x, y = dot.split(",")
            parts.append(f'<circle class="dot-of" cx="{x}" cy="{y}" r="{radius}"/>')
    return drawing(f"{key}-{width}", width, height, words.title, words.description, parts + picks)


def meter_curve(
    key: str,
    points: Sequence[CurvePoint],
    zone: ZoneInfo,
    words: ChartWords,
    locale: Locale,
) -> Chart:
    """Power over time as an area, energy since the start as a dashed line; times in `zone`."""

    def draw(width: int) -> Markup:
        return _curve(key, points, zone, words, locale, width)

    rows = tuple(
        (
            formats.clock_time(each.at, zone, locale, seconds=True),
            "–" if each.power_w is None else formats.kw(each.power_w, locale),
            formats.kwh(each.energy_wh, locale, 2),
        )
        for each in _thinned(points, MAX_POINTS)
    )
    return Chart(
        wide=draw(WIDE),
        narrow=draw(NARROW),
        title=words.title,
        description=words.description,
        legend=(
            Series(f"{words.first} (kW)", "area"),
            Series(f"{words.second} (kWh)", "line dashed"),
        ),
        head=(words.moment, f"{words.first} (kW)", f"{words.second} (kWh)"),
        rows=rows,
    )


def _curve(
    key: str,
    points: Sequence[CurvePoint],
    zone: ZoneInfo,
    words: ChartWords,
    locale: Locale,
    width: int,
) -> Markup:
    height = 240 if width == WIDE else 200
    power_marks = steps(max((float(each.power_w or 0) / 1000 for each in points), default=0))
    energy_marks = steps(max((float(each.energy_wh) / 1000 for each in points), default=0))
    count = max(len(power_marks), len(energy_marks))
    power_marks, energy_marks = _as_many(power_marks, count), _as_many(energy_marks, count)
    left = gutter(power_marks, locale)
    plot = Plot(left, 14, width - gutter(energy_marks, locale), height - 26)
    parts = axes(plot, power_marks, energy_marks, locale)
    if not points:
        return drawing(f"{key}-{width}", width, height, words.title, words.description, parts)

    begin, end = points[0].at, points[-1].at
    span = max((end - begin).total_seconds(), 1.0)

    def x(at: datetime) -> float:
        return plot.left + plot.width * (at - begin).total_seconds() / span

    powers = [
        f"{px(x(each.at))},{px(plot.y(float(each.power_w) / 1000 / power_marks[-1]))}"
        for each in points
        if each.power_w is not None
    ]
    if powers:
        first, last = powers[0].split(",")[0], powers[-1].split(",")[0]
        area = f"{first},{px(plot.bottom)} {' '.join(powers)} {last},{px(plot.bottom)}"
        parts.append(f'<polygon class="area-of" points="{area}"/>')
        parts.append(f'<polyline class="edge-of" points="{" ".join(powers)}"/>')
    energies = [
        f"{px(x(each.at))},{px(plot.y(float(each.energy_wh) / 1000 / energy_marks[-1]))}"
        for each in points
    ]
    parts.append(f'<polyline class="line-of dashes" points="{" ".join(energies)}"/>')
    for at in time_marks(begin, end, zone, 7 if width == WIDE else 3):
        parts.append(
            f'<text x="{px(x(at))}" y="{px(plot.bottom + 18)}" text-anchor="middle">'
            f"{escape(formats.clock_time(at, zone, locale))}</text>"
        )
    picked = _thinned(points, MAX_POINTS if width == WIDE else MAX_POINTS // 2)
    for index, each in enumerate(picked):
        before = x(picked[max(index - 1, 0)].at)
        after = x(picked[min(index + 1, len(picked) - 1)].at)
        middle = x(each.at)
        from_x, to_x = (before + middle) / 2, (middle + after) / 2
        power = "–" if each.power_w is None else formats.kw(each.power_w, locale)
        lines = (
            formats.clock_time(each.at, zone, locale, seconds=True),
            f"{power} kW",
            f"{formats.kwh(each.energy_wh, locale, 2)} kWh",
        )
        top = plot.y(float(each.power_w or 0) / 1000 / power_marks[-1])
        spot = (from_x, max(to_x - from_x, 2.0))
        parts.append(_pick(plot, width, spot, middle, top, lines, first=index == 0))
    return drawing(f"{key}-{width}", width, height, words.title, words.description, parts)


def states_bar(key: str, parts: Sequence[Part], words: ChartWords, locale: Locale) -> Chart:
    """How many of each state, as one bar; the last kind (`off`) is hatched by its outline."""

    def draw(width: int) -> Markup:
        return _bar(key, parts, words, locale, width)

    total = sum(each.count for each in parts)
    rows = tuple(
        (
            each.name,
            formats.number(each.count, locale),
            formats.share(round(each.count * 100 / total) * 100 if total else 0, locale),
        )
        for each in parts
    )
    return Chart(
        wide=draw(WIDE),
        narrow=draw(NARROW),
        title=words.title,
        description=words.description,
        legend=(),
        head=(words.moment, words.first, words.second),
        rows=rows,
    )


def _bar(key: str, parts: Sequence[Part], words: ChartWords, locale: Locale, width: int) -> Markup:
    height = 34
    shown = [each for each in parts if each.count > 0]
    total = sum(each.count for each in shown)
    drawn: list[str] = []
    least = 26.0
    room = width - least * len(shown)
    at = 0.0
    for index, each in enumerate(shown):
        wide = least + room * each.count / total
        kind = "hatch" if each.tone == "off" else f"seg {each.tone}"
        middle = at + wide / 2
        number = formats.number(each.count, locale)
        drawn.append(
            f'<g class="pick" tabindex="{0 if index == 0 else -1}" role="img" '
            f'aria-label="{escape(each.name)}: {number}">'
            f"<title>{escape(each.name)}: {number}</title>"
            f'<rect class="{kind}" x="{px(at + 1)}" y="1" width="{px(wide - 2)}" '
            f'height="{height - 2}" rx="3"/>'
            f'<text x="{px(middle)}" y="{px(height / 2 + 4)}" text-anchor="middle">{number}</text>'
            '<rect class="spot" '
            f'x="{px(at + 1)}" y="1" width="{px(wide - 2)}" height="{height - 2}" rx="3"/></g>'
        )
        at += wide
    name = f"{key}-{width}"
    return drawing(name, width, height, words.title, words.description, drawn, "share")


@dataclass(frozen=True, slots=True)
class Plot:
    """The rectangle in which values are drawn; y grows downwards."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        return self.right - self.left

    def y(self, part: float) -> float:
        """Where a value stands that is `part` of the highest mark."""
        return self.bottom - (self.bottom - self.top) * part


def px(value: float) -> str:
    """A length as short as it can be written: pages have a size to keep."""
    return f"{value:.1f}".removesuffix(".0")


def gutter(marks: Sequence[float], locale: Locale) -> float:
    """How much room the numbers of an axis need."""
    return 12 + CHARACTER * max(len(_mark(each, marks, locale)) for each in marks)


def _mark(value: float, marks: Sequence[float], locale: Locale) -> str:
    step = marks[1] - marks[0]
    digits = max(0, -math.floor(math.log10(step) + 1e-9)) if step < 1 else 0
    if step >= 1 and step != int(step):
        digits = 1
    return formats.number(Decimal(str(value)), locale, digits)


def _as_many(marks: list[float], count: int) -> list[float]:
    step = marks[1] - marks[0]
    return [step * index for index in range(count)]


def axes(plot: Plot, left: Sequence[float], right: Sequence[float], locale: Locale) -> list[str]:
    """Return the lines across a plot, the numbers of its left side, and of its right, if any."""
    parts: list[str] = []
    for index, one in enumerate(left):
        y = plot.y(one / left[-1])
        kind = "axis" if one == 0 else "grid"
        parts.append(
            f'<line class="{kind}" x1="{px(plot.left)}" x2="{px(plot.right)}" '
            f'y1="{px(y)}" y2="{px(y)}"/>'
            f'<text x="{px(plot.left - 8)}" y="{px(y + 4)}" text-anchor="end">'
            f"{escape(_mark(one, left, locale))}</text>"
        )
        if right:
            parts.append(
                f'<text x="{px(plot.right + 8)}" y="{px(y + 4)}">'
                f"{escape(_mark(right[index], right, locale))}</text>"
            )
    return parts


def _pick(
    plot: Plot,
    width: int,
    spot: tuple[float, float],
    middle: float,
    top: float,
    lines: tuple[str, ...],
    *,
    first: bool,
) -> str:
    """A point that can be picked: the area that listens, and the values that then show."""
    box = CHARACTER * 1.05 * max(len(line) for line in lines) + 18
    high = 16 * len(lines) + 10
    x = min(max(middle - box / 2, 2), width - box - 2)
    y = top - high - 8 if top - high - 8 > 0 else min(top + 10, plot.bottom - high)
    strong = ' class="strong"'
    said = "".join(
        f'<text x="{px(x + 9)}" y="{px(y + 18 + 16 * index)}"'
        f"{strong if index == 0 else ''}>{escape(line)}</text>"
        for index, line in enumerate(lines)
    )
    width_, height_ = px(spot[1]), px(plot.bottom - plot.top)
    return (
        f'<g class="pick" tabindex="{0 if first else -1}" role="img" '
        f'aria-label="{escape(", ".join(lines))}">'
        f'<path class="spot" d="M{px(spot[0])} {px(plot.top)}h{width_}v{height_}h-{width_}z"/>'
        f'<g class="tip"><path d="M{px(x)} {px(y)}h{px(box)}v{high}h-{px(box)}z"/>{said}</g></g>'
    )


def titled(plot: Plot, spot: tuple[float, float], lines: tuple[str, ...], *, first: bool) -> str:
    """A point that only says its values."""
    wide, high = px(spot[1]), px(plot.bottom - plot.top)
    return (
        f'<g class="pick" tabindex="{0 if first else -1}" role="img" '
        f'aria-label="{escape(", ".join(lines))}">'
        f'<path class="spot" d="M{px(spot[0])} {px(plot.top)}h{wide}v{high}h-{wide}z"/></g>'
    )


def drawing(
    key: str,
    width: int,
    height: float,
    title: str,
    description: str,
    parts: Sequence[str],
    more: str = "",
) -> Markup:
    """Return a drawing of a chart with its title and description; the parts are escaped."""
    side = "wide" if width == WIDE else "narrow"
    return Markup(  # noqa: S704 - every text in it was escaped where it came in
        f'<svg class="{" ".join(filter(None, (side, more)))}" viewBox="0 0 {width} {px(height)}" '
        f'role="group" aria-labelledby="{key}-t {key}-d">'
        f'<title id="{key}-t">{escape(title)}</title>'
        f'<desc id="{key}-d">{escape(description)}</desc>'
        f"{''.join(parts)}</svg>"
    )


def _thinned(points: Sequence[CurvePoint], most: int) -> list[CurvePoint]:
    """At most `most` of the points, evenly, the first and the last among them."""
    if len(points) <= most:
        return list(points)
    last = len(points) - 1
    return [points[round(index * last / (most - 1))] for index in range(most)]


def time_marks(begin: datetime, end: datetime, zone: ZoneInfo, most: int) -> list[datetime]:
    """Round local times between two moments, at most `most` of them (at least the begin)."""
    span = (end - begin).total_seconds() / 60
    choices = (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 10080)
    step = next((each for each in choices if span / each <= most), 43200)
    local = begin.astimezone(zone)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    passed = math.ceil((local - midnight).total_seconds() / 60 / step)
    marks: list[datetime] = []
    at = midnight + timedelta(minutes=passed * step)
    while at <= end and len(marks) < most:
        marks.append(at)
        at += timedelta(minutes=step)
    return marks or [begin]
