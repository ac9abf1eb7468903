"""The face of prices: tariffs with their versions, where they are assigned, what held when."""

from collections.abc import Collection, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, Protocol

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from accounts.directory import WHOLE, Scope
from billing import tariff_store as store
from billing.applying import (
    Applied,
    Parents,
    applied,
    name_contacts,
    places_of_charge,
    stop_of,
    who_charges,
)
from billing.assignments import (
    Assignment,
    AssignmentsOverlap,
    Place,
    TariffScope,
    check_assignment,
)
from billing.conditions import ALWAYS as FOR_ALL
from billing.conditions import Conditions, Side
from billing.hours import PlaceHours
from billing.rating import Rating, rate
from billing.tables import TariffVersionRow
from billing.tariff_json import parse_tariff, tariff_json
from billing.tariffs import Tariff
from billing.terms import Sharing
from billing.usage import Usage
from foundation.errors import Conflict, InvalidInput, NotFound
from foundation.events import TransactionEvent
from foundation.identifiers import OrganisationKey
from foundation.statements import Asked, Tuples, together

ALWAYS: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""From when a tariff's first version holds: only its assignments say from when it is used."""


class SharingTerms(Protocol):
    """Who pays for transactions and what their owners get of it; fulfilled by roaming."""

    def terms_of(
        self, db: AsyncSession, transactions: Sequence[TransactionEvent]
    ) -> Coroutine[Any, Any, list[Sharing]]:
        """Return the sharing of each transaction, in their order, as of their starts."""
        ...

    async def due_on_receipt(self, db: AsyncSession, payee: OrganisationKey) -> list[int]:
        """Return the agreements by which the payee's external share waits for the provider."""
        ...


class TariffExists(Conflict):
    """A tariff with this id exists; it can be changed."""

    code = "tariff_exists"

    def __init__(self, tariff_id: str) -> None:
        super().__init__(f"There is a tariff {tariff_id!r} already. It can be changed.")


class TariffChangedSince(Conflict):
    """A later version exists; history is not rewritten."""

    code = "tariff_changed_since"

    def __init__(self, tariff_id: str, valid_from: datetime) -> None:
        super().__init__(
            f"Tariff {tariff_id!r} has a version from {valid_from.isoformat()} on; a new one must"
            " begin later."
        )


@dataclass(frozen=True, slots=True)
class TariffVersion:
    """A tariff as it holds from `valid_from` until its next version.

    `number` is ours, and unique over all versions of all tariffs. `organisation` is whose tariff
    it is; None for the installation's.
    """

    number: int
    tariff_id: str
    version: int
    valid_from: datetime
    organisation: OrganisationKey | None
    tariff: Tariff
    created_at: datetime


@dataclass(frozen=True, slots=True)
class NewAssignment:
    """Where and for whom a tariff shall hold; `valid_from` None means from now on."""

    place: Place
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    side: Side = Side.SALE
    priority: int = 0
    conditions: Conditions = FOR_ALL


LOWEST_PRIORITY: Final = -1000
HIGHEST_PRIORITY: Final = 1000


def place_from(scope: str, id_: str) -> Place:
    """Return a place as it is written in the API.

    Raises:
        InvalidInput: If the scope is none, or the id cannot be one of its kind.
    """
    try:
        kind = TariffScope(scope)
    except ValueError:
        raise InvalidInput(
            f"scope must be one of {', '.join(TariffScope)}.", field="scope"
        ) from None
    if not id_:
        raise InvalidInput("id is empty.", field="id")
    if kind is TariffScope.EVSE:
        station, slash, evse_id = id_.rpartition("/")
        if not (slash and station and evse_id.isdecimal()):
            raise InvalidInput(
                "An EVSE is written as the station's identity, a slash and the EVSE's number, as"
                f" in STATION/1, not {id_!r}.",
                field="id",
            )
        return Place(kind, f"{station}/{int(evse_id)}")
    if kind is TariffScope.CONNECTOR:
        evse, slash, connector_id = id_.rpartition("/")
        if not (slash and connector_id.isdecimal()):
            raise InvalidInput(
                "A connector is written as the station's identity, the EVSE's and the connector's"
                f" number, as in STATION/1/2, not {id_!r}.",
                field="id",
            )
        return Place(kind, f"{place_from(TariffScope.EVSE, evse).id}/{int(connector_id)}")
    return Place(kind, id_)


