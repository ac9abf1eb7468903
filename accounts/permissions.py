"""The rights that people and API keys may have, and the groups of them that are shipped.

A right is a switch; a group is a set of them with exactly one reach, which holds for all of them
(docs/decisions/0011-one-group-per-person.md). Doors ask for rights, never for groups.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """The keys of the shipped groups."""

    SUPER_ADMIN = "super_admin"
    """Everything, everywhere, whatever organisation he is of."""
    ADMINISTRATOR = "administrator"
    """Sets things up: stations, prices, people, the close of a month."""
    SUPPORT = "support"
    """Helps drivers and stations: sees everything that happens, decides nothing about money."""
    CUSTOMER_SUCCESS = "customer_success"
    """Speaks with customers: contacts, calls, tickets and orders; touches no station."""
    FINANCE = "finance"
    """Prices, shares, statements, and what is held back from them."""
    TECHNICIAN = "technician"
    """Commissions and maintains stations; sees no personal data."""
    OWNER = "owner"
    """Sees what belongs to his organisation, and those below it; confirms orders for it."""


class Reach(StrEnum):
    """How much of the installation a group shows: one of three, the same for all its rights."""

    OWN = "own"
    """What belongs to the organisation itself."""
    OWN_AND_BELOW = "own_and_below"
    """That and what belongs to all below it; for the root: everything."""
    INSTALLATION = "installation"
    """Everything, whatever organisation somebody is of."""


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
    DOCUMENTS_READ = "documents.read"
    """Contacts, contracts, invoices and credit notes."""
    DOCUMENTS_ISSUE = "documents.issue"
    """Issue documents and take them back; the switches of invoicing."""
    PAYOUTS_READ = "payouts.read"
    PAYOUTS_WRITE = "payouts.write"
    """Prepare and discard payout runs, fetch the bank's file, note them as sent and paid."""
    PAYOUTS_RELEASE = "payouts.release"
    """Release a payout run: two people do, each once."""
    SELF_BILLING_ACCEPT = "self_billing.accept"
    """Accept self-billing for one's own organisation: an authorised person."""
    ORGANISATIONS_READ = "organisations.read"
    ORGANISATIONS_WRITE = "organisations.write"
    USERS_READ = "users.read"
    USERS_WRITE = "users.write"
    EVENTS_READ = "events.read"
    """What happened to what one sees."""
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
    CRM_WRITE = "crm.write"
    """Change contacts and contracts."""
    ALERTS_WRITE = "alerts.write"
    """Take an alert on, mark it as escalated, close it."""
    MONITORING = "monitoring"
    """The tab "Operational management" of a station's data sheet."""
    COST_RELEASE = "cost_release"
    """Release actions that have costs."""
    SERVICES_READ = "services.read"
    """What services cost one's own side, and what it has."""
    SERVICES_WRITE = "services.write"
    """Price lists and packages, who has which; credits; maintenance that was done."""
    STATIONS_SHARE = "stations.share"
    ACCOUNTS_READ = "accounts.read"
    """The account section: accounts, their licences and applications."""
    ACCOUNTS_WRITE = "accounts.write"
    """Apply for an account, datapoints, a licence or a renewal (SuperAdmin)."""
    ACCOUNTS_DECIDE = "accounts.decide"
    """Approve and reject applications, archive accounts, set the price list (Customer Success)."""
    AUDIT_READ = "audit.read"
    GROUPS_READ = "groups.read"
    GROUPS_WRITE = "groups.write"
    API_KEYS_READ = "api_keys.read"
    API_KEYS_WRITE = "api_keys.write"
    WEBHOOKS_READ = "webhooks.read"
    WEBHOOKS_WRITE = "webhooks.write"
    CREDITS_READ = "credits.read"
    """The balance of credits, and each booking."""
    CREDITS_ORDER = "credits.order"
    """Order credits, and buy remote access with them."""
    CREDITS_BOOK = "credits.book"
    """Book orders of credits on payment or before, and set what credits and services cost."""
    PREPAID_BOOK = "prepaid.book"
    """Issue prepaid cards, put money on them, and pay out what is left."""
    DESIGN_READ = "design.read"
    """The page that shows every component of the portal."""


