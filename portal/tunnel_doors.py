"""What people do with stations' own pages: enter an address, open a page, end it.

Addresses are the operator's: only an administrator who sees the whole installation enters them.
Opening a page is remote access, so it is asked for on every use (`may_go_on`): by the login by
which somebody opened it, with the rights that he has now.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from accounts import audit, sign_in
from accounts.permissions import Permission
from billing.remote_access import NoRemoteAccess
from foundation.errors import Conflict, NotFound, NotPermitted
from foundation.identifiers import StationId
from foundation.inner_http import InnerTargetRefused, target_of
from foundation.networks import networks
from foundation.settings import Settings
from portal import credit_doors, guard
from portal.context import PortalContext
from portal.guard import Caller
from support import remote_pages
from support.remote_pages import Opening, RemotePage, WhyEnded

ENTER = "/.leitstand/enter"
"""Where a ticket is used up, on a page's own host name."""


class NoTunnel(Conflict):
    """The installation has no tunnel."""

    code = "no_tunnel"

    def __init__(self) -> None:
        super().__init__("No tunnel is set up (LEITSTAND_TUNNEL_URL, LEITSTAND_TUNNEL_NETWORKS).")


class OperatorOnly(NotPermitted):
    """Only the operator says which addresses of his network are reached."""

    code = "operator_only"

    def __init__(self) -> None:
        super().__init__("Addresses of stations' pages are entered by the operator.")


@dataclass(frozen=True, slots=True)
class Opened:
    """A page that was opened; `link` is good once, for a minute."""

    opening: Opening
    link: str


def is_set_up(settings: Settings) -> bool:
    """Tell whether there is a tunnel."""
    return settings.tunnel_url is not None and bool(settings.tunnel_networks)


def may_enter(caller: Caller) -> bool:
    """Tell whether somebody may enter addresses."""
    return (
        caller.scope.is_whole
        and caller.may(Permission.STATIONS_WRITE)
        and caller.may(Permission.ORGANISATIONS_WRITE)
    )


def origin_of(settings: Settings, label: str) -> str:
    """Return the origin under which an opening is seen."""
    assert settings.tunnel_url is not None
    return settings.tunnel_url.replace("{}", label)


async def pages_seen(db: AsyncSession, caller: Caller, identity: str) -> list[RemotePage]:
    """Return the pages of a station of the caller's side.

    Raises:
        NotFound: If he does not see the station.
    """
    await credit_doors.station_seen(db, caller, identity)
    return await remote_pages.pages(db, StationId(identity))


async def add(
    db: AsyncSession,
    caller: Caller,
    context: PortalContext,
    identity: str,
    *,
    title: str,
    url: str,
    checks_certificate: bool,
    now: datetime,
) -> RemotePage:
    """Enter the address of a page.

    Raises:
        OperatorOnly, PermissionMissing: If the caller is no administrator of the operator.
        NotFound: If there is no such station.
        InnerTargetRefused: If the address may not be reached.
        PageKnown, TooManyPages, InvalidInput: As `remote_pages.add` says.
    """
    _must_be_operator(caller)
    owner = await credit_doors.station_seen(db, caller, identity)
    written = url.strip()
    target_of(written, networks(context.settings.tunnel_networks))
    made = await remote_pages.add(
        db,
        StationId(identity),
        title=title,
        url=written,
        checks_certificate=checks_certificate,
        by=caller.actor,
        now=now,
    )
    await caller.note(
        db,
        "remote_page.add",
        f"station/{identity}",
        organisation=owner,
        after={"title": made.title, "url": made.url, "checks_certificate": checks_certificate},
        now=now,
    )
    return made


async def remove(
    db: AsyncSession, caller: Caller, identity: str, number: int, *, now: datetime
) -> None:
    """Take a page out; what is open of it ends.

    Raises:
        OperatorOnly, PermissionMissing: If the caller is no administrator of the operator.
        NotFound: If there is no such page.
    """
    _must_be_operator(caller)
    owner = await credit_doors.station_seen(db, caller, identity)
    gone = await remote_pages.remove(db, StationId(identity), number)
    await caller.note(
        db,
        "remote_page.remove",
        f"station/{identity}",
        organisation=owner,
        before={"title": gone.title, "url": gone.url},
        now=now,
    )


