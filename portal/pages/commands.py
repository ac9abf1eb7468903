"""Commands: buttons beside what they act on, a station's commands, one command, and cancelling.

A button is a form that works without scripts: it asks, and comes back to the page, where the
command unfolds. With the script the same page is fetched and only the command's place changes.
"""

import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from accounts import audit
from accounts.permissions import Permission
from csms import (
    billing_decisions,
    charging,
    customer_information,
    file_places,
    files,
    outcomes,
)
from csms.charging import Transaction
from csms.queue import Command, CommandIsUnderWay, CommandState, StationUnreachable
from csms.registry import Station
from foundation.errors import ExpectedError, InvalidInput, NotFound
from foundation.identifiers import TransactionId
from portal import (
    asking,
    buttons,
    command_words,
    customer_doors,
    hotline_doors,
    masking,
    vocabulary,
)
from portal.buttons import BUTTONS, Button, Target, Wish
from portal.guard import Caller, require
from portal.pages.command_views import (
    STATION,
    CommandView,
    by_place,
    command_view,
)
from portal.pages.station_sheets import found_station, runs_of, sheet_of, tabs_of
from portal.pages.surroundings import frame_of, page
from portal.rendering import Turn, link, segment
from portal.routes import Db, Now, PageRoute
from portal.vocabulary import Reason
from portal.words import Words

router = APIRouter(route_class=PageRoute)

Reader = Annotated[Caller, Depends(require(Permission.COMMANDS_READ))]
Sender = Annotated[Caller, Depends(require(Permission.COMMANDS_SEND))]

PER_PAGE = 30
_RECENT = 30
_WAITS_FOR_S = 24 * 3600
"""How long a command that shall wait for the station waits."""
_LARGEST_ID = 2**31 - 1
_FIRMWARE_AT_MOST = 30
_HOURS = (1, 4, 12, 24)
_MINUTES = (15, 30, 60)


@dataclass(frozen=True, slots=True)
class Refused:
    """A command that was not taken, shown at the button's place.

    `may_wait`: it may be asked for again so that it waits for the station; `needs_order`: a
    written order may be drafted instead.
    """

    place: str
    do: str
    title: str
    text: str
    wrong: str = ""
    may_wait: bool = False
    needs_order: bool = False
    sent: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Desk:
    """What somebody may ask a station for, and what he lately did.

    `once` is fresh for every page, so that a button pressed twice asks once.
    """

    identity: str
    version: str
    is_connected: bool
    may_ask: bool
    may_configure: bool
    needs_order: bool
    """What configures needs a written order of the owner."""
    once: str
    places: Mapping[str, tuple[CommandView, ...]]
    refused: Refused | None = None
    firmware: tuple[tuple[str, str], ...] = ()
    """Files that stations may be told to fetch: what names one, and its name."""
    elsewhere: str = ""
    """Where buttons are pressed instead of the station's own page: during a call, say."""

    @property
    def path(self) -> str:
        """Where a pressed button goes."""
        return self.elsewhere or f"/stations/{segment(self.identity)}/commands"

    @property
    def known(self) -> Mapping[str, Button]:
        return BUTTONS

    @property
    def token_types(self) -> tuple[str, ...]:
        return buttons.TOKEN_TYPES

    @property
    def messages(self) -> Mapping[str, str]:
        return buttons.messages(self.version)

    def has(self, key: str) -> bool:
        """Tell whether a button is shown."""
        return self.may_ask and (self.may_configure or not BUTTONS[key].configures)


async def desk_of(
    db: AsyncSession,
    caller: Caller,
    station: Station,
    said: Words,
    now: datetime,
    *,
    refused: Refused | None = None,
    shown: str = "",
) -> Desk | None:
    """Return the desk of a station; None for who may not even see commands."""
    if not caller.may(Permission.COMMANDS_READ) or station.ocpp_version is None:
        return None
    found = await outcomes.commands(db, caller.scope, station=station.identity, limit=_RECENT)
    evses = await _evses_of_stops(db, caller, station, found)
    places = by_place(found, now, evses, shown=shown)
    may_ask = asking.may_ask(caller, station)
    return Desk(
        identity=station.identity,
        version=station.ocpp_version,
        is_connected=station.connected,
        may_ask=may_ask,
        may_configure=caller.may(Permission.COMMANDS_CONFIGURE),
        needs_order=not asking.acts_for_own(caller, station),
        once=secrets.token_urlsafe(12),
        places={
            place: tuple(view_of(each, said, caller, may_ask=may_ask) for each in each_place)
            for place, each_place in places.items()
        },
        refused=refused,
    )


