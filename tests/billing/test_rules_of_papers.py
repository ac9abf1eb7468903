"""The rules of the business about papers, a test for each row of 1.9: docs/rules.md lists them."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from accounts.audit import Actor
from accounts.directory import WHOLE, Scope
from accounts.permissions import SHIPPED, Permission, Role
from billing import (
    books,
    charges,
    contacts,
    contracts,
    document_forms,
    document_mailing,
    document_sessions,
    document_store,
    invoicing,
    ledger,
    ledger_store,
    papers,
    service_months,
    service_prices,
    validity,
)
from billing import subscriptions as booked_services
from billing.charges import Charge, ChargeKind
from billing.document_tables import DocumentRow
from billing.documents import DocumentKind, VatCategory
from billing.invoicing_settings import InvoicingSettings, change_settings
from billing.plausibility import HoldReason
from billing.services import Service
from billing.subscriptions import NotOffered
from foundation import outbox
from foundation.clock import SetClock
from foundation.database import Database
from foundation.errors import InvalidInput
from foundation.events import DocumentIssued
from foundation.identifiers import IdToken, OrganisationKey
from foundation.jobs import Jobs
from foundation.mail import Mails
from foundation.mail import outbox as sent_mails
from foundation.money import Money
from foundation.outbox import Delivery
from foundation.settings import Settings
from portal import subscriptions
from portal.subscriptions import Debtor
from tests.billing.paper_story import (
    AUSTRIAN_VAT,
    AUTOMATED_INVOICING,
    CREDIT_NOTES,
    OCTOBER,
    OPERATOR,
    contract_of,
    customer,
    open_office,
    run,
    switch_on,
)
from tests.billing.story import (
    BAKERY,
    DECEMBER,
    EMP,
    EXTERNAL,
    HOTEL,
    LONG_AGO,
    NOVEMBER,
    NOW,
    UNKNOWN,
    closing,
    ended,
    happen,
    settle_in,
)

ERIKA = Actor("person/1", "Erika", "portal", None)


def eur(amount: str) -> Money:
    return Money(Decimal(amount), "EUR")


async def switch(db: AsyncSession, **changes: Any) -> InvoicingSettings:
    return await change_settings(db, OPERATOR, changes, now=NOW)


async def only(db: AsyncSession, **more: Any) -> tuple[papers.DocumentHead, Any]:
    """Run October and return its only document."""
    [number] = (await run(db, **more)).numbers
    return await papers.document(db, number)


# ------------------------------------------------------------------------ automated invoicing


async def test_1_9_automated_invoicing_is_off_by_default_and_shows_that_it_costs_money(
    db: AsyncSession,
) -> None:
    await open_office(db, ())
    await _priced(db)
    await contract_of(db, await customer(db))
    await happen(db, ended(1))
    assert (await run(db)).numbers == []
    # No setting switches it on: it is a service with a price, and somebody releases its cost.
    await switch(db, due_days=30)
    assert (await run(db)).numbers == []
    debtor = await Debtor.of_organisation(db, OPERATOR)
    told = await subscriptions.switch_on(db, debtor, AUTOMATED_INVOICING, by=ERIKA, now=NOW)
    assert (told.since, told.cost.per_year) == (NOW, eur("228.00"))
    assert len((await run(db)).numbers) == 1


async def test_1_9_a_month_whose_papers_are_made_by_themselves_is_the_one_that_is_charged(
    db: AsyncSession,
) -> None:
    await open_office(db, ())
    await _priced(db)
    operator = charges.organisation(OPERATOR)
    end = datetime(2026, 10, 31, 23, tzinfo=UTC)  # midnight in Berlin
    await switch_on(db, AUTOMATED_INVOICING)
    await booked_services.switch_off(db, operator, AUTOMATED_INVOICING, by="x", now=end)
    await contract_of(db, await customer(db))
    await happen(db, ended(1))
    # It ends with October: October's are made and charged, November's are neither.
    assert len((await run(db)).numbers) == 1
    for month, now in ((OCTOBER, NOVEMBER), ("2026-11", DECEMBER)):
        await service_months.book_month(db, OPERATOR, month, now=now)
    assert (await run(db, "2026-11", DECEMBER)).numbers == []
    charged = [each.charge.key for each in await charges.open_charges(db)]
    assert charged == [f"automated_invoicing/{operator}/{OCTOBER}"]
    # Of others it would cost and change nothing.
    with pytest.raises(NotOffered):
        await booked_services.switch_on(
            db, charges.organisation(BAKERY), AUTOMATED_INVOICING, by="x", now=NOW
        )


async def _priced(db: AsyncSession) -> None:
    await service_prices.create(db, "standard", "Standard", "EUR", by="x", now=LONG_AGO)
    await service_prices.add_price(
        db,
        "standard",
        Service.AUTOMATED_INVOICING,
        Decimal(19),
        valid_from=None,
        by="x",
        now=LONG_AGO,
    )
    operator = charges.organisation(OPERATOR)
    await service_prices.assign(db, operator, "standard", valid_from=None, by="x", now=LONG_AGO)


async def test_1_9_automated_invoicing_bills_sessions_base_fees_and_activation_costs(
    db: AsyncSession,
) -> None:
    await open_office(db)
    huber = await customer(db)
    await contract_of(db, huber, fee="5.00")
    await charges.book(
        db,
        [
            Charge(
                key="activation/1",
                kind=ChargeKind.MONITORING,
                debtor=charges.contact(huber.id),
                quantity=Decimal(2),
                unit="MON",
                net=eur("20.00"),
                first_day=date(2026, 10, 1),
                last_day=date(2026, 10, 31),
                about="station/S1",
            )
        ],
        now=NOW,
    )
    await happen(db, ended(1))
    _, document = await only(db)
    assert [(each.quantity, each.unit, each.net) for each in document.lines] == [
        (1, "C62", eur("4.00")),
        (2, "MON", eur("20.00")),
        (1, "MON", eur("5.00")),
    ]


@pytest.mark.parametrize("mailed", [True, False])
async def test_1_9_automatic_mailing_otherwise_created_but_not_sent(
    database: Database, clock: SetClock, mailed: bool
) -> None:
    mails = Mails(database=database, jobs=Jobs(database.url), clock=clock, settings=Settings())
    async with database.unit_of_work() as db:
        await open_office(db, automatic_mailing=mailed)
        await contract_of(db, await customer(db, language="de"))
        await happen(db, ended(1))
        head, document = await only(db)
        told = await db.scalar(text("select payload from journal where kind = 'document_issued'"))
        event = outbox.event_from(DocumentIssued.kind, told)
        mailer = document_mailing.DocumentMailer(mails, clock)
        await mailer(db, [Delivery(1, event, NOW)])
        await mailer(db, [Delivery(1, event, NOW)])
        head, _ = await papers.document(db, head.number)
        mail = await papers.delivery(db, head)
        assert (head.sent_at is not None) == mailed
        if not mailed:
            assert mail is None
            assert await document_store.file(db, head.number, "pdf") is not None, "created"
            await document_mailing.send(db, mails, document, now=NOVEMBER, again=True)
            head, _ = await papers.document(db, head.number)
            mail = await papers.delivery(db, head)
        assert len(await sent_mails(db)) == 1, "however often it is delivered"
        assert mail is not None
        assert (mail.recipient, mail.subject) == (
            "huber@example.com",
            "Rechnung RE-2026-000001",
        )
        assert "Betrag: 4,76 EUR" in mail.body_text
        assert mail.attachment_names == (
            "RE-2026-000001.pdf",
            "RE-2026-000001.xml",
            "RE-2026-000001.csv",
            "RE-2026-000001-sessions.csv",
        )


async def is_mailed(db: AsyncSession) -> list[bool]:
    """Whether each document that was issued is to be mailed."""
    told = await db.scalars(
        text("select payload -> 'mailed' from journal where kind = 'document_issued' order by id")
    )
    return list(told)


@pytest.mark.parametrize("zero", [True, False])
async def test_1_9_zero_invoices_are_made_only_if_switched_on(db: AsyncSession, zero: bool) -> None:
    await open_office(db, zero_invoices=zero)
    await contract_of(db, await customer(db))
    await happen(db, ended(1, free_vend=True))
    # A session of nothing that nobody pays is nobody's; one that somebody pays is of 0.00.
    await happen(db, ended(2, kwh="0"))
    result = await run(db)
    assert len(result.numbers) == (1 if zero else 0)


async def test_1_9_aggregated_lines_otherwise_one_line_per_medium(db: AsyncSession) -> None:
    await open_office(db)
    huber = await customer(db)
    contract = await contract_of(db, huber)
    await put(db, contract.id, "BB01")
    await happen(db, ended(1), ended(2), ended(3, id_token=IdToken("BB:01")))
    _, by_medium = await only(db)
    assert [line.text for line in by_medium.lines] == [
        "Laden, 04A2: 2 Ladevorgänge, 20 kWh",
        "Laden, BB01: 1 Ladevorgang, 10 kWh",
    ]
    await switch(db, aggregated_lines=True)
    await happen(db, ended(4, NOVEMBER), ended(5, NOVEMBER, id_token=IdToken("BB01")))
    [number] = (await run(db, "2026-11", DECEMBER)).numbers
    _, aggregated = await papers.document(db, number)
    assert [line.text for line in aggregated.lines] == ["Ladevorgänge: 2 Ladevorgänge, 20 kWh"]


async def put(db: AsyncSession, contract_id: int, token: str) -> None:
    await contracts.put_token(db, contract_id, token, valid_from=datetime(2026, 1, 1, tzinfo=UTC))


async def test_1_9_language_per_country_and_accounts_and_bank_stand_on_the_paper(
    db: AsyncSession,
) -> None:
    await open_office(
        db,
        languages={"AT": "de", "DE": "en"},
        revenue_accounts={"invoice": "8400"},
        iban="DE02120300000000202051",
        due_days=30,
    )
    await contract_of(db, await customer(db, language="de"))
    await happen(db, ended(1))
    head, document = await only(db)
    assert document.language == "en"
    assert document.notes == ("Revenue account 8400",)
    assert document.issuer.iban == "DE02120300000000202051"
    assert head.due_on == date(2026, 12, 2)
    with pytest.raises(InvalidInput):
        await switch(db, languages={"AT": "fr"})


async def test_1_9_the_monitor_verifies_the_settings_beforehand_and_makes_nothing(
    db: AsyncSession,
) -> None:
    await settle_in(db)
    await happen(db, ended(1), ended(2, **EXTERNAL))
    codes = [each.code for each in await invoicing.verify(db, OCTOBER, now=NOVEMBER)]
    assert codes == [
        "issuer_address",
        "issuer_tax",
        "issuer_iban",
        "invoicing_off",
        "credit_notes_off",
        "no_contract",
        "no_contact",
    ]
    assert await db.scalar(select(func.count()).select_from(DocumentRow)) == 0


async def test_1_9_the_monitor_draws_everything_up_and_throws_it_away(db: AsyncSession) -> None:
    await open_office(db)
    await contract_of(db, await customer(db))
    await happen(db, ended(1))
    assert await invoicing.verify(db, OCTOBER, now=NOVEMBER) == []
    assert await db.scalar(select(func.count()).select_from(DocumentRow)) == 0
    assert len((await run(db)).numbers) == 1, "it could have made one"


# ---------------------------------------------------------------------------- credit notes


async def test_1_9_credit_notes_to_sub_cpos_are_off_by_default_and_go_to_all_recorded(
    db: AsyncSession,
) -> None:
    await open_office(db, (AUTOMATED_INVOICING,))
    await contacts.record_organisation(db, BAKERY, now=NOW)
    await happen(db, ended(1), ended(2, owner=HOTEL, **EXTERNAL))
    for payee in (BAKERY, HOTEL):
        await closing().close(db, payee, OCTOBER, now=NOVEMBER)
    assert (await run(db)).numbers == []
    await switch_on(db, CREDIT_NOTES, NOW)
    result = await run(db)
    head, _ = await papers.document(db, result.numbers[0])
    assert (len(result.numbers), head.organisation) == (1, BAKERY)
    # Who is not recorded needs a note by hand.
    assert ("organisation/hotel", "no_contact") in [
        (each.recipient, each.code) for each in result.not_issued
    ]


async def test_1_9_credit_notes_have_mailing_number_range_tax_rate_account_and_address(
    db: AsyncSession,
) -> None:
    await open_office(
        db,
        credit_note_mailing=False,
        prefixes={"invoice": "RE", "credit_note": "SUB", "cancellation": "ST"},
        revenue_accounts={"credit_note": "3100"},
        alternative_address={
            "name": "Ladewerk Verrechnung",
            "street": "Weg 2",
            "postcode": "1010",
            "city": "Wien",
            "country": "AT",
        },
    )
    await contacts.record_organisation(db, BAKERY, now=NOW)
    await happen(db, ended(1))
    await closing().close(db, BAKERY, OCTOBER, now=NOVEMBER)
    head, document = await only(db)
    assert head.number == "SUB-2026-000001"
    assert await is_mailed(db) == [False]
    assert document.issuer.name == "Ladewerk Verrechnung"
    assert "Erlöskonto 3100" in document.notes
    assert [(each.rate, each.amount) for each in document.vat] == [(Decimal(19), eur("0.76"))]


async def test_1_9_credit_notes_take_the_discount_off_community_sessions_only(
    db: AsyncSession,
) -> None:
    await open_office(db, community_discount_bps=1000)
    await contacts.record_organisation(db, BAKERY, now=NOW)
    await happen(db, ended(1), ended(2, **EXTERNAL))
    [statement] = await closing().close(db, BAKERY, OCTOBER, now=NOVEMBER)
    head, document = await only(db)
    assert statement.payout_net == eur("7.60")  # 4.00 and 90 % of 4.00
    assert document.lines[-1].net == -eur("0.36")
    assert (head.net, head.gross) == (eur("7.24"), eur("8.62"))
    # What the owner is owed is what the credit note says.
    assert await books.owed_to(db, BAKERY) == {"EUR": head.gross}


# --------------------------------------------------------------------------------- period


async def test_1_9_period_from_the_first_to_the_last_session_contained(db: AsyncSession) -> None:
    await open_office(db)
    contract = await contract_of(db, await customer(db))
    await put(db, contract.id, "BB01")
    april = datetime(2026, 4, 3, 22, 30, tzinfo=UTC)  # half past midnight in Berlin
    last = datetime(2026, 5, 31, 20, tzinfo=UTC)
    await happen(db, ended(1, april), ended(2, last, id_token=IdToken("BB01")))
    await happen(db, ended(3, april + timedelta(days=1)))
    june = datetime(2026, 6, 1, 5, tzinfo=UTC)
    [number] = (await run(db, "2026-05", june)).numbers
    head, document = await papers.document(db, number)
    assert (document.first_day, document.last_day) == (date(2026, 4, 4), date(2026, 5, 31))
    assert head.month == "2026-05"


async def test_1_9_back_billing_reaches_three_years_back(db: AsyncSession) -> None:
    await open_office(db)
    await contract_of(db, await customer(db))
    issuer = await invoicing.issuer_of(db)
    limit = invoicing.back_billing_limit(datetime(2026, 10, 31, 23, tzinfo=UTC), issuer.zone)
    assert limit == datetime(2023, 10, 31, 23, tzinfo=UTC)
    leap = invoicing.back_billing_limit(datetime(2028, 2, 29, tzinfo=UTC), issuer.zone)
    assert leap.date() == date(2025, 2, 28)
    just, before = limit + timedelta(minutes=1), limit - timedelta(minutes=1)
    await happen(
        db,
        ended(1, just - timedelta(hours=1), free_vend=True),
        ended(2, before - timedelta(hours=1), free_vend=True),
    )
    _, found = await document_sessions.find_waiting(
        db, since=limit, until=NOW, time_zone="Europe/Berlin", rates=()
    )
    assert [each.sessions for each in found] == [1]
    _, found = await document_sessions.find_waiting(
        db, since=limit - timedelta(days=1), until=NOW, time_zone="Europe/Berlin", rates=()
    )
    assert [each.sessions for each in found] == [2]
    said = [each.said for each in (await run(db)).not_issued]
    assert said == ["1 sessions are on nobody's contract."], "a run looks back as far"


# -------------------------------------------------------------------------------- details


async def test_1_9_details_stand_in_the_csv_that_goes_with_the_invoice(db: AsyncSession) -> None:
    await open_office(db)
    await contract_of(db, await customer(db))
    await happen(db, ended(1), ended(2, NOW + timedelta(hours=3), kwh="5"))
    _, document = await only(db)
    made = await document_forms.file(db, document, document_forms.SESSIONS, now=NOVEMBER)
    rows = [row.split(",") for row in made.content.decode().strip().split("\r\n")]
    assert rows[0] == list(document_forms.SESSION_COLUMNS)
    assert [(row[2], row[-4], row[-2]) for row in rows[1:]] == [
        ("1", "10000", "4.00"),
        ("2", "5000", "2.00"),
    ]
    assert sum(Decimal(row[-2]) for row in rows[1:]) == document.net.amount


# ---------------------------------------------------------------------- the remaining rows


async def test_1_9_direct_payment_is_not_offered_so_nobody_is_charged_for_it(
    db: AsyncSession,
) -> None:
    await open_office(db)
    await happen(db, ended(1, **UNKNOWN))
    result = await run(db)
    assert (result.numbers, result.not_issued) == ([], [])
    held = await validity.suspects(db, WHOLE)
    assert [each.findings[0].reason for each in held] == [HoldReason.NO_PAYER]
    assert await ledger_store.balances(db) == {}


async def test_1_9_roaming_hub_adding_a_provider_alone_makes_no_paper(db: AsyncSession) -> None:
    await open_office(db)
    await happen(db, ended(1, **EXTERNAL))
    result = await run(db)
    assert [(each.recipient, each.code) for each in result.not_issued] == [
        (f"provider/{EMP}", "no_contact")
    ]
    # The provider's debt stays where its sessions were booked.
    owed = await books.balances(db, [ledger.receivable(EMP)])
    assert owed[ledger.receivable(EMP)] == {"EUR": eur("4.76")}


async def test_1_9_roaming_fees_are_a_base_fee_and_a_fee_per_cdr_on_both_sides(
    db: AsyncSession,
) -> None:
    await open_office(db)
    await customer(db, name="Roaming", represents=f"provider/{EMP}")
    await contacts.record_organisation(db, BAKERY, now=NOW)
    fees = [
        Charge(
            key=f"{kind}/{debtor}/2026-10",
            kind=kind,
            debtor=debtor,
            quantity=Decimal(count),
            unit="C62",
            net=eur(net),
            first_day=date(2026, 10, 1),
            last_day=date(2026, 10, 31),
        )
        for debtor in (charges.provider(EMP), charges.organisation(BAKERY))
        for kind, count, net in (
            (ChargeKind.ROAMING_BASE, 1, "9.00"),
            (ChargeKind.ROAMING_CDRS, 30, "1.50"),
        )
    ]
    await charges.book(db, fees, now=NOW)
    numbers = (await run(db)).numbers
    for number in numbers:
        _, document = await papers.document(db, number)
        assert [(each.quantity, each.unit_price) for each in document.lines] == [
            (Decimal(1), Decimal(9)),
            (Decimal(30), Decimal("0.05")),
        ]
    assert len(numbers) == 2


async def test_1_9_export_wizard_shows_only_what_its_reader_sees(db: AsyncSession) -> None:
    await open_office(db)
    await contract_of(db, await customer(db))
    await contacts.record_organisation(db, BAKERY, now=NOW)
    await happen(db, ended(1))
    await closing().close(db, BAKERY, OCTOBER, now=NOVEMBER)
    assert len((await run(db)).numbers) == 2
    seen = {
        key: [each.kind for each in await papers.documents(db, Scope(frozenset({key})))]
        for key in (OPERATOR, BAKERY, HOTEL)
    }
    assert seen == {
        OPERATOR: [DocumentKind.INVOICE],
        BAKERY: [DocumentKind.CREDIT_NOTE],
        HOTEL: [],
    }


async def test_1_9_charge_at_home_reimburses_the_employee_who_owns_the_station(
    db: AsyncSession,
) -> None:
    await open_office(db)
    anna = OrganisationKey("anna")
    await directory.create_organisation(
        db,
        anna,
        {
            "name": "Anna Beispiel",
            "parent": BAKERY,
            "tax_status": "private",
            "address": "Gasse 1\n71032 Böblingen",
            "iban": "DE02120300000000202051",
        },
        now=NOW,
    )
    contact = await contacts.record_organisation(db, anna, now=NOW)
    assert contact.kind.value == "person"
    await happen(db, ended(1, owner=anna, token_organisation=anna))
    await closing().close(db, anna, OCTOBER, now=NOVEMBER)
    head, document = await only(db)
    assert (head.kind, head.gross) == (DocumentKind.CREDIT_NOTE, eur("4.00"))
    assert [each.category for each in document.vat] == [VatCategory.O]
    assert document.seller.name == "Anna Beispiel"


def test_1_9_invoice_layout_needs_a_right_of_its_own() -> None:
    may = {role for role, rights in SHIPPED.items() if Permission.DOCUMENTS_ISSUE in rights}
    assert may == {Role.SUPER_ADMIN, Role.ADMINISTRATOR, Role.FINANCE}


# ------------------------------------------------------------------- tax, of the row on CRM


@pytest.mark.parametrize(
    ("facts", "category", "gross", "code"),
    [
        ({}, "S", "4.76", None),
        ({"country": "AT", "vat_id": AUSTRIAN_VAT}, "AE", "4.00", "VATEX-EU-AE"),
        ({"country": "CH", "vat_id": "CHE-107.787.577 IVA"}, "O", "4.00", "VATEX-EU-O"),
        ({"country": "AT", "tax_status": "private", "vat_id": AUSTRIAN_VAT}, "S", "4.76", None),
        ({"country": "AT"}, "S", "4.76", None),
        ({"vat_id": "DE136695976"}, "S", "4.76", None),
    ],
)
async def test_1_4_crm_the_vat_id_matters_for_cross_border_tax(
    db: AsyncSession, facts: dict[str, str], category: str, gross: str, code: str | None
) -> None:
    await open_office(db)
    await customer(db, represents=f"provider/{EMP}", **facts)
    await happen(db, ended(1, **EXTERNAL))
    head, document = await only(db)
    [vat] = document.vat
    assert (vat.category, head.gross, vat.reason_code) == (category, eur(gross), code)


async def test_1_4_crm_who_does_not_sell_on_pays_the_tax_of_where_he_charged(
    db: AsyncSession,
) -> None:
    await open_office(db)
    await contract_of(db, await customer(db, country="AT", vat_id=AUSTRIAN_VAT))
    await happen(db, ended(1))
    head, document = await only(db)
    [vat] = document.vat
    assert (vat.category, head.gross) == (VatCategory.S, eur("4.76"))


async def test_1_4_crm_a_small_business_shows_no_vat_and_says_so(db: AsyncSession) -> None:
    await open_office(db)
    await directory.change_organisation(db, OPERATOR, {"tax_status": "small_business"})
    await contract_of(db, await customer(db))
    await happen(db, ended(1))
    _, document = await only(db)
    [vat] = document.vat
    assert (vat.category, vat.amount) == (VatCategory.E, eur("0.00"))
    assert "§ 19 UStG" in (vat.reason or "")
