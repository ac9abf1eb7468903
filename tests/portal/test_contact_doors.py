"""The doors of contacts: who reads what he changes, what is refused, and what the audit keeps."""

from datetime import date
from decimal import Decimal

import pytest

from accounts import audit, directory
from accounts.directory import Principal, Scope
from accounts.permissions import Permission, Reach
from billing.contacts import ContactFacts
from foundation.clock import SetClock
from foundation.database import Database
from foundation.errors import InvalidInput, NotFound
from foundation.identifiers import OrganisationKey
from foundation.money import Money
from portal import contact_doors, masking
from portal.guard import MASK, Caller, PermissionMissing
from tests.portal.conftest import Keys

NORTH = OrganisationKey("north")
ADA: ContactFacts = {
    "managing": NORTH,
    "kind": "person",
    "name": "Ada Frey",
    "street": "Ring 5",
    "postcode": "10115",
    "city": "Berlin",
    "country": "DE",
    "tax_number": "27/123/45678",
}


def caller(*rights: Permission, whole: bool = True) -> Caller:
    asker = Principal("person/7", "K", "G", frozenset(rights), Reach.INSTALLATION, NORTH, "en")
    return Caller(asker, Scope(None) if whole else Scope(frozenset({NORTH})))


SEES = caller(Permission.CRM_READ, Permission.CRM_WRITE)
BLIND = caller(Permission.CRM_WRITE)


async def test_the_audit_keeps_what_was_and_is_and_shows_it_masked(
    database: Database, clock: SetClock, keys: Keys
) -> None:
    now = clock.now()
    async with database.unit_of_work() as db:
        made = await contact_doors.create(db, SEES, ADA, now=now)
        await contact_doors.change(db, SEES, made.id, {"name": "Ada Lang"}, now=now)
    async with database.unit_of_work() as db:
        changed, created = await audit.entries(db, None, deed="contact")

    assert (changed.before, changed.after) == ({"name": "Ada Frey"}, {"name": "Ada Lang"})
    assert created.after is not None
    assert (created.after["street"], created.after["tax_number"]) == ("Ring 5", "27/123/45678")
    for entry in (changed, created):
        shown = str(masking.entry(BLIND, entry))
        assert not [each for each in ("Ada", "Ring 5", "27/123") if each in shown]


async def test_who_may_not_see_a_contact_records_one_and_changes_none(
    database: Database, clock: SetClock, keys: Keys
) -> None:
    now = clock.now()
    async with database.unit_of_work() as db:
        made = await contact_doors.create(db, BLIND, ADA, now=now)
        for asks, missing in ((BLIND, "crm.read"), (caller(Permission.CRM_READ), "crm.write")):
            with pytest.raises(PermissionMissing) as refused:
                await contact_doors.change(db, asks, made.id, {"is_active": False}, now=now)
            assert refused.value.permission == missing
        with pytest.raises(NotFound):
            await contact_doors.to_change(db, SEES, made.id + 1)
        changed = await contact_doors.change(db, SEES, made.id, {"is_active": False}, now=now)
    assert not changed.is_active


async def test_a_masked_value_is_never_written_over_what_it_hides(
    database: Database, clock: SetClock, keys: Keys
) -> None:
    now = clock.now()
    async with database.unit_of_work() as db:
        made = await contact_doors.create(db, SEES, ADA, now=now)
        for field in ("name", "street", "tax_number"):
            masked: ContactFacts = {field: MASK}  # type: ignore[misc]
            with pytest.raises(InvalidInput) as refused:
                await contact_doors.change(db, SEES, made.id, masked, now=now)
            assert refused.value.field == field
            with pytest.raises(InvalidInput):
                await contact_doors.create(db, SEES, {**ADA, **masked}, now=now)
        contract = await contact_doors.create_contract(
            db,
            SEES,
            contact_id=made.id,
            name="Fleet",
            base_fee=Money(Decimal(0), "EUR"),
            valid_from=date(2026, 10, 1),
            tokens_of=None,
            now=now,
        )
        with pytest.raises(InvalidInput):
            await contact_doors.put_token(db, SEES, contract.id, MASK, valid_from=now, now=now)
        await contact_doors.put_token(db, SEES, contract.id, "04A2", valid_from=now, now=now)
        assert await contact_doors.to_change(db, SEES, made.id) == made
    async with database.unit_of_work() as db:
        [entry] = await audit.entries(db, None, deed="contract.token")
    assert entry.after is not None
    assert entry.after["id_token"] == "04A2"
    assert masking.entry(BLIND, entry)["after"]["id_token"] == MASK


async def test_a_new_contact_begins_with_what_its_maker_may_see(
    database: Database, clock: SetClock, keys: Keys
) -> None:
    async with database.unit_of_work() as db:
        await directory.change_organisation(
            db,
            NORTH,
            {
                "address": "Ring 5, 10115 Berlin",
                "email": "n@north.example",
                "vat_id": "DE136695976",
                "iban": "DE89370400440532013000",
            },
        )
        seen = await contact_doors.says_of_itself(db, SEES, NORTH)
        shown = await contact_doors.says_of_itself(db, BLIND, NORTH)
        with pytest.raises(NotFound):
            await contact_doors.says_of_itself(
                db, caller(Permission.CRM_WRITE, whole=False), OrganisationKey("south")
            )

    assert (seen["street"], seen["email"], seen["iban"]) == (
        "Ring 5",
        "n@north.example",
        "DE89370400440532013000",
    )
    assert shown == {
        "represents": "organisation/north",
        "managing": "north",
        "kind": "company",
        "name": "North",
        "country": "DE",
        "tax_status": "standard",
        "language": "en",
    }
