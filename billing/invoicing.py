"""The month's invoices and credit notes: who gets which, made once each.

Invoices go to contacts: for the sessions of their contracts' tokens, to providers for their
external sessions, to whoever owes charges. Credit notes go to the owners of stations who are
recorded as contacts, over their statements. Each document of a month has a key, so a run that is
repeated, or goes on after it was broken off, makes what is missing and nothing twice. What comes
late, or was validated late, stands on the next month's documents, for three years.

Source: rules of the business, 1.9.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from billing import (
    charges,
    contacts,
    contracts,
    document_sessions,
    document_store,
    issuing,
    statement_store,
    subscriptions,
)
from billing.charges import BookedCharge
from billing.contacts import Contact, party_of
from billing.document_sessions import Unassigned, Waiting
from billing.documents import DocumentDoesNotHold, check
from billing.invoice_drafts import Draft, Issuer, Owed, apart, credit_note, invoices
from billing.invoicing_settings import BACK_BILLING_YEARS, InvoicingSettings, settings
from billing.ledger import LedgerAccount
from billing.months import Month
from billing.services import Subscription
from billing.statements import TaxStatus
from billing.vat import TaxPosition, UnknownVatRate, standard_vat_rates
from foundation.errors import Conflict
from foundation.identifiers import OrganisationKey
from foundation.money import Money


class MonthStillRuns(Conflict):
    """The month is not over in the issuer's zone; its documents come afterwards."""

    code = "month_still_runs"

    def __init__(self, month: Month, ends_at: datetime) -> None:
        self.ends_at = ends_at
        super().__init__(f"{month} is not over: it ends at {ends_at.isoformat()}.")


@dataclass(frozen=True, slots=True)
class NotIssued:
    """A recipient who gets no document, and why.

    Attributes:
        recipient: `contact/17`, `organisation/x`, `provider/y`; or the account of a payer.
        code: `no_contact`, `no_contract`, `below_zero`, `inactive`, `own`, or that of a refusal.
        amount: What is not asked for, without tax; None where nobody can say.
    """

    recipient: str
    code: str
    said: str
    amount: Money | None = None


@dataclass(slots=True)
class Result:
    """What a run made, and what it could not make."""

    numbers: list[str] = field(default_factory=list)
    not_issued: list[NotIssued] = field(default_factory=list)


async def issuer_of(db: AsyncSession) -> Issuer:
    """Return who issues: the operator, with its contact's particulars if one stands for it."""
    root = await directory.root(db)
    wanted = await settings(db, root.key)
    key = charges.organisation(root.key)
    own = (await contacts.of_debtors(db, [key])).get(key)
    party = party_of(root) if own is None else own.party
    party = replace(
        party,
        iban=wanted.iban or party.iban,
        phone=wanted.phone or party.phone,
        email=wanted.email or party.email,
        tax_number=wanted.tax_number or party.tax_number,
    )
    other = wanted.alternative_address
    return Issuer(
        key=root.key,
        party=party,
        credit_note_party=party
        if other is None
        else replace(
            party,
            name=other.name,
            street=other.street,
            postcode=other.postcode,
            city=other.city,
            country=other.country,
        ),
        tax=TaxPosition(root.country, TaxStatus(root.tax_status), party.vat_id)
        if own is None
        else own.tax,
        zone=ZoneInfo(root.time_zone),
        settings=wanted,
    )


# --------------------------------------------------------------------------------------- runs


async def run(db: AsyncSession, month: str, *, now: datetime, by_hand: bool = False) -> Result:
    """Make the month's invoices, then its credit notes; again: what is missing.

    Args:
        db: A unit of work; the number ranges stay locked until it ends.
        month: As in `2026-10`.
        now: When they are issued.
        by_hand: A person asks for it: also where the services are off.

    Raises:
        InvalidInput: If the month is none.
        MonthStillRuns: In the issuer's zone.
    """
    issuer = await issuer_of(db)
    result = Result()
    if by_hand or await makes(db, issuer, month, Subscription.AUTOMATED_INVOICING):
        await _invoices(db, issuer, month, result, now=now)
    if by_hand or await makes(db, issuer, month, Subscription.CREDIT_NOTES):
        await _credit_notes(db, issuer, month, None, result, now=now)
    return result