def view_of(command: Command, said: Words, caller: Caller, *, may_ask: bool) -> CommandView:
    """Return a command as somebody sees it."""
    return command_view(
        masking.command(caller, command),
        said,
        asker=caller.principal.id,
        may_ask=may_ask,
        names=caller.may(Permission.CRM_READ),
    )


async def _evses_of_stops(
    db: AsyncSession, caller: Caller, station: Station, found: list[Command]
) -> dict[int | str, int]:
    """Return at which EVSE the transactions ran that stops name, if there are any."""
    if not any(buttons.button_of(each.action, each.payload) == "stop" for each in found):
        return {}
    evses: dict[int | str, int] = {}
    for each in await charging.transactions(db, caller.scope, station=station.identity, limit=50):
        evses[int(each.transaction_id)] = int(each.evse_id)
        evses[each.ref] = int(each.evse_id)
    return evses


# --------------------------------------------------------------------------------- a station's


@router.get("/stations/{identity:segment}/commands")
async def station_commands(
    request: Request,
    db: Db,
    now: Now,
    caller: Reader,
    identity: str,
    state: Annotated[str, Query(max_length=20)] = "",
    after: Annotated[int | None, Query(ge=1, le=2**62)] = None,
    n: Annotated[int, Query(ge=1, le=10**9)] = 1,
    command: Annotated[str, Query(max_length=30)] = "",
) -> Response:
    """Show what a station was asked for, and all that it can be asked for."""
    station = await found_station(request, db, caller.scope, identity, now)
    return await _page(
        request, db, now, caller, station, state=state, after=after, n=n, shown=command
    )


async def _page(
    request: Request,
    db: AsyncSession,
    now: datetime,
    caller: Caller,
    station: Station,
    *,
    state: str = "",
    after: int | None = None,
    n: int = 1,
    shown: str = "",
    refused: Refused | None = None,
    status: int = 200,
) -> Response:
    frame = await frame_of(request, db, caller, live=f"station/{station.identity}")
    chosen = CommandState(state) if state in set(CommandState) else None
    found = await outcomes.commands(
        db,
        caller.scope,
        station=station.identity,
        state=chosen,
        after=after,
        limit=PER_PAGE + 1,
    )
    kept = found[:PER_PAGE]
    path = f"/stations/{segment(station.identity)}/commands"
    query = {"state": state if chosen else ""}
    on = None
    if len(found) > PER_PAGE:
        on = link(path, {**query, "after": kept[-1].id, "n": n + PER_PAGE})
    desk = await desk_of(db, caller, station, frame.words, now, refused=refused, shown=shown)
    values = {
        "view": sheet_of(station, await runs_of(db, caller, station, now), {}, {}, frame.words),
        "tabs": tabs_of(station, caller, frame.words),
        "tab": "commands",
        "desk": None if desk is None else replace(desk, firmware=await _firmware(db, caller)),
        "history": tuple(view_of(each, frame.words, caller, may_ask=False) for each in kept),
        "states": vocabulary.COMMAND_STATES,
        "state": query["state"],
        "turn": Turn(n, n + len(kept) - 1, None, link(path, query) if after else None, on),
        "may_expert": caller.may(Permission.COMMANDS_EXPERT),
    }
    return page(frame, "station.html", values, status=status)


async def _firmware(db: AsyncSession, caller: Caller) -> tuple[tuple[str, str], ...]:
    if not caller.may(Permission.COMMANDS_CONFIGURE):
        return ()
    found = await files.firmware_files(db, caller.scope, limit=_FIRMWARE_AT_MOST)
    return tuple((file_places.reference(each.id), each.file_name) for each in found)


