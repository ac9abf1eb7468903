"""If/then rules: what is looked at, when they fired, and what they would have done."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Form, Query
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from accounts import directory
from accounts.permissions import Permission
from alerts import detecting, ruling
from alerts.detections import Severity
from alerts.rule_rehearsal import OVER
from alerts.ruling import Rehearsal
from alerts.steps import USUALLY_OUT, Step
from alerts.watch_rules import (
    ALWAYS,
    CONDITIONS_MAX,
    HOURS_OF_A_WEEK,
    STEPS_PER_DAY,
    Comparison,
    Condition,
    Metric,
    Rule,
)
from csms import registry
from foundation.database import savepoint
from foundation.errors import Conflict, InvalidInput, NotPermitted
from portal import alert_words, rule_doors, vocabulary
from portal.context import context_of
from portal.guard import Caller, require
from portal.pages.account_refusals import form_errors, in_words
from portal.pages.support_parts import number_of_path
from portal.pages.surroundings import frame_of, page, went
from portal.rendering import FormErrors, link
from portal.routes import Db, Now, PageRoute
from portal.rule_doors import WantedRule
from portal.words import Words, marked
from support import rule_deeds

router = APIRouter(prefix="/rules", route_class=PageRoute)

Reader = Annotated[Caller, Depends(require(Permission.STATIONS_READ))]
Writer = Annotated[Caller, Depends(require(Permission.ALERTS_WRITE))]
Text = Annotated[str, Form(max_length=200)]
Long = Annotated[str, Form(max_length=3000)]
Rows = Annotated[list[str], Form(max_length=CONDITIONS_MAX)]
Hours = Annotated[list[str], Form(max_length=HOURS_OF_A_WEEK)]

PER_PAGE: Final = 50
_CHOICES: Final = 500
_BLANKS: Final = 3
"""How many conditions may be added at once."""
_SHOWN: Final = 50
_SENTENCES: Final = (
    marked("A name is one line of text."),
    marked("A rule has 1 to 10 conditions."),
    marked("1 to 60 measurements in a row count."),
    marked("Choose at least one hour in which the rule applies."),
    marked("At most 10 mail addresses."),
    marked("Out of service is 1 to 168 hours."),
    marked("Say above or below which number, as in 70."),
)
"""What rules refuse, translated where it is shown."""


@dataclass(frozen=True, slots=True)
class Given:
    """What stands in the form, as it was written."""

    name: str = ""
    organisation: str = ""
    conditions: Sequence[tuple[str, str, str]] = ()
    match: str = "all"
    consecutive: str = "1"
    hours: frozenset[str] = frozenset(map(str, range(HOURS_OF_A_WEEK)))
    location: str = ""
    group: str = ""
    severity: str = Severity.WARNING.value
    mails: str = ""
    webhook: str = ""
    ticket: str = ""
    step: str = ""
    step_hours: str = str(USUALLY_OUT)
    steps_per_day: str = str(STEPS_PER_DAY)
    active: str = "yes"


def _form(
    name: Text = "",
    organisation: Text = "",
    metric: Rows = [],  # noqa: B006 - FastAPI copies it
    comparison: Rows = [],  # noqa: B006
    limit: Rows = [],  # noqa: B006
    match: Text = "all",
    consecutive: Text = "",
    hour: Hours = [],  # noqa: B006
    location: Text = "",
    group: Text = "",
    severity: Text = "",
    mails: Long = "",
    webhook: Annotated[str, Form(max_length=2000)] = "",
    ticket: Text = "",
    step: Text = "",
    step_hours: Text = str(USUALLY_OUT),
    steps_per_day: Text = str(STEPS_PER_DAY),
    active: Text = "",
) -> Given:
    return Given(
        name=name,
        organisation=organisation,
        conditions=tuple(zip(metric, comparison, limit, strict=False)),
        match=match,
        consecutive=consecutive,
        hours=frozenset(hour),
        location=location,
        group=group,
        severity=severity,
        mails=mails,
        webhook=webhook,
        ticket=ticket,
        step=step,
        step_hours=step_hours,
        steps_per_day=steps_per_day,
        active=active,
    )


Sent = Annotated[Given, Depends(_form)]


# --------------------------------------------------------------------------------------- list


@router.get("")
async def show_rules(request: Request, db: Db, now: Now, caller: Reader) -> Response:
    """List the rules with when they fired."""
    frame = await frame_of(request, db, caller)
    said = frame.words
    found = await ruling.rules(db, caller.scope)
    names = {each.key: each.name for each in await directory.organisations(db, caller.scope)}
    fired = await ruling.fired(db, found, since=now - OVER)
    rests = {
        key: await ruling.suspension(db, key, now=now)
        for key in sorted({each.organisation for each in found} | {caller.principal.organisation})
    }
    own = rests[caller.principal.organisation]
    values = {
        "rules": [
            {
                "id": each.id,
                "name": each.name,
                "owner": names.get(each.organisation, each.organisation),
                "state": _state(each, is_suspended=rests[each.organisation] is not None),
                "active": each.is_active,
                "conditions": _conditions(each, said),
                "needs_all": each.needs_all,
                "consecutive": each.consecutive,
                "hours": each.grid.count("1"),
                "deeds": _deeds(each, said),
                "fired": fired.get(each.id, (0, None)),
            }
            for each in found
        ],
        "suspended": None if own is None else in_words(own, said),
    }
    return page(frame, "rules.html", values)


def _state(rule: Rule, *, is_suspended: bool) -> str:
    if not rule.is_active:
        return "off"
    return "suspended" if is_suspended else "on"


def _conditions(rule: Rule, said: Words) -> list[str]:
    return [
        " ".join(
            (
                said.gettext(vocabulary.METRICS[each.metric]),
                said.gettext(vocabulary.COMPARISONS[each.comparison]),
                f"{each.limit.normalize():f}",
            )
        )
        for each in rule.conditions
    ]


def _deeds(rule: Rule, said: Words) -> list[str]:
    """Return what is done besides the alert."""
    found = []
    if rule.mails:
        found.append(said.gettext("mail"))
    if rule.webhook:
        found.append(said.gettext("a program"))
    if rule.opens_ticket:
        found.append(said.gettext("ticket"))
    if rule.step is not None:
        found.append(said.gettext(vocabulary.FIRST_AID_STEPS[rule.step]))
    return found


# ---------------------------------------------------------------------------------------- one


@router.get("/new")
async def new_rule(request: Request, db: Db, now: Now, caller: Writer) -> Response:
    """Ask for a new rule's facts."""
    given = Given(organisation=caller.principal.organisation)
    return await _show(request, db, now, caller, given)


