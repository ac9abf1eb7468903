"""Written orders: when one has effect, for exactly what, and what it changes.

A draft has neither number nor effect. It becomes an order by being written: by the customer's mail
with its reference, put on file by staff, or by an authorised person of the customer's own
organisation who confirms it signed in or by his API key. Whoever drafted an order for somebody
else's stations cannot make it one without that mail.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from foundation.errors import Conflict, InvalidInput, NotPermitted
from foundation.identifiers import OrganisationKey, StationId

VALID_FOR: Final = timedelta(days=30)
"""How long a confirmed order may be carried out unless it says otherwise."""

LARGEST_MAIL: Final = 5 * 2**20
"""The most bytes that a mail on file may have."""

MAIL_TYPES: Final = frozenset(
    {
        "message/rfc822",
        "application/vnd.ms-outlook",
        "application/pdf",
        "text/plain",
        "image/png",
        "image/jpeg",
    }
)
"""What a mail on file may be: the mail itself, or a print or picture of it."""


class OrderState(StrEnum):
    """Where a change order stands."""

    DRAFT = "draft"
    """Written down by somebody; no number, no effect."""
    REQUESTED = "requested"
    """The customer was asked by mail for the written order; still a draft."""
    CONFIRMED = "confirmed"
    """An order: it may be carried out until its validity ends."""
    EXECUTED = "executed"
    """Everything that it names was done."""
    FAILED = "failed"
    """Everything was tried, and not everything was done."""
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    """Its validity ended before everything was tried."""


FINAL: Final = frozenset(
    {OrderState.EXECUTED, OrderState.FAILED, OrderState.WITHDRAWN, OrderState.EXPIRED}
)


class ItemKind(StrEnum):
    """What sort of thing is to change."""

    COMMAND = "command"
    """An OCPP action with exactly one payload."""
    TARIFF = "tariff"
    ACCESS = "access"
    AVAILABILITY = "availability"
    FIRMWARE = "firmware"
    PROFILE = "profile"
    NETWORK = "network"
    OTHER = "other"


class How(StrEnum):
    """What made a draft an order."""

    MAIL = "mail"
    """The customer's mail is on file with its reference."""
    AUTHORISED = "authorised"
    """An authorised person of the stations' own organisation confirmed it himself."""


class UseState(StrEnum):
    """What came of carrying an item out on a station."""

    OPEN = "open"
    """Permitted or under way."""
    DONE = "done"
    NOT_DONE = "not_done"
    UNUSED = "unused"
    """It never reached the station, so that it may be tried again."""


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to change: an action with its payload, or a change that is described in words."""

    kind: ItemKind
    action: str | None = None
    payload: Mapping[str, Any] | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class WrittenOrder:
    """The customer's mail, as it was put on file; `reference` is what it is found again by."""

    name: str
    media_type: str
    content: bytes
    reference: str


@dataclass(frozen=True, slots=True)
class Use:
    """That an item (by its place) was carried out on a station."""

    place: int
    station: StationId
    state: UseState


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What decisions about a change order need of it."""

    organisation: OrganisationKey
    state: OrderState
    stations: frozenset[StationId]
    items: tuple[Item, ...]
    repeatable: bool = False
    valid_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class Confirmer:
    """Who wants to make a draft an order.

    `may_confirm` is the right of an authorised person, `may_write` that of staff who put mails on
    file; neither says for whose stations.
    """

    organisation: OrganisationKey
    may_confirm: bool
    may_write: bool


class WrongOrderState(Conflict):
    """The order's state does not allow it."""

    code = "change_order_state"

    def __init__(self, state: OrderState) -> None:
        self.state = state
        super().__init__(f"The change order is {state}.")


class WrittenOrderMissing(InvalidInput):
    """Another organisation's stations are changed only by its written order."""

    code = "written_order_missing"

    def __init__(self) -> None:
        super().__init__(
            "These are another organisation's stations: attach its mail and name the reference,"
            " or let one of its authorised persons confirm the order.",
            field="mail",
        )


class NotAuthorised(NotPermitted):
    """Only staff, with the customer's mail, or the customer's authorised persons may confirm."""

    def __init__(self) -> None:
        super().__init__(
            "This needs the permission 'change_orders.confirm' in the organisation that owns the"
            " stations."
        )


class Refusal(StrEnum):
    """Why an order does not cover a command."""

    UNKNOWN = "There is no such change order."
    NOT_CONFIRMED = "The change order is not confirmed: a draft has no effect."
    ENDED = "The change order was carried out or ended already."
    EXPIRED = "The change order is no longer valid."
    OTHER_OWNER = "The station does not belong to the organisation that gave the order."
    OTHER_STATION = "The change order does not name this station."
    OTHER_ACTION = "The change order does not name this action."
    OTHER_PAYLOAD = "The change order names this action with another payload."
    USED = "The change order was carried out on this station already."


