"""Contacts and contracts: lists, a contact with all that belongs to it, and the forms of both."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, cast
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Form, Query
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from accounts import directory
from accounts.permissions import Permission
from billing import contacts, contracts, papers
from billing.contacts import Contact, ContactFacts
from foundation.database import savepoint
from foundation.errors import Conflict, InvalidInput, NotFound
from foundation.identifiers import OrganisationKey
from foundation.money import Money
from portal import contact_doors, decimals
from portal.guard import Caller, require
from portal.pages.paper_refusals import form_errors, in_words
from portal.pages.surroundings import frame_of, page, went
from portal.paper_words import CONTACT_KINDS, TAX_STATUSES
from portal.rendering import FormErrors, Frame, Turn, link
from portal.routes import Db, Now, PageRoute

router = APIRouter(route_class=PageRoute)

PER_PAGE = 50
RECENT = 20

Reader = Annotated[Caller, Depends(require(Permission.DOCUMENTS_READ))]
Writer = Annotated[Caller, Depends(require(Permission.CRM_WRITE))]
Text = Annotated[str, Form(max_length=200)]

_FIELDS = (
    "kind",
    "name",
    "street",
    "postcode",
    "city",
    "country",
    "tax_country",
    "tax_status",
    "vat_id",
    "tax_number",
    "language",
    "email",
    "phone",
    "iban",
    "bic",
    "represents",
    "managing",
)
_OPTIONAL = frozenset(
    {"tax_country", "vat_id", "tax_number", "email", "phone", "iban", "bic", "represents"}
)


@router.get("/contacts")
async def list_contacts(
    request: Request,
    db: Db,
    caller: Reader,
    q: Annotated[str, Query(max_length=100)] = "",
    after: Annotated[int, Query(ge=0, lt=2**62)] = 0,
    n: Annotated[int, Query(ge=1, le=10**9)] = 1,
) -> Response:
    """List the contacts in scope by name, with what each owes."""
    frame = await frame_of(request, db, caller)
    sees = caller.may(Permission.CRM_READ)
    found = await contacts.contacts(
        db, caller.scope, search=q if sees else "", after=after or None, limit=PER_PAGE + 1
    )
    kept = found[:PER_PAGE]
    names = {each.key: each.name for each in await directory.organisations(db, caller.scope)}
    owed = await papers.balances(db, [each.debtor for each in kept])
    on = None
    if len(found) > PER_PAGE:
        on = link("/contacts", {"q": q, "after": kept[-1].id, "n": n + len(kept)})
    values = {
        "contacts": [
            {
                "id": each.id,
                "name": caller.personal(each.name),
                "kind": each.kind.value,
                "city": each.city,
                "represents": each.represents,
                "managing": names.get(each.managing, each.managing),
                "is_active": each.is_active,
                "owes": owed.get(each.debtor, []),
            }
            for each in kept
        ],
        "turn": Turn(
            n, n + len(kept) - 1, None, link("/contacts", {"q": q}) if after else None, on
        ),
        "query": q,
        "sees": sees,
    }
    return page(frame, "contacts.html", values)


@router.get("/contacts/new")
async def new_contact(
    request: Request,
    db: Db,
    caller: Writer,
    represents: Annotated[str, Query(max_length=100)] = "",
) -> Response:
    """Ask for a new contact's facts; those of an organisation are filled in as it says them."""
    given: dict[str, str] = {"represents": represents, "managing": caller.principal.organisation}
    kind, _, key = represents.partition("/")
    if kind == "organisation":
        given |= await contact_doors.says_of_itself(db, caller, OrganisationKey(key))
    return await _form(request, db, caller, given)


@router.post("/contacts/new")
async def create_contact(request: Request, db: Db, now: Now, caller: Writer) -> Response:
    """Record a contact, and go to it."""
    given = await _given(request)
    try:
        async with await savepoint(db):
            made = await contact_doors.create(db, caller, _facts(given), now=now)
    except (InvalidInput, Conflict, NotFound) as error:
        frame = await frame_of(request, db, caller)
        errors = form_errors(error, frame.words, otherwise="name")
        return await _form(request, db, caller, given, errors=errors, status=422)
    return went(f"/contacts/{made.id}", done="saved")