@router.post("/new")
async def create_rule(
    request: Request, db: Db, now: Now, caller: Writer, given: Sent, do: Text = ""
) -> Response:
    """Make a rule, or try it out."""
    return await _taken(request, db, now, caller, given, do)


@router.get("/{number:segment}")
async def show_rule(
    request: Request,
    db: Db,
    now: Now,
    caller: Reader,
    number: str,
    before: Annotated[int | None, Query(ge=1, lt=2**62)] = None,
) -> Response:
    """Show a rule with when it fired, the newest first."""
    rule = await ruling.rule(db, caller.scope, number_of_path("rule", number))
    return await _show(request, db, now, caller, _given(rule, caller), rule=rule, before=before)


@router.post("/{number:segment}")
async def change_rule(
    request: Request, db: Db, now: Now, caller: Writer, number: str, given: Sent, do: Text = ""
) -> Response:
    """Change a rule, or try out what it would be."""
    rule = await ruling.rule(db, caller.scope, number_of_path("rule", number))
    return await _taken(request, db, now, caller, given, do, rule=rule)


@router.post("/{number:segment}/switch")
async def switch_rule(
    request: Request, db: Db, now: Now, caller: Writer, number: str, to: Text = ""
) -> Response:
    """Switch a rule on or off."""
    wanted = number_of_path("rule", number)
    try:
        async with await savepoint(db):
            await rule_doors.switch(db, caller, wanted, is_on=to == "on", now=now)
    except NotPermitted as error:
        rule = await ruling.rule(db, caller.scope, wanted)
        errors = form_errors(error, (await frame_of(request, db, caller)).words, otherwise="name")
        return await _show(request, db, now, caller, _given(rule, caller), rule=rule, errors=errors)
    return went("/rules", done="saved")


