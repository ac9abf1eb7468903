"""Reading and writing if/then rules."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.directory import WHOLE, Scope
from alerts.detections import Severity
from alerts.job_tables import WatchRuleRow
from alerts.watch_rules import Comparison, Condition, Metric, Rule
from foundation.identifiers import OrganisationKey


async def rules(db: AsyncSession, scope: Scope = WHOLE) -> list[Rule]:
    """Return the rules in scope, by number."""
    query = select(WatchRuleRow).where(WatchRuleRow.removed_at.is_(None))
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
            consecutive=row.consecutive,
            grid=row.grid,
            location=row.location,
            severity=Severity(row.severity),
            is_active=row.is_active,
        )
        for row in rows
    ]


async def save(db: AsyncSession, rule: Rule, *, by: str, now: datetime) -> int:
    """Write a rule, a new one where its number is 0; return its number."""
    values = {
        "name": rule.name.strip(),
        "conditions": [
            {
                "metric": each.metric.value,
                "comparison": each.comparison.value,
                "limit": str(each.limit),
            }
            for each in rule.conditions
        ],
        "consecutive": rule.consecutive,
        "grid": rule.grid,
        "location": rule.location,
        "severity": rule.severity.value,
        "action": "alert",
        "is_active": rule.is_active,
        "changed_at": now,
        "changed_by": by,
    }
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
    """Take a rule away."""
    await db.execute(
        update(WatchRuleRow)
        .where(WatchRuleRow.id == number)
        .values(removed_at=now, changed_at=now, changed_by=by)
    )
