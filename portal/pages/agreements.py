"""Agreements by pages: which share of the proceeds an owner receives, and from when."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Form, Query
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from accounts import directory
from accounts.directory import Organisation, Scope
from accounts.permissions import Permission
from billing.terms import Basis
from foundation.database import savepoint
from foundation.errors import ExpectedError, InvalidInput
from foundation.identifiers import OrganisationKey
from portal import agreement_doors, decimals
from portal.guard import Caller, require
from portal.pages import choosing
from portal.pages.choosing import NotChosen
from portal.pages.refusals import in_words
from portal.pages.surroundings import frame_of, page, went
from portal.rendering import FormErrors, Turn, link
from portal.routes import Db, Now, PageRoute
from portal.words import Words, marked
from roaming import administration
from roaming.administration import AgreementFacts
from roaming.agreements import (
    DEFAULT,
    Agreement,
    AgreementsOverlap,
    AgreementTerms,
    ExternalDue,
    InternalScope,
)

router = APIRouter(route_class=PageRoute, prefix="/agreements")

Reader = Annotated[Caller, Depends(require(Permission.AGREEMENTS_READ))]
Writer = Annotated[Caller, Depends(require(Permission.AGREEMENTS_WRITE))]
Text = Annotated[str, Form(max_length=200)]
Day = Annotated[str, Form(max_length=10)]

PER_PAGE = 50

BASES = {
    Basis.NET: marked("of the revenue without tax"),
    Basis.GROSS: marked("of the revenue with tax"),
}
SCOPES = {
    InternalScope.OWNER: marked("the owner's own cards, and those of organisations below it"),
    InternalScope.OPERATOR: marked("the cards of the organisation above the owner, and all below"),
    InternalScope.INSTALLATION: marked("all cards of this installation"),
}
DUES = {
    ExternalDue.CLOSE: marked("with the statement"),
    ExternalDue.RECEIPT: marked("once the provider has paid its invoice"),
}
STATES = {
    "valid": marked("Valid"),
    "coming": marked("To come"),
    "over": marked("Over"),
}
_OUTSIDE = marked(
    "Choose a day while this agreement is valid: after %(first)s, and before it ends."
)
_EMPTY = marked("The last day must not lie before the first.")


@router.get("")
async def agreements(
    request: Request,
    db: Db,
    now: Now,
    caller: Reader,
    q: Annotated[str, Query(max_length=100)] = "",
    state: Annotated[str, Query(max_length=10)] = "",
    page_number: Annotated[int, Query(alias="page", ge=1, le=100_000)] = 1,
) -> Response:
    """Show the agreements, by payee."""
    frame = await frame_of(request, db, caller)
    said = frame.words
    payees = {each.key: each for each in await directory.organisations(db, caller.scope)}
    wanted = " ".join(q.split()).casefold()
    found = [
        each
        for each in await administration.agreements(db, caller.scope)
        if (not wanted or wanted in f"{each.payee} {payees[each.payee].name}".casefold())
        and (state not in STATES or state_of(each, now) == state)
    ]
    found.sort(key=lambda each: (payees[each.payee].name.casefold(), each.valid_from))
    first = (page_number - 1) * PER_PAGE
    shown = found[first : first + PER_PAGE]
    asked = {"q": q, "state": state}

    def to(number: int) -> str:
        return link("/agreements", {**asked, "page": str(number)})

    values = {
        "agreements": [_line(each, payees[each.payee], now) for each in shown],
        "states": [("", said.gettext("All"))]
        + [(key, said.gettext(t)) for key, t in STATES.items()],
        "query": asked,
        "standard": _terms(DEFAULT, said),
        "turn": Turn(
            first + 1,
            first + len(shown),
            len(found),
            to(1) if page_number > 1 else None,
            to(page_number + 1) if first + PER_PAGE < len(found) else None,
        ),
    }
    return page(frame, "agreements.html", values)


@router.get("/new")
async def new(
    request: Request,
    db: Db,
    caller: Writer,
    payee: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """Show the form of a new agreement."""
    return await _form(request, db, caller, {**_written(DEFAULT), "payee": payee})


@router.post("")
async def create(
    request: Request,
    db: Db,
    now: Now,
    caller: Writer,
    payee: Text = "",
    internal: Text = "",
    external: Text = "",
    basis: Text = "",
    internal_scope: Text = "",
    external_due: Text = "",
    first: Annotated[str, Form(alias="from", max_length=10)] = "",
    last: Annotated[str, Form(alias="to", max_length=10)] = "",
) -> Response:
    """Write an agreement from the beginning of a day, to the end of another or without end."""
    given = {
        "payee": payee,
        "internal": internal,
        "external": external,
        "basis": basis,
        "internal_scope": internal_scope,
        "external_due": external_due,
        "from": first,
        "to": last,
    }
    try:
        key = await choosing.chosen(db, caller.scope, payee, "payee")
        zone = await _zone(db, key)
        facts = _facts(given)
        valid_from = _midnight(first, zone, "from") or now
        valid_to = _midnight(last, zone, "to", days=1)
        if valid_to is not None and valid_to <= valid_from:
            raise InvalidInput(_EMPTY, field="to")
        async with await savepoint(db):
            made = await agreement_doors.create(
                db, caller, key, facts, valid_from=valid_from, valid_to=valid_to, now=now
            )
    except (InvalidInput, AgreementsOverlap) as error:
        frame = await frame_of(request, db, caller)
        return await _form(request, db, caller, given, _errors(error, frame.words, "from"))
    return went(f"/agreements/{made.agreement_id}", done="agreement-made")


@router.get("/{number:segment}")
async def agreement(request: Request, db: Db, now: Now, caller: Reader, number: str) -> Response:
    """Show an agreement with all that was ever agreed on with its payee."""
    found = await agreement_doors.found(db, caller, number)
    return await _show(request, db, now, caller, found)


@router.post("/{number:segment}/terms")
async def change(
    request: Request,
    db: Db,
    now: Now,
    caller: Writer,
    number: str,
    internal: Text = "",
    external: Text = "",
    basis: Text = "",
    internal_scope: Text = "",
    external_due: Text = "",
    first: Annotated[str, Form(alias="from", max_length=10)] = "",
) -> Response:
    """Let other terms hold from the beginning of a day on; this agreement ends then."""
    old = await agreement_doors.found(db, caller, number)
    given = {
        "internal": internal,
        "external": external,
        "basis": basis,
        "internal_scope": internal_scope,
        "external_due": external_due,
        "from": first,
    }
    try:
        facts = _facts(given)
        at = _midnight(first, await _zone(db, old.payee), "from") or now
        if old.valid_to is not None and at >= old.valid_to:
            raise _OutsideOfIt("It has ended by then.", field="from")
        _check_inside(old, at, "from")
        async with await savepoint(db):
            made = await agreement_doors.change(db, caller, old, facts, valid_from=at, now=now)
    except InvalidInput as error:
        errors = await _inside_errors(request, db, caller, old, error, "from")
        return await _show(request, db, now, caller, old, errors, given)
    return went(f"/agreements/{made.agreement_id}", done="agreement-changed")


@router.post("/{number:segment}/end")
async def end(
    request: Request,
    db: Db,
    now: Now,
    caller: Writer,
    number: str,
    last: Annotated[str, Form(alias="to", max_length=10)] = "",
) -> Response:
    """Let an agreement end with a day, or at once: the standard terms hold from then on."""
    old = await agreement_doors.found(db, caller, number)
    try:
        at = _midnight(last, await _zone(db, old.payee), "to", days=1)
        if at is None:  # at once; one that is still to come does not come
            at = max(now, old.valid_from)
        if at != old.valid_from or now >= at:
            _check_inside(old, at, "to")
        async with await savepoint(db):
            await agreement_doors.end(db, caller, old, valid_to=at, now=now)
    except InvalidInput as error:
        errors = await _inside_errors(request, db, caller, old, error, "to")
        return await _show(request, db, now, caller, old, errors, {"to": last})
    return went(f"/agreements/{old.agreement_id}", done="agreement-ended")


# ---------------------------------------------------------------------------------- showing


def state_of(agreement: Agreement, now: datetime) -> str:
    """Return whether an agreement holds at a moment: `valid`, `coming` or `over`."""
    if agreement.is_valid_at(now):
        return "valid"
    has_moments = agreement.valid_to is None or agreement.valid_from < agreement.valid_to
    return "coming" if has_moments and agreement.valid_from > now else "over"


def _line(agreement: Agreement, payee: Organisation, now: datetime) -> dict[str, Any]:
    zone = ZoneInfo(payee.time_zone)
    return {
        "id": agreement.agreement_id,
        "payee": payee.name,
        "state": state_of(agreement, now),
        "internal_bps": agreement.terms.internal_bps,
        "external_bps": agreement.terms.external_bps,
        "valid_from": agreement.valid_from,
        "valid_to": agreement.valid_to,
        "zone": zone,
    }


def _terms(terms: AgreementTerms, said: Words) -> dict[str, Any]:
    return {
        "internal_bps": terms.internal_bps,
        "external_bps": terms.external_bps,
        "basis": said.gettext(BASES[terms.basis]),
        "internal_scope": said.gettext(SCOPES[terms.internal_scope]),
        "external_due": said.gettext(DUES[terms.external_due]),
    }


def _choices(said: Words) -> dict[str, list[tuple[str, str]]]:
    return {
        "bases": [(str(each), said.gettext(text)) for each, text in BASES.items()],
        "scopes": [(str(each), said.gettext(text)) for each, text in SCOPES.items()],
        "dues": [(str(each), said.gettext(text)) for each, text in DUES.items()],
    }


def _written(terms: AgreementTerms) -> dict[str, str]:
    return {
        "internal": f"{(Decimal(terms.internal_bps) / 100).normalize():f}",
        "external": f"{(Decimal(terms.external_bps) / 100).normalize():f}",
        "basis": terms.basis,
        "internal_scope": terms.internal_scope,
        "external_due": terms.external_due,
        "from": "",
        "to": "",
    }


async def _form(
    request: Request,
    db: AsyncSession,
    caller: Caller,
    given: dict[str, str],
    errors: FormErrors | None = None,
) -> Response:
    frame = await frame_of(request, db, caller)
    values = {
        **_choices(frame.words),
        "payees": await choosing.offered(db, caller.scope),
        "given": given,
        "errors": errors or FormErrors(),
    }
    return page(frame, "agreement_new.html", values, status=422 if errors else 200)


async def _show(
    request: Request,
    db: AsyncSession,
    now: datetime,
    caller: Caller,
    found: Agreement,
    errors: FormErrors | None = None,
    given: dict[str, str] | None = None,
) -> Response:
    frame = await frame_of(request, db, caller)
    payee = await directory.organisation(db, found.payee)
    known: Sequence[Agreement] = await administration.agreements(
        db, Scope(frozenset({found.payee}))
    )
    known = sorted(known, key=lambda each: (each.valid_from, each.agreement_id), reverse=True)
    state = state_of(found, now)
    values = {
        **_choices(frame.words),
        "found": _line(found, payee, now),
        "payee": payee,
        "terms": _terms(found.terms, frame.words),
        "history": [_line(each, payee, now) for each in known],
        "may_change": caller.may(Permission.AGREEMENTS_WRITE) and state != "over",
        "has_begun": state != "coming",
        "given": {**_written(found.terms), **(given or {})},
        "errors": errors or FormErrors(),
    }
    return page(frame, "agreement.html", values, status=422 if errors else 200)


# ---------------------------------------------------------------------------------- reading


async def _zone(db: AsyncSession, payee: OrganisationKey) -> ZoneInfo:
    return ZoneInfo((await directory.organisation(db, payee)).time_zone)


def _facts(given: dict[str, str]) -> AgreementFacts:
    return {
        "internal_bps": _basis_points(given["internal"], "internal"),
        "external_bps": _basis_points(given["external"], "external"),
        "basis": given["basis"],
        "internal_scope": given["internal_scope"],
        "external_due": given["external_due"],
    }


def _basis_points(text: str, field: str) -> int:
    """Read a percentage of at most two decimals.

    Raises:
        InvalidInput: If it is none, or not from 0 to 100.
    """
    wrong = marked("A share is 0 to 100 per cent, with two decimals at most.")
    points = decimals.written(text, field, most=100, otherwise=wrong) * 100
    if points != int(points):
        raise InvalidInput(wrong, field=field)
    return int(points)


def _midnight(text: str, zone: ZoneInfo, field: str, *, days: int = 0) -> datetime | None:
    if not text:
        return None
    try:
        day = date.fromisoformat(text) + timedelta(days=days)
        if not 1971 <= day.year <= 9000:
            raise ValueError
    except (ValueError, OverflowError):
        raise InvalidInput(marked("This is no day."), field=field) from None
    return datetime.combine(day, time(), zone)


class _OutsideOfIt(InvalidInput):
    """The day does not lie in the agreement's time."""


