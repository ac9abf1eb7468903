"""What the pages of alerts show as charts: the last days, and what was around an alert."""

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from accounts.directory import Scope
from alerts import alert_figures, alerting
from alerts.alert_figures import LIMITS, Figures
from alerts.alerting import AlertSheet
from alerts.detections import Detection
from alerts.life import Fault
from csms import outages
from foundation.identifiers import StationId
from portal import formats
from portal.alert_charts import Lane, Stretch, by_day, lanes, stacked
from portal.charts import Chart, ChartWords
from portal.rendering import Frame
from portal.words import Words

DAYS: Final = 30
_KINDS: Final = (
    frozenset({Detection.OFFLINE}),
    frozenset({Detection.FAULT, Detection.WARNING}),
)
"""What is told apart in the columns; all else is the third kind."""
_STATIONS: Final = 3
_CONNECTORS: Final = 6
"""At most so many lanes of connectors, of all stations together."""
_BESIDE: Final = timedelta(hours=2)
"""What is shown before an alert and after it."""
_LONGEST: Final = timedelta(days=7)
_FAULTS: Final = 200


async def of_days(db: AsyncSession, scope: Scope, frame: Frame) -> list[tuple[str, Chart]] | None:
    """Return the charts of the last 30 days, with their titles; None: there was no alert."""
    said, locale = frame.words, frame.words.locale
    today = frame.now.astimezone(frame.zone).date()
    days = [today - timedelta(days=back) for back in reversed(range(DAYS))]
    since = datetime.combine(days[0], time(), frame.zone)
    found = await alert_figures.figures(db, scope, since=since, zone=frame.zone.key)
    if not found.days:
        return None
    counts = {
        on: (
            *(sum(n for watch, n in its.items() if watch in kind) for kind in _KINDS),
            sum(n for watch, n in its.items() if not any(watch in kind for kind in _KINDS)),
        )
        for on, its in found.days.items()
    }
    total = sum(map(sum, counts.values()))
    each_day = by_day(
        "days",
        days,
        counts,
        (
            said.gettext("Silent stations"),
            said.gettext("Faults and warnings"),
            said.gettext("All else"),
        ),
        ChartWords(
            title=said.gettext("Alerts by day"),
            description=frame.words.ngettext(
                "%(num)s alert in the last 30 days.", "%(num)s alerts in the last 30 days.", total
            )
            % {"num": formats.number(total, locale)},
            first="",
            second=said.gettext("Together"),
            moment=said.gettext("Day"),
        ),
        locale,
    )
    pair = (found.taken, found.gone)
    names = _steps(said)
    waited = stacked(
        "waited",
        [
            (short, name, tuple(each.counts[step] for each in pair))
            for step, (short, name) in enumerate(names)
        ],
        (said.gettext("Taken on"), said.gettext("Recovered")),
        ChartWords(
            title=said.gettext("How long it took"),
            description=_halves(found, frame),
            first="",
            second=said.gettext("Together"),
            moment=said.gettext("Within"),
        ),
        locale,
    )
    has_times = any(each.median is not None for each in pair)
    return [(each_day.title, each_day), *([(waited.title, waited)] if has_times else [])]


def _steps(said: Words) -> list[tuple[str, str]]:
    """Return what the steps between `LIMITS` are called, in short and in full."""
    short = ["5 min", "15 min", "1 h", "4 h", "24 h"]
    assert len(short) == len(LIMITS)
    named = [(f"< {each}", said.gettext("Less than %(span)s") % {"span": each}) for each in short]
    return [*named, ("≥ 24 h", said.gettext("A day or longer"))]


def _halves(found: Figures, frame: Frame) -> str:
    """Return how long it took for half of them, as far as there were any."""
    said, locale = frame.words, frame.words.locale
    sentences = []
    if found.taken.median is not None:
        taken = formats.duration(found.taken.median, locale)
        sentences.append(said.gettext("Half were taken on within %(span)s.") % {"span": taken})
    if found.gone.median is not None:
        gone = formats.duration(found.gone.median, locale)
        sentences.append(said.gettext("Half recovered within %(span)s.") % {"span": gone})
    return " ".join(sentences)