@router.post("/stations/{identity:segment}/commands")
async def press(request: Request, db: Db, now: Now, caller: Sender, identity: str) -> Response:
    """Ask for what a button stands for, and come back to where it stood."""
    station = await found_station(request, db, caller.scope, identity, now)
    sent = await sent_fields(request)
    button = BUTTONS.get(sent.get("do", ""))
    if button is None:
        raise InvalidInput("There is no such command.", field="do")
    caller.must_have(
        Permission.COMMANDS_CONFIGURE if button.configures else Permission.COMMANDS_SEND
    )
    place = sent.get("place") or STATION
    if button.key == "stop_billing":
        await _stop_billing(db, caller, station, sent.get("transaction", ""), now=now)
        return RedirectResponse(f"{_back(sent, station)}#at-{place}", status_code=303)
    try:
        command = await press_button(db, caller, station, button, sent, now=now)
    except ExpectedError as error:
        if isinstance(error, NotFound):
            raise
        words = (await frame_of(request, db, caller)).words
        refused = refusal(error, button, place, sent, words)
        return await _page(
            request, db, now, caller, station, refused=refused, status=_status_of(error)
        )
    where = link(_back(sent, station), {"command": command.id})
    return RedirectResponse(f"{where}#at-{place}", status_code=303)


def _back(sent: Mapping[str, str], station: Station) -> str:
    """Return the page of ours that the button stood on."""
    back = sent.get("back", "")
    if back.startswith("/") and not back.startswith("//"):
        return back.partition("?")[0]
    return f"/stations/{segment(station.identity)}"


async def _stop_billing(
    db: AsyncSession, caller: Caller, station: Station, transaction_id: str, *, now: datetime
) -> None:
    """Let nothing be charged of a running session from now on; no station is asked for it.

    Raises:
        NotFound: There is no such session at this station.
        BillingOver: It has ended.
        Barred: He acts by phone, and the hotline may not act for it.
    """
    if not asking.may_ask(caller, station):
        raise asking.SharedForReading(station.identity)
    await hotline_doors.must_be_able_to_act(db, caller, station, now=now)
    running = await _running(db, caller, station, transaction_id)
    number = running.transaction_id
    owner = await billing_decisions.stop_billing(db, caller.scope, number, now=now)
    await audit.record(
        db,
        caller.actor,
        "transaction.stop_billing",
        f"transaction/{number}",
        organisation=owner,
        after={"station": station.identity, "billed_until": now.isoformat()},
        now=now,
    )


async def sent_fields(request: Request) -> dict[str, str]:
    """Return the texts of a form; files are left out."""
    form = await request.form()
    return {name: value for name, value in form.items() if not isinstance(value, UploadFile)}


def _status_of(error: ExpectedError) -> int:
    return 422 if isinstance(error, InvalidInput) else 409


def refusal(
    error: ExpectedError, button: Button, place: str, sent: Mapping[str, str], said: Words
) -> Refused:
    """Return how a refused command is told at its button."""
    # What is wrong with a field is said by the error itself.
    is_wrong = isinstance(error, InvalidInput)
    known = None if is_wrong else command_words.REFUSALS.get(error.code)
    named = error.field if isinstance(error, InvalidInput) and error.field else ""
    reason = known or Reason(said.gettext("It was not asked for"), str(error))
    title, text = said.gettext(reason.name), said.gettext(reason.advice)
    if error.code == "change_order_needed":
        # The sentence says why an order that was named does not do.
        text = text if not sent.get("change_order") else str(error)
    may_wait = error.code == "station_unreachable" and button.waits_offline
    hidden = {"csrf", "do", "back", "place", "once", "when_offline"}
    return Refused(
        place=place,
        do=button.key,
        title=f"{said.gettext(button.title)}: {title}",
        text=said.gettext(text),
        wrong=named if named in button.fields else "",
        may_wait=may_wait,
        needs_order=error.code == "change_order_needed",
        sent={name: value for name, value in sent.items() if name not in hidden},
    )


