"""Face, read: how many alerts there were each day, and how long they waited and lasted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.directory import Scope
from alerts.detections import Detection

LIMITS: Final = (
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(hours=1),
    timedelta(hours=4),
    timedelta(days=1),
)
"""Between these a time is counted: below the first, …, from the last one on."""

_DAYS: Final = text("""
    select cast(raised_at at time zone :zone as date), detection, count(*)
    from alerts
    where raised_at >= :since and (cast(:keys as text[]) is null or organisation = any(:keys))
    group by 1, 2
""")
_TIMES: Final = text("""
    with times as (
        select extract(epoch from acknowledged_at - raised_at) as taken,
            case when state = 'recovered' then extract(epoch from over_at - raised_at) end as gone
        from alerts
        where raised_at >= :since and (cast(:keys as text[]) is null or organisation = any(:keys))
    ), of_both as (
        select 'taken' as what, taken as seconds from times
        union all select 'gone', gone from times
    )
    select what, width_bucket(seconds, cast(:limits as numeric[])), count(*),
        percentile_cont(0.5) within group (order by seconds)
    from of_both where seconds is not null group by grouping sets ((what, 2), (what))
""")


@dataclass(frozen=True, slots=True)
class Times:
    """How often something took how long.

    Attributes:
        counts: How many times below the first of `LIMITS`, below the second, …, and above the last.
        median: Half of them took no longer; None: there are none.
    """

    counts: tuple[int, ...]
    median: timedelta | None


NEVER: Final = Times((0,) * (len(LIMITS) + 1), None)


@dataclass(frozen=True, slots=True)
class Figures:
    """What there was since a moment.

    Attributes:
        days: By day, in the reader's zone: how many alerts were raised by which watch.
        taken: How long until somebody took an alert on.
        gone: How long until it recovered by itself; what a person closed is left out.
    """

    days: Mapping[date, Mapping[Detection, int]]
    taken: Times
    gone: Times


async def figures(db: AsyncSession, scope: Scope, *, since: datetime, zone: str) -> Figures:
    """Return the figures of all alerts in scope that were raised since a moment.

    Args:
        db: The unit of work.
        scope: Whose.
        since: Included.
        zone: IANA: where a day begins.
    """
    keys = None if scope.organisations is None else sorted(scope.organisations)
    values: dict[str, Any] = {"since": since, "keys": keys}
    days: dict[date, dict[Detection, int]] = {}
    for on, detection, count in await db.execute(_DAYS, {**values, "zone": zone}):
        days.setdefault(on, {})[Detection(detection)] = count
    limits = [each.total_seconds() for each in LIMITS]
    found = list(await db.execute(_TIMES, {**values, "limits": limits}))
    return Figures(days, _times("taken", found), _times("gone", found))


def _times(what: str, found: Sequence[Any]) -> Times:
    counts, median = list(NEVER.counts), None
    for of, bucket, count, middle in found:
        if of != what:
            continue
        if bucket is None:
            median = timedelta(seconds=round(middle))
        else:
            counts[bucket] = count
    return Times(tuple(counts), median)
