"""First aid: the playbooks of what is tried by itself."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Form, Query
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from accounts.permissions import Permission
from alerts.detections import Detection
from alerts.steps import USUALLY_OUT
from foundation.database import savepoint
from foundation.errors import Conflict, ExpectedError, InvalidInput, NotFound
from foundation.identifiers import OrganisationKey, StationId
from portal import first_aid_deeds as deeds
from portal.guard import Caller, require
from portal.pages.refusals import form_errors
from portal.pages.support_parts import number_of_path, support_tabs
from portal.pages.surroundings import frame_of, page, went
from portal.rendering import FormErrors
from portal.routes import Db, Now, PageRoute
from portal.vocabulary import (
    DETECTIONS,
    FIRST_AID_HINDRANCES,
    FIRST_AID_OUTCOMES,
    FIRST_AID_STEPS,
    FIRST_AID_WAITS,
)
from portal.words import Words, marked
from support import first_aid_store
from support.first_aid import SETTLES_MIN, Playbook, Step, TakesTurns, Try, Wait
from support.first_aid_rehearsal import FirstAidRehearsal

router = APIRouter(route_class=PageRoute, prefix="/support/first-aid")

Reader = Annotated[Caller, Depends(require(Permission.TICKETS_READ))]
Writer = Annotated[Caller, Depends(require(Permission.ALERTS_WRITE))]
Text = Annotated[str, Form(max_length=200)]
Long = Annotated[str, Form(max_length=6000)]
Many = Annotated[list[str], Form()]

_CURABLE: Final = ("fault", "warning", "failing", "session", "security", "clock", "offline")
_SENTENCES: Final = (
    marked("Give it a name of 1 to 100 characters."),
    marked("Name the vendor of the model."),
    marked("At most 50 causes."),
    marked("Say what is tried."),
    marked("A station gets 1 to 20 steps a day."),
    marked("No step at a station cures what this watch finds."),
    marked("It would loop: each step is tried once, and the next one is stronger."),
    marked("It would loop: a restart brings about what it is to cure."),
    marked("It would loop: a station that restarts is silent."),
    marked("It would loop: one step takes back another."),
    marked("It would loop: where it is out of service, nobody charges."),
    marked("It waits 1 to 60 minutes for the effect."),
    marked("Out of service is 1 to 168 hours."),
)
"""What the rules of playbooks refuse, translated where it is shown."""


@dataclass(frozen=True, slots=True)
class Given:
    """What stands in the form, as it was written."""

    name: str = ""
    detection: str = "fault"
    causes: str = ""
    vendor: str = ""
    model: str = ""
    steps: Sequence[str] = ()
    per_day: str = "3"
    settles_min: str = str(SETTLES_MIN)
    out_hours: str = str(USUALLY_OUT)


def _form(
    name: Text = "",
    detection: Text = "",
    causes: Long = "",
    vendor: Text = "",
    model: Text = "",
    step: Many = [],  # noqa: B006 - FastAPI copies it
    per_day: Text = "",
    settles_min: Text = str(SETTLES_MIN),
    out_hours: Text = str(USUALLY_OUT),
) -> Given:
    return Given(
        name=name,
        detection=detection,
        causes=causes,
        vendor=vendor,
        model=model,
        steps=tuple(filter(None, step)),
        per_day=per_day,
        settles_min=settles_min,
        out_hours=out_hours,
    )


Sent = Annotated[Given, Depends(_form)]


@router.get("")
async def playbooks(request: Request, db: Db, caller: Reader) -> Response:
    """Show the playbooks, and the form for another one."""
    return await _page(request, db, caller)


async def _page(
    request: Request,
    db: AsyncSession,
    caller: Caller,
    errors: FormErrors | None = None,
    given: Given | None = None,
) -> Response:
    frame = await frame_of(request, db, caller)
    said = frame.words
    values = {
        "tabs": support_tabs(caller, said),
        "tab": "first-aid",
        "playbooks": await first_aid_store.playbooks(db, caller.scope),
        **_choices(caller, given or Given(), said, errors),
    }
    return page(frame, "first_aid.html", values, status=422 if errors else 200)


def _choices(
    caller: Caller, given: Given, said: Words, errors: FormErrors | None
) -> dict[str, Any]:
    """Return what the form of a playbook needs."""
    return {
        "rows": [*given.steps, *[""] * (len(Step) - len(given.steps))],
        "steps": [
            ("", said.gettext("– nothing more –")),
            *((each.value, said.gettext(FIRST_AID_STEPS[each])) for each in Step),
        ],
        "detections": [(key, said.gettext(DETECTIONS[key])) for key in _CURABLE],
        "may_write": caller.may(Permission.ALERTS_WRITE) and caller.may(Permission.COMMANDS_SEND),
        "given": given,
        "errors": errors or FormErrors(),
    }


@router.post("")
async def add(request: Request, db: Db, now: Now, caller: Writer, given: Sent) -> Response:
    """Write a playbook of the asker's organisation; it is off."""
    try:
        async with await savepoint(db):
            await deeds.put(db, caller, _wanted(given, caller.principal.organisation), now=now)
    except (InvalidInput, Conflict) as error:
        return await _page(request, db, caller, await _errors(request, db, caller, error), given)
    return went("/support/first-aid", done="saved")


