"""Accounts: the zones active, expired and applications; the form, the sheet, and decisions."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Form
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from accounts import directory, licensing
from accounts.account_letters import tier_name
from accounts.applications import (
    DEFAULT_MONTHS,
    LEAST_DATAPOINTS,
    Application,
    NewAccount,
    OtherDatapoints,
    OtherLicence,
    PointLicences,
    Renewal,
    Sector,
    State,
    Wanted,
)
from accounts.entitlements import AccountState
from accounts.licence_costs import datapoint_item, edition_item
from accounts.licences import Licence, most_stations
from accounts.licensing import Account
from accounts.metering import TierWouldDrop
from accounts.permissions import Permission
from accounts.tiers import (
    FUNCTIONS,
    NOT_OFFERED,
    LicenceKind,
    LicenceModel,
    Tier,
    has,
    needed,
)
from foundation.database import savepoint
from foundation.errors import Conflict, InvalidInput, NotFound, NotPermitted, Unavailable
from foundation.identifiers import OrganisationKey
from foundation.money import Money
from portal import account_words, accounts
from portal.accounts import SeenAccount
from portal.context import context_of
from portal.guard import Caller, require
from portal.pages.account_refusals import form_errors
from portal.pages.surroundings import frame_of, page, went
from portal.rendering import FormErrors, Frame, segment
from portal.routes import Db, Now, PageRoute
from portal.words import Words

router = APIRouter(prefix="/accounts", route_class=PageRoute)

Reader = Annotated[Caller, Depends(require(Permission.ACCOUNTS_READ))]
Applicant = Annotated[Caller, Depends(require(Permission.ACCOUNTS_WRITE))]
Decider = Annotated[Caller, Depends(require(Permission.ACCOUNTS_DECIDE))]
Text = Annotated[str, Form(max_length=2000)]
Short = Annotated[str, Form(max_length=20)]

_REFUSALS = (InvalidInput, Conflict, NotPermitted, NotFound, Unavailable)
_ZONES = (AccountState.ACTIVE, AccountState.EXPIRED, AccountState.ARCHIVED)


def _choice(value: str, known: tuple[str, ...], field: str) -> str:
    if value not in known:
        raise InvalidInput("Choose one of those offered.", field=field)
    return value


def _whole(value: str, field: str) -> int:
    """Return a whole number that was typed.

    Raises:
        InvalidInput: If it is none.
    """
    text = value.strip()
    if not text.isascii() or not text.isdecimal() or len(text) > 9:
        raise InvalidInput("Give a whole number.", field=field)
    return int(text)


# ---------------------------------------------------------------------------- the zones


@router.get("")
async def zones(request: Request, db: Db, now: Now, caller: Reader, zone: str = "") -> Response:
    """Show the accounts of a zone, or the applications that wait."""
    frame = await frame_of(request, db, caller)
    said = frame.words
    found = await licensing.accounts(db, caller.scope)
    pending = await licensing.applications(db, caller.scope, state=State.PENDING)
    decided = [
        each
        for each in await licensing.applications(db, caller.scope, limit=20)
        if each.state is not State.PENDING
    ]
    in_zone = {each: [one for one in found if one.state(now) is each] for each in _ZONES}
    names = {each.key: each.name for each in await directory.organisations(db, caller.scope)}
    tabs = [
        ("active", said.gettext("Active accounts"), "/accounts", len(in_zone[_ZONES[0]])),
        (
            "expired",
            said.gettext("Expired accounts"),
            "/accounts?zone=expired",
            len(in_zone[_ZONES[1]]),
        ),
        (
            "applications",
            said.gettext("Applications"),
            "/accounts?zone=applications",
            len(pending),
        ),
    ]
    if in_zone[AccountState.ARCHIVED]:
        tabs.append(
            (
                "archived",
                said.gettext("Archived"),
                "/accounts?zone=archived",
                len(in_zone[AccountState.ARCHIVED]),
            )
        )
    here = zone if zone in {key for key, *_ in tabs} else "active"
    values = {
        "tabs": tabs,
        "here": here,
        "accounts": [
            _line(each, now, caller)
            for each in in_zone.get(_state(here) or AccountState.ACTIVE, [])
        ],
        "pending": [_application(caller, each, names, said) for each in pending],
        "decided": [_application(caller, each, names, said) for each in decided],
    }
    return page(frame, "accounts.html", values)


def _state(zone: str) -> AccountState | None:
    return AccountState(zone) if zone in set(AccountState) else None


def _line(account: Account, now: datetime, caller: Caller) -> dict[str, object]:
    return {
        "key": account.organisation,
        "path": f"/accounts/{segment(account.organisation)}",
        "name": account.name,
        "customer": caller.personal(account.customer),
        "state": account.state(now).value,
        "licence": account.licence.value,
        "tier": tier_name(account.tier),
        "datapoints": account.datapoints,
        "used": account.datapoints_used,
        "left": account.datapoints_left,
        "ends_on": account.term.ends_on,
    }


def _application(
    caller: Caller, each: Application, names: dict[OrganisationKey, str], said: Words
) -> dict[str, object]:
    return {
        "id": each.id,
        "kind": each.kind.value,
        "organisation": names.get(each.organisation, each.organisation),
        "state": each.state.value,
        "what": _what(each.wanted, said),
        "applicant": caller.personal(each.applicant_name),
        "applied_at": each.applied_at,
        "decided_by": caller.personal(each.decided_by_name),
        "decided_at": each.decided_at,
        "reason": each.reason,
    }


def _what(wanted: Wanted, said: Words) -> str:
    """Tell in a few words what is wanted."""
    match wanted:
        case NewAccount() | OtherLicence():
            words = said.gettext(account_words.LICENCES[wanted.licence.value])
            if isinstance(wanted, OtherLicence):
                return words
            return said.gettext("%(licence)s, %(count)s datapoints, %(months)s months") % {
                "licence": words,
                "count": wanted.datapoints,
                "months": wanted.months,
            }
        case OtherDatapoints():
            return said.gettext("%(count)s datapoints") % {"count": wanted.datapoints}
        case Renewal():
            return said.gettext("%(months)s months") % {"months": wanted.months}
        case PointLicences():
            return (
                f"{wanted.quantity} × {said.gettext(account_words.LICENCE_KINDS[wanted.kind])},"
                f" {said.gettext(account_words.LICENCE_MODELS[wanted.model])}"
            )


# ---------------------------------------------------------------------------- the form


@router.get("/new")
async def new_account(request: Request, db: Db, caller: Applicant) -> Response:
    """Ask for what an account needs."""
    return await _form(request, db, caller, {})


@router.post("/new")
async def apply(
    request: Request,
    db: Db,
    now: Now,
    caller: Applicant,
    organisation: Annotated[str, Form(max_length=40)] = "",
    name: Text = "",
    customer: Text = "",
    licence: Short = "",
    datapoints: Short = "",
    months: Short = "",
    sector: Short = "",
    rtc_lines: Short = "",
    mail_domain: Text = "",
    comment: Text = "",
) -> Response:
    """Make an application of it: no account yet."""
    given = {
        "organisation": organisation,
        "name": name,
        "customer": customer,
        "licence": licence,
        "datapoints": datapoints,
        "months": months,
        "sector": sector,
        "rtc_lines": rtc_lines,
        "mail_domain": mail_domain,
        "comment": comment,
    }
    try:
        wanted = NewAccount(
            name,
            customer,
            Licence(_choice(licence, tuple(Licence), "licence")),
            _whole(datapoints, "datapoints"),
            _whole(months, "months"),
            Sector(_choice(sector, tuple(Sector), "sector")),
            _whole(rtc_lines or "0", "rtc_lines"),
            mail_domain,
            comment,
        )
        async with await savepoint(db):
            made = await accounts.apply(
                db, context_of(request), caller, organisation, wanted, now=now
            )
    except _REFUSALS as error:
        frame = await frame_of(request, db, caller)
        errors = form_errors(error, frame.words, otherwise="organisation")
        return await _form(request, db, caller, given, errors, 422)
    return went(f"/accounts/applications/{made.id}", done="applied")


async def _form(
    request: Request,
    db: AsyncSession,
    caller: Caller,
    given: dict[str, str],
    errors: FormErrors | None = None,
    status: int = 200,
) -> Response:
    frame = await frame_of(request, db, caller)
    have = {
        each.organisation
        for each in await licensing.accounts(db, caller.scope)
        if each.archived_at is None
    }
    values = {
        "organisations": [
            (each.key, each.name)
            for each in await directory.organisations(db, caller.scope)
            if each.parent is not None and each.key not in have
        ],
        "licences": account_words.options(account_words.LICENCES, frame.words),
        "sectors": account_words.options(account_words.SECTORS, frame.words),
        "least": LEAST_DATAPOINTS,
        "given": {
            "organisation": "",
            "name": "",
            "customer": "",
            "licence": Licence.BUSINESS.value,
            "datapoints": LEAST_DATAPOINTS,
            "months": DEFAULT_MONTHS,
            "sector": Sector.CHARGING.value,
            "rtc_lines": 0,
            "mail_domain": "",
            "comment": "",
            **given,
        },
        "errors": errors or FormErrors(),
    }
    return page(frame, "account_new.html", values, status=status)


# ---------------------------------------------------------------------------- an application


@router.get("/applications/{number}")
async def one_application(request: Request, db: Db, caller: Reader, number: int) -> Response:
    """Show an application, and offer the decision to those who may."""
    return await _show_application(request, db, caller, number)


@router.post("/applications/{number}")
async def decide(
    request: Request,
    db: Db,
    now: Now,
    caller: Decider,
    number: int,
    decision: Short = "",
    reason: Text = "",
) -> Response:
    """Approve or reject it."""
    try:
        async with await savepoint(db):
            if decision == "approve":
                made = await accounts.approve(
                    db, context_of(request), caller, _number(number), now=now
                )
            else:
                made = await accounts.reject(db, caller, _number(number), reason, now=now)
    except _REFUSALS as error:
        frame = await frame_of(request, db, caller)
        errors = form_errors(error, frame.words, otherwise="reason")
        return await _show_application(request, db, caller, number, errors, 422)
    done = "approved" if made.state is State.APPROVED else "rejected"
    return went(f"/accounts/applications/{number}", done=done)


@router.post("/applications/{number}/withdraw")
async def withdraw(db: Db, now: Now, caller: Applicant, number: int) -> Response:
    """Take it back."""
    await accounts.withdraw(db, caller, _number(number), now=now)
    return went(f"/accounts/applications/{number}", done="withdrawn")


def _number(number: int) -> int:
    if not 0 < number < 2**62:
        raise NotFound("application", number)
    return number


async def _show_application(
    request: Request,
    db: AsyncSession,
    caller: Caller,
    number: int,
    errors: FormErrors | None = None,
    status: int = 200,
) -> Response:
    found = await accounts.seen_application(db, caller, _number(number))
    frame = await frame_of(request, db, caller)
    home = await directory.organisation(db, found.organisation)
    is_own = bool(
        await licensing.names_behind(db, caller.principal.id)
        & await licensing.names_behind(db, found.applicant)
    )
    wanted = found.wanted
    values = {
        "asked": _application(caller, found, {home.key: home.name}, frame.words),
        "path": f"/accounts/{segment(found.organisation)}",
        "details": wanted if isinstance(wanted, NewAccount) else None,
        "customer": caller.personal(wanted.customer) if isinstance(wanted, NewAccount) else "",
        "is_pending": found.state is State.PENDING,
        "is_own": is_own,
        "errors": errors or FormErrors(),
    }
    return page(frame, "account_application.html", values, status=status)


# ---------------------------------------------------------------------------- an account


@router.get("/{key:segment}")
async def one_account(request: Request, db: Db, now: Now, caller: Reader, key: str) -> Response:
    """Show an account with what it may do, and the forms that apply for something else."""
    return await _sheet(request, db, now, caller, key)


@router.post("/{key:segment}/apply")
async def apply_for(
    request: Request,
    db: Db,
    now: Now,
    caller: Applicant,
    key: str,
    what: Short = "",
    datapoints: Short = "",
    licence: Short = "",
    months: Short = "",
    kind: Short = "",
    quantity: Short = "",
    term: Short = "",
) -> Response:
    """Apply for other datapoints, another licence, a renewal, or licences for points."""
    try:
        wanted: Wanted
        match what:
            case "datapoints":
                wanted = OtherDatapoints(_whole(datapoints, "datapoints"))
            case "licence":
                wanted = OtherLicence(Licence(_choice(licence, tuple(Licence), "licence")))
            case "renewal":
                wanted = Renewal(_whole(months, "months"))
            case _:
                wanted = _licences(kind, quantity, term)
        async with await savepoint(db):
            made = await accounts.apply(db, context_of(request), caller, key, wanted, now=now)
    except _REFUSALS as error:
        frame = await frame_of(request, db, caller)
        errors = form_errors(error, frame.words, otherwise=what or "quantity")
        return await _sheet(request, db, now, caller, key, errors, 422)
    return went(f"/accounts/applications/{made.id}", done="applied")


def _licences(kind: str, quantity: str, term: str) -> PointLicences:
    count = _whole(quantity, "quantity")
    if kind == "monthly":
        return PointLicences(LicenceKind.ALL, LicenceModel.MONTHLY, count)
    return PointLicences(
        LicenceKind(_choice(kind, tuple(LicenceKind), "kind")),
        LicenceModel.MULTI_YEAR,
        count,
        _whole(term, "term") if term.strip() else None,
    )


@router.post("/{key:segment}/licences/{licence_id}/end")
async def end_licences(
    request: Request,
    db: Db,
    now: Now,
    caller: Applicant,
    key: str,
    licence_id: int,
    agree: Short = "",
) -> Response:
    """End monthly licences; if functions stop by it, ask first."""
    try:
        async with await savepoint(db):
            await accounts.end_licences(
                db,
                context_of(request),
                caller,
                key,
                _number(licence_id),
                agrees=agree == "yes",
                now=now,
            )
    except TierWouldDrop as error:
        frame = await frame_of(request, db, caller)
        errors = form_errors(error, frame.words, otherwise=f"end-{licence_id}")
        return await _sheet(request, db, now, caller, key, errors, 409, to_agree=licence_id)
    return went(f"/accounts/{segment(key)}", done="saved")


@router.post("/{key:segment}/archive")
async def archive(request: Request, db: Db, now: Now, caller: Decider, key: str) -> Response:
    """Archive an account whose grace time is over."""
    try:
        async with await savepoint(db):
            await accounts.archive(db, context_of(request), caller, key, now=now)
    except Conflict as error:
        frame = await frame_of(request, db, caller)
        errors = form_errors(error, frame.words, otherwise="archive")
        return await _sheet(request, db, now, caller, key, errors, 409)
    return went("/accounts?zone=archived", done="saved")


async def _sheet(
    request: Request,
    db: AsyncSession,
    now: datetime,
    caller: Caller,
    key: str,
    errors: FormErrors | None = None,
    status: int = 200,
    *,
    to_agree: int = 0,
) -> Response:
    seen = await accounts.seen_account(db, context_of(request), caller, key, now=now)
    frame = await frame_of(request, db, caller)
    asked = await licensing.applications(db, caller.scope, organisation_key=key, limit=20)
    values = {
        "path": f"/accounts/{segment(key)}",
        "account": seen.account,
        "customer": caller.personal(seen.account.customer),
        "state": seen.state.value,
        "used": seen.metered.datapoints,
        "left": max(0, seen.account.datapoints - seen.metered.datapoints),
        "points": len(seen.metered.points),
        "needed": needed(seen.metered.points).total,
        "held": seen.metered.licences,
        "tier": tier_name(seen.metered.tier),
        "licences": [
            {
                "id": each.id,
                "kind": each.kind.value,
                "model": each.model.value,
                "quantity": each.quantity,
                "starts_on": each.starts_on,
                "ends_on": each.ends_on,
                "holds": each.holds(now.astimezone(frame.zone).date()),
            }
            for each in seen.licences
        ],
        "applications": [_application(caller, each, {}, frame.words) for each in asked],
        "editions": _editions(seen, frame),
        "tiers": tier_table(seen.metered.tier),
        "not_offered": [each.label for each in NOT_OFFERED],
        "licence_options": account_words.options(account_words.LICENCES, frame.words),
        "kind_options": [
            ("monthly", frame.words.gettext("Monthly subscription, all kinds of energy")),
            ("all", frame.words.gettext("Multi-year, all kinds of energy")),
            ("heat_water_gas", frame.words.gettext("Multi-year, heat, water and gas")),
        ],
        "may_archive": seen.state is AccountState.EXPIRED,
        "to_agree": to_agree,
        "errors": errors or FormErrors(),
    }
    return page(frame, "account_sheet.html", values, status=status)


def tier_table(own: Tier) -> list[dict[str, object]]:
    """What each tier may do, and whether the account's own may."""
    return [
        {
            "label": each.label,
            "tiers": [has(tier, each) for tier in Tier],
            "is_had": has(own, each),
        }
        for each in FUNCTIONS
    ]


def _editions(seen: SeenAccount, frame: Frame) -> list[dict[str, object]]:
    """The editions with what each costs a month, in the account's currency."""
    currency, prices = seen.prices.currency, seen.prices.prices

    def price(item: str) -> Money | None:
        return None if item not in prices else Money(prices[item], currency)

    return [
        {
            "name": frame.words.gettext(account_words.LICENCES[each.value]),
            "stations": most_stations(each),
            "price": price(edition_item(each)),
            "datapoint": price(datapoint_item(each)),
            "is_own": each is seen.account.licence,
        }
        for each in Licence
    ]
