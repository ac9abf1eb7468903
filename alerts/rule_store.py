"""Reading and writing if/then rules."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.directory import WHOLE, Scope
from alerts.alert_tables import FaultRow
from alerts.detections import Detection, Severity
from alerts.job_tables import WatchRuleRow
from alerts.steps import Step
from alerts.watch_rules import Comparison, Condition, Metric, Rule
from foundation.identifiers import OrganisationKey, StationId


@dataclass(frozen=True, slots=True)
class Firing:
    """A rule was met at a charge point, from a moment on."""

    id: int
    alert: int | None
    """None: it was not raised, since a maintenance window silenced it."""
    organisation: OrganisationKey
    station: StationId
    evse_id: int | None
    fired_at: datetime
    ended_at: datetime | None
    """Since when it is no longer met; None: it still is."""
    measured: str


async def rules(db: AsyncSession, scope: Scope = WHOLE, *, number: int | None = None) -> list[Rule]:
    """Return the rules in scope, by number; or the one of a number."""
    query = select(WatchRuleRow).where(WatchRuleRow.removed_at.is_(None))
    if number is not None:
        query = query.where(WatchRuleRow.id == number)
    if scope.organisations is not None:
        query = query.where(WatchRuleRow.organisation.in_(sorted(scope.organisations)))
    rows = await db.scalars(
        query.order_by(WatchRuleRow.id).execution_options(populate_existing=True)
    )
    return [
        Rule(
            id=row.id,
            organisation=OrganisationKey(row.organisation),
            name=row.name,
            conditions=tuple(
                Condition(
                    Metric(each["metric"]), Comparison(each["comparison"]), Decimal(each["limit"])
                )
                for each in row.conditions
            ),
            needs_all=row.needs_all,
            consecutive=row.consecutive,
            grid=row.grid,
            location=row.location,
            group=row.group_id,
            severity=Severity(row.severity),
            mails=tuple(row.mails),
            webhook=row.webhook,
            opens_ticket=row.opens_ticket,
            step=None if row.step is None else Step(row.step),
            step_hours=row.step_hours,
            steps_per_day=row.steps_per_day,
            is_active=row.is_active,
        )
        for row in rows
    ]


async def save(
    db: AsyncSession, rule: Rule, *, sealed: bytes | None = None, by: str, now: datetime
) -> int:
    """Write a rule, a new one where its number is 0; return its number.

    Args:
        db: The unit of work.
        rule: As it shall be.
        sealed: The URL of its webhook; None: it has none, or it stays as it is.
        by: Who.
        now: When.
    """
    values: dict[str, Any] = {
        "name": rule.name.strip(),
        "conditions": [
            {
                "metric": each.metric.value,
                "comparison": each.comparison.value,
                "limit": str(each.limit),
            }
            for each in rule.conditions
        ],
        "needs_all": rule.needs_all,
        "consecutive": rule.consecutive,
        "grid": rule.grid,
        "location": rule.location,
        "group_id": rule.group,
        "severity": rule.severity.value,
        "mails": list(rule.mails),
        "webhook": rule.webhook,
        "opens_ticket": rule.opens_ticket,
        "step": None if rule.step is None else rule.step.value,
        "step_hours": rule.step_hours,
        "steps_per_day": rule.steps_per_day,
        "is_active": rule.is_active,
        "changed_at": now,
        "changed_by": by,
    }
    if sealed is not None or rule.webhook is None:
        values["webhook_sealed"] = sealed
    if rule.id:
        await db.execute(update(WatchRuleRow).where(WatchRuleRow.id == rule.id).values(values))
        return rule.id
    made: int | None = await db.scalar(
        insert(WatchRuleRow)
        .values(organisation=rule.organisation, created_at=now, **values)
        .returning(WatchRuleRow.id)
    )
    assert made is not None
    return made


async def remove(db: AsyncSession, number: int, *, by: str, now: datetime) -> None:
    """Take a rule away; its group is free, and its webhook's URL forgotten."""
    await db.execute(
        update(WatchRuleRow)
        .where(WatchRuleRow.id == number)
        .values(
            removed_at=now,
            changed_at=now,
            changed_by=by,
            group_id=None,
            webhook=None,
            webhook_sealed=None,
            secret=None,
            old_secret=None,
            old_secret_until=None,
        )
    )


@dataclass(frozen=True, slots=True)
class Program:
    """The program that a rule tells: all of it sealed."""

    url: bytes
    secret: bytes | None
    """None: it was not called yet."""
    old_secret: bytes | None
    old_secret_until: datetime | None


async def program(db: AsyncSession, number: int) -> Program | None:
    """Return the program that a rule tells, and lock it; None: it has none."""
    row = await db.scalar(
        select(WatchRuleRow)
        .where(WatchRuleRow.id == number, WatchRuleRow.removed_at.is_(None))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if row is None or row.webhook_sealed is None:
        return None
    return Program(row.webhook_sealed, row.secret, row.old_secret, row.old_secret_until)


async def set_secret(
    db: AsyncSession,
    number: int,
    secret: bytes,
    *,
    old: bytes | None = None,
    old_until: datetime | None = None,
) -> None:
    """Write what calls to a rule's program are signed with, sealed."""
    await db.execute(
        update(WatchRuleRow)
        .where(WatchRuleRow.id == number)
        .values(secret=secret, old_secret=old, old_secret_until=old_until)
    )


async def firings(
    db: AsyncSession, scope: Scope, cause: str, *, before: int | None = None, limit: int = 50
) -> list[Firing]:
    """Return when a rule fired and where, the newest first; of those below a number."""
    query = select(FaultRow).where(FaultRow.detection == Detection.RULE, FaultRow.cause == cause)
    if scope.organisations is not None:
        query = query.where(FaultRow.organisation.in_(sorted(scope.organisations)))
    if before is not None:
        query = query.where(FaultRow.id < before)
    rows = await db.scalars(
        query.order_by(FaultRow.id.desc()).limit(limit).execution_options(populate_existing=True)
    )
    return [
        Firing(
            row.id,
            row.alert,
            OrganisationKey(row.organisation),
            StationId(row.station or ""),
            row.evse_id,
            row.first_seen_at,
            row.over_at or row.calm_since,
            row.evidence.get("measured", ""),
        )
        for row in rows
    ]


async def fired(
    db: AsyncSession, causes: Collection[str], since: datetime
) -> dict[str, tuple[int, datetime]]:
    """Return how often rules fired since a moment, and when last; one that did not is missing."""
    rows = await db.execute(
        select(FaultRow.cause, func.count(), func.max(FaultRow.first_seen_at))
        .where(
            FaultRow.detection == Detection.RULE,
            FaultRow.cause.in_(sorted(causes)),
            FaultRow.first_seen_at >= since,
        )
        .group_by(FaultRow.cause)
    )
    return {cause: (count, last) for cause, count, last in rows}