def _wanted(given: Given, organisation: OrganisationKey) -> Playbook:
    return Playbook(
        organisation=organisation,
        name=given.name,
        detection=_detection(given.detection),
        causes=tuple(given.causes.replace(",", " ").split()),
        vendor=given.vendor,
        model=given.model,
        steps=tuple(Step(each) for each in given.steps if each in set(Step)),
        per_day=_whole(given.per_day),
        settles_min=_whole(given.settles_min),
        out_hours=_whole(given.out_hours),
    )


def _whole(text: str) -> int:
    """Return a number; 0, which is refused by name, where it is none."""
    written = text.strip()
    is_number = written.isascii() and written.isdecimal() and len(written) < 4
    return int(written) if is_number else 0


# ---------------------------------------------------------------------------------------- one


@router.get("/{number:segment}")
async def one_playbook(
    request: Request,
    db: Db,
    now: Now,
    caller: Reader,
    number: str,
    station: Annotated[str, Query(max_length=48)] = "",
    evse: Annotated[str, Query(max_length=7)] = "1",
) -> Response:
    """Show a playbook, and what it would do at a station now if somebody asks."""
    found = await first_aid_store.playbook(db, caller.scope, number_of_path("playbook", number))
    return await _sheet(request, db, now, caller, found, station=station.strip(), evse=evse)


@router.post("/{number:segment}")
async def change(
    request: Request, db: Db, now: Now, caller: Writer, number: str, given: Sent
) -> Response:
    """Change a playbook; what is under way goes on with the steps that it began with."""
    before = await first_aid_store.playbook(db, caller.scope, number_of_path("playbook", number))
    try:
        async with await savepoint(db):
            wanted = replace(_wanted(given, before.organisation), id=before.id, is_on=before.is_on)
            await deeds.put(db, caller, wanted, now=now)
    except (InvalidInput, Conflict) as error:
        errors = await _errors(request, db, caller, error)
        return await _sheet(request, db, now, caller, before, given=given, errors=errors)
    return went(f"/support/first-aid/{before.id}", done="saved")


async def _sheet(
    request: Request,
    db: AsyncSession,
    now: datetime,
    caller: Caller,
    found: Playbook,
    *,
    given: Given | None = None,
    errors: FormErrors | None = None,
    station: str = "",
    evse: str = "1",
) -> Response:
    frame = await frame_of(request, db, caller)
    said = frame.words
    rehearsal, unknown = None, ""
    choices = _choices(caller, given or _given(found), said, errors)
    if station and choices["may_write"]:
        try:
            rehearsal = await deeds.rehearse(
                db, caller, found, StationId(station), _whole(evse), now=now
            )
        except NotFound:
            unknown = said.gettext("There is no such station.")
    values = {
        "tabs": support_tabs(caller, said),
        "tab": "first-aid",
        "playbook": found,
        "station": station,
        "evse": evse,
        "rehearsal": rehearsal,
        "begins": None if rehearsal is None else _begins(rehearsal, said),
        "hindrances": []
        if rehearsal is None
        else [said.gettext(FIRST_AID_HINDRANCES[each]) for each in rehearsal.hindrances],
        "unknown": unknown,
        **choices,
    }
    return page(frame, "playbook.html", values, status=422 if errors else 200)


def _begins(rehearsal: FirstAidRehearsal, said: Words) -> str:
    """Return how it would begin, were there nothing that hinders it."""
    deed = rehearsal.deed
    if isinstance(deed, Try):
        step = said.gettext(FIRST_AID_STEPS[deed.step])
        return said.gettext("It would begin at once: %(step)s.") % {"step": step}
    if isinstance(deed, Wait):
        return said.gettext(FIRST_AID_WAITS[deed.why])
    return said.gettext(FIRST_AID_OUTCOMES[deed.outcome].word)


def _given(found: Playbook) -> Given:
    return Given(
        name=found.name,
        detection=found.detection,
        causes=" ".join(found.causes),
        vendor=found.vendor,
        model=found.model,
        steps=[each.value for each in found.steps],
        per_day=str(found.per_day),
        settles_min=str(found.settles_min),
        out_hours=str(found.out_hours),
    )


@router.post("/{number:segment}/switch")
async def switch(
    request: Request, db: Db, now: Now, caller: Writer, number: str, to: Text = ""
) -> Response:
    """Switch a playbook on or off."""
    before = await first_aid_store.playbook(db, caller.scope, number_of_path("playbook", number))
    try:
        async with await savepoint(db):
            await deeds.put(db, caller, replace(before, is_on=to == "on"), now=now)
    except (InvalidInput, Conflict) as error:
        return await _page(request, db, caller, await _errors(request, db, caller, error))
    return went("/support/first-aid", done="saved")


@router.post("/{number:segment}/remove")
async def remove(request: Request, db: Db, now: Now, caller: Writer, number: str) -> Response:
    """Take a playbook away; what was done by it stays on file."""
    await deeds.retire(db, caller, number_of_path("playbook", number), now=now)
    return went("/support/first-aid", done="removed")


def _detection(text: str) -> Detection:
    if text not in _CURABLE:
        raise InvalidInput("No step at a station cures what this watch finds.", field="detection")
    return Detection(text)


async def _errors(
    request: Request, db: AsyncSession, caller: Caller, error: ExpectedError
) -> FormErrors:
    said: Words = (await frame_of(request, db, caller)).words
    if isinstance(error, TakesTurns):
        text = said.gettext("Another playbook that is on is about the same thing.")
        return FormErrors({"name": text})
    return form_errors(error, said, otherwise="name")
