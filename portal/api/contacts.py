"""Contacts that papers go to, and the contracts of end customers."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Path, Query
from pydantic import ConfigDict, Field

from accounts import directory
from accounts.directory import Language, TaxStatus
from accounts.permissions import Permission
from billing import contacts, contracts, papers
from billing.contacts import Contact, ContactFacts, ContactKind
from billing.contracts import Contract, ContractToken
from foundation.errors import InvalidInput
from foundation.identifiers import OrganisationKey
from foundation.money import Money
from portal import contact_doors, paging
from portal.api.models import Answer, Body, Moment, MoneyModel, Since, moment_of
from portal.decimals import Bounded
from portal.guard import MASK, Caller, require
from portal.paging import Page
from portal.routes import ApiRoute, Db, Now

router = APIRouter(tags=["contacts"], route_class=ApiRoute)

Reader = Annotated[Caller, Depends(require(Permission.DOCUMENTS_READ))]
Writer = Annotated[Caller, Depends(require(Permission.CRM_WRITE))]

_MASKED = "`****` for those who may not see personal data."


class ContactModel(Answer):
    """A person or a company that papers go to."""

    id: int
    managing: OrganisationKey = Field(description="Owns the contact and decides who sees it.")
    kind: ContactKind
    name: str = Field(description=_MASKED)
    street: str = Field(description=_MASKED)
    postcode: str
    city: str
    country: str
    tax_country: str
    tax_status: TaxStatus
    vat_id: str | None = Field(description=_MASKED)
    tax_number: str | None = Field(description=_MASKED)
    language: Language
    email: str | None = Field(description=_MASKED)
    phone: str | None = Field(description=_MASKED)
    iban: str | None = Field(description=_MASKED)
    bic: str | None
    represents: str | None = Field(
        description="The organisation or provider whose papers go to it."
    )
    is_active: bool
    owes: list[MoneyModel] = Field(description="What it owes by all documents.")
    created_at: Moment


class ContactChange(Body):
    """What of a contact may change."""

    managing: str | None = None
    kind: ContactKind | None = None
    name: str | None = None
    street: str | None = None
    postcode: str | None = None
    city: str | None = None
    country: str | None = None
    tax_country: str | None = None
    tax_status: TaxStatus | None = None
    vat_id: str | None = Field(default=None, description="Checked by its check digit.")
    tax_number: str | None = None
    language: Language | None = None
    email: str | None = None
    phone: str | None = None
    iban: str | None = Field(default=None, description="Checked by its check digits.")
    bic: str | None = None
    represents: str | None = Field(
        default=None, description="`organisation/KEY` or `provider/PARTY`."
    )
    is_active: bool | None = None


class NewContact(ContactChange):
    """A contact; its address is needed, since papers go to it."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "managing": "stadtwerke-nord",
                "kind": "company",
                "name": "Huber Transporte GmbH",
                "street": "Ring 5",
                "postcode": "10115",
                "city": "Berlin",
                "country": "DE",
                "vat_id": "DE129273398",
                "language": "de",
                "email": "rechnung@huber.example",
            }
        }
    )


class ContractTokenModel(Answer):
    """A token on a contract, from `valid_from` (included) to `valid_to` (not included)."""

    id: int
    token: str = Field(description=_MASKED)
    valid_from: Moment
    valid_to: Moment | None


class ContractModel(Answer):
    """What a contact charges by, and what it pays each month."""

    id: int
    contact: int
    name: str
    base_fee: MoneyModel = Field(description="Net, for each month in which it holds.")
    tokens_of: OrganisationKey | None = Field(
        description="An organisation all of whose tokens it covers, as far as none names them."
    )
    valid_from: date
    valid_to: date | None = Field(description="The first day on which it no longer holds.")
    tokens: list[ContractTokenModel]


class NewContract(Body):
    """A contract with a contact."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "contact": 17,
                "name": "Fleet",
                "base_fee": "4.90",
                "valid_from": "2026-11-01",
            }
        }
    )

    contact: int = Field(ge=1, lt=2**63)
    name: str
    base_fee: Bounded = Field(default=Decimal(0), ge=0, le=Decimal(10**9))
    currency: str | None = Field(default=None, description="The operator's, if it is left out.")
    tokens_of: str | None = None
    valid_from: date


class ContractEnd(Body):
    """When a contract ends."""

    model_config = ConfigDict(json_schema_extra={"example": {"valid_to": "2026-12-01"}})

    valid_to: date = Field(description="The first day on which it no longer holds.")


class NewContractToken(Body):
    """A token that shall charge on a contract."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"token": "04A2B3C4", "valid_from": "2026-11-01"}}
    )

    token: str
    valid_from: Since | None = Field(default=None, description="Now, if it is left out.")
    valid_to: Since | None = None


