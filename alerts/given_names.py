"""Face: what people called the jobs and rules whose findings are alerts."""

from collections.abc import Iterable, Mapping
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from alerts.job_tables import DetectionJobRow, WatchRuleRow

_KINDS: Final[Mapping[str, type[DetectionJobRow] | type[WatchRuleRow]]] = {
    "job": DetectionJobRow,
    "rule": WatchRuleRow,
}


async def names_of(db: AsyncSession, causes: Iterable[str]) -> dict[str, str]:
    """Return the names of jobs and rules by the causes of what they find, as in `job/3`.

    What was removed keeps its name. Causes of the house's own watches are left out.
    """
    found: dict[str, str] = {}
    wanted: dict[str, set[int]] = {}
    for each in causes:
        kind, _, number = each.partition("/")
        if kind in _KINDS and number.isdecimal():
            wanted.setdefault(kind, set()).add(int(number))
    for kind, numbers in wanted.items():
        row = _KINDS[kind]
        rows = await db.execute(select(row.id, row.name).where(row.id.in_(sorted(numbers))))
        found |= {f"{kind}/{number}": name for number, name in rows}
    return found