class Area(StrEnum):
    """The areas that rights are listed by."""

    DASHBOARD = "dashboard"
    INFRASTRUCTURE = "infrastructure"
    COMMANDS = "commands"
    SUPPORT = "support"
    CRM = "crm"
    FINANCE = "finance"
    USERS = "users"
    INTERFACES = "interfaces"


def marked(text: str) -> str:
    """Mark a text for the portal's catalogue."""
    return text


@dataclass(frozen=True, slots=True)
class Right:
    """A permission as people read it; the texts are translated by the portal."""

    area: Area
    label: str
    description: str


RIGHTS: Mapping[Permission, Right] = {
    Permission.STATIONS_READ: Right(
        Area.INFRASTRUCTURE, marked("See stations"), marked("Stations with their state and faults.")
    ),
    Permission.STATIONS_WRITE: Right(
        Area.INFRASTRUCTURE,
        marked("Set up stations"),
        marked("Accept, add and change stations, and set their passwords."),
    ),
    Permission.STATIONS_SHARE: Right(
        Area.INFRASTRUCTURE,
        marked("Share stations"),
        marked("Show a station to another organisation, or let it send commands."),
    ),
    Permission.LOCATIONS_READ: Right(
        Area.INFRASTRUCTURE, marked("See locations"), marked("Where stations stand.")
    ),
    Permission.LOCATIONS_WRITE: Right(
        Area.INFRASTRUCTURE, marked("Set up locations"), marked("Add and change locations.")
    ),
    Permission.FRAMES_READ: Right(
        Area.INFRASTRUCTURE,
        marked("Read the OCPP log"),
        marked("All that was said between a station and us, id tokens included."),
    ),
    Permission.ALERTS_WRITE: Right(
        Area.INFRASTRUCTURE,
        marked("See to alerts"),
        marked("Take an alert on, mark it as escalated, and close it."),
    ),
    Permission.MONITORING: Right(
        Area.INFRASTRUCTURE,
        marked("Operational management"),
        marked("The tab of a station by which its monitoring is switched on and off."),
    ),
    Permission.COST_RELEASE: Right(
        Area.USERS,
        marked("Cost release"),
        marked("Release actions that have costs."),
    ),
    Permission.CREDITS_READ: Right(
        Area.USERS, marked("See credits"), marked("The balance of credits, and each booking.")
    ),
    Permission.CREDITS_ORDER: Right(
        Area.USERS,
        marked("Order credits"),
        marked("Order credits, and buy remote access with them."),
    ),
    Permission.CREDITS_BOOK: Right(
        Area.FINANCE,
        marked("Book credits"),
        marked("Book orders of credits when they are paid, and set what credits cost."),
    ),
    Permission.PREPAID_BOOK: Right(
        Area.FINANCE,
        marked("Book on prepaid cards"),
        marked("Issue prepaid cards, put money on them, and pay out what is left."),
    ),
    Permission.SERVICES_READ: Right(
        Area.DASHBOARD,
        marked("See the costs of services"),
        marked("What services cost this month, and what was released by whom."),
    ),
    Permission.SERVICES_WRITE: Right(
        Area.FINANCE,
        marked("Set prices of services"),
        marked("Price lists, service packages, who has which, and credits."),
    ),
    Permission.TRANSACTIONS_READ: Right(
        Area.DASHBOARD, marked("See sessions"), marked("Charging sessions, energy and proceeds.")
    ),
    Permission.TRANSACTIONS_DECIDE: Right(
        Area.FINANCE,
        marked("Decide about held sessions"),
        marked("Release a held session, or void it."),
    ),
    Permission.TOKENS_READ: Right(
        Area.CRM, marked("See id tokens"), marked("What drivers present, and who answers for it.")
    ),
    Permission.TOKENS_WRITE: Right(
        Area.CRM, marked("Change id tokens"), marked("Add, block and hand out id tokens.")
    ),
    Permission.CRM_READ: Right(
        Area.CRM,
        marked("See personal data"),
        marked("Names, mail addresses and id tokens; without it they read as ****."),
    ),
    Permission.CRM_WRITE: Right(
        Area.CRM,
        marked("Change contacts"),
        marked("Add and change contacts and their contracts."),
    ),
    Permission.PROVIDERS_READ: Right(
        Area.FINANCE, marked("See providers"), marked("Who answers for external tokens.")
    ),
    Permission.PROVIDERS_WRITE: Right(
        Area.FINANCE, marked("Change providers"), marked("Add and change providers.")
    ),
    Permission.TARIFFS_READ: Right(
        Area.FINANCE, marked("See tariffs"), marked("Which price holds when.")
    ),
    Permission.TARIFFS_WRITE: Right(
        Area.FINANCE, marked("Change tariffs"), marked("Prices, and where they hold.")
    ),
    Permission.AGREEMENTS_READ: Right(
        Area.FINANCE, marked("See agreements"), marked("Who is paid which share.")
    ),
    Permission.AGREEMENTS_WRITE: Right(
        Area.FINANCE, marked("Change agreements"), marked("Shares, from a day on.")
    ),
    Permission.STATEMENTS_READ: Right(
        Area.FINANCE, marked("See statements"), marked("The monthly papers and their proof.")
    ),
    Permission.STATEMENTS_CLOSE: Right(
        Area.FINANCE, marked("Close months"), marked("Book a month and send its statements.")
    ),
    Permission.DOCUMENTS_READ: Right(
        Area.FINANCE,
        marked("See documents"),
        marked("Contacts, contracts, invoices and credit notes."),
    ),
    Permission.DOCUMENTS_ISSUE: Right(
        Area.FINANCE,
        marked("Issue documents"),
        marked("Issue invoices and credit notes, take them back, and set how invoicing works."),
    ),
    Permission.PAYOUTS_READ: Right(
        Area.FINANCE, marked("See payouts"), marked("Payout runs, and who can be paid.")
    ),
    Permission.PAYOUTS_WRITE: Right(
        Area.FINANCE,
        marked("Prepare payouts"),
        marked("Prepare payout runs, fetch the file for the bank, note them as sent and paid."),
    ),
    Permission.PAYOUTS_RELEASE: Right(
        Area.FINANCE,
        marked("Release payouts"),
        marked("Release a payout run; two people do, each once."),
    ),
    Permission.SELF_BILLING_ACCEPT: Right(
        Area.FINANCE,
        marked("Accept self-billing"),
        marked("Agree to credit notes for the own organisation: an authorised person."),
    ),
    Permission.ORGANISATIONS_READ: Right(
        Area.USERS, marked("See organisations"), marked("The tree of organisations.")
    ),
    Permission.ORGANISATIONS_WRITE: Right(
        Area.USERS, marked("Change organisations"), marked("Add and change organisations.")
    ),
    Permission.USERS_READ: Right(
        Area.USERS, marked("See users"), marked("Who may sign in, and where somebody is signed in.")
    ),
    Permission.USERS_WRITE: Right(
        Area.USERS,
        marked("Manage users"),
        marked("Invite, change and deactivate users whose rights one has oneself."),
    ),
    Permission.GROUPS_READ: Right(
        Area.USERS, marked("See groups"), marked("Groups with their rights and reach.")
    ),
    Permission.GROUPS_WRITE: Right(
        Area.USERS,
        marked("Manage groups"),
        marked("Make and change groups of rights that one has oneself."),
    ),
    Permission.ACCOUNTS_READ: Right(
        Area.USERS,
        marked("See accounts"),
        marked("Accounts with licence, datapoints and term, and their applications."),
    ),
    Permission.ACCOUNTS_WRITE: Right(
        Area.USERS,
        marked("Apply for accounts"),
        marked("The right of a SuperAdmin: apply for accounts, datapoints, licences, renewals."),
    ),
    Permission.ACCOUNTS_DECIDE: Right(
        Area.USERS,
        marked("Decide about applications"),
        marked("Customer Success: approve or reject what others applied for, and set prices."),
    ),
    Permission.AUDIT_READ: Right(
        Area.USERS, marked("Read the audit"), marked("Who did what to what, when, and from where.")
    ),
    Permission.API_KEYS_READ: Right(
        Area.INTERFACES, marked("See API keys"), marked("Which programs may use the API.")
    ),
    Permission.API_KEYS_WRITE: Right(
        Area.INTERFACES,
        marked("Manage API keys"),
        marked("Make and end API keys with rights that one has oneself."),
    ),
    Permission.WEBHOOKS_READ: Right(
        Area.INTERFACES, marked("See webhooks"), marked("Who is told of events.")
    ),
    Permission.WEBHOOKS_WRITE: Right(
        Area.INTERFACES, marked("Manage webhooks"), marked("Add, change and replay webhooks.")
    ),
    Permission.FEED_COMMANDS: Right(
        Area.INTERFACES, marked("Commands by MQTT"), marked("Ask for commands over the feed.")
    ),
    Permission.EVENTS_READ: Right(
        Area.INTERFACES, marked("Read events"), marked("What happened to what one sees.")
    ),
    Permission.OUTBOX_READ: Right(
        Area.CRM, marked("See mails"), marked("Every mail that was or would be sent.")
    ),
    Permission.COMMANDS_READ: Right(
        Area.COMMANDS, marked("See commands"), marked("What stations were asked, and the outcome.")
    ),
    Permission.COMMANDS_SEND: Right(
        Area.COMMANDS,
        marked("Send commands"),
        marked("Start, stop, unlock, restart, read: what changes no configuration."),
    ),
    Permission.COMMANDS_CONFIGURE: Right(
        Area.COMMANDS,
        marked("Configure stations"),
        marked("What changes a station; a station of somebody else needs a written order too."),
    ),
    Permission.COMMANDS_EXPERT: Right(
        Area.COMMANDS,
        marked("Expert commands"),
        marked("Any OCPP action from a form, and the same command to many stations."),
    ),
    Permission.COMMANDS_RAW: Right(
        Area.COMMANDS, marked("Raw commands"), marked("A payload without our checks.")
    ),
    Permission.CHANGE_ORDERS_READ: Right(
        Area.SUPPORT, marked("See change orders"), marked("Written orders and their outcome.")
    ),
    Permission.CHANGE_ORDERS_WRITE: Right(
        Area.SUPPORT, marked("Write change orders"), marked("Draft orders and carry them out.")
    ),
    Permission.CHANGE_ORDERS_CONFIRM: Right(
        Area.SUPPORT,
        marked("Confirm change orders"),
        marked("Order changes of the own organisation's stations: an authorised person."),
    ),
    Permission.CALLS_READ: Right(
        Area.SUPPORT, marked("See calls"), marked("The record of calls to the hotline.")
    ),
    Permission.CALLS_WRITE: Right(
        Area.SUPPORT, marked("Take calls"), marked("Work at the support console.")
    ),
    Permission.TICKETS_READ: Right(
        Area.SUPPORT, marked("See tickets"), marked("What is being put right.")
    ),
    Permission.TICKETS_WRITE: Right(
        Area.SUPPORT, marked("Work on tickets"), marked("Open, assign and close tickets.")
    ),
    Permission.DESIGN_READ: Right(
        Area.DASHBOARD,
        marked("See the components"),
        marked("The page that shows every component of the portal."),
    ),
}
"""Every permission with its area, name and meaning."""

