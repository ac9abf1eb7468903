"""If/then rules: what is measured, with which limits, in which hours, and what is done then."""

from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import ConfigDict, Field

from accounts.permissions import Permission
from alerts import ruling
from alerts.detections import Severity
from alerts.rule_rehearsal import OVER
from alerts.ruling import Firing
from alerts.steps import LONGEST_OUT, USUALLY_OUT, Step
from alerts.watch_rules import (
    ALWAYS,
    CONDITIONS_MAX,
    CONSECUTIVE_MAX,
    HOURS_OF_A_WEEK,
    MAILS_MAX,
    STEPS_MAX,
    STEPS_PER_DAY,
    Comparison,
    Condition,
    Metric,
    Rule,
)
from foundation.identifiers import OrganisationKey, StationId
from portal import paging, rule_doors
from portal.api.models import Answer, Body, Moment, Number, Quantity
from portal.guard import Caller, require
from portal.paging import Page
from portal.routes import ApiRoute, Context, Db, Now
from portal.rule_doors import WantedRule
from support import rule_deeds
from support.rule_deeds import Refusal

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
    needs_all: bool
    consecutive: int
    grid: str
    location: str | None
    group: int | None
    severity: Severity
    mails: list[str]
    webhook: str = Field(description="Of its URL, which may hold a secret, what may be shown.")
    opens_ticket: bool
    step: Step | None
    step_hours: int
    steps_per_day: int
    active: bool
    suspended: bool = Field(
        description="It is stored, and rests: the account's tier has no if/then rules."
    )


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
                "mails": ["lea@example.org"],
                "opens_ticket": True,
            }
        }
    )

    organisation: Key | None = Field(
        default=None, description="One's own, if it is left out; a change leaves it as it is."
    )
    name: Key
    conditions: Annotated[list[ConditionBody], Field(min_length=1, max_length=CONDITIONS_MAX)]
    needs_all: bool = Field(
        default=True, description="All conditions must be met by a measurement; else any."
    )
    consecutive: Annotated[int, Field(ge=1, le=CONSECUTIVE_MAX)] = Field(
        default=1, description="By so many measurements in a row, within an hour."
    )
    grid: Annotated[str, Field(min_length=HOURS_OF_A_WEEK, max_length=HOURS_OF_A_WEEK)] = Field(
        default=ALWAYS,
        description="The hours of a week from Monday 0:00 on by the clock of the site; 1 where the"
        " rule applies, else 0.",
    )
    location: Key | None = None
    group: Annotated[int, Field(ge=1, lt=2**62)] | None = Field(
        default=None, description="Only at the charge points of this detection group."
    )
    severity: Severity = Severity.WARNING
    mails: Annotated[list[Annotated[str, Field(max_length=254)]], Field(max_length=MAILS_MAX)] = (
        Field(default=[], description="Who is written to, besides whoever hears of alerts.")
    )
    webhook: Annotated[str, Field(max_length=2000)] = Field(
        default="",
        description="A URL that gets JSON by POST when it fires and when it is over; what is shown"
        " of the one that there is leaves it as it is.",
    )
    opens_ticket: bool = Field(default=False, description="Needs the right `tickets.write`.")
    step: Step | None = Field(
        default=None,
        description="What is tried at the station once each time that the rule fires: nothing that"
        " needs a written order. Needs the right `commands.send`; the rule is the order.",
    )
    step_hours: Annotated[int, Field(ge=1, le=LONGEST_OUT)] = Field(
        default=USUALLY_OUT,
        description="After how many hours a station that is put out of service is put back.",
    )
    steps_per_day: Annotated[int, Field(ge=1, le=STEPS_MAX)] = Field(
        default=STEPS_PER_DAY,
        description="How many steps of rules a station gets in a day of its own time zone.",
    )
    active: bool = True


class RuleSecretModel(Answer):
    """A secret, which is shown now and never again."""

    secret: str = Field(description="`whsec_` and the Base64 of what calls are signed with.")


class DeedModel(Answer):
    """A step that was tried, or why it was not."""

    step: Step
    done_at: Moment
    command_id: str | None
    refused: Refusal | None


class FiringModel(Answer):
    """A rule was met at a charge point, from a moment on."""

    id: int
    station: StationId
    evse_id: int | None
    fired_at: Moment
    ended_at: Moment | None = Field(description="Since when it is not met; null: it still is.")
    measured: str
    alert: int | None = Field(description="Null: a maintenance window silenced it.")
    deeds: list[DeedModel]


class WouldModel(Answer):
    """A rule would have fired at a charge point."""

    station: StationId
    evse_id: int
    fired_at: Moment
    ended_at: Moment


class RehearsalModel(Answer):
    """What a rule would have done in the last seven days."""

    since: Moment
    times: int
    fired: list[WouldModel] = Field(description="The newest first, 200 at most.")
    charge_points: int
    looked_at: int = Field(description="How many of them were looked at: the first fifty.")


@router.get("/watch-rules", summary="List if/then rules")
async def list_watch_rules(db: Db, now: Now, caller: Reader) -> Page[RuleModel]:
    """By number."""
    found = await ruling.rules(db, caller.scope)
    resting = {
        each: await ruling.suspension(db, each, now=now) is not None
        for each in {rule.organisation for rule in found}
    }
    return Page(items=[_shown(each, resting[each.organisation], caller) for each in found])