async def makes(db: AsyncSession, issuer: Issuer, month: str, service: Subscription) -> bool:
    """Tell whether a month's papers are made by themselves: if the issuer pays for the month.

    Raises:
        InvalidInput: If the month is none.
    """
    ends_at = Month.parse(month).end(issuer.zone)
    debtor = charges.organisation(issuer.key)
    return await subscriptions.has_for_month(db, debtor, service, ends_at=ends_at)


async def work(
    db: AsyncSession, payee: OrganisationKey, month: str, now: datetime
) -> Sequence[str]:
    """Do what the month end asks for of one organisation; return the numbers.

    Credit notes go over its own statements; all invoices are made with the issuer's own month.

    Raises:
        MonthStillRuns: In the issuer's zone.
    """
    issuer = await issuer_of(db)
    result = Result()
    if payee == issuer.key:
        if await makes(db, issuer, month, Subscription.AUTOMATED_INVOICING):
            await _invoices(db, issuer, month, result, now=now)
    elif await makes(db, issuer, month, Subscription.CREDIT_NOTES):
        await _credit_notes(db, issuer, month, payee, result, now=now)
    return result.numbers


async def dry_run(db: AsyncSession, month: str, *, now: datetime) -> tuple[list[Draft], Result]:
    """Return the invoices that a run would make now, and what it could not make."""
    issuer = await issuer_of(db)
    result = Result()
    drafts = await _drafts(db, issuer, Month.parse(month), result, now=now)
    return drafts, result


async def _invoices(
    db: AsyncSession, issuer: Issuer, month: str, result: Result, *, now: datetime
) -> None:
    wanted = Month.parse(month)
    ends_at = wanted.end(issuer.zone)
    if now < ends_at:
        raise MonthStillRuns(wanted, ends_at)
    await document_store.lock_issuer(db, issuer.key)
    await contracts.book_base_fees(db, month, now=now)
    drafts = await _drafts(db, issuer, wanted, result, now=now)
    made = await issuing.issue(
        db, issuer, drafts, mailed=issuer.settings.automatic_mailing, now=now
    )
    result.numbers += [each.number for each in made]


async def _drafts(
    db: AsyncSession, issuer: Issuer, month: Month, result: Result, *, now: datetime
) -> list[Draft]:
    """Return the invoices of a month that can be made and were not made yet."""
    ends_at = month.end(issuer.zone)
    waiting, unassigned = await document_sessions.find_waiting(
        db,
        since=back_billing_limit(ends_at, issuer.zone),
        until=ends_at,
        time_zone=str(issuer.zone),
        rates=standard_vat_rates(issuer.tax.country),
    )
    result.not_issued += [_no_contract(each) for each in unassigned]
    last_day = date.fromordinal(month.next.first_day.toordinal() - 1)
    open_charges: dict[tuple[str, str], list[BookedCharge]] = {}
    for each in await charges.open_charges(db, until=last_day):
        open_charges.setdefault((each.charge.debtor, each.charge.net.currency), []).append(each)
    named = sorted({debtor for debtor, _ in (*waiting, *open_charges)})
    known = await contacts.of_debtors(db, named)
    owed = _by_contact(waiting, open_charges, known, charges.organisation(issuer.key), result)
    drafts = []
    for (debtor, currency), its in sorted(owed.items()):
        contact, (orders, rest) = known[debtor], apart(its)
        if rest.sessions or rest.charges:
            drafts += _of_one(issuer, contact, rest, currency, str(month), result, now=now)
        for each in orders:
            alone = Owed(charges=(each,), booked_tax=Money.zero(currency))
            drafts += [
                replace(draft, run_key=each.charge.key)
                for draft in _of_one(issuer, contact, alone, currency, str(month), result, now=now)
            ]
    made = await document_store.run_keys(
        db, [each.run_key for each in drafts if each.run_key is not None]
    )
    return [each for each in drafts if each.run_key not in made]


