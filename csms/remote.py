"""Face: ask a station for something; the schemas of all actions.

Whoever asks, by whatever door, asks here: the payload is checked by the schema of the station's
version, what needs a written order has one, nobody has more in flight than he may, and a station
without a connection is refused at once unless one wants to wait. What became of it is told by
`csms.outcomes`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.directory import WHOLE, Scope
from csms import (
    command_store,
    dynamic_schedules,
    outcomes,
    passwords,
    profile_numbers,
    told_identities,
    vendors,
)
from csms.command_store import Target
from csms.file_places import with_places, without_places
from csms.ocpp import outgoing
from csms.queue import (
    AVAILABILITY,
    AVAILABILITY_ENDS_AFTER,
    LONGEST_EXPIRY,
    NEVER_AFTER_AN_OUTAGE,
    STOPS,
    CommandIsUnderWay,
    HarmfulCommand,
    KeyUsedForOther,
    OrderNeeded,
    StationUnreachable,
    TooManyInFlight,
    masked,
    needs_order,
    wanted_availability,
)
from csms.queue import ChangeOrders as ChangeOrders
from csms.queue import Command as Command
from csms.queue import CommandState as CommandState
from csms.queue import Request as Request
from csms.queue import Transition as Transition
from csms.reports import OcppVersion
from csms.settlement import Change, Step
from csms.tables import StationRow
from foundation.database import Database, Joint, after_commit
from foundation.errors import InvalidInput, NotFound
from foundation.identifiers import OrganisationKey, StationId

IN_FLIGHT_MAX: Final = 10
_PACED_BY_THEMSELVES = frozenset({"campaign", "schedule", "system"})
_LARGEST_PRIORITY = 100


# ------------------------------------------------------------------------------ joined at start


@dataclass(frozen=True, slots=True)
class _Joined:
    """What the program joined: who knows of written orders, and the limit in flight."""

    orders: ChangeOrders | None
    in_flight_max: int


_JOINED: Final[Joint["_Joined"]] = Joint("csms.remote")
_HERE: Final = "csms.remote.node "
_KNOWN: Final = "csms.remote.known"


def join(
    database: Database, *, orders: ChangeOrders | None, in_flight_max: int = IN_FLIGHT_MAX
) -> None:
    """Say for a database who knows of written orders, and how many commands one may have open.

    Where nobody does, what needs an order is refused.
    """
    _JOINED.join(database, _Joined(orders, in_flight_max))


def join_node(database: Database, node: str, wake: Callable[[str], None]) -> None:
    """Say for a database which node runs in this process, and how it is told of a command.

    Commands for its stations are told by a call as soon as they are committed, those for others'
    by a notification. What is lost of either is found by the node's own looking round.
    """
    database.joined[_HERE + node] = wake


# -------------------------------------------------------------------------------------- asking


def actions(version: OcppVersion) -> frozenset[str]:
    """Return the actions that a station of this version may be asked for."""
    return outgoing.actions(version)


def schema(version: OcppVersion, action: str) -> dict[str, Any]:
    """Return the JSON Schema of an action's payload, for forms.

    Raises:
        InvalidInput: The version has no such action of ours.
    """
    return outgoing.schema(version, action)


@dataclass(frozen=True, slots=True)
class Addressee:
    """A station that may be asked, without all that a page would show of it."""

    identity: StationId
    organisation: OrganisationKey


async def addressee(
    db: AsyncSession, scope: Scope, identity: str, *, asked_by: str | None = None
) -> Addressee:
    """Return a station in scope: what a door must know before it asks.

    With `asked_by` what `ask` needs to know of both is asked for at once, and kept for it.

    Raises:
        NotFound: If there is none with this identity in scope.
    """
    to, in_flight = await command_store.target(db, identity, asked_by=asked_by)
    if to is None or not scope.covers_station(to.owner, identity):
        raise NotFound("station", identity)
    if asked_by is not None:
        db.info[_KNOWN] = ((identity, asked_by), to, in_flight)
    return Addressee(StationId(identity), to.owner)


async def _target(db: AsyncSession, request: Request) -> tuple[Target | None, int]:
    """Return the station and how many commands of the asker have no answer, where that counts."""
    known = db.info.pop(_KNOWN, None)
    if known is not None and known[0] == (request.station, request.asked_by):
        return known[1], known[2]
    asked_by = None if request.reason in _PACED_BY_THEMSELVES else request.asked_by
    return await command_store.target(db, request.station, asked_by=asked_by)


async def ask(db: AsyncSession, request: Request, *, now: datetime) -> Command:
    """Ask a station for something: the command is durable with the caller's commit.

    The caller has checked that the asker may send this kind of command to this station. The same
    idempotency key of the same asker gives the command that it gave before.

    Raises:
        NotFound: There is no such station.
        InvalidInput: The payload is no valid message; `field` is the path of what is wrong.
        StationUnreachable: It has no connection, and the command is not to wait for one.
        HarmfulCommand: It does harm at stations of this make, and is not sent raw.
        OrderNeeded: It needs a written order, and none permits it.
        TooManyInFlight: The asker has too many commands without an answer.
        KeyUsedForOther: The idempotency key came with another command.
    """
    _check(request)
    joined = _JOINED.of(db) or _Joined(None, IN_FLIGHT_MAX)
    to, in_flight = await _target(db, request)
    if to is None:
        raise NotFound("station", request.station)
    if request.idempotency_key is not None:
        before = await _asked_before(db, request)
        if before is not None:
            return before
    if to.version is None:
        raise StationUnreachable(request.station)
    payload = _completed(request, to, to.version)
    if not request.raw:
        payload = await with_places(
            db,
            request.station,
            request.action,
            payload,
            asker=request.asker_organisation,
            made_by=request.asked_by,
            now=now,
        )
    outgoing.encode(to.version, request.action, payload, raw=request.raw)
    if not request.raw:
        dynamic_schedules.check(to.version, request.action, payload)
    set_back_at = _set_back_at(request, to, now)
    _must_do_no_harm(request, to)
    _must_name_order(request, to, has_end=set_back_at is not None)
    if not to.is_connected and request.when_offline == "refuse" and not request.until_ended:
        raise StationUnreachable(request.station)
    if request.reason not in _PACED_BY_THEMSELVES and in_flight >= joined.in_flight_max:
        raise TooManyInFlight(joined.in_flight_max)
    if request.action == "SetChargingProfile" and not request.raw and request.door != "system":
        await profile_numbers.must_be_free(db, request.station, payload)
    await told_identities.expect(
        db, request.station, request.action, request.payload, raw=request.raw
    )
    if not request.raw:
        await dynamic_schedules.expect(db, request.station, request.action, request.payload, at=now)
        await dynamic_schedules.hurry(
            db, request.station, request.action, request.payload, request.priority
        )
    # Last: what an order permits is used up by it, and nothing may refuse the command after that.
    await _must_be_permitted(db, request, joined, now=now)
    await _note_password(db, request)
    command = _command(request, to, to.version, payload, set_back_at, now)
    concealed = None if command.payload == payload else payload
    # The node that is this process needs no notification: it is woken at the commit.
    wake = db.info.get("joined", {}).get(f"{_HERE}{to.node}") if to.is_connected else None
    if wake is not None:
        after_commit(db, partial(wake, request.station))
    is_new = await command_store.add(db, command, to, concealed=concealed, tells_nodes=wake is None)
    if not is_new:
        raced = await _asked_before(db, request)
        assert raced is not None, "the key came first elsewhere"
        return raced
    return command


def _check(request: Request) -> None:
    """Refuse what no command can be.

    Raises:
        InvalidInput: If there is such a thing.
    """
    longest = int(LONGEST_EXPIRY.total_seconds())
    if not 1 <= request.expires_in_s <= longest:
        raise InvalidInput(f"expires_in_s must be 1 to {longest}.", field="expires_in_s")
    if not -_LARGEST_PRIORITY <= request.priority <= _LARGEST_PRIORITY:
        raise InvalidInput(
            f"priority must be -{_LARGEST_PRIORITY} to {_LARGEST_PRIORITY}.", field="priority"
        )
    if request.until_ended and request.action not in STOPS:
        raise InvalidInput("Only a stop can be asked again until the end.", field="until_ended")
    if request.ends_in_s is not None and request.action != AVAILABILITY:
        raise InvalidInput("Only a change of availability can end.", field="ends_in_s")
    if (
        request.when_offline == "queue"
        and request.action in NEVER_AFTER_AN_OUTAGE
        and not request.until_ended
    ):
        raise InvalidInput(
            f"{request.action} is never sent after an outage: who asked may be gone by then.",
            field="when_offline",
        )


def _completed(request: Request, to: Target, version: OcppVersion) -> dict[str, Any]:
    """Return the payload; a 2.x start gets our number where it has none."""
    payload = dict(request.payload)
    if request.action == "RequestStartTransaction" and version is not OcppVersion.V16:
        payload.setdefault("remoteStartId", to.number % 2**31)
    return payload


def _set_back_at(request: Request, to: Target, now: datetime) -> datetime | None:
    """Return when a change of availability ends by itself; None if it does not.

    Without an order, and where nobody acts for his own station, it does after a day at most.
    """
    if request.action != AVAILABILITY or wanted_availability(request.payload) == "Operative":
        return None
    if request.ends_in_s is not None:
        if not 1 <= request.ends_in_s <= LONGEST_EXPIRY.total_seconds():
            raise InvalidInput("ends_in_s is 1 second to 7 days.", field="ends_in_s")
        return now + timedelta(seconds=request.ends_in_s)
    if request.change_order is not None or _acts_for_own(request, to):
        return None
    return now + AVAILABILITY_ENDS_AFTER


def _acts_for_own(request: Request, to: Target) -> bool:
    """Tell whether nobody else's station is changed: the owner's own people, or a setting of his.

    What the program sends under a setting (door `system`) rests on that setting.
    """
    if request.door == "system":
        return True
    return request.is_authorised and request.asker_organisation == to.owner


async def _note_password(db: AsyncSession, request: Request) -> None:
    """Let a station in with the password that it is told, whoever tells it, beside its old one."""
    told = passwords.told_in(request.action, request.payload)
    if told:
        values = {"next_password": passwords.password_record(told)}
        which = StationRow.identity == request.station
        await db.execute(update(StationRow).where(which).values(**values))


def _must_do_no_harm(request: Request, to: Target) -> None:
    """Refuse what is known to do harm at this make, unless an expert sends it raw.

    Raises:
        HarmfulCommand: If it is.
    """
    if request.raw:
        return
    harm = vendors.harm_of(to.vendor, to.model, to.firmware, request.action, request.payload)
    if harm is not None:
        raise HarmfulCommand(request.action, harm.source)


def _must_name_order(request: Request, to: Target, *, has_end: bool) -> None:
    """Refuse what needs a written order and names none.

    Raises:
        OrderNeeded: If it does.
    """
    needed = needs_order(
        request.action,
        request.payload,
        acts_for_own=_acts_for_own(request, to),
        has_end=has_end,
    )
    if needed and request.change_order is None:
        raise OrderNeeded(request.action)


async def _must_be_permitted(
    db: AsyncSession, request: Request, joined: _Joined, *, now: datetime
) -> None:
    """Refuse what names an order that does not permit it.

    Raises:
        OrderNeeded: With the sentence why the order does not permit it.
    """
    if request.change_order is None:
        return
    if joined.orders is None:
        raise OrderNeeded(request.action)
    why_not = await joined.orders.permits(
        db,
        request.change_order,
        station=request.station,
        action=request.action,
        payload=request.payload,
        now=now,
    )
    if why_not is not None:
        raise OrderNeeded(request.action, why_not)


async def must_be_covered(
    db: AsyncSession,
    addressee: Addressee,
    action: str,
    change_order: str | None,
    *,
    acts_for_own: bool,
    now: datetime,
) -> None:
    """Refuse what would need a written order later and has none that covers every message of it.

    A standing order does; an order for one payload does not, and is not used up.

    Raises:
        OrderNeeded: With the sentence why.
    """
    if acts_for_own:
        return
    joined = _JOINED.of(db)
    if change_order is None or joined is None or joined.orders is None:
        raise OrderNeeded(action)
    why_not = await joined.orders.permits(
        db, change_order, station=addressee.identity, action=action, payload={}, now=now
    )
    if why_not is not None:
        raise OrderNeeded(action, why_not)


async def _asked_before(db: AsyncSession, request: Request) -> Command | None:
    assert request.idempotency_key is not None
    before = await outcomes.asked_under(db, request.asked_by, request.idempotency_key)
    if before is None:
        return None
    asked = {**before.payload}
    if "remoteStartId" not in request.payload and before.remote_start_id is not None:
        asked.pop("remoteStartId", None)
    asked = without_places(request.action, asked, request.payload)
    same = (before.station, before.action) == (request.station, request.action)
    if not same or asked != masked(request.action, request.payload):
        raise KeyUsedForOther
    return before


def _command(
    request: Request,
    to: Target,
    version: OcppVersion,
    payload: Mapping[str, Any],
    set_back_at: datetime | None,
    now: datetime,
) -> Command:
    lasts = LONGEST_EXPIRY if request.until_ended else timedelta(seconds=request.expires_in_s)
    started = payload.get("remoteStartId")
    return Command(
        id=str(to.number),
        station=request.station,
        owner=to.owner,
        action=request.action,
        payload=masked(request.action, payload),
        state=CommandState.QUEUED,
        failure=None,
        asked_at=now,
        asked_by=request.asked_by,
        asked_by_name=request.asked_by_name,
        door=request.door,
        asker_organisation=request.asker_organisation,
        reason=request.reason,
        reference=request.reference,
        priority=request.priority,
        expires_at=now + lasts,
        when_offline="queue" if request.until_ended else request.when_offline,
        raw=request.raw,
        change_order=request.change_order,
        billing_decision=request.billing_decision,
        idempotency_key=request.idempotency_key,
        until_ended=request.until_ended,
        set_back_at=set_back_at,
        version=version.removeprefix("ocpp"),
        attempts=0,
        sent_at=None,
        answered_at=None,
        answer=None,
        transaction_id=None,
        remote_start_id=started if isinstance(started, int) else None,
        transitions=(Transition(CommandState.QUEUED, now),),
    )


# ----------------------------------------------------------------------------------- cancelling


async def cancel(
    db: AsyncSession, command_id: str, *, now: datetime, note: str | None = None
) -> None:
    """Cancel a command that still waits.

    Raises:
        NotFound: There is no such command.
        CommandIsUnderWay: It was sent already, or is over.
    """
    found = await outcomes.command(db, command_id, WHOLE)
    change = Change(
        int(found.id),
        CommandState.QUEUED,
        None,
        (Step(CommandState.CANCELLED, note),),
    )
    if not await command_store.apply(db, [change], now=now):
        found = await outcomes.command(db, command_id, WHOLE)
        raise CommandIsUnderWay(found.state)
    await dynamic_schedules.not_taken(
        db, found.station, int(found.id), found.action, found.payload, at=now
    )
