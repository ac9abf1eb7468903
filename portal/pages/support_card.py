"""What the console shows of a station while somebody who stands before it is on the phone."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request

from accounts import directory
from accounts.directory import Scope
from accounts.permissions import Permission
from billing import books
from csms import charging, outcomes, registry, stickers
from csms.charging import Transaction
from csms.queue import STARTS, Command
from csms.registry import Station
from foundation.identifiers import StationId, TransactionId
from portal import masking
from portal.context import context_of
from portal.guard import Caller
from portal.pages import stories
from portal.pages.counts import silence_limits
from portal.pages.explained import PriceTold, TokenTold, price_at, token_told
from portal.pages.station_sheets import places_of, runs_of, sheet_of
from portal.pages.views import Priced, StationSheet
from portal.words import Words
from support import calls, instructions, starts, tickets
from support.calls import Call
from support.starts import Asked, Began, Start
from support.tickets import Ticket, TicketState
from support.topics import Instruction

_LAST = 5
_LOOKED_AT = 12
"""How many transactions and commands are looked at to find the last starts."""
_CALLS_TODAY = 20
_TICKETS = 10


@dataclass(frozen=True, slots=True)
class Choice:
    """A place that somebody may have meant."""

    station: StationId
    evse_id: int
    emi3_id: str
    name: str


@dataclass(frozen=True, slots=True)
class Bill:
    """A session's price as one would read it to the caller."""

    transaction_id: str
    started_at: datetime
    lasted: timedelta
    energy_wh: Decimal | None
    price: Priced | None


@dataclass(frozen=True, slots=True)
class Card:
    """A station as the console shows it; `evse_id` is the EVSE that was named, 0 if none was."""

    station: Station
    sheet: StationSheet
    evse_id: int
    emi3_id: str
    owner: str
    place: str
    address: str
    starts: tuple[Start, ...]
    succeeded: int
    decided: int
    call: Call | None
    earlier: tuple[Call, ...]
    tickets: tuple[Ticket, ...]
    instructions: tuple[Instruction, ...]
    price: PriceTold | None
    token: TokenTold | None
    bill: Bill | None


async def choices(
    request: Request, db: AsyncSession, scope: Scope, wanted: str, now: datetime
) -> list[Choice]:
    """Return what somebody may have meant: by the sticker's number first, else by the station.

    Exactly one is what was meant.
    """
    found = await stickers.by_evse_id(db, scope, wanted)
    limits = silence_limits(context_of(request).settings)
    if found:
        names = {
            each.station: (await registry.station(db, scope, each.station, now, limits=limits)).name
            or ""
            for each in found
        }
        return [
            Choice(each.station, int(each.evse_id), each.emi3_id, names[each.station])
            for each in found
        ]
    stations = await registry.stations(
        db, scope, now, limits=limits, q=wanted, limit=stickers.AT_MOST
    )
    exact = [each for each in stations if each.identity == wanted]
    return [Choice(each.identity, 0, "", each.name or "") for each in exact or stations]


async def card_of(
    request: Request,
    db: AsyncSession,
    caller: Caller,
    choice: Choice,
    said: Words,
    now: datetime,
    *,
    token: str = "",
    session: str = "",
) -> Card:
    """Return everything about a station that a call may need.

    Args:
        request: What is asked for.
        db: Its unit of work.
        caller: The agent.
        choice: Which station and EVSE.
        said: The agent's language.
        now: The moment.
        token: An id token to check.
        session: A session whose bill is explained.
    """
    limits = silence_limits(context_of(request).settings)
    station = await registry.station(db, caller.scope, choice.station, now, limits=limits)
    names = {each.key: each.name for each in await directory.organisations(db)}
    places = await places_of(db, caller.scope)
    runs = await runs_of(db, caller, station, now)
    judged = await _starts(db, caller, station, now)
    succeeded, decided = starts.success_rate(judged)
    zone = ZoneInfo(station.time_zone)
    midnight = datetime.combine(now.astimezone(zone).date(), time(0), zone)
    mine: list[Call] = []
    today: list[Call] = []
    if caller.may(Permission.CALLS_READ):
        mine = await calls.calls(
            db, caller.scope, station=station.identity, open_by=caller.principal.id, limit=1
        )
        today = await calls.calls(
            db, caller.scope, station=station.identity, since=midnight, limit=_CALLS_TODAY
        )
    call = await calls.call(db, caller.scope, mine[0].id) if mine else None
    evse_id = choice.evse_id
    if not evse_id and call is not None and call.evse_id:
        evse_id = call.evse_id
    evse_id = evse_id or min((each.evse_id for each in station.evses if each.evse_id), default=0)
    return Card(
        station=station,
        sheet=sheet_of(station, runs, names, places, said),
        evse_id=choice.evse_id,
        emi3_id=choice.emi3_id,
        owner=names.get(station.organisation, station.organisation),
        place=places.get(station.location or "", ""),
        address=await _address(db, caller, station),
        starts=judged,
        succeeded=succeeded,
        decided=decided,
        call=call,
        earlier=tuple(each for each in today if call is None or each.id != call.id),
        tickets=await _tickets(db, caller, station),
        instructions=tuple(await instructions.instructions_for(db, station.vendor, station.model)),
        price=await price_at(db, station, evse_id, said, now)
        if evse_id and caller.may(Permission.TARIFFS_READ)
        else None,
        token=await token_told(db, caller.scope, token, names, said, now)
        if token and caller.may(Permission.TOKENS_READ)
        else None,
        bill=await _bill(db, caller, station, session, said, now),
    )