def _by_contact(
    waiting: Mapping[tuple[str, str], Waiting],
    open_charges: Mapping[tuple[str, str], Sequence[BookedCharge]],
    known: Mapping[str, Contact],
    own: str,
    result: Result,
) -> dict[tuple[str, str], Owed]:
    """Return what each contact owes, in each currency; a contact may be named in two ways.

    What the issuer would owe itself, as `own`, is named and left out: nobody sells anything to
    himself, whoever stands for him on his papers. In the books it stays as booked.
    """
    owed: dict[tuple[str, str], Owed] = {}
    for debtor, currency in sorted({*waiting, *open_charges}):
        found = waiting.get((debtor, currency))
        its = tuple(open_charges.get((debtor, currency), ()))
        part = Owed(
            sessions=() if found is None else found.sums,
            booked={} if found is None else found.booked,
            booked_tax=Money.zero(currency) if found is None else found.booked_tax,
            charges=its,
        )
        of = known.get(debtor)
        if debtor == own or (of is not None and of.debtor == own):
            said = "These are the issuer's own: nobody writes an invoice to himself."
            result.not_issued.append(NotIssued(own, "own", said, _net(part, currency)))
            continue
        if of is None or not of.is_active:
            code = "no_contact" if of is None else "inactive"
            said = "No contact is recorded." if of is None else "The contact is not active."
            result.not_issued.append(NotIssued(debtor, code, said, _net(part, currency)))
            continue
        before = owed.get((of.debtor, currency))
        owed[of.debtor, currency] = part if before is None else _both(before, part)
    return owed


def _both(one: Owed, other: Owed) -> Owed:
    booked: dict[LedgerAccount, Money] = dict(one.booked)
    for account, money in other.booked.items():
        booked[account] = booked[account] + money if account in booked else money
    return Owed(
        sessions=one.sessions + other.sessions,
        booked=booked,
        booked_tax=one.booked_tax + other.booked_tax,
        charges=one.charges + other.charges,
    )


def _net(owed: Owed, currency: str) -> Money:
    net = Money.zero(currency)
    for each in owed.sessions:
        net += each.net
    for booked in owed.charges:
        net += booked.charge.net
    return net


def _of_one(
    issuer: Issuer,
    contact: Contact,
    owed: Owed,
    currency: str,
    month: str,
    result: Result,
    *,
    now: datetime,
) -> list[Draft]:
    """Return a contact's invoices that can be issued; say of the others why not."""
    try:
        drafts = invoices(issuer, contact, owed, currency, month=month, now=now)
    except UnknownVatRate as error:
        result.not_issued.append(NotIssued(contact.debtor, error.code, str(error)))
        return []
    return [each for each in drafts if _can_be_issued(issuer.settings, each, result)]


def _can_be_issued(wanted: InvoicingSettings, draft: Draft, result: Result) -> bool:
    document = draft.document
    recipient = document.recipient.key
    if document.gross.amount == 0 and not wanted.zero_invoices:
        return False
    if document.gross.amount < 0:
        said = "It would ask for less than nothing: it waits for the next month."
        result.not_issued.append(NotIssued(recipient, "below_zero", said, document.net))
        return False
    try:
        check(replace(document, number="-"))
    except DocumentDoesNotHold as error:
        result.not_issued.append(NotIssued(recipient, error.code, str(error), document.net))
        return False
    return True


def _no_contract(found: Unassigned) -> NotIssued:
    said = f"{found.sessions} sessions are on nobody's contract."
    return NotIssued(found.payer, "no_contract", said, found.net)


def back_billing_limit(ends_at: datetime, zone: ZoneInfo) -> datetime:
    """Return the moment from which on sessions are still invoiced: three years before."""
    local = ends_at.astimezone(zone)
    day = local.replace(day=28) if (local.month, local.day) == (2, 29) else local
    return day.replace(year=day.year - BACK_BILLING_YEARS)


# -------------------------------------------------------------------------------- credit notes