# -------------------------------------------------------------------------------- comparing


def canonical(payload: Mapping[str, Any]) -> str:
    """Return a payload as one text: sorted keys, no spaces, numbers by their value.

    Two payloads have one canonical text exactly if they say the same in JSON: 1, 1.0 and 1e0 are
    one number; a number and its text are not.
    """
    return json.dumps(
        _plain(payload), sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_number
    )


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float):
        value = Decimal(repr(value))
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else _Exact(value)
    return value


class _Exact:
    """A number that JSON's writer shall not round; written as an object that nothing else is."""

    def __init__(self, value: Decimal) -> None:
        self.value = value


def _number(value: object) -> list[str]:
    assert isinstance(value, _Exact), f"{value!r} is nothing that JSON can say"
    # JSON texts never hold NUL, so that no payload can spell this by itself.
    return ["\0", format(value.value.normalize(), "f")]


# ----------------------------------------------------------------------------------- items


def check_items(items: Sequence[Item]) -> None:
    """Check what is to change.

    Raises:
        InvalidInput: If there is nothing, a command lacks its action or payload, or anything else
            lacks its description.
    """
    if not items:
        raise InvalidInput("Say what is to change.", field="changes")
    commands = [(each.action, canonical(each.payload or {})) for each in items if each.action]
    if len(set(commands)) < len(commands):
        raise InvalidInput("It names the same command twice.", field="changes")
    for place, each in enumerate(items):
        if each.kind is ItemKind.COMMAND:
            if not each.action or each.payload is None:
                raise InvalidInput(
                    "A command needs its action and payload.", field=f"changes.{place}"
                )
        elif not (each.text or "").strip():
            raise InvalidInput("Describe the change.", field=f"changes.{place}.text")
        elif each.action is not None or each.payload is not None:
            raise InvalidInput(
                "Only a command has an action and a payload.", field=f"changes.{place}"
            )


def check_mail(mail: WrittenOrder) -> None:
    """Check a mail that is to be put on file.

    Raises:
        InvalidInput: If it is empty, too large, of another type, or its reference is missing.
    """
    if not mail.reference.strip():
        raise InvalidInput("Name the reference of the mail.", field="reference")
    if not mail.content:
        raise InvalidInput("The mail is empty.", field="mail")
    if len(mail.content) > LARGEST_MAIL:
        raise InvalidInput(f"A mail has at most {LARGEST_MAIL} bytes.", field="mail")
    if mail.media_type not in MAIL_TYPES:
        raise InvalidInput(f"A mail is one of {', '.join(sorted(MAIL_TYPES))}.", field="mail")


# ------------------------------------------------------------------------------- deciding


def confirmation(
    order: Order, confirmer: Confirmer, written: WrittenOrder | None, *, now: datetime
) -> How:
    """Decide whether this makes the draft an order, and by what.

    Raises:
        WrongOrderState: If it is no draft any more.
        WrittenOrderMissing: If the stations are not the confirmer's and there is no mail.
        NotAuthorised: If he lacks the right.
        InvalidInput: If the mail cannot be put on file, or the validity is over already.
    """
    if order.state not in (OrderState.DRAFT, OrderState.REQUESTED):
        raise WrongOrderState(order.state)
    if order.valid_to is not None and order.valid_to <= now:
        raise InvalidInput("Its validity is over already.", field="valid_to")
    if written is not None:
        check_mail(written)
    if confirmer.may_confirm and confirmer.organisation == order.organisation:
        return How.AUTHORISED
    if not confirmer.may_write:
        raise NotAuthorised
    if written is None:
        raise WrittenOrderMissing
    return How.MAIL


def check_withdrawal(order: Order, uses: Sequence[Use]) -> None:
    """Check that an order can be withdrawn: nothing that it names is under way.

    Raises:
        WrongOrderState: If it ended already, or is being carried out.
    """
    if order.state in FINAL or any(each.state is UseState.OPEN for each in uses):
        raise WrongOrderState(order.state)


def place_of(order: Order, action: str, payload: Mapping[str, Any]) -> int | None:
    """Return which item a command carries out; None if none says exactly this."""
    wanted = canonical(payload)
    for place, each in enumerate(order.items):
        if each.action == action and canonical(each.payload or {}) == wanted:
            return place
    return None


