"""Face: price lists of services, who pays by which, and which price holds for whom.

Nothing is edited: a price list gets a further price from a moment on, and a debtor a further
list. A moment that is over cannot be given another price: what was told of it stays true.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from accounts.lineage import lineage
from billing import charges, service_store
from billing.packages import KEY
from billing.services import PACKAGE, UNITS, Per, Policy, PriceBook, Service, ServicePrice
from foundation.errors import Conflict, InvalidInput, NotFound
from foundation.identifiers import OrganisationKey, PartyId
from foundation.money import Money
from foundation.statements import ask

_MOST: Final = Decimal(1_000_000)
_FINEST: Final = 6


class PriceListExists(Conflict):
    """There is a price list with this key; keys are never given twice."""

    code = "price_list_exists"

    def __init__(self, key: str) -> None:
        super().__init__(f"There is a price list {key!r} already.")


class PriceKnown(Conflict):
    """Another price or list was said to hold from this very moment on."""

    code = "price_known"

    def __init__(self) -> None:
        super().__init__("From this moment on something else was said already.")


@dataclass(frozen=True, slots=True)
class PriceList:
    """A list of prices of services, with those it ever had and who pays by it since when."""

    key: str
    name: str
    currency: str
    prices: tuple[ServicePrice, ...] = ()
    debtors: tuple[tuple[str, datetime], ...] = ()


async def create(
    db: AsyncSession, key: str, name: str, currency: str, *, by: str, now: datetime
) -> PriceList:
    """Create an empty price list.

    Raises:
        InvalidInput: If key or name are none.
        UnknownCurrency: If the currency is none.
        PriceListExists: If the key is taken.
    """
    if not KEY.fullmatch(key):
        raise InvalidInput(
            "A key has 1 to 40 small letters, digits and hyphens in between.", field="key"
        )
    if not 1 <= len(name.strip()) <= 100:
        raise InvalidInput("A price list has a name of at most 100 characters.", field="name")
    if not await service_store.add_price_list(
        db, key, name.strip(), Money.zero(currency).currency, by=by, now=now
    ):
        raise PriceListExists(key)
    return PriceList(key, name.strip(), currency)


async def add_price(
    db: AsyncSession,
    price_list: str,
    kind: str,
    price: Decimal,
    *,
    per: Per | None = None,
    policy: Policy = Policy.LITERAL,
    valid_from: datetime | None,
    by: str,
    now: datetime,
) -> ServicePrice:
    """Give a list a price from a moment on; a month that has begun keeps its own.

    Args:
        db: The unit of work.
        price_list: Its key.
        kind: A `Service`, or `service_package/` and the key of a package.
        price: Net, exact, in the list's currency.
        per: What it is for once each; the service's usual unit if left out.
        policy: What a month costs in which a service is switched off.
        valid_from: Now, if it is left out; never before.
        by: Who says so.
        now: The moment.

    Raises:
        NotFound: If there is no such list.
        InvalidInput: If kind, unit, amount or moment are none.
        PriceKnown: If a price of this kind holds from that very moment on.
    """
    found = await service_store.price_lists(db, [price_list])
    if not found:
        raise NotFound("price list", price_list)
    row = found[0]
    units = _units(kind)
    if per is not None and per not in units:
        named = ", ".join(units)
        raise InvalidInput(f"{kind} is priced per {named}.", field="per")
    exponent = price.as_tuple().exponent
    if not price.is_finite() or not 0 <= price <= _MOST:
        raise InvalidInput("A price is an amount from 0 to a million.", field="price")
    if isinstance(exponent, int) and -exponent > _FINEST:
        raise InvalidInput(f"A price has at most {_FINEST} decimals.", field="price")
    made = ServicePrice(
        kind=kind,
        per=per or units[0],
        price=Money(price, row.currency),
        policy=policy,
        price_list=price_list,
        valid_from=_from_now_on(valid_from, now),
    )
    if not await service_store.add_price(db, made, by=by, now=now):
        raise PriceKnown
    return made


def _units(kind: str) -> tuple[Per, ...]:
    if kind.startswith(PACKAGE) and KEY.fullmatch(kind.removeprefix(PACKAGE)):
        return (Per.MONTH,)
    try:
        return UNITS[Service(kind)]
    except ValueError:
        named = ", ".join(Service)
        raise InvalidInput(
            f"{kind!r} has no price: it is one of {named}, {PACKAGE}…", field="kind"
        ) from None


def _from_now_on(wanted: datetime | None, now: datetime) -> datetime:
    if wanted is not None and wanted < now:
        raise InvalidInput("What was cannot be given another price.", field="valid_from")
    return wanted or now


async def assign(
    db: AsyncSession,
    debtor: str,
    price_list: str,
    *,
    valid_from: datetime | None,
    by: str,
    now: datetime,
) -> None:
    """Say by which list somebody pays from a moment on; for an organisation also those below it.

    Args:
        db: The unit of work.
        debtor: As `billing.charges` names it; that he exists is the caller's to know.
        price_list: Its key.
        valid_from: Now, if it is left out; never before.
        by: Who says so.
        now: The moment.

    Raises:
        NotFound: If there is no such list.
        InvalidInput: If the moment is over.
        PriceKnown: If a list was said from that very moment on.
    """
    if not await service_store.price_lists(db, [price_list]):
        raise NotFound("price list", price_list)
    if not await service_store.add_assignment(
        db, debtor, price_list, valid_from=_from_now_on(valid_from, now), by=by, now=now
    ):
        raise PriceKnown


async def price_lists(db: AsyncSession) -> list[PriceList]:
    """Return all price lists by key."""
    return await _whole(db, None)


async def price_list(db: AsyncSession, key: str) -> PriceList:
    """Return one price list.

    Raises:
        NotFound: If there is none with this key.
    """
    found = await _whole(db, [key])
    if not found:
        raise NotFound("price list", key)
    return found[0]


async def _whole(db: AsyncSession, keys: Sequence[str] | None) -> list[PriceList]:
    rows = await service_store.price_lists(db, keys)
    held = await service_store.prices(db, [row.key for row in rows])
    assigned = await service_store.assignments(db)
    return [
        PriceList(
            row.key,
            row.name,
            row.currency,
            tuple(each for each in held if each.price_list == row.key),
            tuple(
                (each.debtor, each.valid_from) for each in assigned if each.price_list == row.key
            ),
        )
        for row in rows
    ]


async def price_book(db: AsyncSession, organisation: OrganisationKey) -> PriceBook:
    """Return which prices hold for an organisation: by its own lists, else by those above it."""
    above = await ask(db, lineage([organisation]))
    chain: list[str] = []
    place: OrganisationKey | None = organisation
    while place is not None and place in above:
        chain.append(charges.organisation(place))
        place = above[place].parent
    return await _book(db, chain)


async def provider_book(db: AsyncSession, provider: PartyId) -> PriceBook:
    """Return which prices hold for a provider (EMP): only by lists of its own."""
    return await _book(db, [charges.provider(provider)])


async def _book(db: AsyncSession, chain: Sequence[str]) -> PriceBook:
    assigned = await service_store.assignments(db, chain)
    levels = [
        [(each.valid_from, each.price_list) for each in assigned if each.debtor == debtor]
        for debtor in chain
    ]
    held: dict[tuple[str, str], list[ServicePrice]] = {}
    for price in await service_store.prices(db, {each.price_list for each in assigned}):
        held.setdefault((price.price_list, price.kind), []).append(price)
    return PriceBook(levels, held)