async def _credit_notes(
    db: AsyncSession,
    issuer: Issuer,
    month: str,
    payee: OrganisationKey | None,
    result: Result,
    *,
    now: datetime,
) -> None:
    await document_store.lock_issuer(db, issuer.key)
    payees = None if payee is None else [payee]
    rows = [
        row
        for row in await statement_store.statements(db, payees, month=month)
        if row.payee != issuer.key
    ]
    made = await document_store.run_keys(db, [f"credit_note/{row.statement_id}" for row in rows])
    rows = [row for row in rows if f"credit_note/{row.statement_id}" not in made]
    known = await contacts.of_debtors(
        db, [charges.organisation(OrganisationKey(row.payee)) for row in rows]
    )
    periods = await document_store.statement_period(db, [row.statement_id for row in rows])
    again = await document_store.credited_statements(db, [row.statement_id for row in rows])
    drafts = []
    for row in sorted(rows, key=lambda each: each.statement_id):
        recipient = charges.organisation(OrganisationKey(row.payee))
        contact = known.get(recipient)
        amount = Money.from_minor(row.payout_net_minor, row.currency)
        if contact is None or not contact.is_active:
            said = "No contact is recorded: the owner gets no credit note by itself."
            result.not_issued.append(NotIssued(recipient, "no_contact", said, amount))
            continue
        statement = statement_store.head_of(row)
        draft = credit_note(
            issuer,
            contact,
            statement,
            period=_days(periods.get(row.statement_id), statement.month, statement.time_zone),
            is_again=row.statement_id in again,
            now=now,
        )
        document = draft.document
        if document.gross.amount == 0 and not issuer.settings.zero_invoices:
            continue
        try:
            check(replace(document, number="-"))
        except DocumentDoesNotHold as error:
            result.not_issued.append(NotIssued(recipient, error.code, str(error), amount))
            continue
        drafts.append(draft)
    issued = await issuing.issue(
        db, issuer, drafts, mailed=issuer.settings.credit_note_mailing, now=now
    )
    result.numbers += [each.number for each in issued]


def _days(
    moments: tuple[datetime, datetime] | None, month: str, time_zone: str
) -> tuple[date, date]:
    """Return the days of the first session's start and the last one's end; else the month's."""
    if moments is None:
        of = Month.parse(month)
        return of.first_day, date.fromordinal(of.next.first_day.toordinal() - 1)
    zone = ZoneInfo(time_zone)
    return moments[0].astimezone(zone).date(), moments[1].astimezone(zone).date()


# ------------------------------------------------------------------------------------- monitor


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that the monitor found; `is_blocking` keeps documents from being made."""

    code: str
    said: str
    is_blocking: bool
    recipient: str | None = None


async def verify(db: AsyncSession, month: str, *, now: datetime) -> list[Finding]:
    """Check the settings and what the month's documents need, before they are relied upon.

    Writes nothing that is kept: documents are drawn up and thrown away.
    """
    issuer = await issuer_of(db)
    findings = [*_of_issuer(issuer), *await _switched_off(db, issuer, month)]
    _, result = await dry_run(db, month, now=now)
    findings += [Finding(each.code, each.said, True, each.recipient) for each in result.not_issued]
    findings += await _without_mail(db, issuer)
    findings += await _unrecorded_owners(db, issuer, month)
    return findings


def _of_issuer(issuer: Issuer) -> list[Finding]:
    party = issuer.party
    found = []
    for code, is_missing, said in (
        ("issuer_address", not (party.street and party.city), "The issuer has no address."),
        (
            "issuer_tax",
            issuer.tax.status is not TaxStatus.PRIVATE and not (party.vat_id or party.tax_number),
            "The issuer has neither VAT id nor tax number.",
        ),
        ("issuer_iban", not party.iban, "No account is named that invoices are paid to."),
    ):
        if is_missing:
            key = charges.organisation(issuer.key)
            found.append(Finding(code, said, code != "issuer_iban", key))
    return found


async def _switched_off(db: AsyncSession, issuer: Issuer, month: str) -> list[Finding]:
    found = []
    for service, code, said in (
        (Subscription.AUTOMATED_INVOICING, "invoicing_off", "Automated invoicing is off."),
        (Subscription.CREDIT_NOTES, "credit_notes_off", "Credit notes to owners are off."),
    ):
        if not await makes(db, issuer, month, service):
            found.append(Finding(code, said, False))
    return found


async def _without_mail(db: AsyncSession, issuer: Issuer) -> list[Finding]:
    if not issuer.settings.automatic_mailing:
        return []
    return [
        Finding("no_email", "No mail address: documents are made and not sent.", False, of.debtor)
        for of in await contacts.contacts(db)
        if of.email is None and of.is_active
    ]


async def _unrecorded_owners(db: AsyncSession, issuer: Issuer, month: str) -> list[Finding]:
    if not await makes(db, issuer, month, Subscription.CREDIT_NOTES):
        return []
    rows = await statement_store.statements(db, None, month=month)
    keys = sorted({charges.organisation(OrganisationKey(row.payee)) for row in rows})
    known = await contacts.of_debtors(db, keys)
    return [
        Finding("no_contact", "No contact is recorded: no credit note.", True, key)
        for key in keys
        if key not in known and key != charges.organisation(issuer.key)
    ]