async def open_page(
    db: AsyncSession,
    caller: Caller,
    context: PortalContext,
    identity: str,
    number: int,
    *,
    login: str,
    now: datetime,
) -> Opened:
    """Open a page for the person who is signed in by this login.

    Raises:
        NoTunnel: If the installation has none.
        PermissionMissing, NotFound, NoRemoteAccess: As `credit_doors.use` says.
        InnerTargetRefused: If the address may not be reached any more.
    """
    await credit_doors.use(db, caller, context, identity, now=now)
    if not is_set_up(context.settings):
        raise NoTunnel
    owner = await credit_doors.station_seen(db, caller, identity)
    found = await remote_pages.page(db, StationId(identity), number)
    target_of(found.url, networks(context.settings.tunnel_networks))
    made, ticket = await remote_pages.open_page(
        db,
        found,
        account=caller.principal.organisation,
        owner=owner,
        login_sha256=sign_in.trace_of(login),
        by=caller.actor,
        now=now,
    )
    await caller.note(
        db,
        "remote_page.open",
        f"station/{identity}",
        organisation=owner,
        after={"opening": made.id, "title": made.title, "account": made.account},
        now=now,
    )
    return Opened(made, f"{origin_of(context.settings, made.label)}{ENTER}?ticket={ticket}")


async def close(
    db: AsyncSession, caller: Caller, identity: str, number: int, *, now: datetime
) -> None:
    """End an opening of the caller's own organisation; one that is over stays as it is.

    Raises:
        NotFound: If there is none.
    """
    await credit_doors.station_seen(db, caller, identity)
    found = await remote_pages.opening(db, StationId(identity), number)
    if found.account != caller.principal.organisation:
        raise NotFound("opening", number)
    await end(db, found.id, WhyEnded.CLOSED, now=now)


async def may_go_on(
    db: AsyncSession, context: PortalContext, found: Opening, *, now: datetime, is_click: bool
) -> bool:
    """Tell whether whoever opened a page may still use it, by what holds now.

    Args:
        db: A unit of work.
        context: The portal's.
        found: What he opened.
        now: The moment.
        is_click: Whether he does something; else it is only looked whether he still may.
    """
    principal = await sign_in.principal_of_trace(
        db,
        found.login_sha256,
        now=now,
        idle_ends=timedelta(seconds=context.settings.login_idle_s),
        notes_use=is_click,
    )
    if principal is None or principal.organisation != found.account:
        return False
    try:
        caller = await guard.caller_of(db, principal, door="portal", address=found.address, now=now)
        caller = await credit_doors.as_paid(db, caller, context, now=now)
        await credit_doors.use(db, caller, context, found.station, now=now)
        target_of(found.url, networks(context.settings.tunnel_networks))
    except (NoRemoteAccess, NotFound, NotPermitted, InnerTargetRefused):
        return False
    return await remote_pages.is_entered(db, found)


async def end(db: AsyncSession, number: int, why: WhyEnded, *, now: datetime) -> bool:
    """End an opening, with what it carried in the audit; tell whether it was open."""
    gone = await remote_pages.end(db, number, why, now)
    if gone is None:
        return False
    await audit.record(
        db,
        gone.actor,
        "remote_page.close",
        f"station/{gone.station}",
        organisation=gone.owner,
        after={
            "opening": gone.id,
            "why": gone.ended_why,
            "requests": gone.requests,
            "bytes_up": gone.bytes_up,
            "bytes_down": gone.bytes_down,
        },
        now=now,
    )
    return True


def _must_be_operator(caller: Caller) -> None:
    caller.must_have(Permission.STATIONS_WRITE)
    caller.must_have(Permission.ORGANISATIONS_WRITE)
    if not caller.scope.is_whole:
        raise OperatorOnly