@router.post("/{number:segment}/secret")
async def rotate_secret(
    request: Request, db: Db, now: Now, caller: Writer, number: str
) -> Response:
    """Make a fresh secret for the rule's calls, and show it once."""
    wanted, context = number_of_path("rule", number), context_of(request)
    rule, secret = await rule_doors.rotate_secret(db, caller, context, wanted, now=now)
    frame = await frame_of(request, db, caller)
    response = page(frame, "rule_secret.html", {"rule": rule, "secret": secret})
    response.headers["cache-control"] = "no-store"
    return response


@router.post("/{number:segment}/remove")
async def remove_rule(db: Db, now: Now, caller: Writer, number: str) -> Response:
    """Take a rule away."""
    await rule_doors.remove_rule(db, caller, number_of_path("rule", number), now=now)
    return went("/rules", done="removed")


async def _taken(
    request: Request,
    db: AsyncSession,
    now: datetime,
    caller: Caller,
    given: Given,
    do: str,
    *,
    rule: Rule | None = None,
) -> Response:
    number = 0 if rule is None else rule.id
    try:
        async with await savepoint(db):
            wanted = _wanted(given, rule, caller)
            if do == "rehearse":
                found = await rule_doors.rehearse(db, caller, wanted, number=number, now=now)
                return await _show(request, db, now, caller, given, rule=rule, rehearsal=found)
            context = context_of(request)
            made = await rule_doors.set_rule(db, caller, context, wanted, number=number, now=now)
    except (InvalidInput, Conflict, NotPermitted) as error:
        errors = form_errors(error, (await frame_of(request, db, caller)).words, otherwise="name")
        return await _show(request, db, now, caller, given, rule=rule, errors=errors)
    return went(f"/rules/{made.id}", done="saved")


def _wanted(given: Given, rule: Rule | None, caller: Caller) -> WantedRule:
    conditions = []
    for metric, comparison, written in given.conditions:
        if metric not in set(Metric) or comparison not in set(Comparison):
            continue
        limit = rule_doors.limit_of(written)
        if limit is None:
            raise InvalidInput("Say above or below which number, as in 70.", field="conditions")
        conditions.append(Condition(Metric(metric), Comparison(comparison), limit))
    hours = range(HOURS_OF_A_WEEK)
    return WantedRule(
        organisation=given.organisation or caller.principal.organisation,
        name=given.name,
        conditions=conditions,
        needs_all=given.match != "any",
        consecutive=_whole(given.consecutive, "consecutive"),
        grid="".join("1" if str(each) in given.hours else "0" for each in hours),
        location=given.location or None,
        group=_whole(given.group, "group") if given.group else None,
        severity=Severity(given.severity) if given.severity in set(Severity) else Severity.WARNING,
        mails=given.mails.replace(",", "\n").split("\n"),
        webhook=given.webhook,
        opens_ticket=given.ticket == "yes",
        step=Step(given.step) if given.step in set(Step) else None,
        step_hours=_whole(given.step_hours, "step_hours"),
        steps_per_day=_whole(given.steps_per_day, "steps_per_day"),
        active=rule is None or given.active == "yes",
    )


def _whole(text: str, field: str) -> int:
    written = text.strip()
    if not written.isascii() or not written.isdecimal() or len(written) > 9:
        raise InvalidInput("Enter a whole number.", field=field)
    return int(written)


def _given(rule: Rule, caller: Caller) -> Given:
    return Given(
        name=rule.name,
        organisation=rule.organisation,
        conditions=[
            (each.metric.value, each.comparison.value, f"{each.limit.normalize():f}")
            for each in rule.conditions
        ],
        match="all" if rule.needs_all else "any",
        consecutive=str(rule.consecutive),
        hours=frozenset(str(hour) for hour, each in enumerate(rule.grid) if each == "1"),
        location=rule.location or "",
        group="" if rule.group is None else str(rule.group),
        severity=rule.severity.value,
        mails="\n".join(caller.personal(each) or "" for each in rule.mails),
        webhook=rule.webhook or "",
        ticket="yes" if rule.opens_ticket else "",
        step=rule.step or "",
        step_hours=str(rule.step_hours),
        steps_per_day=str(rule.steps_per_day),
        active="yes" if rule.is_active else "",
    )


