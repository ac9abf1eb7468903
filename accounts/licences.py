"""Licences: which rights exist with one, and how many stations it holds.

A right that a group has is no right where the organisation's licence lacks it. What each edition
costs is no matter of this room.
"""

from collections.abc import Mapping
from enum import StrEnum

from accounts.permissions import RIGHTS, Area, Permission
from foundation.errors import Conflict


class Licence(StrEnum):
    """The editions."""

    MONITORING = "monitoring"
    """The entry: a few stations of a business, watched; no money, no audit."""
    BUSINESS = "business"
    BUSINESS_PREMIUM = "business_premium"


class LicenceFull(Conflict):
    """The licence holds no more stations."""

    code = "licence_full"

    def __init__(self, licence: Licence, most: int) -> None:
        super().__init__(f"The licence {licence.value!r} holds at most {most} stations.")


_NOT_IN_MONITORING = frozenset(
    permission
    for permission, right in RIGHTS.items()
    if right.area is Area.FINANCE or permission is Permission.AUDIT_READ
)

_LICENSED: Mapping[Licence, frozenset[Permission]] = {
    Licence.MONITORING: frozenset(Permission) - _NOT_IN_MONITORING,
    Licence.BUSINESS: frozenset(Permission),
    Licence.BUSINESS_PREMIUM: frozenset(Permission),
}

_MOST_STATIONS: Mapping[Licence, int] = {Licence.MONITORING: 20}


def licensed(rights: frozenset[Permission], licence: Licence) -> frozenset[Permission]:
    """Return those of the rights that exist with the licence."""
    return rights & _LICENSED[licence]


def most_stations(licence: Licence) -> int | None:
    """Return how many stations the licence holds; None: any number."""
    return _MOST_STATIONS.get(licence)


def is_for(licence: Licence, tax_status: str) -> bool:
    """Tell whether somebody of a tax status can have the licence: Monitoring is for businesses."""
    return licence is not Licence.MONITORING or tax_status != "private"
