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
    COMMANDS_READ = "commands.read"
    COMMANDS_SEND = "commands.send"
    """Ask a station for what changes none of its configuration."""
    COMMANDS_CONFIGURE = "commands.configure"
    """Ask a station for what changes it; whose station it is decides whether an order is needed."""
    COMMANDS_EXPERT = "commands.expert"
    """Any OCPP action from a form; the same command to many stations."""
    COMMANDS_RAW = "commands.raw"
    """A payload without our checks."""
    FEED_COMMANDS = "feed.commands"
    """Ask for commands by MQTT."""
    CHANGE_ORDERS_READ = "change_orders.read"
    CHANGE_ORDERS_WRITE = "change_orders.write"
    CHANGE_ORDERS_CONFIRM = "change_orders.confirm"
    """Confirm an order for stations of one's own organisation: an authorised person."""
    CALLS_READ = "calls.read"
    CALLS_WRITE = "calls.write"
    TICKETS_READ = "tickets.read"
    TICKETS_WRITE = "tickets.write"
    CRM_READ = "crm.read"
    """See personal data; without it they read as ****."""
    MONITORING = "monitoring"
    """The tab "Operational management" of a station's data sheet."""
    COST_RELEASE = "cost_release"
    """Release actions that have costs."""
    STATIONS_SHARE = "stations.share"
    AUDIT_READ = "audit.read"
    GROUPS_READ = "groups.read"
    GROUPS_WRITE = "groups.write"
    API_KEYS_READ = "api_keys.read"
    API_KEYS_WRITE = "api_keys.write"
    WEBHOOKS_READ = "webhooks.read"
    WEBHOOKS_WRITE = "webhooks.write"
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
    Permission.COMMANDS_READ,
    Permission.COMMANDS_SEND,
    Permission.COMMANDS_CONFIGURE,
    Permission.COMMANDS_EXPERT,
    Permission.CHANGE_ORDERS_READ,
    Permission.CHANGE_ORDERS_WRITE,
    Permission.CALLS_READ,
    Permission.CALLS_WRITE,
    Permission.TICKETS_READ,
    Permission.TICKETS_WRITE,
    Permission.CRM_READ,
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