_OWNER = frozenset(
    {
        Permission.STATIONS_READ,
        Permission.LOCATIONS_READ,
        Permission.TRANSACTIONS_READ,
        Permission.TOKENS_READ,
        Permission.AGREEMENTS_READ,
        Permission.STATEMENTS_READ,
        Permission.SELF_BILLING_ACCEPT,
        Permission.DOCUMENTS_READ,
        Permission.ORGANISATIONS_READ,
        Permission.COMMANDS_READ,
        Permission.CHANGE_ORDERS_READ,
        Permission.CHANGE_ORDERS_CONFIRM,
        Permission.TICKETS_READ,
        Permission.ALERTS_WRITE,
        Permission.CRM_READ,
        Permission.STATIONS_SHARE,
        Permission.SERVICES_READ,
        Permission.EVENTS_READ,
        Permission.WEBHOOKS_READ,
        Permission.WEBHOOKS_WRITE,
        Permission.CREDITS_READ,
        Permission.CREDITS_ORDER,
    }
)

_READS = _OWNER - {
    Permission.SELF_BILLING_ACCEPT,
    Permission.CREDITS_ORDER,
    Permission.CHANGE_ORDERS_CONFIRM,
    Permission.STATIONS_SHARE,
    Permission.COMMANDS_READ,
    Permission.TICKETS_READ,
    Permission.ALERTS_WRITE,
    Permission.WEBHOOKS_READ,
    Permission.WEBHOOKS_WRITE,
}