@router.post("/watch-rules", status_code=201, summary="Create an if/then rule")
async def create_watch_rule(
    db: Db, now: Now, context: Context, caller: Writer, body: RuleBody
) -> RuleModel:
    """Where it is met there is an alert, and more is done if it says so.

    Needs an account of tier Limited or above.
    """
    wanted = _wanted(body, caller)
    return _shown(await rule_doors.set_rule(db, caller, context, wanted, now=now), False, caller)


@router.post("/watch-rules/rehearse", summary="Try an if/then rule out")
async def rehearse_watch_rule(db: Db, now: Now, caller: Writer, body: RuleBody) -> RehearsalModel:
    """When it would have fired in the last seven days, by what was measured; nothing is stored."""
    found = await rule_doors.rehearse(db, caller, _wanted(body, caller), now=now)
    return RehearsalModel(
        since=now - OVER,
        times=len(found.fired),
        fired=[
            WouldModel(
                station=each.station,
                evse_id=each.evse_id,
                fired_at=each.fired_at,
                ended_at=each.ended_at,
            )
            for each in found.fired[:200]
        ],
        charge_points=found.points,
        looked_at=found.looked_at,
    )


@router.get("/watch-rules/{number:int}", summary="Get an if/then rule")
async def get_watch_rule(db: Db, now: Now, caller: Reader, number: Number) -> RuleModel:
    """As it is set."""
    found = await ruling.rule(db, caller.scope, number)
    return _shown(
        found, await ruling.suspension(db, found.organisation, now=now) is not None, caller
    )


@router.put("/watch-rules/{number:int}", summary="Change an if/then rule")
async def change_watch_rule(
    db: Db, now: Now, context: Context, caller: Writer, number: Number, body: RuleBody
) -> RuleModel:
    """It counts from the next minute on."""
    wanted = _wanted(body, caller)
    made = await rule_doors.set_rule(db, caller, context, wanted, number=number, now=now)
    return _shown(made, False, caller)


@router.post("/watch-rules/{number:int}/rotate-secret", summary="Make a fresh signing secret")
async def rotate_watch_rule_secret(
    db: Db, now: Now, context: Context, caller: Writer, number: Number
) -> RuleSecretModel:
    """What the rule's program is sent is signed with it, for a day with the one before it too."""
    _, secret = await rule_doors.rotate_secret(db, caller, context, number, now=now)
    return RuleSecretModel(secret=secret)


@router.delete("/watch-rules/{number:int}", status_code=204, summary="Remove an if/then rule")
async def remove_watch_rule(db: Db, now: Now, caller: Writer, number: Number) -> None:
    """What it found is over."""
    await rule_doors.remove_rule(db, caller, number, now=now)


@router.get("/watch-rules/{number}/firings", summary="List when an if/then rule fired")
async def list_firings(
    db: Db,
    caller: Reader,
    number: Number,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Page[FiringModel]:
    """The newest first, with what was tried."""
    found = await ruling.rule(db, caller.scope, number)
    behind = paging.decoded(cursor, int)
    rows = await ruling.firings(
        db, caller.scope, found, before=None if behind is None else behind[0], limit=limit + 1
    )
    deeds = await rule_deeds.deeds_of(db, [each.id for each in rows])

    def shown(each: Firing) -> FiringModel:
        return FiringModel(
            id=each.id,
            station=each.station,
            evse_id=each.evse_id,
            fired_at=each.fired_at,
            ended_at=each.ended_at,
            measured=each.measured,
            alert=each.alert,
            deeds=[
                DeedModel(
                    step=deed.step,
                    done_at=deed.done_at,
                    command_id=deed.command_id,
                    refused=deed.refused,
                )
                for deed in deeds
                if deed.fault == each.id
            ],
        )

    return paging.page(rows, limit, shown=shown, key=lambda each: (each.id,))


def _wanted(body: RuleBody, caller: Caller) -> WantedRule:
    return WantedRule(
        organisation=body.organisation or caller.principal.organisation,
        name=body.name,
        conditions=[
            Condition(each.metric, each.comparison, each.limit) for each in body.conditions
        ],
        needs_all=body.needs_all,
        consecutive=body.consecutive,
        grid=body.grid,
        location=body.location,
        group=body.group,
        severity=body.severity,
        mails=body.mails,
        webhook=body.webhook,
        opens_ticket=body.opens_ticket,
        step=body.step,
        step_hours=body.step_hours,
        steps_per_day=body.steps_per_day,
        active=body.active,
    )


def _shown(rule: Rule, suspended: bool, caller: Caller) -> RuleModel:
    return RuleModel(
        id=rule.id,
        organisation=rule.organisation,
        name=rule.name,
        conditions=[
            ConditionModel(metric=each.metric, comparison=each.comparison, limit=each.limit)
            for each in rule.conditions
        ],
        needs_all=rule.needs_all,
        consecutive=rule.consecutive,
        grid=rule.grid,
        location=rule.location,
        group=rule.group,
        severity=rule.severity,
        mails=[caller.personal(each) or "" for each in rule.mails],
        webhook=rule.webhook or "",
        opens_ticket=rule.opens_ticket,
        step=rule.step,
        step_hours=rule.step_hours,
        steps_per_day=rule.steps_per_day,
        active=rule.is_active,
        suspended=suspended,
    )