@router.get("/contacts/{contact_id}")
async def show_contact(request: Request, db: Db, caller: Reader, contact_id: str) -> Response:
    """Show a contact with its contracts, its documents and what it owes."""
    return await _show(request, db, caller, await _seen(db, caller, contact_id))


@router.get("/contacts/{contact_id}/change")
async def ask_change(request: Request, db: Db, caller: Writer, contact_id: str) -> Response:
    """Ask what shall change."""
    found = await contact_doors.to_change(db, caller, _number(contact_id, "contact"))
    given = {name: str(getattr(found, name) or "") for name in _FIELDS}
    return await _form(request, db, caller, given, of=found)


@router.post("/contacts/{contact_id}/change")
async def change_contact(
    request: Request, db: Db, now: Now, caller: Writer, contact_id: str
) -> Response:
    """Change a contact."""
    found = await contact_doors.to_change(db, caller, _number(contact_id, "contact"))
    given = await _given(request)
    try:
        async with await savepoint(db):
            made = await contact_doors.change(db, caller, found.id, _facts(given), now=now)
    except (InvalidInput, Conflict, NotFound) as error:
        frame = await frame_of(request, db, caller)
        errors = form_errors(error, frame.words, otherwise="name")
        return await _form(request, db, caller, given, of=found, errors=errors, status=422)
    return went(f"/contacts/{made.id}", done="saved")


@router.post("/contacts/{contact_id}/contracts")
async def create_contract(
    request: Request,
    db: Db,
    now: Now,
    caller: Writer,
    contact_id: str,
    name: Text = "",
    base_fee: Text = "",
    valid_from: Text = "",
    tokens_of: Text = "",
) -> Response:
    """Make a contract with a contact."""
    found = await _seen(db, caller, contact_id)
    try:
        currency = (await directory.root(db)).currency
        async with await savepoint(db):
            await contact_doors.create_contract(
                db,
                caller,
                contact_id=found.id,
                name=name,
                base_fee=_money(base_fee or "0", currency),
                valid_from=_day(valid_from, "valid_from"),
                tokens_of=OrganisationKey(tokens_of) if tokens_of else None,
                now=now,
            )
    except (InvalidInput, Conflict, NotFound) as error:
        sent = {"name": name, "base_fee": base_fee, "valid_from": valid_from}
        return await _refused(request, db, caller, found, error, "contract-name", sent)
    return went(f"/contacts/{found.id}", done="saved")


@router.post("/contacts/{contact_id}/contracts/{contract_id}/tokens")
async def put_token(
    request: Request,
    db: Db,
    now: Now,
    caller: Writer,
    contact_id: str,
    contract_id: str,
    token: Annotated[str, Form(max_length=255)] = "",
    valid_from: Text = "",
) -> Response:
    """Put a token on a contract, from a day on."""
    found, number = await _seen_contract(db, caller, contact_id, contract_id)
    try:
        async with await savepoint(db):
            begin = await _begin(db, valid_from, now)
            await contact_doors.put_token(db, caller, number, token, valid_from=begin, now=now)
    except (InvalidInput, Conflict) as error:
        sent = {"token": token, "of": contract_id}
        return await _refused(request, db, caller, found, error, f"token-{number}", sent)
    return went(f"/contacts/{found.id}", done="saved")


@router.post("/contacts/{contact_id}/contracts/{contract_id}/tokens/{token_id}/end")
async def take_token(
    request: Request,
    db: Db,
    now: Now,
    caller: Writer,
    contact_id: str,
    contract_id: str,
    token_id: str,
) -> Response:
    """Take a token off its contract, from now on."""
    found, number = await _seen_contract(db, caller, contact_id, contract_id)
    try:
        async with await savepoint(db):
            await contact_doors.take_token(
                db, caller, number, _number(token_id, "token"), valid_to=now, now=now
            )
    except (InvalidInput, Conflict) as error:
        return await _refused(request, db, caller, found, error, f"token-{number}", {})
    return went(f"/contacts/{found.id}", done="saved")