async def _show(
    request: Request,
    db: AsyncSession,
    now: datetime,
    caller: Caller,
    given: Given,
    *,
    rule: Rule | None = None,
    before: int | None = None,
    errors: FormErrors | None = None,
    rehearsal: Rehearsal | None = None,
) -> Response:
    frame = await frame_of(request, db, caller)
    said = frame.words
    owner = caller.principal.organisation if rule is None else rule.organisation
    rests = await ruling.suspension(db, owner, now=now)
    groups = await detecting.groups(db, caller.scope)
    places = await registry.locations(db, caller.scope, limit=_CHOICES)
    filled = list(given.conditions) + [("", "above", "")] * _BLANKS
    path = "/rules/new" if rule is None else f"/rules/{rule.id}"
    hours = sum(each in given.hours for each in map(str, range(HOURS_OF_A_WEEK)))
    values: Mapping[str, Any] = {
        "path": path,
        "rule": rule,
        "state": None if rule is None else _state(rule, is_suspended=rests is not None),
        "suspended": None if rests is None else in_words(rests, said),
        "given": given,
        "errors": errors or FormErrors(),
        "rows": filled[:CONDITIONS_MAX],
        "metrics": [
            ("", said.gettext("– nothing –")),
            *((each.value, said.gettext(vocabulary.METRICS[each])) for each in Metric),
        ],
        "comparisons": [
            (each.value, said.gettext(vocabulary.COMPARISONS[each])) for each in Comparison
        ],
        "matches": [
            ("all", said.gettext("All of them")),
            ("any", said.gettext("Any of them")),
        ],
        "days": [_MONDAY + timedelta(days=number) for number in range(7)],
        "hours": hours,
        "is_always": hours == len(ALWAYS),
        "places": [("", said.gettext("Everywhere")), *((each.key, each.name) for each in places)],
        "groups": [
            ("", said.gettext("At all charge points")),
            *(
                (str(each.id), each.name)
                for each in groups
                if rule is None or each.organisation == rule.organisation
            ),
        ],
        "severities": [
            (each.value, said.gettext(vocabulary.SEVERITIES[each].word)) for each in Severity
        ],
        "steps": [
            ("", said.gettext("– nothing –")),
            *((each.value, said.gettext(vocabulary.FIRST_AID_STEPS[each])) for each in Step),
        ],
        "organisations": [
            (each.key, each.name) for each in await directory.organisations(db, caller.scope)
        ],
        "may_step": caller.may(Permission.COMMANDS_SEND),
        "may_ticket": caller.may(Permission.TICKETS_WRITE),
        "rehearsal": rehearsal,
        "would": [] if rehearsal is None else rehearsal.fired[:_SHOWN],
        **await _firings(db, caller, rule, path, before, said),
    }
    return page(frame, "rule.html", values, status=422 if errors else 200)


_MONDAY: Final = date(2024, 1, 1)
"""Any Monday, for the names of weekdays."""


async def _firings(
    db: AsyncSession,
    caller: Caller,
    rule: Rule | None,
    path: str,
    before: int | None,
    said: Words,
) -> Mapping[str, Any]:
    if rule is None:
        return {"firings": [], "back": None, "on": None}
    found = await ruling.firings(db, caller.scope, rule, before=before, limit=PER_PAGE + 1)
    kept = found[:PER_PAGE]
    deeds = await rule_deeds.deeds_of(db, [each.id for each in kept])
    present = "warning" if rule.severity in (Severity.INFO, Severity.WARNING) else "fault"
    return {
        "firings": [
            {
                "fired": each,
                "state": "over" if each.ended_at is not None else present,
                "measured": alert_words.measured(each.measured, said),
                "deeds": [deed for deed in deeds if deed.fault == each.id],
            }
            for each in kept
        ],
        "back": path if before else None,
        "on": link(path, {"before": kept[-1].id}) if len(found) > PER_PAGE else None,
    }
