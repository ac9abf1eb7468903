"""What people do with contacts and their contracts, for API and pages alike.

The audit keeps the facts as they are; whoever may not see personal data is shown them masked, there
as everywhere else. Whoever changes a contact reads it: who may not see personal data records new
contacts, and changes none.
"""

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from accounts.directory import Organisation
from accounts.permissions import Permission
from billing import contacts, contracts
from billing.contacts import Contact, ContactFacts
from billing.contracts import Contract
from foundation.errors import InvalidInput, NotFound
from foundation.identifiers import OrganisationKey
from foundation.money import Money
from portal import masking
from portal.guard import Caller


async def create(
    db: AsyncSession, caller: Caller, facts: ContactFacts, *, now: datetime
) -> Contact:
    """Record a contact; see `contacts.add` for what is refused.

    Raises:
        InvalidInput: If a value is masked, or the managing organisation not in scope.
    """
    caller.must_have(Permission.CRM_WRITE)
    await _must_be_sound(db, caller, facts)
    made = await contacts.add(db, facts, now=now)
    await _note(db, caller, "contact.create", None, made, now)
    return made


async def to_change(db: AsyncSession, caller: Caller, contact_id: int) -> Contact:
    """Return a contact for who is about to change it: he reads it as it is.

    Raises:
        NotFound: If there is none in scope.
        NotPermitted: If he may not change it, or not see personal data.
    """
    caller.must_have(Permission.CRM_WRITE)
    found = await contacts.contact(db, contact_id, caller.scope)
    caller.must_have(Permission.CRM_READ)
    return found


async def change(
    db: AsyncSession, caller: Caller, contact_id: int, facts: ContactFacts, *, now: datetime
) -> Contact:
    """Change what is named of a contact; see `contacts.change` for what is refused.

    Raises:
        NotFound, NotPermitted: As `to_change`.
        InvalidInput: As `create`.
    """
    before = await to_change(db, caller, contact_id)
    await _must_be_sound(db, caller, facts)
    made = await contacts.change(db, contact_id, facts)
    await _note(db, caller, "contact.change", before, made, now)
    return made


async def says_of_itself(
    db: AsyncSession, caller: Caller, organisation: OrganisationKey
) -> dict[str, str]:
    """Return what a new contact that stands for an organisation begins with.

    Who may not see personal data is given nothing of it: he says it anew, or leaves it out.

    Raises:
        NotFound: If there is none in scope.
    """
    caller.must_see(organisation, "organisation", organisation)
    says = await directory.organisation(db, organisation)
    party = contacts.party_of(says)
    known = {
        "represents": party.key,
        "managing": str(organisation),
        "kind": "person" if says.tax_status == "private" else "company",
        "name": party.name,
        "country": party.country,
        "tax_status": says.tax_status,
        "language": party.language,
    }
    if caller.may(Permission.CRM_READ):
        known |= {
            "street": party.street,
            "postcode": party.postcode,
            "city": party.city,
            "vat_id": party.vat_id or "",
            "email": party.email or "",
            "iban": party.iban or "",
        }
    return known


# --------------------------------------------------------------------------------- contracts


async def create_contract(
    db: AsyncSession,
    caller: Caller,
    *,
    contact_id: int,
    name: str,
    base_fee: Money,
    valid_from: date,
    tokens_of: OrganisationKey | None,
    now: datetime,
) -> Contract:
    """Make a contract with a contact; see `contracts.add` for what is refused."""
    caller.must_have(Permission.CRM_WRITE)
    await contacts.contact(db, contact_id, caller.scope)
    if tokens_of is not None:
        await _must_be_seen(db, caller, tokens_of, "tokens_of")
    made = await contracts.add(
        db,
        contact_id=contact_id,
        name=name,
        base_fee=base_fee,
        valid_from=valid_from,
        tokens_of=tokens_of,
        now=now,
    )
    await _note_contract(db, caller, "contract.create", None, made, now)
    return made


async def end_contract(
    db: AsyncSession, caller: Caller, contract_id: int, *, valid_to: date, now: datetime
) -> Contract:
    """Let a contract end; see `contracts.end` for what is refused."""
    before = await _contract(db, caller, contract_id)
    zone = ZoneInfo((await directory.root(db)).time_zone)
    made = await contracts.end(db, contract_id, valid_to=valid_to, zone=zone)
    await _note_contract(db, caller, "contract.end", before, made, now)
    return made


async def put_token(
    db: AsyncSession,
    caller: Caller,
    contract_id: int,
    token: str,
    *,
    valid_from: datetime,
    valid_to: datetime | None = None,
    now: datetime,
) -> None:
    """Put a token on a contract; see `contracts.put_token` for what is refused.

    Raises:
        InvalidInput: If it is masked.
    """
    found = await _contract(db, caller, contract_id)
    masking.refuse_masked({"token": token})
    made = await contracts.put_token(
        db, contract_id, token, valid_from=valid_from, valid_to=valid_to
    )
    said = {"id_token": made.label, "valid_from": made.valid_from, "valid_to": made.valid_to}
    await _note_contract(db, caller, "contract.token", None, found, now, token=said)


async def take_token(
    db: AsyncSession,
    caller: Caller,
    contract_id: int,
    token_id: int,
    *,
    valid_to: datetime,
    now: datetime,
) -> None:
    """Take a token off its contract; see `contracts.take_token` for what is refused."""
    found = await _contract(db, caller, contract_id)
    made = await contracts.take_token(db, contract_id, token_id, valid_to=valid_to)
    said = {"id_token": made.label, "valid_to": made.valid_to}
    await _note_contract(db, caller, "contract.token_end", None, found, now, token=said)


# -------------------------------------------------------------------------------------- parts


async def _contract(db: AsyncSession, caller: Caller, contract_id: int) -> Contract:
    caller.must_have(Permission.CRM_WRITE)
    return await contracts.contract(db, contract_id, caller.scope)


async def _must_be_sound(db: AsyncSession, caller: Caller, facts: ContactFacts) -> None:
    masking.refuse_masked(facts)
    managing = facts.get("managing")
    if managing:
        await _must_be_seen(db, caller, OrganisationKey(managing), "managing")


async def _must_be_seen(
    db: AsyncSession, caller: Caller, key: OrganisationKey, field: str
) -> Organisation:
    try:
        caller.must_see(key, "organisation", key)
        return await directory.organisation(db, key)
    except NotFound as error:
        raise InvalidInput(f"There is no organisation {key!r}.", field=field) from error


async def _note(
    db: AsyncSession,
    caller: Caller,
    deed: str,
    before: Contact | None,
    after: Contact,
    now: datetime,
) -> None:
    await caller.note(
        db,
        deed,
        f"contact/{after.id}",
        organisation=after.managing,
        before=before,
        after=after,
        now=now,
    )


async def _note_contract(
    db: AsyncSession,
    caller: Caller,
    deed: str,
    before: Contract | None,
    after: Contract,
    now: datetime,
    *,
    token: dict[str, Any] | None = None,
) -> None:
    await caller.note(
        db,
        deed,
        f"contract/{after.id}",
        organisation=after.managing,
        before=None if before is None else _facts(before),
        after=_facts(after) if token is None else {"contact": after.contact_id, **token},
        now=now,
    )


def _facts(of: Contract) -> dict[str, Any]:
    return {
        "contact": of.contact_id,
        "name": of.name,
        "base_fee": of.base_fee.text,
        "currency": of.base_fee.currency,
        "tokens_of": of.tokens_of,
        "valid_from": of.valid_from,
        "valid_to": of.valid_to,
    }
