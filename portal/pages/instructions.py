"""Instructions by model: what agents tell callers, and where administrators write it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from accounts import audit
from accounts.permissions import Permission
from foundation.errors import InvalidInput
from portal.guard import Caller, require
from portal.pages.support_parts import support_tabs
from portal.pages.surroundings import frame_of, page, went
from portal.rendering import FormErrors
from portal.routes import Db, Now, PageRoute
from portal.support_words import TOPICS
from support import instructions
from support.topics import SHIPPED, Instruction, Topic

router = APIRouter(route_class=PageRoute)

Reader = Annotated[Caller, Depends(require(Permission.CALLS_READ))]
Writer = Annotated[Caller, Depends(require(Permission.ORGANISATIONS_WRITE))]
"""Administrators: what everybody reads out is set up like the installation itself."""


@router.get("/support/instructions")
async def instruction_list(
    request: Request,
    db: Db,
    caller: Reader,
    vendor: Annotated[str, Query(max_length=100)] = "",
    model: Annotated[str, Query(max_length=100)] = "",
    topic: Annotated[str, Query(max_length=40)] = "",
) -> Response:
    """Show what is told, for a model or for all; a topic opens its form."""
    return await _show(request, db, caller, {"vendor": vendor, "model": model, "topic": topic})


async def _show(
    request: Request,
    db: AsyncSession,
    caller: Caller,
    sent: Mapping[str, str],
    errors: FormErrors | None = None,
) -> Response:
    frame = await frame_of(request, db, caller)
    vendor, model = sent.get("vendor", "").strip(), sent.get("model", "").strip()
    told = await instructions.instructions_for(db, vendor, model)
    own = {
        each.instruction.topic
        for each in await instructions.written(db)
        if (each.vendor.lower(), each.model.lower()) == (vendor.lower(), model.lower())
    }
    chosen = next((each for each in told if each.topic == sent.get("topic")), None)
    values = {
        "tabs": support_tabs(caller, frame.words),
        "tab": "instructions",
        "told": told,
        "own": own,
        "written": await instructions.written(db),
        "vendor": vendor,
        "model": model,
        "chosen": chosen,
        "text_en": sent.get("text_en", chosen.text_en if chosen else ""),
        "text_de": sent.get("text_de", chosen.text_de if chosen else ""),
        "may_write": caller.may(Permission.ORGANISATIONS_WRITE),
        "topics": TOPICS,
        "errors": errors or FormErrors(),
    }
    return page(frame, "instructions.html", values, status=422 if errors else 200)


@router.post("/support/instructions")
async def write_instruction(
    request: Request,
    db: Db,
    now: Now,
    caller: Writer,
    topic: Annotated[str, Form(max_length=40)] = "",
    vendor: Annotated[str, Form(max_length=200)] = "",
    model: Annotated[str, Form(max_length=200)] = "",
    text_en: Annotated[str, Form(max_length=9000)] = "",
    text_de: Annotated[str, Form(max_length=9000)] = "",
) -> Response:
    """Write what is told about a model; emptied, the general instruction holds again."""
    caller.must_have(Permission.CALLS_READ)
    sent = {
        "vendor": vendor,
        "model": model,
        "topic": topic,
        "text_en": text_en,
        "text_de": text_de,
    }
    if topic not in set(Topic):
        raise InvalidInput("There is no such topic.", field="topic")
    wanted = Instruction(Topic(topic), _lines(text_en), _lines(text_de))
    if not vendor.strip() and not model.strip() and _is_shipped(wanted):
        wanted = Instruction(wanted.topic, "", "")  # nothing of our own: the shipped one
    try:
        await instructions.write(db, vendor, model, wanted, by=caller.actor, now=now)
    except InvalidInput as error:
        said = (await frame_of(request, db, caller)).words
        text = {
            "vendor": said.gettext("A model needs its vendor."),
            "model": said.gettext("This name is too long."),
        }.get(error.field or "", said.gettext("Write it in both languages, not too long."))
        return await _show(request, db, caller, sent, FormErrors({error.field or "vendor": text}))
    await _record(db, caller, wanted, f"{vendor.strip()}/{model.strip()}", now)
    return went("/support/instructions", vendor=vendor.strip(), model=model.strip())


def _lines(text: str) -> str:
    return "\n".join(each.strip() for each in text.splitlines() if each.strip())


def _is_shipped(wanted: Instruction) -> bool:
    return wanted in SHIPPED


async def _record(
    db: AsyncSession, caller: Caller, wanted: Instruction, about: str, now: datetime
) -> None:
    await audit.record(
        db,
        caller.actor,
        "instruction.write",
        f"instruction/{about}/{wanted.topic}",
        organisation=None,
        after={"text_en": wanted.text_en, "text_de": wanted.text_de},
        now=now,
    )
