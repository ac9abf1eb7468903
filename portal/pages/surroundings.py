"""What surrounds every page: its reader, language, zone and colours, and the side bar."""

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from accounts import directory
from accounts.permissions import Permission
from portal import guard, logins
from portal.context import context_of
from portal.formats import LOCALES
from portal.guard import Caller
from portal.pages import counts
from portal.pages.counts import Counts
from portal.rendering import THEMES, Frame, NavigationEntry, NavigationGroup, link, render
from portal.rights import GROUPS
from portal.words import Words, marked, preferred_language, words

LANGUAGE_COOKIE = "leitstand_language"
THEME_COOKIE = "leitstand_theme"
UTC = ZoneInfo("UTC")

_DONE = {
    "accepted": marked("The station was accepted."),
    "refused": marked("The station was refused."),
    "released": marked("The session was released. It comes with the next statement."),
    "voided": marked("The session was voided."),
    "closed": marked("The month is closed, and the statement is on its way."),
    "month-asked": marked("The run has been asked for. Its progress stands below."),
    "shadow-drawn": marked("The shadow is drawn. Nothing was booked."),
    "saved": marked("It is saved."),
    "created": marked("The user was created."),
    "invited": marked("The link to choose a password is on its way."),
    "password": marked("Your password is changed. You are signed out everywhere else."),
    "factor-off": marked("The second factor was taken away."),
    "login-revoked": marked("That browser is signed out."),
    "key-revoked": marked("The key is revoked."),
    "removed": marked("It is removed."),
    "applied": marked("The application is sent. Somebody of Customer Success decides about it."),
    "approved": marked("It is approved, and holds from now on."),
    "rejected": marked("It is rejected."),
    "withdrawn": marked("It is withdrawn."),
    "sent-again": marked("It is being sent again."),
    "shared": marked("The station is shared."),
    "unshared": marked("The share has ended."),
    "call-kept": marked("It is on record."),
    "call-closed": marked("The call is closed. Ready for the next one."),
    "alert-taken": marked("You take care of it."),
    "alert-escalated": marked("It is marked as escalated. It is not solved by that."),
    "alert-closed": marked("The alert is closed."),
    "ticket-opened": marked("The ticket is open."),
    "ticket-closed": marked("The ticket is closed."),
    "visit-closed": marked("The visit is closed, and what it costs is booked."),
    "order-drafted": marked("The draft is kept. It has no effect yet."),
    "order-asked": marked("The mail that asks for the written order is on its way."),
    "order-confirmed": marked("It is ordered, and may be carried out."),
    "credits-ordered": marked("The credits are ordered. An invoice follows."),
    "credits-pay": marked("The payment is noted."),
    "credits-release": marked("The credits are booked. The payment may come later."),
    "credits-cancel": marked("The order is cancelled."),
    "credits-cancelled": marked("The order is cancelled."),
    "credits-match": marked("The order has its customer."),
    "remote-bought": marked("The remote access is booked, and open."),
    "remote-switched": marked("The remote access is changed. Nothing was booked."),
    "payout-prepare": marked("The payout run is prepared. Two people release it now."),
    "payout-release": marked("The payout run is released."),
    "payout-send": marked("The payout run is with the bank."),
    "payout-pay": marked("The payout run is booked, and its statements are paid."),
    "payout-returned": marked(
        "The payment is owed again. Nothing is paid to its account until the owner accepts it."
    ),
    "payout-said": marked("It is kept. Somebody else says so, too, and it is booked."),
    "payout-otherwise": marked("The statement is booked as paid."),
    "payout-discard": marked("The payout run is discarded. Its statements wait for another one."),
    "agreement-made": marked("The agreement is made."),
    "agreement-changed": marked("The new terms are agreed on."),
    "agreement-ended": marked("The agreement ends."),
    "self-billing": marked("Self-billing is accepted. You can be paid."),
    "order-sent": marked("It is on its way to the stations."),
    "monitor-set": marked("The monitor is set. What was judged before stays judged."),
    "matched": marked("The session has its end, and is on its way into the books."),
    "corrected": marked("The correction is on its way into the books."),
    "certificate-revoked": marked("Revoked. Whoever shows it is turned away from now on."),
    "key-registered": marked("The key is registered. What waited for it was checked again."),
    "key-taken-over": marked(
        "The keys are equal: it is taken over. What waited was checked again."
    ),
    "standing-ended": marked("The standing order has ended."),
    "key-ended": marked("The key has ended."),
    "guard-set": marked("The ghost guard is set."),
    "limits-set": marked("The limits of silence are set."),
    "monitoring-on": marked("The station is monitored from now on. A confirmation comes by mail."),
    "monitoring-off": marked("The monitoring has ended. A confirmation comes by mail."),
    "monitoring-on-many": marked("The stations are monitored from now on. Mails confirm it."),
    "monitoring-off-many": marked("The monitoring of the stations has ended. Mails confirm it."),
    "card-blocked": marked("The card is blocked."),
    "card-unblocked": marked("The card may charge again, as far as there is money on it."),
    "asked-second": marked("It waits for a second person, who has to release the cost, too."),
}
"""What was just done, by the key that a redirect carries; other keys say nothing."""


