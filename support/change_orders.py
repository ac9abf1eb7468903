"""The face of change orders: drafted, asked for, confirmed, carried out, answered.

The decisions are in `support.orders`; here they meet the database, the mails and the queue of
commands. `OrderGate` is what the queue asks whether an order covers a command.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncSession

from accounts.audit import Actor
from accounts.directory import Scope
from csms import stickers
from csms.queue import masked
from foundation.errors import Conflict, InvalidInput, NotFound
from foundation.identifiers import OrganisationKey, StationId
from support import orders, store
from support.orders import (
    Confirmer,
    How,
    Item,
    ItemKind,
    Order,
    OrderState,
    Refusal,
    Use,
    UseState,
    WrittenOrder,
)
from support.store import MailOnFile
from support.tables import ChangeOrderRow, ChangeOrderUseRow

STANDING: Final = "SO-"
"""What the numbers of standing orders begin with."""

_MOST_STATIONS = 2000
_MOST_ITEMS = 100


@dataclass(frozen=True, slots=True)
class Execution:
    """An item carried out on a station; `command_id` None where it is no command."""

    place: int
    station: StationId
    state: UseState
    at: datetime
    command_id: str | None
    result: str | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeOrder:
    """A change order as it stands; without `number` it is a draft. Secrets are masked."""

    id: int
    number: str | None
    organisation: OrganisationKey
    state: OrderState
    title: str
    reference: str | None
    repeatable: bool
    stations: tuple[StationId, ...]
    items: tuple[Item, ...]
    executions: tuple[Execution, ...]
    mail: MailOnFile | None
    call_id: int | None
    drafted_at: datetime
    drafted_by: str
    drafted_by_name: str
    drafted_door: str
    requested_at: datetime | None
    requested_from: str | None
    confirmed_at: datetime | None
    confirmed_by: str | None
    confirmed_by_name: str | None
    confirmed_door: str | None
    confirmed_how: How | None
    valid_to: datetime | None
    ended_at: datetime | None
    result: str | None

    @property
    def is_draft(self) -> bool:
        """Whether it still has no effect."""
        return self.state in (OrderState.DRAFT, OrderState.REQUESTED)


# ------------------------------------------------------------------------------- writing


async def draft(
    db: AsyncSession,
    scope: Scope,
    stations: Collection[StationId],
    items: Sequence[Item],
    *,
    title: str,
    reference: str | None = None,
    valid_to: datetime | None = None,
    repeatable: bool = False,
    call_id: int | None = None,
    written: WrittenOrder | None = None,
    by: Actor,
    now: datetime,
) -> ChangeOrder:
    """Write a draft: no number, no effect; also with the customer's mail, until it is confirmed.

    Raises:
        InvalidInput: If it names no station, one that is not in scope, stations of several
            organisations, nothing to change, no title, or a validity that is over.
    """
    if not stations or len(stations) > _MOST_STATIONS:
        raise InvalidInput(f"Name 1 to {_MOST_STATIONS} stations.", field="stations")
    if len(items) > _MOST_ITEMS:
        raise InvalidInput(f"An order has at most {_MOST_ITEMS} changes.", field="changes")
    if not title.strip():
        raise InvalidInput("Say in a few words what is to change.", field="title")
    if valid_to is not None and valid_to <= now:
        raise InvalidInput("Its validity is over already.", field="valid_to")
    orders.check_items(items)
    if written is not None:
        orders.check_mail(written)
        reference = written.reference
    owners = await stickers.owners(db, stations)
    for each in stations:
        if each not in owners or not scope.covers(owners[each]):
            raise InvalidInput(f"There is no station {each!r}.", field="stations")
    if len(set(owners.values())) > 1:
        raise InvalidInput(
            "An order comes from one organisation; these stations belong to several.",
            field="stations",
        )
    number = await store.add_order(
        db,
        {
            "organisation": next(iter(owners.values())),
            "state": OrderState.DRAFT,
            "title": title.strip(),
            "reference": (reference or "").strip() or None,
            "repeatable": repeatable,
            "call_id": call_id,
            "drafted_at": now,
            "drafted_by": by.id,
            "drafted_by_name": by.name,
            "drafted_door": by.door,
            "valid_to": valid_to,
        },
        stations,
        items,
    )
    if written is not None:
        await store.put_on_file(db, number, written, by=by.id, now=now)
    return await _of_row(db, await _locked(db, number))


async def confirm(
    db: AsyncSession,
    order_id: int,
    confirmer: Confirmer,
    written: WrittenOrder | None,
    *,
    by: Actor,
    now: datetime,
) -> ChangeOrder:
    """Make a draft an order: it gets its number, and may be carried out.

    A mail that came with the draft counts as if it came now. The caller checked that the order is
    in the confirmer's scope. What `orders.confirmation` raises is raised.

    Raises:
        NotFound: If there is no such order.
    """
    row = await _locked(db, order_id)
    known = await _of_row(db, row)
    if known.mail is not None:
        written = await mail_on_file(db, row.id)
    how = orders.confirmation(_order(known), confirmer, written, now=now)
    if written is not None:
        await store.put_on_file(db, row.id, written, by=by.id, now=now)
        row.reference = written.reference.strip()
    row.number = await store.next_number(db)
    row.state = OrderState.CONFIRMED
    row.confirmed_at, row.confirmed_by, row.confirmed_by_name = now, by.id, by.name
    row.confirmed_door, row.confirmed_how = by.door, how
    if row.valid_to is None:
        row.valid_to = now + orders.VALID_FOR
    await db.flush()
    return await _of_row(db, row)


async def withdraw(
    db: AsyncSession, order_id: int, *, reason: str, by: Actor, now: datetime
) -> ChangeOrder:
    """Take an order or a draft back; what was done already stays done.

    Raises:
        NotFound: If there is no such order.
        WrongOrderState: If it ended, or is being carried out.
        InvalidInput: If the reason is missing.
    """
    if not reason.strip():
        raise InvalidInput("Say why, in a few words.", field="reason")
    row = await _locked(db, order_id)
    known = await _of_row(db, row)
    orders.check_withdrawal(_order(known), _uses(known))
    await _end(db, row, OrderState.WITHDRAWN, f"{by.name}: {reason.strip()}", now)
    return await _of_row(db, row)


async def note_request(
    db: AsyncSession, order_id: int, *, recipient: str, now: datetime
) -> ChangeOrder:
    """Note that the customer was asked by mail for the written order.

    Raises:
        NotFound: If there is no such order.
        WrongOrderState: If it is no draft any more.
    """
    row = await _locked(db, order_id)
    if row.state not in (OrderState.DRAFT, OrderState.REQUESTED):
        raise orders.WrongOrderState(OrderState(row.state))
    row.state, row.requested_at, row.requested_from = OrderState.REQUESTED, now, recipient
    await db.flush()
    return await _of_row(db, row)


async def note_done(
    db: AsyncSession, order_id: int, place: int, *, done: bool, result: str, now: datetime
) -> ChangeOrder:
    """Note that a described change was made, or could not be, on all stations of an order.

    Raises:
        NotFound: If there is no such order, or it has no such change.
        WrongOrderState: If it is not confirmed, or its validity is over.
        InvalidInput: If the change is a command, which tells itself what came of it; or the result
            is missing.
        Conflict: If it was noted already.
    """
    if not result.strip():
        raise InvalidInput("Say what was done.", field="result")
    row = await _locked(db, order_id)
    known = await _of_row(db, row)
    if row.state != OrderState.CONFIRMED or (known.valid_to and known.valid_to <= now):
        raise orders.WrongOrderState(known.state)
    if not 0 <= place < len(known.items):
        raise NotFound("change", place)
    if known.items[place].kind is ItemKind.COMMAND:
        raise InvalidInput("A command tells by itself what came of it.", field="place")
    if any(each.place == place for each in known.executions):
        raise Conflict("This change was noted already.")
    for station in known.stations:
        state = UseState.DONE if done else UseState.NOT_DONE
        await store.add_use(
            db, row.id, place, station, turn=0, state=state, now=now, result=result.strip()
        )
    await settle(db, row, now)
    return await _of_row(db, row)


async def note_command(
    db: AsyncSession,
    order: str,
    *,
    command_id: str,
    station: StationId,
    action: str,
    payload: Mapping[str, Any],
    state: str,
    note: str | None,
    now: datetime,
) -> ChangeOrder | None:
    """Note what became of a command that an order covered.

    Returns:
        The order if it ended by this, or changed how it ended, so that its owner can be told.
    """
    if order.startswith(STANDING):
        return None
    row = await store.order_row(db, order, lock=True)
    if row is None:
        return None
    use = await store.use_of(db, command_id)
    if use is None:
        known = await _of_row(db, row)
        shown = orders.canonical(masked(action, payload))
        same = [place for place, each in enumerate(known.items) if each.action == action]
        # The queue may have completed the payload (a start's number): then the action tells.
        exact = [
            place for place in same if orders.canonical(known.items[place].payload or {}) == shown
        ]
        for place in exact or same:
            use = use or await store.open_use(db, row.id, place, station)
    if use is None:
        return None
    use.command_id = command_id
    after = orders.use_after(state)
    use.state = after
    use.result = state if note is None else f"{state}: {note}"
    use.ended_at = None if after is UseState.OPEN else now
    await db.flush()
    return await _of_row(db, row) if await settle(db, row, now) else None


async def settle(db: AsyncSession, row: ChangeOrderRow, now: datetime) -> bool:
    """Bring an order to the state that its executions have led to; tell whether it changed.

    A failed order becomes executed by late evidence; one that was withdrawn or expired stays so.
    """
    if row.state not in (OrderState.CONFIRMED, OrderState.FAILED):
        return False
    known = await _of_row(db, row)
    after = orders.result(_order(known), _uses(known))
    if after is None or after == row.state:
        return False
    await _end(db, row, after, None, now)
    return True


async def expire_due(db: AsyncSession, now: datetime, *, limit: int = 100) -> list[ChangeOrder]:
    """End the orders and drafts whose validity is over, unless a command of theirs is under way.

    Returns:
        Those that had been confirmed, so that their owners can be told.
    """
    told = []
    for order_id in await store.overdue(db, now, limit=limit):
        row = await _locked(db, order_id)
        if row.ended_at is None:
            was_confirmed = row.state == OrderState.CONFIRMED
            await _end(db, row, OrderState.EXPIRED, None, now)
            if was_confirmed:
                told.append(await _of_row(db, row))
    return told


async def _end(
    db: AsyncSession, row: ChangeOrderRow, state: OrderState, result: str | None, now: datetime
) -> None:
    row.state, row.ended_at, row.result = state, now, result
    await store.forget_secrets(db, row.id, masked)
    await db.flush()


# ------------------------------------------------------------------------------- reading


async def change_orders(
    db: AsyncSession,
    scope: Scope,
    *,
    station: str | None = None,
    states: Collection[OrderState] = (),
    before: int | None = None,
    limit: int = 50,
) -> list[ChangeOrder]:
    """Return the orders and drafts of the organisations in scope, the newest first."""
    query = store.order_query(scope.organisations, station=station, states=states, before=before)
    rows = list(await db.scalars(query.limit(limit)))
    parts = await store.parts_of(db, [row.id for row in rows])
    return [_value(row, parts) for row in rows]


async def change_order(db: AsyncSession, scope: Scope, key: str | int) -> ChangeOrder:
    """Return one order by its number or id.

    Raises:
        NotFound: If there is none in scope.
    """
    row = await store.order_row(db, key)
    if row is None or not scope.covers(OrganisationKey(row.organisation)):
        raise NotFound("change order", key)
    return await _of_row(db, row)


async def covering(
    db: AsyncSession, station: StationId, action: str, now: datetime
) -> list[ChangeOrder]:
    """Return the confirmed orders that name an action for a station, the oldest first.

    Which payload they name is for the caller to compare: `orders.place_of`.
    """
    query = store.order_query(None, station=station, states=[OrderState.CONFIRMED])
    rows = list(await db.scalars(query))
    parts = await store.parts_of(db, [row.id for row in rows])
    found = [_value(row, parts) for row in reversed(rows)]
    return [
        each
        for each in found
        if any(item.action == action for item in each.items)
        and (each.valid_to is None or each.valid_to > now)
    ]


async def payload_of(db: AsyncSession, order_id: int, place: int) -> Mapping[str, Any]:
    """Return the payload of a command with its secrets, to be sent; the caller checked the scope.

    Raises:
        NotFound: If the order has no command at this place.
    """
    items = (await store.parts_of(db, [order_id])).items.get(order_id, [])
    found = items[place].payload if 0 <= place < len(items) else None
    if found is None:
        raise NotFound("change", place)
    return found


async def mail_on_file(db: AsyncSession, order_id: int) -> WrittenOrder:
    """Return the mail of an order; the caller checked the scope.

    Raises:
        NotFound: If none is on file.
    """
    found = await store.file_of(db, order_id)
    row = await store.order_row(db, order_id)
    if found is None or row is None:
        raise NotFound("mail of change order", order_id)
    return WrittenOrder(found.name, found.media_type, found.content, row.reference or "")


# ------------------------------------------------------------------------------- the gate


class OrderGate:
    """Tells the queue whether an order covers a command; fulfils `csms.queue.ChangeOrders`."""

    async def permits(
        self,
        db: AsyncSession,
        order: str,
        *,
        station: StationId,
        action: str,
        payload: Mapping[str, Any],
        now: datetime,
    ) -> str | None:
        """Return None if the order covers the command now, else the sentence why not.

        What is permitted is used: the execution is written in the caller's unit of work, so that
        it exists exactly if the command does. Two that ask at once are asked one after the other.
        """
        owner = (await stickers.owners(db, [station])).get(station)
        if owner is None:
            return Refusal.OTHER_STATION
        if order.startswith(STANDING):
            return await self._standing(db, order, owner, action, now)
        row = await store.order_row(db, order, lock=True)
        if row is None:
            return Refusal.UNKNOWN
        parts = await store.parts_of(db, [row.id])
        # As stored, not as shown: the payload is compared with its secrets.
        decided = Order(
            organisation=OrganisationKey(row.organisation),
            state=OrderState(row.state),
            stations=frozenset(parts.stations.get(row.id, ())),
            items=tuple(parts.items.get(row.id, ())),
            repeatable=row.repeatable,
            valid_to=row.valid_to,
        )
        uses = [_use(each) for each in parts.uses.get(row.id, ())]
        refused = orders.refusal(
            decided,
            uses,
            station=station,
            owner=owner,
            action=action,
            payload=payload,
            now=now,
        )
        if refused is not None:
            return refused
        place = orders.place_of(decided, action, payload)
        assert place is not None
        turn = sum((each.place, each.station) == (place, station) for each in uses)
        await store.add_use(db, row.id, place, station, turn=turn, state=UseState.OPEN, now=now)
        return None

    async def _standing(
        self, db: AsyncSession, number: str, owner: OrganisationKey, action: str, now: datetime
    ) -> str | None:
        row = await store.standing_order(db, number)
        if row is None:
            return Refusal.UNKNOWN
        if row.organisation != owner:
            return Refusal.OTHER_OWNER
        if row.action != action:
            return Refusal.OTHER_ACTION
        is_valid = row.valid_from <= now and (row.valid_to is None or now < row.valid_to)
        return None if is_valid and row.revoked_at is None else Refusal.EXPIRED


# ------------------------------------------------------------------------------- values


async def _locked(db: AsyncSession, order_id: int) -> ChangeOrderRow:
    row = await store.order_row(db, order_id, lock=True)
    if row is None:
        raise NotFound("change order", order_id)
    return row


async def _of_row(db: AsyncSession, row: ChangeOrderRow) -> ChangeOrder:
    return _value(row, await store.parts_of(db, [row.id]))


def _value(row: ChangeOrderRow, parts: store.Parts) -> ChangeOrder:
    return ChangeOrder(
        id=row.id,
        number=row.number,
        organisation=OrganisationKey(row.organisation),
        state=OrderState(row.state),
        title=row.title,
        reference=row.reference,
        repeatable=row.repeatable,
        stations=tuple(parts.stations.get(row.id, ())),
        items=tuple(_shown(each) for each in parts.items.get(row.id, ())),
        executions=tuple(
            Execution(
                each.place,
                StationId(each.station),
                UseState(each.state),
                each.permitted_at,
                each.command_id,
                each.result,
                each.ended_at,
            )
            for each in parts.uses.get(row.id, ())
        ),
        mail=parts.mails.get(row.id),
        call_id=row.call_id,
        drafted_at=row.drafted_at,
        drafted_by=row.drafted_by,
        drafted_by_name=row.drafted_by_name,
        drafted_door=row.drafted_door,
        requested_at=row.requested_at,
        requested_from=row.requested_from,
        confirmed_at=row.confirmed_at,
        confirmed_by=row.confirmed_by,
        confirmed_by_name=row.confirmed_by_name,
        confirmed_door=row.confirmed_door,
        confirmed_how=None if row.confirmed_how is None else How(row.confirmed_how),
        valid_to=row.valid_to,
        ended_at=row.ended_at,
        result=row.result,
    )


def _shown(item: Item) -> Item:
    if item.action is None or item.payload is None:
        return item
    return Item(item.kind, item.action, masked(item.action, item.payload), item.text)


def _use(row: ChangeOrderUseRow) -> Use:
    return Use(row.place, StationId(row.station), UseState(row.state))


def _order(known: ChangeOrder) -> Order:
    return Order(
        organisation=known.organisation,
        state=known.state,
        stations=frozenset(known.stations),
        items=known.items,
        repeatable=known.repeatable,
        valid_to=known.valid_to,
    )


def _uses(known: ChangeOrder) -> list[Use]:
    return [Use(each.place, each.station, each.state) for each in known.executions]