def refusal(
    order: Order,
    uses: Sequence[Use],
    *,
    station: StationId,
    owner: OrganisationKey,
    action: str,
    payload: Mapping[str, Any],
    now: datetime,
) -> Refusal | None:
    """Tell why the order does not cover a command; None if it does.

    Each item may be carried out once per station, unless the order is repeatable; what never
    reached the station was not carried out. `valid_to` itself is no longer valid.
    """
    if order.state in (OrderState.DRAFT, OrderState.REQUESTED):
        return Refusal.NOT_CONFIRMED
    if order.state is OrderState.EXPIRED or (order.valid_to is not None and order.valid_to <= now):
        return Refusal.EXPIRED
    if order.state is not OrderState.CONFIRMED:
        return Refusal.ENDED
    if owner != order.organisation:
        return Refusal.OTHER_OWNER
    if station not in order.stations:
        return Refusal.OTHER_STATION
    place = place_of(order, action, payload)
    if place is None:
        named = any(each.action == action for each in order.items)
        return Refusal.OTHER_PAYLOAD if named else Refusal.OTHER_ACTION
    is_used = any(
        (each.place, each.station) == (place, station) and each.state is not UseState.UNUSED
        for each in uses
    )
    return Refusal.USED if is_used and not order.repeatable else None


def result(order: Order, uses: Sequence[Use]) -> OrderState | None:
    """Return what a confirmed order becomes by what was tried; None while something is left.

    With every item tried on every station it is executed if the last try of each was done, else
    failed. A repeatable order only ends with its validity. Late evidence may still turn a failed
    one into an executed one.
    """
    if order.repeatable:
        return None
    last: dict[tuple[int, StationId], UseState] = {}
    for each in uses:
        if each.state is not UseState.UNUSED:
            last[each.place, each.station] = each.state
    wanted = {(place, station) for place in range(len(order.items)) for station in order.stations}
    if wanted - last.keys() or UseState.OPEN in last.values():
        return None
    done = all(state is UseState.DONE for state in last.values())
    return OrderState.EXECUTED if done else OrderState.FAILED


def use_after(command_state: str) -> UseState:
    """Return what a command's state says of the use of an order.

    What expired or was cancelled never reached the station (contract: only before sending).
    """
    return {
        "effective": UseState.DONE,
        "rejected": UseState.NOT_DONE,
        "failed": UseState.NOT_DONE,
        "expired": UseState.UNUSED,
        "cancelled": UseState.UNUSED,
    }.get(command_state, UseState.OPEN)


# --------------------------------------------------------------------------- the difference


@dataclass(frozen=True, slots=True)
class Difference:
    """What an item changes on a station; `old` None: we do not know what holds now."""

    name: str
    old: str | None
    new: str


def differences(item: Item, known: Mapping[str, str]) -> tuple[Difference, ...]:
    """Return what an item changes, as far as we know what holds now.

    Args:
        item: The item; of one that is described there is nothing to compare.
        known: The station's last known settings: by key in 1.6, by `Component.Variable` (with
            instances in brackets) in 2.x; the firmware's version as `firmware`.
    """
    payload = item.payload or {}
    if item.kind is not ItemKind.COMMAND:
        return ()
    if item.action == "ChangeConfiguration":
        key = str(payload.get("key", ""))
        return (Difference(key, known.get(key), str(payload.get("value", ""))),)
    if item.action == "SetVariables":
        found = []
        for each in map(_mapping, _list(payload.get("setVariableData"))):
            name = variable_name(_mapping(each.get("component")), _mapping(each.get("variable")))
            kind = each.get("attributeType", "Actual")
            shown = name if kind == "Actual" else f"{name} ({kind})"
            found.append(Difference(shown, known.get(shown), str(each.get("attributeValue", ""))))
        return tuple(found)
    if item.action == "UpdateFirmware":
        location = payload.get("location") or _mapping(payload.get("firmware")).get("location", "")
        return (Difference("firmware", known.get("firmware"), str(location)),)
    return tuple(
        Difference(name, None, value if isinstance(value, str) else canonical_value(value))
        for name, value in payload.items()
    )


def canonical_value(value: Any) -> str:
    """Return any JSON value as a short text."""
    return json.dumps(value, ensure_ascii=False, default=str)


def variable_name(component: Mapping[str, Any], variable: Mapping[str, Any]) -> str:
    """Return a 2.x variable's name as in `Connector[1,2].ChargingProfile[instance]`."""
    name = str(component.get("name", ""))
    evse = _mapping(component.get("evse"))
    where = [str(evse[key]) for key in ("id", "connectorId") if evse.get(key) is not None]
    instance = component.get("instance")
    name += f"[{instance}]" if instance else ""
    name += f"[{','.join(where)}]" if where else ""
    name += f".{variable.get('name', '')}"
    instance = variable.get("instance")
    return name + (f"[{instance}]" if instance else "")


def _mapping(value: Any) -> Mapping[str, Any]:
    """Payloads are the customer's wish, not checked yet: whatever is missing is empty."""
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else ()