_SUPPORT = _READS | {
    Permission.ALERTS_WRITE,
    Permission.STATIONS_WRITE,
    Permission.FRAMES_READ,
    Permission.TOKENS_WRITE,
    Permission.PROVIDERS_READ,
    Permission.TARIFFS_READ,
    Permission.OUTBOX_READ,
    Permission.COMMANDS_READ,
    Permission.COMMANDS_SEND,
    Permission.COMMANDS_CONFIGURE,
    Permission.COMMANDS_EXPERT,
    Permission.CHANGE_ORDERS_WRITE,
    Permission.CALLS_READ,
    Permission.CALLS_WRITE,
    Permission.TICKETS_READ,
    Permission.TICKETS_WRITE,
}

_CUSTOMER_SUCCESS = _READS | {
    Permission.CRM_WRITE,
    Permission.ACCOUNTS_READ,
    Permission.ACCOUNTS_DECIDE,
    Permission.TARIFFS_READ,
    Permission.OUTBOX_READ,
    Permission.USERS_READ,
    Permission.CHANGE_ORDERS_WRITE,
    Permission.CALLS_READ,
    Permission.CALLS_WRITE,
    Permission.TICKETS_READ,
    Permission.TICKETS_WRITE,
    Permission.COMMANDS_READ,
}

