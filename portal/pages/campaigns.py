"""The same command to many stations: chosen by a filter, previewed, started at a rate, followed.

The choice lives in the address, so that a preview can be sent to a colleague; only starting and
stopping change anything.
"""

import contextlib
import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from accounts import directory
from accounts.permissions import Permission
from csms import campaigns, file_places, files, registry
from csms.campaigns import Campaign, NewCampaign, Wish
from csms.connectivity import StationState
from csms.registry import Station
from foundation.errors import InvalidInput
from portal import asking, buttons, campaign_doors, command_words
from portal.buttons import BUTTONS, Button
from portal.context import context_of
from portal.guard import Caller, require
from portal.pages.commands import number_of, sent_fields
from portal.pages.counts import silence_limits
from portal.pages.station_sheets import places_of
from portal.pages.surroundings import frame_of, page, went
from portal.rendering import FormErrors, Turn, link
from portal.routes import Db, Now, PageRoute
from portal.words import Words

router = APIRouter(route_class=PageRoute)

Expert = Annotated[Caller, Depends(require(Permission.COMMANDS_EXPERT))]

CHOICES = (
    "restart_soft",
    "restart_hard",
    "read_configuration",
    "change_configuration",
    "update_firmware",
    "fetch_diagnostics",
    "trigger",
    "clear_cache",
    "station_out_of_service",
    "station_in_service",
)
"""The buttons that make sense for a station as a whole."""

PER_PAGE = 50
_READ_AT_ONCE = 500
_SHOWN_IN_PREVIEW = 50
_FIELDS = {"location": "fetch_from"}
"""What a field of a button is called here."""
_STATES = ("online", "pending", "offline")
_LARGEST_ID = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Chosen:
    """A station of the preview; `why_not` is empty if it will be asked."""

    identity: str
    name: str
    state: str
    model: str
    firmware: str
    version: str
    why_not: str


@dataclass(frozen=True, slots=True)
class Preview:
    """Which stations the choice means, how many are not connected, and who would be refused."""

    stations: tuple[Chosen, ...]
    count: int
    offline: int
    refused: tuple[tuple[str, int], ...]
    asked: int
    lasts: timedelta


@dataclass(frozen=True, slots=True)
class CampaignLine:
    """A campaign in words; `by_state` has the states that occur, the good ones first."""

    id: int
    title: str
    asked_by: str
    asked_at: datetime
    per_minute: int
    stations: int
    asked: int
    by_state: tuple[tuple[str, int], ...]
    refused: tuple[tuple[str, str, int], ...]
    is_asking: bool
    stopped_at: datetime | None
    stopped_by: str
    change_order: str
    left: timedelta


# --------------------------------------------------------------------------------- choosing


def _field_of(error: InvalidInput) -> str:
    """Return the field of the form that an error is about."""
    named = error.field or "do"
    return _FIELDS.get(named, named)


async def _matching(
    request: Request, db: AsyncSession, caller: Caller, now: datetime, sent: Mapping[str, str]
) -> list[Station]:
    """Return the stations that the filters mean, of those that the asker may see."""
    limits = silence_limits(context_of(request).settings)
    state = sent.get("state", "")
    found: list[Station] = []
    after: str | None = None
    while len(found) <= campaigns.STATIONS_MOST:
        batch = await registry.stations(
            db,
            caller.scope,
            now,
            limits=limits,
            state=StationState(state) if state in _STATES else None,
            admission="accepted",
            q=sent.get("q", "").strip() or None,
            after=after,
            limit=_READ_AT_ONCE,
        )
        found += [each for each in batch if _fits(each, sent)]
        if len(batch) < _READ_AT_ONCE:
            break
        after = batch[-1].identity
    return found[: campaigns.STATIONS_MOST]


def _fits(station: Station, sent: Mapping[str, str]) -> bool:
    return all(
        not sent.get(name) or sent[name] == (value or "")
        for name, value in (
            ("vendor", station.vendor),
            ("model", station.model),
            ("firmware", station.firmware),
            ("location", station.location),
            ("organisation", station.organisation),
            ("version", station.ocpp_version),
        )
    )


def _wishes(
    caller: Caller,
    found: Sequence[Station],
    button: Button,
    sent: Mapping[str, str],
    now: datetime,
) -> tuple[list[Wish], dict[str, str]]:
    """Return what each station is asked for, and why some are not.

    Raises:
        InvalidInput: A field of the command is wrong; it names it.
    """
    wishes: list[Wish] = []
    why_not: dict[str, str] = {}
    waits = sent.get("when_offline") == "queue" and button.waits_offline
    for station in found:
        reason = _why_not(caller, station, button, sent, waits=waits)
        if reason:
            why_not[station.identity] = reason
        if station.ocpp_version is None or reason in ("shared_for_reading", "never_connected"):
            continue
        action, payload = buttons.ask(
            button.key, station.ocpp_version, _wish(sent, now, station.ocpp_version)
        )
        if not reason:
            wishes.append(Wish(station.identity, action, payload))
    return wishes, why_not