async def press_button(
    db: AsyncSession,
    caller: Caller,
    station: Station,
    button: Button,
    sent: Mapping[str, str],
    *,
    now: datetime,
    **about: Any,
) -> Command:
    """Ask a station for what a button stands for, with the fields that were filled in.

    `about` goes on to `asking.ask`: the reason and the reference of a call, for example.

    Raises:
        InvalidInput: A field is wrong; it names it.
        ExpectedError: As `csms.remote.ask` says.
    """
    if station.ocpp_version is None:
        raise StationUnreachable(station.identity)
    wish = Wish(
        now=now,
        new_id=1 + secrets.randbelow(_LARGEST_ID),
        evse_id=number_of(sent.get("evse", "")),
        connector_id=number_of(sent.get("connector", ""), 1),
        id_token=sent.get("id_token", ""),
        token_type=_one_of(sent.get("token_type", ""), buttons.TOKEN_TYPES),
        group_id=sent.get("group_id", ""),
        component=sent.get("component", ""),
        variable=sent.get("variable", ""),
        value=sent.get("value", ""),
        message=sent.get("message", ""),
        until=now + timedelta(minutes=_of(sent.get("minutes", ""), _MINUTES)),
        reservation=number_of(sent.get("reservation", "")),
        fetch_from=sent.get("firmware") or sent.get("location", ""),
    )
    if button.target is Target.TRANSACTION:
        running = await _running(db, caller, station, sent.get("transaction", ""))
        wish = replace(wish, transaction_id=int(running.transaction_id), ref=running.ref)
    more: dict[str, Any] = {"once": sent.get("once") or None, **about}
    if sent.get("change_order"):
        more["change_order"] = sent["change_order"]
    if button.key == "start":
        more["billing_decision"] = _billing(sent.get("billing", ""))
    if "ends_in_h" in button.fields and sent.get("ends_in_h"):
        more["ends_in_s"] = 3600 * _of(sent["ends_in_h"], _HOURS)
    if sent.get("when_offline") == "queue" and button.waits_offline:
        more |= {"when_offline": "queue", "expires_in_s": _WAITS_FOR_S}
    action, payload = buttons.ask(button.key, station.ocpp_version, wish)
    return await asking.ask(db, caller, station, action, payload, now=now, **more)


def number_of(text: str, otherwise: int = 0) -> int:
    """Return the whole number of a field, or another if it holds none."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 12 else otherwise


def _one_of(text: str, known: tuple[str, ...]) -> str:
    return text if text in known else known[0]


def _of(text: str, known: tuple[int, ...]) -> int:
    return number_of(text) if number_of(text) in known else known[-1]


def _billing(text: str) -> str:
    if text not in ("token", "free"):
        raise InvalidInput(buttons.marked("Say who pays for this session."), field="billing")
    return text


async def _running(
    db: AsyncSession, caller: Caller, station: Station, transaction_id: str
) -> Transaction:
    found = await charging.transaction(db, caller.scope, TransactionId(number_of(transaction_id)))
    if found.station != station.identity:
        raise NotFound("transaction", transaction_id)
    return found


# ---------------------------------------------------------------------------------------- one


@router.get("/commands/{command_id:segment}")
async def one_command(
    request: Request, db: Db, now: Now, caller: Reader, command_id: str
) -> Response:
    """Show one command with every step, its payload and the station's answer."""
    found = await outcomes.command(db, command_id, caller.scope)
    frame = await frame_of(request, db, caller, live=f"station/{found.station}")
    values = {
        "each": view_of(found, frame.words, caller, may_ask=_may_cancel(caller, found)),
        "tells_of_customer": found.action == customer_information.ACTION
        and customer_doors.may_read(caller)
        and await customer_information.told_for(db, found) is not None,
    }
    return page(frame, "command.html", values)


def _may_cancel(caller: Caller, command: Command) -> bool:
    return caller.may(Permission.COMMANDS_SEND) and caller.scope.may_command(
        command.owner, command.station
    )


@router.post("/commands/{command_id:segment}/cancel")
async def cancel(request: Request, db: Db, now: Now, caller: Sender, command_id: str) -> Response:
    """Cancel a command that still waits; one that was sent meanwhile is simply shown."""
    found = await outcomes.command(db, command_id, caller.scope)
    with suppress(CommandIsUnderWay):  # the page tells how far it is
        await asking.cancel(db, caller, found, now=now)
    sent = await sent_fields(request)
    back = sent.get("back", "")
    is_own = back.startswith("/") and not back.startswith("//")
    return RedirectResponse(back if is_own else f"/commands/{found.id}", status_code=303)