class TokenEnd(Body):
    """When a token leaves its contract."""

    model_config = ConfigDict(json_schema_extra={"example": {"valid_to": "2026-12-01"}})

    valid_to: Since | None = Field(default=None, description="Now, if it is left out.")


Id = Annotated[int, Path(ge=1, lt=2**63)]
"""Of a contact, a contract or a token on one."""


# ---------------------------------------------------------------------------------- contacts


@router.get("/contacts", summary="List contacts")
async def list_contacts(
    db: Db,
    caller: Reader,
    q: Annotated[str, Query(max_length=100, description="Part of name, city or address.")] = "",
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Page[ContactModel]:
    """By name. Who may not see personal data sees `****`, and cannot search."""
    after = paging.decoded(cursor, int)
    found = await contacts.contacts(
        db,
        caller.scope,
        search=q if caller.may(Permission.CRM_READ) else "",
        after=after[0] if after else None,
        limit=limit + 1,
    )
    owed = await papers.balances(db, [each.debtor for each in found])
    return paging.page(
        found,
        limit,
        shown=lambda each: shown_contact(caller, each, owed.get(each.debtor, ())),
        key=lambda each: (each.id,),
    )


@router.post("/contacts", status_code=201, summary="Record a contact")
async def create_contact(db: Db, now: Now, caller: Writer, body: NewContact) -> ContactModel:
    """VAT id and IBAN are checked by their check digits, not by asking whether they exist."""
    made = await contact_doors.create(db, caller, cast("ContactFacts", body.given()), now=now)
    return shown_contact(caller, made, ())


@router.get("/contacts/{contact_id}", summary="Get a contact")
async def get_contact(db: Db, caller: Reader, contact_id: Id) -> ContactModel:
    """With what it owes by all documents."""
    return await _read(db, caller, await contacts.contact(db, contact_id, caller.scope))


@router.patch("/contacts/{contact_id}", summary="Change a contact")
async def change_contact(
    db: Db, now: Now, caller: Writer, contact_id: Id, body: ContactChange
) -> ContactModel:
    """Documents that were issued keep what stood on them. Needs the right to see personal data
    too: who is shown `****` would write it back."""
    for name in ("managing", "kind", "name", "street", "postcode", "city", "country", "language"):
        if body.has(name) and getattr(body, name) is None:
            raise InvalidInput(f"{name} cannot be empty.", field=name)
    facts = cast("ContactFacts", body.given())
    made = await contact_doors.change(db, caller, contact_id, facts, now=now)
    return await _read(db, caller, made)


async def _read(db: Db, caller: Caller, contact: Contact) -> ContactModel:
    owed = await papers.balances(db, [contact.debtor])
    return shown_contact(caller, contact, owed.get(contact.debtor, ()))


def shown_contact(caller: Caller, contact: Contact, owes: Sequence[Money]) -> ContactModel:
    """Return a contact as the caller may see it."""
    return ContactModel(
        id=contact.id,
        managing=contact.managing,
        kind=contact.kind,
        name=caller.personal(contact.name) or "",
        street=caller.personal(contact.street) or "",
        postcode=contact.postcode,
        city=contact.city,
        country=contact.country,
        tax_country=contact.tax_country,
        tax_status=cast("Any", contact.tax_status.value),
        vat_id=caller.personal(contact.vat_id),
        tax_number=caller.personal(contact.tax_number),
        language=cast("Any", contact.language),
        email=caller.personal(contact.email),
        phone=caller.personal(contact.phone),
        iban=caller.personal(contact.iban),
        bic=contact.bic,
        represents=contact.represents,
        is_active=contact.is_active,
        owes=[MoneyModel.of(each) for each in owes],
        created_at=contact.created_at,
    )


# ---------------------------------------------------------------------------------- contracts


@router.get("/contracts", summary="List contracts")
async def list_contracts(
    db: Db,
    caller: Reader,
    contact: Annotated[int | None, Query(ge=1, lt=2**63)] = None,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Page[ContractModel]:
    """In the order in which they were made."""
    after = paging.decoded(cursor, int)
    found = await contracts.contracts(
        db, caller.scope, contact_id=contact, after=after[0] if after else 0, limit=limit + 1
    )
    tokens = await contracts.tokens(db, [each.id for each in found])
    return paging.page(
        found,
        limit,
        shown=lambda each: _shown_contract(caller, each, tokens.get(each.id, ())),
        key=lambda each: (each.id,),
    )


@router.post("/contracts", status_code=201, summary="Make a contract")
async def create_contract(db: Db, now: Now, caller: Writer, body: NewContract) -> ContractModel:
    """Its base fee is charged for each month in which it holds on one day at least."""
    currency = body.currency or (await directory.root(db)).currency
    made = await contact_doors.create_contract(
        db,
        caller,
        contact_id=body.contact,
        name=body.name,
        base_fee=Money(body.base_fee, currency),
        valid_from=body.valid_from,
        tokens_of=None if body.tokens_of is None else OrganisationKey(body.tokens_of),
        now=now,
    )
    return await _read_contract(db, caller, made.id)


@router.get("/contracts/{contract_id}", summary="Get a contract")
async def get_contract(db: Db, caller: Reader, contract_id: Id) -> ContractModel:
    """With its tokens, the newest first."""
    return await _read_contract(db, caller, contract_id)


@router.post("/contracts/{contract_id}/end", summary="End a contract")
async def end_contract(
    db: Db, now: Now, caller: Writer, contract_id: Id, body: ContractEnd
) -> ContractModel:
    """Its tokens end with it. What was invoiced is not ended afterwards."""
    await contact_doors.end_contract(db, caller, contract_id, valid_to=body.valid_to, now=now)
    return await _read_contract(db, caller, contract_id)


@router.post(
    "/contracts/{contract_id}/tokens", status_code=201, summary="Put a token on a contract"
)
async def put_token(
    db: Db, now: Now, caller: Writer, contract_id: Id, body: NewContractToken
) -> ContractModel:
    """Sessions belong to the contract that their token was on when they started."""
    zone = await _zone(db)
    await contact_doors.put_token(
        db,
        caller,
        contract_id,
        body.token,
        valid_from=now if body.valid_from is None else moment_of(body.valid_from, zone),
        valid_to=None if body.valid_to is None else moment_of(body.valid_to, zone),
        now=now,
    )
    return await _read_contract(db, caller, contract_id)


@router.post("/contracts/{contract_id}/tokens/{token_id}/end", summary="Take a token off")
async def take_token(
    db: Db, now: Now, caller: Writer, contract_id: Id, token_id: Id, body: TokenEnd
) -> ContractModel:
    """From a moment on; sessions that were invoiced stay where they are."""
    zone = await _zone(db)
    await contact_doors.take_token(
        db,
        caller,
        contract_id,
        token_id,
        valid_to=now if body.valid_to is None else moment_of(body.valid_to, zone),
        now=now,
    )
    return await _read_contract(db, caller, contract_id)


async def _zone(db: Db) -> str:
    """Return the issuer's zone, in which the days of contracts begin."""
    return (await directory.root(db)).time_zone


async def _read_contract(db: Db, caller: Caller, contract_id: int) -> ContractModel:
    found = await contracts.contract(db, contract_id, caller.scope)
    tokens = await contracts.tokens(db, [contract_id])
    return _shown_contract(caller, found, tokens.get(contract_id, ()))


def _shown_contract(
    caller: Caller, contract: Contract, tokens: Sequence[ContractToken]
) -> ContractModel:
    return ContractModel(
        id=contract.id,
        contact=contract.contact_id,
        name=contract.name,
        base_fee=MoneyModel.of(contract.base_fee),
        tokens_of=contract.tokens_of,
        valid_from=contract.valid_from,
        valid_to=contract.valid_to,
        tokens=[
            ContractTokenModel(
                id=each.id,
                token=caller.personal(each.label) or MASK,
                valid_from=each.valid_from,
                valid_to=each.valid_to,
            )
            for each in tokens
        ],
    )
