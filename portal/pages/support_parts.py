"""What the pages of support have in common."""

from accounts.permissions import Permission
from foundation.errors import NotFound
from portal.guard import Caller
from portal.words import Words


def support_tabs(caller: Caller, said: Words) -> list[tuple[str, str, str, int | None]]:
    """Return the sections of support that somebody sees."""
    tabs: list[tuple[str, str, str, int | None]] = []
    if caller.may(Permission.CALLS_READ):
        tabs.append(("console", said.gettext("Console"), "/support", None))
        tabs.append(("calls", said.gettext("Calls"), "/support/calls", None))
    if caller.may(Permission.TICKETS_READ):
        tabs.append(("tickets", said.gettext("Tickets"), "/support/tickets", None))
        tabs.append(("maintenances", said.gettext("Maintenances"), "/support/maintenances", None))
    if caller.may(Permission.CHANGE_ORDERS_READ):
        tabs.append(("orders", said.gettext("Change orders"), "/support/orders", None))
    if caller.may(Permission.TICKETS_READ):
        tabs.append(("first-aid", said.gettext("First aid"), "/support/first-aid", None))
    if caller.may(Permission.CALLS_READ):
        tabs.append(("instructions", said.gettext("Instructions"), "/support/instructions", None))
    return tabs


def number_of_path(what: str, text: str) -> int:
    """Return the number in a path.

    Raises:
        NotFound: If it is none.
    """
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise NotFound(what, text)
    return int(text)
