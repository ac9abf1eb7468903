"""Made-up values for the page that shows every component; none of them touches the database."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from math import pi, sin
from zoneinfo import ZoneInfo

from portal.charts import (
    Chart,
    ChartWords,
    CurvePoint,
    DayFigure,
    Part,
    columns_and_line,
    meter_curve,
    states_bar,
)
from portal.words import Words

TODAY = date(2026, 10, 15)
DAYS = 10


def columns(words: Words) -> Chart:
    """Ten days of energy and revenue, with quiet days and one that is not over."""
    days = []
    for index in range(DAYS):
        on = TODAY - timedelta(days=DAYS - 1 - index)
        wave = 1 + 0.35 * sin(index * 2 * pi / 7) + 0.12 * sin(index * 1.7)
        energy = Decimal(int(412_000 * wave)) if index != DAYS - 1 else Decimal(166_300)
        days.append(DayFigure(on, energy, (energy * Decimal("0.000449")).quantize(Decimal("0.01"))))
    texts = ChartWords(
        title=words.gettext("Energy and revenue of the last 30 days"),
        description=words.gettext("Columns show the energy of each day, the line its revenue."),
        first=words.gettext("Energy"),
        second=words.gettext("Revenue"),
        moment=words.gettext("Day"),
    )
    return columns_and_line("sample-days", days, "EUR", texts, words.locale, TODAY)


def curve(words: Words, zone: ZoneInfo) -> Chart:
    """A session of 84 minutes that charges fast, then less and less."""
    begin = datetime(2026, 10, 15, 8, 4, 11, tzinfo=UTC)
    energy = Decimal(0)
    points = []
    for minute in range(0, 85, 7):
        power = Decimal(22_000 if minute < 48 else max(1_400, 22_000 - (minute - 48) * 640))
        points.append(CurvePoint(begin + timedelta(minutes=minute), energy, power))
        energy += (power * 7 / 60).quantize(Decimal("0.1"))
    texts = ChartWords(
        title=words.gettext("Power and energy of the session"),
        description=words.gettext(
            "The area shows the power over time, the dashed line the energy since the start."
        ),
        first=words.gettext("Power"),
        second=words.gettext("Energy"),
        moment=words.gettext("Time"),
    )
    return meter_curve("sample-curve", points, zone, texts, words.locale)


def bar(words: Words) -> Chart:
    """A fleet in which most things are well."""
    parts = [
        Part(words.gettext("Online"), 412, "ok"),
        Part(words.gettext("Pending"), 3, "warning"),
        Part(words.gettext("Faulted"), 2, "fault"),
        Part(words.gettext("Offline"), 9, "off"),
    ]
    texts = ChartWords(
        title=words.gettext("Stations by state"),
        description=words.gettext("How many stations are in each state."),
        first=words.gettext("Stations"),
        second=words.gettext("Part"),
        moment=words.gettext("State"),
    )
    return states_bar("sample-bar", parts, texts, words.locale)