def _check_inside(old: Agreement, at: datetime, field: str) -> None:
    if at <= old.valid_from or (old.valid_to is not None and at > old.valid_to):
        raise _OutsideOfIt("The day does not lie in the agreement's time.", field=field)


async def _inside_errors(
    request: Request,
    db: AsyncSession,
    caller: Caller,
    old: Agreement,
    error: InvalidInput,
    otherwise: str,
) -> FormErrors:
    said = (await frame_of(request, db, caller)).words
    if not isinstance(error, _OutsideOfIt):
        return _errors(error, said, otherwise)
    zone = await _zone(db, old.payee)
    first = old.valid_from.astimezone(zone).date().isoformat()
    return FormErrors({otherwise: said.gettext(_OUTSIDE) % {"first": first}})


def _errors(error: ExpectedError, said: Words, otherwise: str) -> FormErrors:
    field = error.field if isinstance(error, InvalidInput) and error.field else otherwise
    if isinstance(error, NotChosen):
        return FormErrors({field: choosing.in_words(error, said)})
    if isinstance(error, AgreementsOverlap):
        text = said.gettext(
            "There is agreement %(number)s in that time already, and two at once are not possible:"
            " end that one first, or change its terms from a day on."
        )
        return FormErrors({field: text % {"number": error.existing.agreement_id}})
    return FormErrors({field: in_words(error, said)})
