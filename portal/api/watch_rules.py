"""If/then rules: what is measured, with which limits, in which hours, and how often in a row."""

from dataclasses import asdict
from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import ConfigDict, Field

from accounts.permissions import Permission
from alerts import ruling
from alerts.detections import Severity
from alerts.watch_rules import (
    ALWAYS,
    CONDITIONS_MAX,
    CONSECUTIVE_MAX,
    HOURS_OF_A_WEEK,
    Comparison,
    Condition,
    Metric,
    Rule,
)
from csms import registry
from foundation.errors import InvalidInput
from foundation.identifiers import OrganisationKey
from portal.api.locations import seen_organisation
from portal.api.models import Answer, Body, Number, Quantity
from portal.guard import Caller, require
from portal.paging import Page
from portal.routes import ApiRoute, Db, Now

router = APIRouter(tags=["alerts"], route_class=ApiRoute)

Reader = Annotated[Caller, Depends(require(Permission.STATIONS_READ))]
Writer = Annotated[Caller, Depends(require(Permission.ALERTS_WRITE))]
Key = Annotated[str, Field(min_length=1, max_length=100)]


class ConditionModel(Answer):
    """A limit on something measured."""

    metric: Metric
    comparison: Comparison
    limit: Quantity


class RuleModel(Answer):
    """An if/then rule."""

    id: int
    organisation: OrganisationKey
    name: str
    conditions: list[ConditionModel]
    consecutive: int
    grid: str
    location: str | None
    severity: Severity
    active: bool


class ConditionBody(Body):
    """A limit on something measured, in base units; the limit itself does not meet it."""

    metric: Metric
    comparison: Comparison
    limit: Annotated[Decimal, Field(gt=-1_000_000_000, lt=1_000_000_000, max_digits=15)]


class RuleBody(Body):
    """An if/then rule as it shall be."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "name": "Too hot",
                "conditions": [{"metric": "temperature_c", "comparison": "above", "limit": 70}],
                "consecutive": 3,
            }
        }
    )

    organisation: Key | None = Field(
        default=None, description="One's own, if it is left out; a change leaves it as it is."
    )
    name: Key
    conditions: Annotated[list[ConditionBody], Field(min_length=1, max_length=CONDITIONS_MAX)] = (
        Field(description="All must be met.")
    )
    consecutive: Annotated[int, Field(ge=1, le=CONSECUTIVE_MAX)] = Field(
        default=1, description="By so many measurements in a row."
    )
    grid: Annotated[str, Field(min_length=HOURS_OF_A_WEEK, max_length=HOURS_OF_A_WEEK)] = Field(
        default=ALWAYS,
        description="The hours of a week from Monday 0:00 on by the clock of the site; 1 where the"
        " rule applies, else 0.",
    )
    location: Key | None = None
    severity: Severity = Severity.WARNING
    active: bool = True


@router.get("/watch-rules", summary="List if/then rules")
async def list_watch_rules(db: Db, caller: Reader) -> Page[RuleModel]:
    """By number."""
    return Page(items=[_shown(each) for each in await ruling.rules(db, caller.scope)])


@router.post("/watch-rules", status_code=201, summary="Create an if/then rule")
async def create_watch_rule(db: Db, now: Now, caller: Writer, body: RuleBody) -> RuleModel:
    """Where it is met there is an alert. Needs an account of tier Limited or above."""
    return await _set(db, now, caller, body, None)


@router.get("/watch-rules/{number}", summary="Get an if/then rule")
async def get_watch_rule(db: Db, caller: Reader, number: Number) -> RuleModel:
    """As it is set."""
    return _shown(await ruling.rule(db, caller.scope, number))


@router.put("/watch-rules/{number}", summary="Change an if/then rule")
async def change_watch_rule(
    db: Db, now: Now, caller: Writer, number: Number, body: RuleBody
) -> RuleModel:
    """It counts from the next minute on."""
    return await _set(db, now, caller, body, await ruling.rule(db, caller.scope, number))


@router.delete("/watch-rules/{number}", status_code=204, summary="Remove an if/then rule")
async def remove_watch_rule(db: Db, now: Now, caller: Writer, number: Number) -> None:
    """What it found is over."""
    found = await ruling.rule(db, caller.scope, number)
    await ruling.remove_rule(db, number, by=caller.actor, now=now)
    await caller.note(
        db,
        "watch_rule.remove",
        f"watch_rule/{number}",
        organisation=found.organisation,
        before=asdict(found),
        now=now,
    )


async def _set(db: Db, now: Now, caller: Caller, body: RuleBody, before: Rule | None) -> RuleModel:
    key = body.organisation or caller.principal.organisation
    owner = before.organisation if before else (await seen_organisation(db, caller, key)).key
    if body.location is not None and not await registry.locations(
        db, caller.scope, key=body.location, limit=1
    ):
        raise InvalidInput(f"There is no location {body.location!r}.", field="location")
    wanted = Rule(
        id=0 if before is None else before.id,
        organisation=owner,
        name=body.name,
        conditions=tuple(
            Condition(each.metric, each.comparison, each.limit) for each in body.conditions
        ),
        consecutive=body.consecutive,
        grid=body.grid,
        location=body.location,
        severity=body.severity,
        is_active=body.active,
    )
    made = await ruling.set_rule(db, wanted, by=caller.actor, now=now)
    await caller.note(
        db,
        "watch_rule.create" if before is None else "watch_rule.change",
        f"watch_rule/{made.id}",
        organisation=owner,
        before=None if before is None else asdict(before),
        after=asdict(made),
        now=now,
    )
    return _shown(made)


def _shown(rule: Rule) -> RuleModel:
    return RuleModel(
        id=rule.id,
        organisation=rule.organisation,
        name=rule.name,
        conditions=[
            ConditionModel(metric=each.metric, comparison=each.comparison, limit=each.limit)
            for each in rule.conditions
        ],
        consecutive=rule.consecutive,
        grid=rule.grid,
        location=rule.location,
        severity=rule.severity,
        active=rule.is_active,
    )
