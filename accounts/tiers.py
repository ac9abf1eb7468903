"""Tiers of metering points: the lowest one is the tier of the whole account.

A licence makes one metering point Professional; without one it has the tier of its kind. A tier
only switches functions that exist here: whatever else it is known for is listed as not offered yet.
Nothing is deleted and no charging stops by a tier: functions are suspended, and come back.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from accounts.permissions import Permission, marked
from foundation.errors import Conflict


class Tier(StrEnum):
    """What a metering point, and an account, may use; from the least to the most."""

    BASIC = "basic"
    LIMITED = "limited"
    PROFESSIONAL = "professional"

    @property
    def rank(self) -> int:
        """The place in the order, from 0."""
        return list(Tier).index(self)


def lowest(tiers: Iterable[Tier]) -> Tier:
    """Return the lowest tier; of none at all, Basic."""
    return min(tiers, key=lambda each: each.rank, default=Tier.BASIC)


# ---------------------------------------------------------------------------- metering points


class PointKind(StrEnum):
    """What a metering point is."""

    OCPP_POINT = "ocpp_point"
    """A connector of a charging station that speaks OCPP."""
    DIRECT_STATION = "direct_station"
    """A charging station that is connected directly, as a meter is."""
    API_METER = "api_meter"
    MBUS_METER = "mbus_meter"
    MBUS_GATEWAY = "mbus_gateway"
    """Only passes on what others measure."""
    SINGLE_PHASE_METER = "single_phase_meter"
    THREE_PHASE_METER = "three_phase_meter"
    TRANSFORMER_METER = "transformer_meter"
    """Measures by current transformers."""
    HEAT_MODULE = "heat_module"
    """The module in a heat meter."""
    VIRTUAL_METER = "virtual_meter"
    """Computed from others."""


DEFAULT_TIERS: Final[Mapping[PointKind, Tier | None]] = {
    PointKind.OCPP_POINT: Tier.BASIC,
    PointKind.API_METER: Tier.BASIC,
    PointKind.MBUS_METER: Tier.BASIC,
    PointKind.VIRTUAL_METER: Tier.BASIC,
    PointKind.MBUS_GATEWAY: None,
    PointKind.SINGLE_PHASE_METER: Tier.LIMITED,
    PointKind.THREE_PHASE_METER: Tier.LIMITED,
    PointKind.TRANSFORMER_METER: Tier.LIMITED,
    PointKind.HEAT_MODULE: Tier.LIMITED,
    PointKind.DIRECT_STATION: Tier.LIMITED,
}
"""The tier of each kind without a licence; None: no metering point at all."""


class Energy(StrEnum):
    """What is measured."""

    ELECTRICITY = "electricity"
    HEAT = "heat"
    COLD = "cold"
    HOT_WATER = "hot_water"
    COLD_WATER = "cold_water"
    GAS = "gas"


@dataclass(frozen=True, slots=True)
class MeteringPoint:
    """A metering point; `datapoints` are its stored series, `formula` the keys a virtual one adds.

    One that is not active needs no licence: nothing of it is read or stored.
    """

    key: str
    kind: PointKind
    energy: Energy = Energy.ELECTRICITY
    is_active: bool = True
    datapoints: int = 1
    formula: tuple[str, ...] = ()


def counted(
    points: Iterable[MeteringPoint], defaults: Mapping[PointKind, Tier | None] = DEFAULT_TIERS
) -> list[MeteringPoint]:
    """Return the points that count: neither gateways nor deactivated ones."""
    return [each for each in points if each.is_active and defaults[each.kind] is not None]


# ---------------------------------------------------------------------------- licences of points


class LicenceKind(StrEnum):
    """Which points a licence is for."""

    HEAT_WATER_GAS = "heat_water_gas"
    """Only those that measure no electricity."""
    ALL = "all"


class LicenceModel(StrEnum):
    """How licences are paid."""

    MONTHLY = "monthly"
    """A subscription for all kinds of energy, at the price list of each month."""
    MULTI_YEAR = "multi_year"
    """For a term, at a price that stays."""


@dataclass(frozen=True, slots=True)
class Licences:
    """How many licences of each kind there are."""

    heat_water_gas: int = 0
    all: int = 0

    def __post_init__(self) -> None:
        assert self.heat_water_gas >= 0
        assert self.all >= 0

    @property
    def total(self) -> int:
        """How many there are in all."""
        return self.heat_water_gas + self.all

    def __add__(self, other: "Licences") -> "Licences":
        return Licences(self.heat_water_gas + other.heat_water_gas, self.all + other.all)


@dataclass(frozen=True, slots=True)
class Assignment:
    """Which point has which licence, which points have none, and which licences are free."""

    licensed: Mapping[str, LicenceKind]
    unlicensed: tuple[MeteringPoint, ...]
    free: Licences


def assign(
    points: Iterable[MeteringPoint],
    licences: Licences,
    defaults: Mapping[PointKind, Tier | None] = DEFAULT_TIERS,
) -> Assignment:
    """Give licences to the points that count: the narrow ones first, where they can be used."""
    narrow, wide = licences.heat_water_gas, licences.all
    licensed: dict[str, LicenceKind] = {}
    rest: list[MeteringPoint] = []
    for point in counted(points, defaults):
        if point.energy is not Energy.ELECTRICITY and narrow:
            licensed[point.key] = LicenceKind.HEAT_WATER_GAS
            narrow -= 1
        else:
            rest.append(point)
    for point in rest[:wide]:
        licensed[point.key] = LicenceKind.ALL
    return Assignment(licensed, tuple(rest[wide:]), Licences(narrow, max(0, wide - len(rest))))


def account_tier(
    points: Iterable[MeteringPoint],
    licences: Licences,
    defaults: Mapping[PointKind, Tier | None] = DEFAULT_TIERS,
) -> Tier:
    """Return the tier of an account: the lowest of its points', Basic if there are none.

    Gateways and deactivated points are ignored.
    """
    points = counted(points, defaults)
    licensed = assign(points, licences, defaults).licensed
    tiers = []
    for point in points:
        default = defaults[point.kind]
        assert default is not None
        tiers.append(Tier.PROFESSIONAL if point.key in licensed else default)
    return lowest(tiers)


def needed(points: Iterable[MeteringPoint]) -> Licences:
    """Return the licences by which every point becomes Professional, the narrow ones first."""
    those = counted(points)
    narrow = sum(each.energy is not Energy.ELECTRICITY for each in those)
    return Licences(narrow, len(those) - narrow)


def virtual_meters_for(solar_plants: int) -> int:
    """Return how many virtual meters a shared supply needs: one with a plant, two with more."""
    return min(2, solar_plants)


class VirtualMeterRefused(Conflict):
    """A virtual meter needs a Professional account, a free licence, and licensed meters."""

    code = "virtual_meter_refused"


def check_virtual_meter(
    formula: Sequence[str], points: Sequence[MeteringPoint], licences: Licences
) -> None:
    """Refuse a virtual meter that the account cannot have.

    Args:
        formula: The keys of the meters that it is computed from.
        points: The account's metering points.
        licences: Its licences.

    Raises:
        VirtualMeterRefused: If the account is not Professional, no licence is free for it, or a
            meter in the formula has none.
    """
    if account_tier(points, licences) is not Tier.PROFESSIONAL:
        raise VirtualMeterRefused("A virtual meter needs a Professional account.")
    given = assign(points, licences)
    without = [each for each in formula if each not in given.licensed]
    if without:
        raise VirtualMeterRefused(f"These meters have no licence: {', '.join(without)}.")
    if not given.free.all:
        raise VirtualMeterRefused("There is no free licence for the virtual meter itself.")


# ---------------------------------------------------------------------------- functions


@dataclass(frozen=True, slots=True)
class Function:
    """What an account may do from a tier on, and the rights that are none below it."""

    key: str
    label: str
    least: Tier
    rights: frozenset[Permission] = field(default_factory=frozenset)


FUNCTIONS: Final[tuple[Function, ...]] = (
    Function("values_15_min", marked("A value every 15 minutes by the API"), Tier.BASIC),
    Function("csv_export", marked("CSV export by hand"), Tier.BASIC),
    Function("values_minute", marked("A value every minute by the API"), Tier.LIMITED),
    Function("if_then", marked("If/then actions"), Tier.LIMITED),
    Function("values_second", marked("A value every second by the API"), Tier.PROFESSIONAL),
    Function("commercial", marked("Commercial use of the API"), Tier.PROFESSIONAL),
    Function(
        "billing",
        marked("Billing: prices, shares and the close of a month"),
        Tier.PROFESSIONAL,
        frozenset(
            {
                Permission.TARIFFS_WRITE,
                Permission.AGREEMENTS_WRITE,
                Permission.STATEMENTS_CLOSE,
            }
        ),
    ),
    Function(
        "auto_export",
        marked("Automatic export: events to other programs by webhooks"),
        Tier.PROFESSIONAL,
        frozenset({Permission.WEBHOOKS_WRITE}),
    ),
    Function(
        "user_configuration",
        marked("User configuration: people and groups of one's own"),
        Tier.PROFESSIONAL,
        frozenset({Permission.USERS_WRITE, Permission.GROUPS_WRITE}),
    ),
)
"""What exists here, from which tier on."""


@dataclass(frozen=True, slots=True)
class NotOffered:
    """What a tier is known for, and does not exist here."""

    label: str
    least: Tier


NOT_OFFERED: Final[tuple[NotOffered, ...]] = (
    NotOffered(marked("Reports"), Tier.LIMITED),
    NotOffered(marked("Load profiles"), Tier.LIMITED),
    NotOffered(marked("Extended folder and meter management"), Tier.LIMITED),
    NotOffered(marked("Public links"), Tier.LIMITED),
    NotOffered(marked("Virtual meters"), Tier.PROFESSIONAL),
    NotOffered(marked("Dynamic load management of directly connected stations"), Tier.PROFESSIONAL),
    NotOffered(marked("OAuth"), Tier.PROFESSIONAL),
    NotOffered(marked("Modbus TCP"), Tier.PROFESSIONAL),
)


def function_of(permission: Permission) -> Function | None:
    """Return the function that a right belongs to, if a tier decides about it."""
    return next((each for each in FUNCTIONS if permission in each.rights), None)


def has(tier: Tier, function: Function) -> bool:
    """Tell whether a function exists with a tier."""
    return tier.rank >= function.least.rank


def stopping(before: Tier, after: Tier) -> tuple[Function, ...]:
    """Return the functions that stop when the tier changes; none if it rises."""
    return tuple(each for each in FUNCTIONS if has(before, each) and not has(after, each))


# ---------------------------------------------------------------------------- rates


INTERVALS: Final[Mapping[Tier, timedelta]] = {
    Tier.BASIC: timedelta(minutes=15),
    Tier.LIMITED: timedelta(minutes=1),
    Tier.PROFESSIONAL: timedelta(seconds=1),
}
"""How far apart the values of a metering point are by the API; in and out are counted apart."""


def wait_s(last_at: datetime | None, now: datetime, tier: Tier) -> int:
    """Return in how many whole seconds the next value may be read; 0: now.

    What a station says of its sessions is never asked here: no tier limits that.

    Args:
        last_at: When a value of the point was last read; None: never.
        now: The moment.
        tier: Of the account.
    """
    if last_at is None:
        return 0
    return max(0, math.ceil((last_at + INTERVALS[tier] - now).total_seconds()))


def kept_of_pushes(
    pushed: Sequence[datetime], tier: Tier, *, begin: datetime
) -> tuple[datetime, ...]:
    """Return which of the values that were pushed are stored: the last of each window.

    All of them are acknowledged.

    Args:
        pushed: The moments, in order.
        tier: Of the account.
        begin: Where the windows are counted from.
    """
    last = {(each - begin) // INTERVALS[tier]: each for each in pushed}
    return tuple(last.values())