def language_of(request: Request) -> str:
    """The language of a page: by the switch, else by the browser, else by the person's record."""
    chosen = request.cookies.get(LANGUAGE_COOKIE)
    if chosen in LOCALES:
        return chosen
    caller = guard.caller_or_none(request)
    fallback = "en" if caller is None else caller.principal.language
    return preferred_language(request.headers.get("accept-language"), fallback)


def words_of(request: Request) -> Words:
    """The texts in the language of the page."""
    return words(language_of(request))


def count_visit(request: Request) -> None:
    """Count that somebody opens a page that needs no login.

    Raises:
        TooManyVisits: It is one too many, as `portal.visits` says.
    """
    address = None if request.client is None else request.client.host
    context_of(request).visits.take(address)


def bare_frame(request: Request) -> Frame:
    """The frame of a page that needs no database: signing in, and refusals."""
    caller = guard.caller_or_none(request)
    said = words_of(request)
    theme = request.cookies.get(THEME_COOKIE, "auto")
    path = request.scope["path"]
    query = request.url.query
    return Frame(
        language=said.language,
        now=context_of(request).clock.now(),
        zone=UTC,
        path=f"{path}?{query}" if query else path,
        theme=theme if theme in THEMES else "auto",
        name=None if caller is None else caller.principal.name,
        roles="" if caller is None else _roles(caller, said),
        csrf=logins.csrf_token(request),
        rights=frozenset() if caller is None else rights_of(caller),
        navigation=() if caller is None else navigation(caller, said, Counts()),
    )


async def frame_of(request: Request, db: AsyncSession, caller: Caller, *, live: str = "") -> Frame:
    """The frame of a page for somebody who signed in.

    Args:
        request: What is asked for.
        db: The request's unit of work.
        caller: Who asks.
        live: What the page wants to hear of, as `portal.live` names it.
    """
    bare = bare_frame(request)
    home = await directory.organisation(db, caller.principal.organisation)
    waiting = await counts.counts_for(request, db, caller, bare.now)
    said = bare.words
    done = _DONE.get(request.query_params.get("done", ""))
    return Frame(
        language=bare.language,
        now=bare.now,
        zone=ZoneInfo(home.time_zone),
        path=bare.path,
        theme=bare.theme,
        name=bare.name,
        organisation=home.name,
        roles=bare.roles,
        csrf=bare.csrf,
        rights=bare.rights,
        navigation=navigation(caller, said, waiting),
        done=None if done is None else said.gettext(done),
        query=request.query_params.get("q", "") if bare.path.startswith("/search") else "",
        live=live,
    )


def rights_of(caller: Caller) -> frozenset[str]:
    """The permissions of somebody, as templates ask for them."""
    return frozenset(each.value for each in Permission if caller.may(each))


def _roles(caller: Caller, said: Words) -> str:
    group = caller.principal.group
    return said.gettext(GROUPS[group]) if group in GROUPS else group


def _support_right(caller: Caller) -> Permission:
    """What of support somebody may use; the console, if he may use none."""
    rights = (Permission.CALLS_READ, Permission.CHANGE_ORDERS_READ, Permission.TICKETS_READ)
    return next((each for each in rights if caller.may(each)), rights[0])