# ----------------------------------------------------------------------------------- writing


async def create_tariff(
    db: AsyncSession,
    document: Mapping[str, Any],
    assignments: Sequence[NewAssignment] = (),
    *,
    organisation: OrganisationKey | None,
    now: datetime,
) -> TariffVersion:
    """Create a tariff from OCPI's Tariff object, and assign it.

    Raises:
        InvalidTariff: If OCPI would not allow it, with every problem.
        TariffExists: If its id is taken.
        AssignmentsOverlap: If a place would have two tariffs at once.
        InvalidInput: If an assignment names an unknown organisation or an empty period.
    """
    tariff = parse_tariff(document)
    await store.lock_tariff(db, tariff.id)
    if await store.versions(db, [tariff.id]):
        raise TariffExists(tariff.id)
    row = await store.add_version(
        db,
        tariff_id=tariff.id,
        version=1,
        valid_from=ALWAYS,
        organisation=organisation,
        currency=tariff.currency,
        document=tariff_json(tariff),
        now=now,
    )
    for each in assignments:
        await assign(db, tariff.id, each, now=now)
    return _version(row)


async def change_tariff(
    db: AsyncSession,
    tariff_id: str,
    document: Mapping[str, Any],
    *,
    valid_from: datetime | None = None,
    now: datetime,
) -> TariffVersion:
    """Give a tariff a further version from a moment on (None: now); the others stay as they are.

    What started earlier keeps the version of its start, however late it arrives. A document
    without `id` takes the tariff's; the version that holds already is not written again.

    Raises:
        NotFound: If there is no such tariff.
        InvalidTariff: If OCPI would not allow it.
        InvalidInput: If the document is another tariff's.
        TariffChangedSince: If a version begins at that moment or later.
    """
    tariff = parse_tariff({"id": tariff_id, **document})
    if tariff.id != tariff_id:
        raise InvalidInput(f"This is tariff {tariff.id!r}, not {tariff_id!r}.", field="id")
    if valid_from is not None and valid_from.tzinfo is None:
        raise InvalidInput("valid_from needs a time zone.", field="valid_from")
    await store.lock_tariff(db, tariff_id)
    existing = await store.versions(db, [tariff_id])
    if not existing:
        raise NotFound("tariff", tariff_id)
    latest = existing[-1]
    written = tariff_json(tariff)
    if parse_tariff(latest.document) == tariff and valid_from is None:
        return _version(latest)
    begins = now if valid_from is None else valid_from
    if begins <= latest.valid_from:
        raise TariffChangedSince(tariff_id, latest.valid_from)
    return _version(
        await store.add_version(
            db,
            tariff_id=tariff_id,
            version=latest.version + 1,
            valid_from=begins,
            organisation=latest.organisation,
            currency=tariff.currency,
            document=written,
            now=now,
        )
    )