@router.post("/contacts/{contact_id}/contracts/{contract_id}/end")
async def end_contract(
    request: Request,
    db: Db,
    now: Now,
    caller: Writer,
    contact_id: str,
    contract_id: str,
    valid_to: Text = "",
) -> Response:
    """Let a contract end with a day."""
    found, number = await _seen_contract(db, caller, contact_id, contract_id)
    try:
        async with await savepoint(db):
            await contact_doors.end_contract(
                db, caller, number, valid_to=_day(valid_to, "valid_to"), now=now
            )
    except (InvalidInput, Conflict) as error:
        return await _refused(request, db, caller, found, error, f"end-{number}", {})
    return went(f"/contacts/{found.id}", done="saved")


@router.get("/contracts")
async def list_contracts(
    request: Request,
    db: Db,
    caller: Reader,
    after: Annotated[int, Query(ge=0, lt=2**62)] = 0,
    n: Annotated[int, Query(ge=1, le=10**9)] = 1,
) -> Response:
    """List the contracts of the contacts in scope."""
    frame = await frame_of(request, db, caller)
    found = await contracts.contracts(db, caller.scope, after=after, limit=PER_PAGE + 1)
    kept = found[:PER_PAGE]
    tokens = await contracts.tokens(db, [each.id for each in kept])
    on = None
    if len(found) > PER_PAGE:
        on = link("/contracts", {"after": kept[-1].id, "n": n + len(kept)})
    values = {
        "contracts": [
            {
                "id": each.id,
                "name": each.name,
                "contact_id": each.contact_id,
                "contact": caller.personal(each.contact_name),
                "base_fee": each.base_fee,
                "tokens": sum(1 for of in tokens.get(each.id, ()) if of.valid_to is None),
                "tokens_of": each.tokens_of,
                "valid_from": each.valid_from,
                "valid_to": each.valid_to,
            }
            for each in kept
        ],
        "turn": Turn(n, n + len(kept) - 1, None, "/contracts" if after else None, on),
    }
    return page(frame, "contracts.html", values)


# -------------------------------------------------------------------------------------- parts


async def _show(
    request: Request,
    db: AsyncSession,
    caller: Caller,
    found: Contact,
    *,
    errors: FormErrors | None = None,
    sent: Mapping[str, str] | None = None,
    status: int = 200,
) -> Response:
    frame = await frame_of(request, db, caller)
    its = await contracts.contracts(db, contact_id=found.id)
    tokens = await contracts.tokens(db, [each.id for each in its])
    owed = await papers.balances(db, [found.debtor])
    organisations = await directory.organisations(db, caller.scope)
    names = {each.key: each.name for each in organisations}
    values = {
        "contact": found,
        "name": caller.personal(found.name),
        "pairs": _pairs(frame, caller, found, names),
        "owes": owed.get(found.debtor, []),
        "contracts": [
            {
                "of": each,
                "tokens": [
                    {"id": of.id, "label": caller.personal(of.label), "of": of}
                    for of in tokens.get(each.id, ())
                ],
            }
            for each in its
        ],
        "documents": await papers.documents(db, caller.scope, contact_id=found.id, limit=RECENT),
        "organisations": [("", "–"), *((each.key, each.name) for each in organisations)],
        "today": frame.now.astimezone(frame.zone).date().isoformat(),
        "errors": errors or FormErrors(),
        "sent": sent or {},
    }
    return page(frame, "contact.html", values, status=status)