_FINANCE = _READS | {
    Permission.TRANSACTIONS_DECIDE,
    Permission.PROVIDERS_READ,
    Permission.PROVIDERS_WRITE,
    Permission.TARIFFS_READ,
    Permission.TARIFFS_WRITE,
    Permission.AGREEMENTS_WRITE,
    Permission.SERVICES_WRITE,
    Permission.STATEMENTS_CLOSE,
    Permission.PAYOUTS_READ,
    Permission.PAYOUTS_WRITE,
    Permission.PAYOUTS_RELEASE,
    Permission.CRM_WRITE,
    Permission.DOCUMENTS_ISSUE,
    Permission.OUTBOX_READ,
    Permission.COST_RELEASE,
    Permission.CREDITS_ORDER,
    Permission.CREDITS_BOOK,
    Permission.PREPAID_BOOK,
}

_TECHNICIAN = frozenset(
    {
        Permission.STATIONS_READ,
        Permission.STATIONS_WRITE,
        Permission.LOCATIONS_READ,
        Permission.LOCATIONS_WRITE,
        Permission.TRANSACTIONS_READ,
        Permission.ORGANISATIONS_READ,
        Permission.FRAMES_READ,
        Permission.COMMANDS_READ,
        Permission.COMMANDS_SEND,
        Permission.COMMANDS_CONFIGURE,
        Permission.COMMANDS_EXPERT,
        Permission.CHANGE_ORDERS_READ,
        Permission.TICKETS_READ,
        Permission.TICKETS_WRITE,
        Permission.ALERTS_WRITE,
    }
)