async def around(
    db: AsyncSession, scope: Scope, found: AlertSheet, frame: Frame
) -> tuple[str, Chart] | None:
    """Return what an alert's stations were like around it, with its title; None: it has none.

    Only the first stations and connectors are shown, and of a long alert its first week.
    """
    said, locale = frame.words, frame.words.locale
    alert = found.alert
    stations = found.stations[:_STATIONS]
    if not stations:
        return None
    firsts = [each.first_seen_at for each in found.faults] or [alert.raised_at]
    # A station whose clock is wrong does not stretch the picture.
    began = max(min(*firsts, alert.raised_at), alert.raised_at - _LONGEST)
    over = alert.over_at or frame.now
    begin = began - _BESIDE
    end = min(over + _BESIDE, frame.now, begin + _LONGEST)
    shown = [
        Lane(
            said.gettext("This alert"),
            [Stretch(alert.raised_at, over, "fault", said.gettext("Open"))],
        )
    ]
    places = await outages.unusable(db, stations, begin, end)
    connectors = 0
    for station in stations:
        faults = await alerting.faults_at(db, scope, station, limit=_FAULTS)
        silent = _spans(faults, Detection.OFFLINE, end)
        shown.append(
            Lane(
                said.gettext("%(station)s: connection") % {"station": station},
                _both(
                    silent,
                    (begin, end),
                    ("off", said.gettext("Offline")),
                    ("ok", said.gettext("heard")),
                ),
            )
        )
        for (evse_id, connector_id), record in sorted(places.get(StationId(station), {}).items()):
            if not evse_id or connectors == _CONNECTORS:
                continue
            connectors += 1
            shown.append(
                Lane(
                    said.gettext("%(station)s, EVSE %(evse)s, connector %(connector)s")
                    % {"station": station, "evse": evse_id, "connector": connector_id},
                    _both(
                        record.unusable,
                        (max(begin, record.first_status_at), end),
                        ("fault", said.gettext("not usable")),
                        ("ok", said.gettext("usable")),
                    ),
                )
            )
    title = said.gettext("What was around it")
    drawn = lanes(
        "around",
        shown,
        (begin, end),
        frame.zone,
        ChartWords(
            title=title,
            description=said.gettext("Connection and connectors from %(begin)s until %(end)s.")
            % {
                "begin": formats.moment(begin, frame.zone, locale),
                "end": formats.moment(end, frame.zone, locale),
            },
            first=said.gettext("From"),
            second=said.gettext("Until"),
            moment=said.gettext("State"),
        ),
        locale,
    )
    return title, drawn


def _spans(
    faults: Sequence[Fault], detection: Detection, end: datetime
) -> list[tuple[datetime, datetime]]:
    """Return when faults of a watch were there, in order and without overlaps."""
    found: list[tuple[datetime, datetime]] = []
    for each in sorted(faults, key=lambda each: each.first_seen_at):
        if each.detection is not detection:
            continue
        until = each.calm_since or each.over_at or end
        if found and each.first_seen_at <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], until))
        else:
            found.append((each.first_seen_at, until))
    return found


def _both(
    bad: Sequence[tuple[datetime, datetime]],
    span: tuple[datetime, datetime],
    is_bad: tuple[str, str],
    is_good: tuple[str, str],
) -> list[Stretch]:
    """Return the stretches of a span: those that were bad, and what lies between them."""
    at, end = span
    found: list[Stretch] = []
    for begin, until in bad:
        begin, until = max(begin, at), min(until, end)
        if until <= begin:
            continue
        if begin > at:
            found.append(Stretch(at, begin, *is_good))
        found.append(Stretch(begin, until, *is_bad))
        at = until
    if at < end:
        found.append(Stretch(at, end, *is_good))
    return found
