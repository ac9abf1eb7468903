"""Which role may do what: one table, asked once, at the door."""

from collections.abc import Iterable
from enum import StrEnum


class Role(StrEnum):
    """What somebody is to the installation; a person may be several things."""

    ADMINISTRATOR = "administrator"
    """Sets things up: stations, prices, people, the close of a month."""
    SUPPORT = "support"
    """Helps drivers and stations: sees everything that happens, decides nothing about money."""
    OWNER = "owner"
    """Sees what belongs to his organisation, and those below it."""


class Permission(StrEnum):
    """Something a person or an API key may be allowed to do."""

    STATIONS_READ = "stations.read"
    STATIONS_WRITE = "stations.write"
    LOCATIONS_READ = "locations.read"
    LOCATIONS_WRITE = "locations.write"
    TRANSACTIONS_READ = "transactions.read"
    TRANSACTIONS_DECIDE = "transactions.decide"
    """Release or void a held transaction."""
    FRAMES_READ = "frames.read"
    """The raw OCPP log; it shows other people's id tokens."""
    TOKENS_READ = "tokens.read"
    TOKENS_WRITE = "tokens.write"
    PROVIDERS_READ = "providers.read"
    PROVIDERS_WRITE = "providers.write"
    TARIFFS_READ = "tariffs.read"
    TARIFFS_WRITE = "tariffs.write"
    AGREEMENTS_READ = "agreements.read"
    AGREEMENTS_WRITE = "agreements.write"
    STATEMENTS_READ = "statements.read"
    STATEMENTS_CLOSE = "statements.close"
    ORGANISATIONS_READ = "organisations.read"
    ORGANISATIONS_WRITE = "organisations.write"
    USERS_READ = "users.read"
    USERS_WRITE = "users.write"
    EVENTS_READ = "events.read"
    """The journal of the whole installation."""
    OUTBOX_READ = "outbox.read"
    """The mails that were or would be sent."""
    DESIGN_READ = "design.read"
    """The page that shows every component of the portal."""


_OWNER = frozenset(
    {
        Permission.STATIONS_READ,
        Permission.LOCATIONS_READ,
        Permission.TRANSACTIONS_READ,
        Permission.TOKENS_READ,
        Permission.AGREEMENTS_READ,
        Permission.STATEMENTS_READ,
        Permission.ORGANISATIONS_READ,
    }
)

_SUPPORT = _OWNER | {
    Permission.STATIONS_WRITE,
    Permission.FRAMES_READ,
    Permission.TOKENS_WRITE,
    Permission.PROVIDERS_READ,
    Permission.TARIFFS_READ,
    Permission.EVENTS_READ,
    Permission.OUTBOX_READ,
}

_ALLOWED: dict[Role, frozenset[Permission]] = {
    Role.ADMINISTRATOR: frozenset(Permission),
    Role.SUPPORT: _SUPPORT,
    Role.OWNER: _OWNER,
}

WHOLE_INSTALLATION = frozenset(
    {
        Permission.TRANSACTIONS_DECIDE,
        Permission.PROVIDERS_READ,
        Permission.PROVIDERS_WRITE,
        Permission.TARIFFS_READ,
        Permission.TARIFFS_WRITE,
        Permission.AGREEMENTS_WRITE,
        Permission.STATEMENTS_CLOSE,
        Permission.EVENTS_READ,
        Permission.OUTBOX_READ,
        Permission.DESIGN_READ,
    }
)
"""What concerns more than one organisation: only for those who see the whole installation.

An administrator of an organisation below the root sets up its stations and people, but not its
share of the revenue, and does not read other organisations' events.
"""


def allows(roles: Iterable[Role], permission: Permission) -> bool:
    """Tell whether one of the roles has the permission; rows are narrowed by `Scope` beside it."""
    return any(permission in _ALLOWED[role] for role in roles)