def _wish(sent: Mapping[str, str], now: datetime, version: str) -> buttons.Wish:
    message = sent.get("message", "")
    known = buttons.messages(version)
    return buttons.Wish(
        now=now,
        new_id=1 + secrets.randbelow(_LARGEST_ID),
        component=sent.get("component", ""),
        variable=sent.get("variable", ""),
        value=sent.get("value", ""),
        message=message or next(iter(known)),
        # The place and the version of stations are chosen under the usual names of these fields.
        fetch_from=sent.get("file") or sent.get("fetch_from", ""),
    )


def _why_not(
    caller: Caller, station: Station, button: Button, sent: Mapping[str, str], *, waits: bool
) -> str:
    if station.ocpp_version is None:
        return "never_connected"
    if not caller.scope.may_command(station.organisation, station.identity):
        return "shared_for_reading"
    if not station.connected and not waits:
        return "station_unreachable"
    is_ordered = bool(sent.get("change_order", "").strip())
    if button.configures and not is_ordered and not asking.acts_for_own(caller, station):
        return "change_order_needed"
    return ""


# ------------------------------------------------------------------------------------- pages


@router.get("/campaigns")
async def all_campaigns(
    request: Request,
    db: Db,
    now: Now,
    caller: Expert,
    after: Annotated[int | None, Query(ge=1, le=2**62)] = None,
    n: Annotated[int, Query(ge=1, le=10**9)] = 1,
) -> Response:
    """List what was asked of many stations."""
    frame = await frame_of(request, db, caller, live="commands")
    found = await campaigns.campaigns(db, caller.scope, after=after, limit=PER_PAGE + 1)
    kept = found[:PER_PAGE]
    on = None
    if len(found) > PER_PAGE:
        on = link("/campaigns", {"after": kept[-1].id, "n": n + PER_PAGE})
    values = {
        "lines": tuple(_line(each, caller, frame.words) for each in kept),
        "turn": Turn(n, n + len(kept) - 1, None, "/campaigns" if after else None, on),
    }
    return page(frame, "campaigns.html", values)


@router.get("/campaigns/new")
async def new(request: Request, db: Db, now: Now, caller: Expert) -> Response:
    """Choose stations and a command, and see what it would mean."""
    return await _new(request, db, now, caller, dict(request.query_params))


async def _new(
    request: Request,
    db: AsyncSession,
    now: datetime,
    caller: Caller,
    sent: Mapping[str, str],
    errors: Mapping[str, str] | None = None,
) -> Response:
    frame = await frame_of(request, db, caller)
    said = frame.words
    everything = await _matching(request, db, caller, now, {})
    found = [each for each in everything if _fits(each, sent)]
    if sent.get("state") or sent.get("q"):
        found = await _matching(request, db, caller, now, sent)
    button = BUTTONS.get(sent.get("do", "")) if sent.get("do") in CHOICES else None
    preview = None
    errors = dict(errors or {})
    if button is not None and not errors:
        try:
            wishes, why_not = _wishes(caller, found, button, sent, now)
        except InvalidInput as error:
            errors = {_field_of(error): str(error)}
        else:
            preview = _preview(found, wishes, why_not, _rate(sent), said)
    owners = await directory.organisations(db, caller.scope)
    names = sorted((await places_of(db, caller.scope)).items(), key=lambda each: each[1])
    values = {
        "sent": dict(sent),
        "choices": [BUTTONS[key] for key in CHOICES if _may(caller, BUTTONS[key])],
        "button": button,
        "filters": {
            "vendor": _values(each.vendor for each in everything),
            "model": _values(each.model for each in everything),
            "firmware": _values(each.firmware for each in everything),
            "version": _values(each.ocpp_version for each in everything),
        },
        "locations": names,
        "owners": [(each.key, each.name) for each in owners],
        "firmware_files": await _files(db, caller),
        "messages": buttons.MESSAGES_16,
        "rate": _rate(sent),
        "preview": preview,
        "errors": FormErrors({name: said.gettext(each) for name, each in errors.items()}),
        "states": _STATES,
    }
    return page(frame, "campaign_new.html", values, status=422 if errors else 200)


def _values(found: Any) -> list[str]:
    return sorted({each for each in found if each})


def _may(caller: Caller, button: Button) -> bool:
    right = Permission.COMMANDS_CONFIGURE if button.configures else Permission.COMMANDS_SEND
    return caller.may(right)


async def _files(db: AsyncSession, caller: Caller) -> list[tuple[str, str]]:
    found = await files.firmware_files(db, caller.scope, limit=30)
    return [(file_places.reference(each.id), each.file_name) for each in found]


def _rate(sent: Mapping[str, str]) -> int:
    wanted = number_of(sent.get("per_minute", ""), 60)
    return min(max(1, wanted), campaigns.PER_MINUTE_MOST)


