"""Whom an assignment of a tariff is for: conditions, and whether they hold for a charge.

Pure decisions over what was true at a transaction's start. An assignment without conditions is for
everybody; a condition names one or more values of a kind, and all kinds that are named must hold.

Source: rules of the business, 1.8: a tariff says when which cost rate applies (time, station,
connector, customer); 1.5: another tariff outside opening hours.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from hashlib import sha256
from typing import Any, Final, NamedTuple

import msgspec

from foundation.errors import InvalidInput
from foundation.identifiers import OrganisationKey


class Side(StrEnum):
    """Which of two prices of a session a tariff is."""

    SALE = "sale"
    """What the driver's side pays: his organisation, or the provider that answers for him."""
    PURCHASE = "purchase"
    """What the credit of the station's owner is computed on."""

    __hash__ = str.__hash__


class OpeningState(StrEnum):
    """Whether the place is open, its transition times included."""

    OPEN = "open"
    CLOSED = "closed"


class Who(NamedTuple):
    """Who charges, by what holds for the token at the start.

    Attributes:
        customers: The token's organisation and those above it, the nearest first; empty where a
            provider answers for the token, which is a partner's customer then.
        contact: The customer whose contract covers the token; None without one.
    """

    customers: tuple[OrganisationKey, ...] = ()
    contact: str | None = None
    token_group: str | None = None
    provider: str | None = None


NOBODY: Final = Who()
"""Who an ad-hoc driver is: none of those that conditions name."""


class Conditions(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """For whom and when an assignment is; of a kind that is empty, for all.

    Attributes:
        customers: Keys of organisations; those below them are meant as well.
        contacts: Keys of contacts whose contract covers the token.
        token_groups: Groups of tokens (OCPP: parentIdTag, groupIdToken).
        providers: Party ids of partners (EMPs).
        hours: Whether the place has to be open or closed at the start.
    """

    customers: tuple[str, ...] = ()
    contacts: tuple[str, ...] = ()
    token_groups: tuple[str, ...] = ()
    providers: tuple[str, ...] = ()
    hours: OpeningState | None = None

    @property
    def count(self) -> int:
        """How many kinds are named: of two that hold, the one that names more wins."""
        named = (self.customers, self.contacts, self.token_groups, self.providers)
        return sum(map(bool, named)) + (self.hours is not None)

    @property
    def key(self) -> str:
        """A digest that equal conditions share; empty for none."""
        if not self.count:
            return ""
        return sha256(msgspec.json.encode(self)).hexdigest()


ALWAYS: Final = Conditions()
"""The conditions of an assignment that is for everybody."""

_KINDS: Final = ("customers", "contacts", "token_groups", "providers")
_MOST: Final = 500
_LONGEST: Final = 100


def holds(conditions: Conditions, who: Who, *, is_open: bool) -> bool:
    """Say whether all conditions hold for a charge; a place without hours is always open."""
    if conditions is ALWAYS:
        return True
    return (
        (not conditions.customers or any(each in conditions.customers for each in who.customers))
        and (not conditions.contacts or who.contact in conditions.contacts)
        and (not conditions.token_groups or who.token_group in conditions.token_groups)
        and (not conditions.providers or who.provider in conditions.providers)
        and (conditions.hours is None or (conditions.hours is OpeningState.OPEN) == is_open)
    )


def nearness(conditions: Conditions, who: Who) -> int:
    """Return how near the named customer is: 0 for the token's own organisation, then falling."""
    for index, each in enumerate(who.customers):
        if each in conditions.customers:
            return -index
    return 0


def exclude_each_other(one: Conditions, other: Conditions) -> bool:
    """Say whether no charge can fulfil both, because both name a kind and share no value of it.

    Organisations count by their keys: of one and one below it the nearer wins, so these exclude
    each other, too.
    """
    if one.hours is not None and other.hours is not None and one.hours is not other.hours:
        return True
    if (one.customers and other.providers) or (one.providers and other.customers):
        return True  # a partner's driver is none of our customers
    for kind in _KINDS:
        mine, others = getattr(one, kind), getattr(other, kind)
        if mine and others and not set(mine) & set(others):
            return True
    return False


def are_ambiguous(one: Conditions, other: Conditions) -> bool:
    """Say whether a charge can fulfil both without one of them being the narrower."""
    return one.count == other.count and not exclude_each_other(one, other)


def conditions_json(conditions: Conditions) -> dict[str, Any]:
    """Return conditions as the API has them; `parse_conditions` gives them back."""
    found: dict[str, Any] = msgspec.to_builtins(conditions)
    return found


def parse_conditions(data: object) -> Conditions:
    """Read conditions; values are sorted, and each counts once.

    Raises:
        InvalidInput: For the first thing that is not allowed; `field` names it.
    """
    if not data:
        return ALWAYS
    if not isinstance(data, Mapping):
        raise InvalidInput("conditions are an object.", field="conditions")
    for name in data:
        if name not in (*_KINDS, "hours"):
            raise InvalidInput(f"{name!r} is no condition.", field=f"conditions.{name}")
    named = {kind: _values(data.get(kind), kind) for kind in _KINDS}
    hours = data.get("hours")
    if hours is not None and hours not in list(OpeningState):
        raise InvalidInput("hours is open or closed.", field="conditions.hours")
    if named["customers"] and named["providers"]:
        raise InvalidInput(
            "A partner's driver is no customer: name customers or providers.",
            field="conditions.providers",
        )
    made = Conditions(**named, hours=None if hours is None else OpeningState(str(hours)))
    return made if made.count else ALWAYS


def _values(value: object, kind: str) -> tuple[str, ...]:
    if value is None:
        return ()
    field = f"conditions.{kind}"
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) > _MOST:
        raise InvalidInput(f"{kind} is a list of at most {_MOST}.", field=field)
    for each in value:
        if not isinstance(each, str) or not 0 < len(each) <= _LONGEST or not each.isprintable():
            raise InvalidInput(f"{kind} holds texts of 1 to {_LONGEST} characters.", field=field)
    return tuple(sorted(set(value)))