def navigation(caller: Caller, said: Words, waiting: Counts) -> tuple[NavigationGroup, ...]:
    """The side bar: only what somebody may use."""

    def allowed(*entries: tuple[Permission | None, NavigationEntry]) -> tuple[NavigationEntry, ...]:
        return tuple(entry for right, entry in entries if right is None or caller.may(right))

    groups = (
        NavigationGroup(
            "",
            allowed(
                (None, NavigationEntry(said.gettext("Overview"), "/", "overview")),
                (
                    Permission.STATIONS_READ,
                    NavigationEntry(
                        said.gettext("Stations"),
                        "/stations",
                        "station",
                        waiting.faulted,
                        "fault",
                        said.gettext("faulted"),
                    ),
                ),
                (
                    Permission.STATIONS_READ,
                    NavigationEntry(
                        said.gettext("Alerts"),
                        "/alerts",
                        "alert",
                        waiting.alerts,
                        "fault",
                        said.gettext("open alerts"),
                    ),
                ),
                (
                    Permission.TRANSACTIONS_READ,
                    NavigationEntry(
                        said.gettext("Sessions"),
                        "/sessions",
                        "session",
                        waiting.held,
                        "warning",
                        said.gettext("held"),
                    ),
                ),
                (
                    Permission.TRANSACTIONS_READ,
                    NavigationEntry(said.gettext("Plausibility"), "/monitor", "held"),
                ),
                (
                    _support_right(caller),
                    NavigationEntry(
                        said.gettext("Support"),
                        "/support",
                        "support",
                        waiting.tickets,
                        "info",
                        said.gettext("open tickets"),
                    ),
                ),
            ),
        ),
        NavigationGroup(
            said.gettext("Money"),
            allowed(
                (
                    Permission.STATEMENTS_READ,
                    NavigationEntry(said.gettext("Statements"), "/statements", "money"),
                ),
                (
                    Permission.TRANSACTIONS_READ,
                    NavigationEntry(said.gettext("Payments"), "/payments", "token"),
                ),
                (
                    Permission.PAYOUTS_READ,
                    NavigationEntry(said.gettext("Payouts"), "/payouts", "money"),
                ),
                (
                    Permission.SELF_BILLING_ACCEPT,
                    NavigationEntry(said.gettext("Self-billing"), "/self-billing", "check"),
                ),
                (
                    Permission.AGREEMENTS_READ,
                    NavigationEntry(said.gettext("Agreements"), "/agreements", "tariff"),
                ),
                (
                    Permission.DOCUMENTS_READ,
                    NavigationEntry(said.gettext("Documents"), "/documents", "mail"),
                ),
                (
                    Permission.DOCUMENTS_READ,
                    NavigationEntry(said.gettext("Contacts"), "/contacts", "person"),
                ),
                (
                    Permission.TARIFFS_READ,
                    NavigationEntry(said.gettext("Tariffs"), "/tariffs", "tariff"),
                ),
                (
                    Permission.SERVICES_READ,
                    NavigationEntry(said.gettext("Costs of services"), "/service-costs", "money"),
                ),
                (
                    Permission.CREDITS_READ,
                    NavigationEntry(said.gettext("Credits"), "/credits", "credits"),
                ),
            ),
        ),
        NavigationGroup(
            said.gettext("Settings"),
            allowed(
                (
                    Permission.STATIONS_WRITE,
                    NavigationEntry(
                        said.gettext("New stations"),
                        "/new-stations",
                        "waiting",
                        waiting.waiting,
                        "warning",
                        said.gettext("waiting"),
                    ),
                ),
                (
                    Permission.LOCATIONS_READ,
                    NavigationEntry(said.gettext("Load balancing"), "/load-balancing", "plug"),
                ),
                (
                    Permission.TOKENS_READ,
                    NavigationEntry(said.gettext("Tokens"), "/tokens", "token"),
                ),
                (
                    Permission.PROVIDERS_READ,
                    NavigationEntry(said.gettext("Prepaid cards"), "/prepaid-cards", "credits"),
                ),
                (
                    Permission.ORGANISATIONS_READ,
                    NavigationEntry(
                        said.gettext("Organisations"), "/organisations", "organisation"
                    ),
                ),
                (
                    Permission.USERS_READ,
                    NavigationEntry(said.gettext("People"), "/people", "person"),
                ),
                (
                    Permission.GROUPS_READ,
                    NavigationEntry(said.gettext("Groups"), "/groups", "group"),
                ),
                (
                    Permission.API_KEYS_READ,
                    NavigationEntry(said.gettext("API keys"), "/api-keys", "key"),
                ),
                (
                    Permission.WEBHOOKS_READ,
                    NavigationEntry(said.gettext("Webhooks"), "/webhooks", "next"),
                ),
                (
                    Permission.STATIONS_READ,
                    NavigationEntry(said.gettext("Certificates"), "/certificates", "key"),
                ),
                (
                    Permission.AUDIT_READ,
                    NavigationEntry(said.gettext("Audit"), "/audit", "log"),
                ),
                (
                    Permission.OUTBOX_READ,
                    NavigationEntry(said.gettext("Outbox"), "/outbox", "mail"),
                ),
            ),
        ),
    )
    return tuple(group for group in groups if group.entries)


def page(
    frame: Frame, template: str, values: Mapping[str, Any], *, status: int = 200
) -> HTMLResponse:
    """Answer with a page."""
    return HTMLResponse(render(frame, template, values), status_code=status)


def went(path: str, **query: str) -> Response:
    """Answer a form that did something: go on to a page that can be loaded again."""
    return RedirectResponse(link(path, query), status_code=303)