def _preview(
    found: Sequence[Station],
    wishes: Sequence[Wish],
    why_not: Mapping[str, str],
    per_minute: int,
    said: Words,
) -> Preview:
    reasons = Counter(why_not.values())
    return Preview(
        stations=tuple(
            Chosen(
                identity=each.identity,
                name=each.name or "",
                state=each.state.value,
                model=" ".join(part for part in (each.vendor, each.model) if part),
                firmware=each.firmware or "",
                version=each.ocpp_version or "",
                why_not=_reason(why_not.get(each.identity, ""), said),
            )
            for each in found[:_SHOWN_IN_PREVIEW]
        ),
        count=len(found),
        offline=sum(not each.connected for each in found),
        refused=tuple((_reason(code, said), count) for code, count in reasons.most_common()),
        asked=len(wishes),
        lasts=timedelta(minutes=len(wishes) / per_minute),
    )


def _reason(code: str, said: Words) -> str:
    known = command_words.REFUSALS.get(code)
    return "" if not code else said.gettext(known.name) if known else code


@router.post("/campaigns")
async def start(request: Request, db: Db, now: Now, caller: Expert) -> Response:
    """Start what was previewed: the stations are chosen anew, by the same filters."""
    sent = await sent_fields(request)
    button = BUTTONS.get(sent.get("do", "")) if sent.get("do") in CHOICES else None
    if button is None:
        return await _new(
            request, db, now, caller, sent, {"do": buttons.marked("Choose a command.")}
        )
    caller.must_have(
        Permission.COMMANDS_CONFIGURE if button.configures else Permission.COMMANDS_SEND
    )
    found = await _matching(request, db, caller, now, sent)
    try:
        wishes, _ = _wishes(caller, found, button, sent, now)
        campaign = _campaign(caller, button, sent, wishes)
        number = await campaign_doors.start(db, caller, campaign, command=button.key, now=now)
    except InvalidInput as error:
        named = _field_of(error)
        return await _new(request, db, now, caller, sent, {named: str(error)})
    return went(f"/campaigns/{number}")


def _campaign(
    caller: Caller, button: Button, sent: Mapping[str, str], wishes: Sequence[Wish]
) -> NewCampaign:
    waits = sent.get("when_offline") == "queue" and button.waits_offline
    hours = number_of(sent.get("ends_in_h", ""), 24)
    return campaign_doors.asked(
        caller,
        button.key,
        wishes,
        per_minute=_rate(sent),
        when_offline="queue" if waits else "refuse",
        ends_in_s=3600 * min(max(1, hours), 24) if "ends_in_h" in button.fields else None,
        change_order=sent.get("change_order", "").strip() or None,
    )


@router.get("/campaigns/{number:int}")
async def one(
    request: Request,
    db: Db,
    now: Now,
    caller: Expert,
    number: int,
    after: Annotated[int | None, Query(ge=0, le=2**31)] = None,
) -> Response:
    """Show how far a campaign is, and what became of each station."""
    found = await campaigns.campaign(db, caller.scope, number)
    items = await campaigns.items(db, caller.scope, number, after=after, limit=PER_PAGE + 1)
    frame = await frame_of(request, db, caller, live="commands")
    kept = items[:PER_PAGE]
    path = f"/campaigns/{number}"
    on = link(path, {"after": kept[-1].position}) if len(items) > PER_PAGE else None
    first = kept[0].position + 1 if kept else 1
    values = {
        "each": _line(found, caller, frame.words),
        "items": kept,
        "refusals": {
            code: frame.words.gettext(reason.name)
            for code, reason in command_words.REFUSALS.items()
        },
        "turn": Turn(
            first, first + len(kept) - 1, found.stations, path if after is not None else None, on
        ),
    }
    return page(frame, "campaign.html", values)


@router.post("/campaigns/{number:int}/stop")
async def stop(request: Request, db: Db, now: Now, caller: Expert, number: int) -> Response:
    """Ask no further station."""
    with contextlib.suppress(campaigns.CampaignOver):
        await campaign_doors.stop(db, caller, number, now=now)
    return went(f"/campaigns/{number}")


_ORDER = ("effective", "accepted", "sent", "queued", "rejected", "failed", "expired", "cancelled")


def _line(found: Campaign, caller: Caller, said: Words) -> CampaignLine:
    button = BUTTONS.get(found.title)
    names = caller.may(Permission.CRM_READ)
    return CampaignLine(
        id=found.id,
        title=said.gettext(button.title) if button else found.title,
        asked_by=found.asked_by_name if names else "****",
        asked_at=found.asked_at,
        per_minute=found.per_minute,
        stations=found.stations,
        asked=found.stations - found.waiting,
        by_state=tuple((key, found.counts[key]) for key in _ORDER if key in found.counts),
        refused=tuple(
            (code, _reason(code, said), count) for code, count in sorted(found.refused.items())
        ),
        is_asking=found.is_asking,
        stopped_at=found.stopped_at,
        stopped_by=(found.stopped_by_name or "") if names else "****",
        change_order=found.change_order or "",
        left=timedelta(minutes=found.waiting / found.per_minute),
    )