async def assign(
    db: AsyncSession, tariff_id: str, new: NewAssignment, *, now: datetime
) -> Assignment:
    """Let a tariff hold at a place, from a moment on; the same assignment twice is one.

    Raises:
        NotFound: If there is no such tariff.
        InvalidInput: If the organisation is unknown, or the period is empty.
        AssignmentsOverlap: If the place would have two tariffs at once, or a charge could fall
            under two.
    """
    if not await store.versions(db, [tariff_id]):
        raise NotFound("tariff", tariff_id)
    if not LOWEST_PRIORITY <= new.priority <= HIGHEST_PRIORITY:
        raise InvalidInput(
            f"A priority is {LOWEST_PRIORITY} to {HIGHEST_PRIORITY}.", field="priority"
        )
    place = new.place
    lane = (new.side, new.priority, new.conditions)
    if place.scope is TariffScope.ORGANISATION:
        try:
            await directory.organisation(db, OrganisationKey(place.id))
        except NotFound as error:
            raise InvalidInput(f"There is no organisation {place.id!r}.", field="id") from error
    await store.lock_place(db, place)
    existing = (await store.assignments_on(db, [place])).get(place, [])
    valid_from = now if new.valid_from is None else new.valid_from
    try:
        check_assignment(existing, valid_from, new.valid_to, lane)
    except AssignmentsOverlap as overlap:
        other = overlap.existing
        if (other.tariff_id, other.valid_from, other.valid_to, other.lane) == (
            tariff_id,
            valid_from,
            new.valid_to,
            lane,
        ):
            return other
        raise
    return await store.add_assignment(
        db, tariff_id, place, lane, valid_from=valid_from, valid_to=new.valid_to, now=now
    )


# ----------------------------------------------------------------------------------- reading


async def tariffs(
    db: AsyncSession,
    scope: Scope = WHOLE,
    *,
    after: str | None = None,
    limit: int | None = None,
) -> list[TariffVersion]:
    """Return the newest version of each tariff in scope, by id, from behind `after`."""
    rows = await store.latest_versions(db, scope.organisations, after=after, limit=limit)
    return [_version(row) for row in rows]


async def tariff_versions(db: AsyncSession, tariff_id: str) -> list[TariffVersion]:
    """Return all versions of a tariff, oldest first.

    Raises:
        NotFound: If there is no such tariff.
    """
    rows = await store.versions(db, [tariff_id])
    if not rows:
        raise NotFound("tariff", tariff_id)
    return [_version(row) for row in rows]


async def tariffs_by_number(db: AsyncSession, numbers: Collection[int]) -> dict[int, Tariff]:
    """Return the tariffs that terms and CDRs name, by number."""
    return _tariffs(await store.documents(db, numbers)) if numbers else {}


def frozen_tariffs(transaction_ids: Sequence[int]) -> Asked[dict[int, Tariff]]:
    """Ask for the tariffs of transactions whose terms are frozen, by number."""
    asked = store.frozen_documents(transaction_ids)
    return Asked(asked.query, asked.values, _tariffs)


def _tariffs(found: Tuples) -> dict[int, Tariff]:
    return {number: _tariff(document) for number, document in found}


@lru_cache(maxsize=1000)
def _tariff(document: str) -> Tariff:
    """Read a stored document; which one holds is found anew each time, what it says is not."""
    return parse_tariff(msgspec.json.decode(document))


async def assignments(db: AsyncSession, tariff_ids: Collection[str]) -> list[Assignment]:
    """Return where some tariffs are assigned, oldest first per place."""
    return await store.assignments_of(db, tariff_ids)


@dataclass(frozen=True, slots=True)
class Found:
    """What was found to hold for a charge as of its start.

    Attributes:
        applied: The assignments, and how the hours stood.
        sale: The tariff by which it is paid; None if none was assigned.
        purchase: That by which the owner's credit is computed; None: by what is paid.
        stop_at: When it is to be stopped; None: never.
    """

    applied: Applied
    sale: TariffVersion | None
    purchase: TariffVersion | None
    stop_at: datetime | None


async def tariffs_at(
    db: AsyncSession, transactions: Sequence[TransactionEvent], parents: Parents
) -> list[TariffVersion | None]:
    """Return the tariff by which each transaction is paid, as `found_at` finds it."""
    return [each.sale for each in await found_at(db, transactions, parents)]