async def _address(db: AsyncSession, caller: Caller, station: Station) -> str:
    if station.location is None:
        return ""
    found = await registry.locations(db, caller.scope, key=station.location, limit=1)
    if not found:
        return ""
    town = " ".join(each for each in (found[0].postal_code, found[0].city) if each)
    return ", ".join(each for each in (found[0].address, town) if each)


async def _tickets(db: AsyncSession, caller: Caller, station: Station) -> tuple[Ticket, ...]:
    if not caller.may(Permission.TICKETS_READ):
        return ()
    found = await tickets.tickets(
        db, caller.scope, state=TicketState.OPEN, station=station.identity, limit=_TICKETS
    )
    return tuple(found)


async def _starts(
    db: AsyncSession, caller: Caller, station: Station, now: datetime
) -> tuple[Start, ...]:
    transactions = await charging.transactions(
        db, caller.scope, station=station.identity, limit=_LOOKED_AT
    )
    began = [await _began(db, each) for each in transactions[:_LAST]]
    commands = await outcomes.commands(db, caller.scope, station=station.identity, limit=30)
    asked = [_asked(each) for each in commands if each.action in STARTS][:_LOOKED_AT]
    return starts.last_starts(began, asked, now=now, most=_LAST)


async def _began(db: AsyncSession, found: Transaction) -> Began:
    energy = found.energy_wh
    if energy is None and found.meter_start_wh is not None:
        readings = await charging.readings(db, found.transaction_id)
        registers = [
            each.energy_register_wh for each in readings if each.energy_register_wh is not None
        ]
        energy = max(registers, default=found.meter_start_wh) - found.meter_start_wh
    return Began(
        transaction_id=int(found.transaction_id),
        evse_id=int(found.evse_id),
        started_at=found.started_at,
        ended=found.state != "active",
        energy_wh=energy,
        authorization_status=found.authorization_status,
        stop_reason=found.stop_reason,
    )


def _asked(command: Command) -> Asked:
    evse = command.payload.get("evseId", command.payload.get("connectorId"))
    return Asked(
        command_id=command.id,
        evse_id=evse if isinstance(evse, int) else None,
        asked_at=command.asked_at,
        state=command.state,
        failure=command.failure,
        transaction_id=None if command.transaction_id is None else int(command.transaction_id),
    )


async def _bill(
    db: AsyncSession,
    caller: Caller,
    station: Station,
    session: str,
    said: Words,
    now: datetime,
) -> Bill | None:
    """Return the bill of one of the station's sessions; None if there is none such."""
    if not (session.isascii() and session.isdigit() and len(session) < 19):
        return None
    found = await charging.transactions(
        db, caller.scope, station=station.identity, ids=[int(session)], limit=1
    )
    if not found or not caller.may(Permission.TRANSACTIONS_READ):
        return None
    number = TransactionId(int(found[0].transaction_id))
    known = masking.billed(caller, found, await books.billed(db, [number]))
    return Bill(
        transaction_id=str(number),
        started_at=found[0].started_at,
        lasted=(found[0].ended_at or now) - found[0].started_at,
        energy_wh=found[0].energy_wh,
        price=stories.priced(known.get(number), said),
    )
