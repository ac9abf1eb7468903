"""A location that is balanced: a signal, and what was decided over the last hours."""

from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from csms import load_balancers
from csms.balancing import LimitReason, Settings, Window
from csms.balancing_tables import LoadDecisionRow

PLACE = "zob"


async def balancing(db: AsyncSession, now: datetime) -> None:
    """Balance the place, with three stations that charged one after another."""
    evening = Window(frozenset({1, 2, 3, 4, 5}), 17 * 60, 20 * 60, 40)
    settings = Settings(limit_a=63, windows=(evening,))
    await load_balancers.set_balancer(db, PLACE, settings, is_on=True, by="Erika", now=now)
    await load_balancers.add_signal(
        db,
        PLACE,
        source="grid operator",
        limit_a=None,
        limit_w=Decimal(22_000),
        used_a=None,
        starts_at=now,
        ends_at=now + timedelta(hours=2),
        by="Erika",
        now=now,
    )
    for hours, limits, taken in ((5, (32,), 30), (3, (32, 31), None), (1, (21, 21, 21), 48)):
        shares = [
            {
                "station": f"DE-HN-{number:03}",
                "evse_id": 1,
                "limit_a": limit,
                "why": "shared" if len(limits) > 1 else "all",
                "phases": [1, 2, 3],
                "measured_a": None if taken is None else str(taken // len(limits)),
            }
            for number, limit in enumerate(limits, 1)
        ]
        db.add(
            LoadDecisionRow(
                location=PLACE,
                decided_at=now - timedelta(hours=hours),
                limit_a=Decimal(63),
                limit_w=None,
                reason=LimitReason.CONNECTION,
                allowed_a=Decimal(sum(limits)),
                taken_a=None if taken is None else Decimal(taken),
                shares=shares,
            )
        )
    await db.flush()