async def found_at(
    db: AsyncSession, transactions: Sequence[TransactionEvent], parents: Parents
) -> list[Found]:
    """Return what held at each transaction's start, in their order; set-based.

    Args:
        db: A unit of work.
        transactions: With station, EVSE, location and owner as of the start.
        parents: The organisations above the owners and above those of the tokens; a tariff of one
            above counts where there is no nearer.
    """
    chains = [places_of_charge(each, parents) for each in transactions]
    assignments, hours, history = await known_at(db, {place for chain in chains for place in chain})
    contacts = await contacts_at(db, transactions, named=name_contacts(assignments.values()))
    found: list[Found] = []
    for chain, each, contact in zip(chains, transactions, contacts, strict=True):
        who = who_charges(each, parents, contact)
        found.append(found_of(each, applied(each, chain, who, assignments, hours), history))
    return found


async def known_at(
    db: AsyncSession, places: Collection[Place]
) -> tuple[
    dict[Place, list[Assignment]], dict[Place, list[PlaceHours]], dict[str, list[TariffVersion]]
]:
    """Return what is assigned to some places, their hours, and all versions of these tariffs."""
    assignments, versions, hours = await together(db, *store.asking_assignments(places))
    history: dict[str, list[TariffVersion]] = {}
    for number, tariff_id, version, valid_from, organisation, document, created_at in versions:
        history.setdefault(tariff_id, []).append(
            TariffVersion(
                number,
                tariff_id,
                version,
                valid_from,
                organisation,
                _tariff(document),
                created_at,
            )
        )
    return assignments, hours, history


def found_of(
    event: TransactionEvent, found: Applied, history: Mapping[str, Sequence[TariffVersion]]
) -> Found:
    """Return the versions of the tariffs that apply to a charge, and when it is to be stopped."""

    def version_of(assignment: Assignment | None) -> TariffVersion | None:
        if assignment is None:
            return None
        return version_at(history[assignment.tariff_id], event.started_at)

    sale = version_of(found.sale)
    stop = stop_of(event, found, None if sale is None else sale.tariff)
    return Found(found, sale, version_of(found.purchase), stop)


async def contacts_at(
    db: AsyncSession, transactions: Sequence[TransactionEvent], *, named: bool
) -> Sequence[str | None]:
    """Return whose contract covers each transaction's token; nobody's unless contacts are named."""
    if not named:
        return [None] * len(transactions)
    return await store.contacts_of(
        db,
        [
            (
                None if each.id_token is None else each.id_token.key,
                each.token_organisation,
                each.started_at,
            )
            for each in transactions
        ],
    )


def concerned(events: Iterable[TransactionEvent]) -> set[OrganisationKey]:
    """Return the organisations that prices depend on: the owners and those of the tokens."""
    events = list(events)
    found = {each.owner for each in events}
    found.update(each.token_organisation for each in events if each.token_organisation is not None)
    return found


async def versions_of(
    db: AsyncSession, tariff_ids: Collection[str] | None
) -> dict[str, list[TariffVersion]]:
    """Return all versions of some tariffs, or of all, by tariff, oldest first."""
    found: dict[str, list[TariffVersion]] = {}
    for row in await store.versions(db, tariff_ids):
        found.setdefault(row.tariff_id, []).append(_version(row))
    return found


async def parents_of_all(db: AsyncSession) -> dict[OrganisationKey, OrganisationKey | None]:
    """Return the tree of organisations: each with the one above it."""
    return {each.key: each.parent for each in await directory.organisations(db)}


def version_at(versions: Sequence[TariffVersion], at: datetime) -> TariffVersion:
    """Return which of a tariff's versions, oldest first, holds at a moment."""
    return next((each for each in reversed(versions) if each.valid_from <= at), versions[0])


def preview(tariff: Tariff, usage: Usage, time_zone: str) -> Rating:
    """Return what a usage would cost by a tariff, for the portal's price preview."""
    return rate(usage, tariff, time_zone)


def _version(row: TariffVersionRow) -> TariffVersion:
    return TariffVersion(
        number=row.number,
        tariff_id=row.tariff_id,
        version=row.version,
        valid_from=row.valid_from,
        organisation=None if row.organisation is None else OrganisationKey(row.organisation),
        tariff=parse_tariff(row.document),
        created_at=row.created_at,
    )