def _pairs(
    frame: Frame, caller: Caller, found: Contact, names: Mapping[OrganisationKey, str]
) -> list[tuple[str, str]]:
    """Return the facts of a contact as people read them, personal ones masked."""
    said = frame.words
    address = f"{found.postcode} {found.city}, {found.country}"
    shown = (
        (said.gettext("Kind"), said.gettext(CONTACT_KINDS[found.kind.value])),
        (said.gettext("Street"), caller.personal(found.street)),
        (said.gettext("Town"), address),
        (said.gettext("Mail"), caller.personal(found.email)),
        (said.gettext("Telephone"), caller.personal(found.phone)),
        (said.gettext("Language"), {"en": "English", "de": "Deutsch"}[found.language]),
        (said.gettext("Tax"), said.gettext(TAX_STATUSES[found.tax_status.value])),
        (said.gettext("Tax country"), found.tax_country),
        (said.gettext("VAT ID"), caller.personal(found.vat_id)),
        (said.gettext("Tax number"), caller.personal(found.tax_number)),
        ("IBAN", caller.personal(found.iban)),
        (said.gettext("Stands for"), found.represents),
        (said.gettext("Managing company"), names.get(found.managing, found.managing)),
    )
    return [(title, value) for title, value in shown if value]


async def _refused(
    request: Request,
    db: AsyncSession,
    caller: Caller,
    found: Contact,
    error: InvalidInput | Conflict | NotFound,
    field: str,
    sent: Mapping[str, str],
) -> Response:
    frame = await frame_of(request, db, caller)
    errors = FormErrors({field: in_words(error, frame.words)})
    return await _show(request, db, caller, found, errors=errors, sent=sent, status=422)


async def _form(
    request: Request,
    db: AsyncSession,
    caller: Caller,
    given: Mapping[str, str],
    *,
    of: Contact | None = None,
    errors: FormErrors | None = None,
    status: int = 200,
) -> Response:
    frame = await frame_of(request, db, caller)
    said = frame.words
    values = {
        "contact": of,
        "given": dict.fromkeys(_FIELDS, "") | dict(given),
        "errors": errors or FormErrors(),
        "kinds": [(key, said.gettext(word)) for key, word in CONTACT_KINDS.items()],
        "taxes": [(key, said.gettext(word)) for key, word in TAX_STATUSES.items()],
        "languages_of_papers": [("de", "Deutsch"), ("en", "English")],
        "organisations": [
            (each.key, each.name) for each in await directory.organisations(db, caller.scope)
        ],
    }
    return page(frame, "contact_form.html", values, status=status)


async def _given(request: Request) -> dict[str, str]:
    """Return what a form of a contact says."""
    form = await request.form()
    return {name: str(form.get(name, ""))[:300].strip() for name in _FIELDS}


def _facts(given: Mapping[str, str]) -> ContactFacts:
    facts = {
        name: (value or None) if name in _OPTIONAL else value
        for name, value in given.items()
        if name in _OPTIONAL or value
    }
    for name in ("country", "tax_country", "vat_id"):
        value = facts.get(name)
        if value is not None:
            facts[name] = value.upper()
    for name in ("name", "street", "postcode", "city", "country"):
        if not facts.get(name):
            raise InvalidInput(f"{name} must not be empty.", field=name)
    return cast("ContactFacts", facts)


async def _seen(db: AsyncSession, caller: Caller, contact_id: str) -> Contact:
    return await contacts.contact(db, _number(contact_id, "contact"), caller.scope)


async def _seen_contract(
    db: AsyncSession, caller: Caller, contact_id: str, contract_id: str
) -> tuple[Contact, int]:
    found = await _seen(db, caller, contact_id)
    its = await contracts.contract(db, _number(contract_id, "contract"), caller.scope)
    if its.contact_id != found.id:
        raise NotFound("contract", contract_id)
    return found, its.id


def _number(written: str, what: str) -> int:
    if not written.isascii() or not written.isdecimal() or len(written) > 18:
        raise NotFound(what, written)
    return int(written)


def _day(written: str, field: str) -> date:
    try:
        return date.fromisoformat(written)
    except ValueError:
        raise InvalidInput("Write the day as year, month and day.", field=field) from None


def _money(written: str, currency: str) -> Money:
    return Money(decimals.written(written, "base_fee", most=10**9), currency)


async def _begin(db: AsyncSession, written: str, now: datetime) -> datetime:
    """Return when a token begins: at the midnight of a day, or now."""
    if not written:
        return now
    zone = ZoneInfo((await directory.root(db)).time_zone)
    day = _day(written, "valid_from")
    return datetime(day.year, day.month, day.day, tzinfo=zone)