SHIPPED: Mapping[Role, frozenset[Permission]] = {
    Role.SUPER_ADMIN: frozenset(Permission),
    Role.ADMINISTRATOR: frozenset(Permission),
    Role.SUPPORT: _SUPPORT,
    Role.CUSTOMER_SUCCESS: _CUSTOMER_SUCCESS,
    Role.FINANCE: _FINANCE,
    Role.TECHNICIAN: _TECHNICIAN,
    Role.OWNER: _OWNER,
}
"""What the shipped groups may; they grow with the program and are copied to be changed."""

SHIPPED_REACH: Mapping[Role, Reach] = {
    role: Reach.INSTALLATION if role is Role.SUPER_ADMIN else Reach.OWN_AND_BELOW for role in Role
}

WHOLE_INSTALLATION = frozenset(
    {
        Permission.ACCOUNTS_DECIDE,
        Permission.TRANSACTIONS_DECIDE,
        Permission.PROVIDERS_READ,
        Permission.PROVIDERS_WRITE,
        Permission.TARIFFS_READ,
        Permission.TARIFFS_WRITE,
        Permission.AGREEMENTS_WRITE,
        Permission.SERVICES_WRITE,
        Permission.STATEMENTS_CLOSE,
        Permission.PAYOUTS_READ,
        Permission.PAYOUTS_WRITE,
        Permission.PAYOUTS_RELEASE,
        Permission.CRM_WRITE,
        Permission.DOCUMENTS_ISSUE,
        Permission.OUTBOX_READ,
        Permission.CREDITS_BOOK,
        Permission.PREPAID_BOOK,
        Permission.DESIGN_READ,
    }
)
"""What concerns more than one organisation: only for those who see the whole installation.

An administrator of an organisation below the root sets up its stations and people, but not its
share of the revenue.
"""

WEIGHTY = frozenset(
    {
        Permission.ACCOUNTS_WRITE,
        Permission.ACCOUNTS_DECIDE,
        Permission.USERS_WRITE,
        Permission.GROUPS_WRITE,
        Permission.API_KEYS_WRITE,
        Permission.ORGANISATIONS_WRITE,
        Permission.TARIFFS_WRITE,
        Permission.AGREEMENTS_WRITE,
        Permission.SERVICES_WRITE,
        Permission.STATEMENTS_CLOSE,
        Permission.PAYOUTS_WRITE,
        Permission.PAYOUTS_RELEASE,
        Permission.SELF_BILLING_ACCEPT,
        Permission.DOCUMENTS_ISSUE,
        Permission.TRANSACTIONS_DECIDE,
        Permission.COMMANDS_CONFIGURE,
        Permission.COMMANDS_RAW,
        Permission.CHANGE_ORDERS_CONFIRM,
        Permission.COST_RELEASE,
        Permission.CREDITS_ORDER,
        Permission.CREDITS_BOOK,
        Permission.PREPAID_BOOK,
    }
)
"""Whoever has one of these needs a second factor, where his organisation demands one."""

_WIDTH = {Reach.OWN: 0, Reach.OWN_AND_BELOW: 1, Reach.INSTALLATION: 2}


def allows(rights: Set[Permission], permission: Permission, *, sees_all: bool) -> bool:
    """Tell whether somebody with these rights may; rows are narrowed by `Scope` beside it.

    Args:
        rights: Those of his group or key.
        permission: What is asked for.
        sees_all: Whether nothing of the installation is hidden from him.
    """
    return permission in rights and (sees_all or permission not in WHOLE_INSTALLATION)


def is_no_wider(
    rights: Set[Permission], reach: Reach, *, than: Set[Permission], than_reach: Reach
) -> bool:
    """Tell whether somebody could hand out these rights and this reach without gaining by it."""
    return rights <= than and _WIDTH[reach] <= _WIDTH[than_reach]


def role_that_is_all(roles: Set[Role]) -> Role | None:
    """Return the one of the roles that has all rights of the others; None if there is none.

    Who names several of the old roles means their sum, and a person is in one group.
    """
    for role in Role:
        if role in roles and all(
            is_no_wider(
                SHIPPED[each],
                SHIPPED_REACH[each],
                than=SHIPPED[role],
                than_reach=SHIPPED_REACH[role],
            )
            for each in roles
        ):
            return role
    return None
