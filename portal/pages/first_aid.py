"""First aid: the playbooks of what is tried by itself."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Form
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from accounts.permissions import Permission
from alerts.detections import Detection
from foundation.database import savepoint
from foundation.errors import Conflict, ExpectedError, InvalidInput
from portal import first_aid_deeds as deeds
from portal.guard import Caller, require
from portal.pages.refusals import form_errors
from portal.pages.support_parts import number_of_path, support_tabs
from portal.pages.surroundings import frame_of, page, went
from portal.rendering import FormErrors
from portal.routes import Db, Now, PageRoute
from portal.vocabulary import DETECTIONS, FIRST_AID_STEPS
from portal.words import Words, marked
from support import first_aid_store
from support.first_aid import Playbook, Step, TakesTurns

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
)
"""What the rules of playbooks refuse, translated where it is shown."""


@router.get("")
async def playbooks(request: Request, db: Db, caller: Reader) -> Response:
    """Show the playbooks, and the form for another one."""
    return await _page(request, db, caller)


async def _page(
    request: Request,
    db: AsyncSession,
    caller: Caller,
    errors: FormErrors | None = None,
    given: Mapping[str, Any] | None = None,
) -> Response:
    frame = await frame_of(request, db, caller)
    said = frame.words
    blank = {
        "name": "",
        "detection": "fault",
        "causes": "",
        "vendor": "",
        "model": "",
        "steps": [],
        "per_day": "3",
    }
    values = {
        "tabs": support_tabs(caller, said),
        "tab": "first-aid",
        "playbooks": await first_aid_store.playbooks(db, caller.scope),
        "steps": [(each.value, said.gettext(FIRST_AID_STEPS[each])) for each in Step],
        "detections": [(key, said.gettext(DETECTIONS[key])) for key in _CURABLE],
        "may_write": caller.may(Permission.ALERTS_WRITE) and caller.may(Permission.COMMANDS_SEND),
        "given": given or blank,
        "errors": errors or FormErrors(),
    }
    return page(frame, "first_aid.html", values, status=422 if errors else 200)


@router.post("")
async def add(
    request: Request,
    db: Db,
    now: Now,
    caller: Writer,
    name: Text = "",
    detection: Text = "",
    causes: Long = "",
    vendor: Text = "",
    model: Text = "",
    step: Many = [],  # noqa: B006 - never changed
    per_day: Text = "",
) -> Response:
    """Write a playbook of the asker's organisation; it is off."""
    given = {
        "name": name,
        "detection": detection,
        "causes": causes,
        "vendor": vendor,
        "model": model,
        "steps": step,
        "per_day": per_day,
    }
    try:
        wanted = Playbook(
            organisation=caller.principal.organisation,
            name=name,
            detection=_detection(detection),
            causes=tuple(causes.replace(",", " ").split()),
            vendor=vendor,
            model=model,
            steps=tuple(each for each in Step if each in step),
            per_day=int(per_day) if per_day.isdecimal() and len(per_day) < 4 else 0,
        )
        async with await savepoint(db):
            await deeds.put(db, caller, wanted, now=now)
    except (InvalidInput, Conflict) as error:
        return await _page(request, db, caller, await _errors(request, db, caller, error), given)
    return went("/support/first-aid", done="saved")


@router.post("/{number}/switch")
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


@router.post("/{number}/remove")
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
