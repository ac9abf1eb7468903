"""The face of the month close: close, dry run; and what a person decides about held transactions.

A close settles what ended before the month's end in the payee's zone and stands on no statement
yet: late transactions are among it. It is done once for each payee and month; what comes later
waits for the next one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final, Protocol
from zoneinfo import ZoneInfo

import msgspec
from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from billing import (
    booking,
    ledger,
    ledger_store,
    monitor,
    pricing,
    receipt_store,
    statement_store,
    store,
)
from billing.cdr import Payer
from billing.drafts import Draft, Lines, RegisterSpan
from billing.handlers import READER
from billing.months import Month
from billing.plausibility import DEFAULT_LIMITS, HoldReason, Limits
from billing.pricing import SharingTerms
from billing.statement_store import Waiting
from billing.statements import Statement
from billing.store import NewHold, Record
from billing.tables import HoldRow
from billing.terms import Terms
from foundation import outbox
from foundation.errors import Conflict, NotFound
from foundation.events import StatementIssued, TransactionEnded
from foundation.identifiers import OrganisationKey, TransactionId

DUE_DAYS: Final = 14
"""How many days after its issue a statement is to be paid, unless set otherwise."""


class EndedTransaction(Protocol):
    """A transaction that ended, as the central system holds it true."""

    @property
    def transaction_id(self) -> TransactionId: ...
    @property
    def revision(self) -> int: ...
    @property
    def energy_wh(self) -> Decimal: ...


class Registers(Protocol):
    """The registers of a payee's stations, for the proof; fulfilled by csms."""

    async def registers(
        self, db: AsyncSession, owner: OrganisationKey, start: datetime, end: datetime
    ) -> Sequence[RegisterSpan]:
        """Return the register of every EVSE that was the owner's in [start, end)."""
        ...

    async def ended_transactions(
        self, db: AsyncSession, owner: OrganisationKey, start: datetime, end: datetime
    ) -> Sequence[EndedTransaction]:
        """Return the owner's transactions that ended in [start, end), by number."""
        ...


class MonthNotOver(Conflict):
    """The month still runs in the payee's zone; it can be closed afterwards."""

    code = "month_not_over"

    def __init__(self, payee: OrganisationKey, month: Month, ends_at: datetime) -> None:
        self.ends_at = ends_at
        super().__init__(
            f"{month} is not over for {payee}: it ends at {ends_at.isoformat()}. Close it then."
        )


class MonthNotBegun(Conflict):
    """The month lies ahead in the payee's zone: nothing of it can be shown yet."""

    code = "month_not_begun"

    def __init__(self, payee: OrganisationKey, month: Month, begins_at: datetime) -> None:
        self.begins_at = begins_at
        super().__init__(f"{month} begins at {begins_at.isoformat()} for {payee}.")


class MonthClosed(Conflict):
    """The month is closed for the payee: its statements say what it came to."""

    code = "month_closed"

    def __init__(self, payee: OrganisationKey, month: Month) -> None:
        super().__init__(f"{month} is closed for {payee}: look at its statement.")


class DeliveriesPending(Conflict):
    """Events of the month are still on their way to billing; closing again soon will help."""

    code = "deliveries_pending"

    def __init__(self, month: Month, count: int) -> None:
        self.count = count
        super().__init__(
            f"{count} events that happened before the end of {month} have not reached billing"
            " yet. Try again in a moment; parked events need a decision first."
        )


class NotOnHold(Conflict):
    """The transaction is not held, or was decided already."""

    code = "not_on_hold"

    def __init__(self, transaction_id: TransactionId) -> None:
        super().__init__(f"Transaction {transaction_id} is not held.")


class AlreadySettled(Conflict):
    """A statement has paid the transaction; only a later revision of it changes that."""

    code = "already_settled"

    def __init__(self, transaction_id: TransactionId) -> None:
        super().__init__(
            f"Transaction {transaction_id} stands on a statement already and cannot be voided."
        )


class NotPayable(Conflict):
    """The transaction cannot be released: there is no price for it, or nobody who pays."""

    code = "not_payable"

    def __init__(self, transaction_id: TransactionId, reason: HoldReason) -> None:
        self.reason = reason
        remedy = {
            HoldReason.NO_TARIFF: "no tariff was valid at its start; assign one with that date",
            HoldReason.NO_PAYER: "nobody answers for its token; say who pays",
        }.get(reason, "its usage contradicts itself, so that it has no price")
        super().__init__(f"Transaction {transaction_id} cannot be released: {remedy}, or void it.")


@dataclass(frozen=True, slots=True)
class Shadow:
    """What a month would come to now.

    Attributes:
        statements: As the close would issue them, one for each currency.
        pending: How many events of the month have not reached billing, and so are missing.
    """

    statements: tuple[Statement, ...]
    pending: int


@dataclass(frozen=True, slots=True)
class Closing:
    """Closes months, and carries out what people decide about held transactions.

    Args:
        registers: For the proof line.
        sharing: For rating a released transaction again.
        due_days: Days from issue to payment.
        limits: What counts as impossible.
    """

    registers: Registers
    sharing: SharingTerms
    due_days: int = DUE_DAYS
    limits: Limits = DEFAULT_LIMITS

    # -------------------------------------------------------------------------------- close

    async def close(
        self,
        db: AsyncSession,
        payee: OrganisationKey,
        month: str,
        *,
        now: datetime,
        dry_run: bool = False,
    ) -> list[Statement]:
        """Return the payee's statements of the month, one for each currency; write them.

        Closing again returns the same. A payee for whom there is nothing to say gets no
        statement; the month is closed all the same.

        Args:
            db: A unit of work.
            payee: An organisation.
            month: As in `2026-10`.
            now: When the statements are issued.
            dry_run: Give the same figures, and write nothing.

        Raises:
            NotFound: If there is no such organisation.
            InvalidInput: If the month is none.
            MonthNotOver: In the payee's zone.
            DeliveriesPending: If events of the month have not reached billing.
            UnknownVatRate: If the payee charges VAT and the rate is not known.
        """
        wanted = Month.parse(month)
        organisation = await directory.organisation(db, payee)
        zone = ZoneInfo(organisation.time_zone)
        end = wanted.end(zone)
        if now < end:
            raise MonthNotOver(payee, wanted, end)
        await statement_store.lock_payee(db, payee)
        if await statement_store.is_closed(db, payee, month):
            rows = await statement_store.statements(db, [payee], month=month)
            return [await statement_store.whole(db, row) for row in rows]
        pending = await outbox.pending(db, READER, end)
        if pending:
            raise DeliveriesPending(wanted, pending)
        drafts = await self._drafts(db, organisation, wanted, now=now, is_taking=not dry_run)
        if not dry_run:
            await _write(db, payee, wanted, drafts, now)
            await self._await_receipts(db, payee, drafts)
        return [statement for statement, _ in drafts]

    async def shadow(
        self,
        db: AsyncSession,
        payee: OrganisationKey,
        month: str,
        *,
        now: datetime,
        ended_from: datetime | None = None,
    ) -> Shadow:
        """Return what the month would come to now, whether or not it is over; nothing is written.

        Args:
            db: A unit of work.
            payee: An organisation.
            month: As in `2026-10`.
            now: When the statements would be issued.
            ended_from: Leave out what ended before; None for nothing.

        Raises:
            NotFound: If there is no such organisation.
            InvalidInput: If the month is none.
            MonthNotBegun: In the payee's zone.
            MonthClosed: If there is nothing to draw any more.
            UnknownVatRate: If the payee charges VAT and the rate is not known.
        """
        wanted = Month.parse(month)
        organisation = await directory.organisation(db, payee)
        zone = ZoneInfo(organisation.time_zone)
        if now < wanted.start(zone):
            raise MonthNotBegun(payee, wanted, wanted.start(zone))
        if await statement_store.is_closed(db, payee, month):
            raise MonthClosed(payee, wanted)
        drafts = await self._drafts(
            db, organisation, wanted, now=now, is_taking=False, ended_from=ended_from
        )
        pending = await outbox.pending(db, READER, wanted.end(zone))
        return Shadow(tuple(statement for statement, _ in drafts), pending)

    async def _drafts(
        self,
        db: AsyncSession,
        organisation: directory.Organisation,
        month: Month,
        *,
        now: datetime,
        is_taking: bool,
        ended_from: datetime | None = None,
    ) -> list[tuple[Statement, Lines]]:
        """Return the statements that stand to be written, with the sources of their lines.

        If it takes, all that waits is off the list then, and must be written.
        """
        payee, zone = organisation.key, ZoneInfo(organisation.time_zone)
        start, end = month.start(zone), month.end(zone)
        take = statement_store.take_waiting if is_taking else statement_store.waiting
        waiting = await take(db, payee, end)
        held = await statement_store.held(db, payee, start=start, end=end, is_locking=is_taking)
        if ended_from is not None:
            waiting = [each for each in waiting if each.ended_at >= ended_from]
            held = [each for each in held if each.ended_at >= ended_from]
        spans = await self.registers.registers(db, payee, start, end)
        issuer = await directory.root(db)
        awaited = await self._awaited(db, payee, waiting)
        draft = Draft(
            organisation=organisation,
            issuer=issuer,
            month=month,
            zone=zone,
            issued_at=now,
            due_days=self.due_days,
            with_nothing=await statement_store.wants_nothing_too(db, issuer.key, payee),
            earlier=await statement_store.earlier(db, payee, str(month)),
            awaited=awaited,
        )
        crossing = await statement_store.crossing(db, payee, start=start, end=end)
        papers = (
            await statement_store.last_registers(db, payee, str(month))
            if any(each.ended_at < start for each in waiting)
            else {}
        )
        proof = draft.proof(spans, waiting, held, crossing, papers)
        drafts = [draft.statement(*part, proof) for part in draft.by_currency(waiting, held)]
        drawn = sum(len(lines) for _, lines in drafts)
        assert drawn == len(waiting), "what waits does not stand on the statements"
        return drafts

    async def _awaited(
        self, db: AsyncSession, payee: OrganisationKey, waiting: Sequence[Waiting]
    ) -> frozenset[int]:
        """Return the CDRs whose share is due on receipt of money that has not come."""
        agreements = await self.sharing.due_on_receipt(db, payee)
        if not agreements:
            return frozenset()
        # What a statement takes back does not wait, nor what it takes back in itself.
        taken_back = {each.cdr_id for each in waiting if each.sign < 0}
        fresh = {each.cdr_id for each in waiting} - taken_back
        return await receipt_store.due_on_receipt(db, fresh, agreements)

    async def _await_receipts(
        self, db: AsyncSession, payee: OrganisationKey, drafts: Sequence[tuple[Statement, Lines]]
    ) -> None:
        """Note the lines that are paid out when their providers have paid."""
        agreements = await self.sharing.due_on_receipt(db, payee)
        if not agreements:
            return
        for statement, lines in drafts:
            awaited = await receipt_store.due_on_receipt(
                db, [cdr_id for cdr_id, sign in lines if sign > 0], agreements
            )
            await receipt_store.add(
                db,
                statement.statement_id,
                [
                    (cdr_id, line.payout)
                    for (cdr_id, sign), line in zip(lines, statement.lines, strict=True)
                    # Of what comes to nothing no invoice need ever be written.
                    if sign > 0 and cdr_id in awaited and line.payout.amount
                ],
            )

    # ------------------------------------------------------------------------------- decide

    async def release(
        self,
        db: AsyncSession,
        transaction_id: TransactionId,
        *,
        reason: str,
        by: str,
        now: datetime,
        payer: Payer | None = None,
    ) -> None:
        """Pay a held (or voided) transaction after all; the next statement has it.

        It is rated again as of its start, so a tariff entered since with an earlier date counts.

        Args:
            db: A unit of work.
            transaction_id: Whose hold is released.
            reason: Why, in words; kept.
            by: Who decided, as in `person/7`.
            now: When.
            payer: Who pays, where nobody answers for the token.

        Raises:
            NotFound: If there is no CDR of the transaction.
            NotOnHold: If it is not held.
            NotPayable: If it still has no price or nobody pays for it.
        """
        record, hold = await self._held(db, transaction_id)
        if hold is None or hold.decision == "released":
            raise NotOnHold(transaction_id)
        released = await self._rated_again(db, record, hold, payer, now=now)
        await booking.issue(db, [released], now=now)
        hold.decision = "released"
        hold.cdr_id = released.cdr.cdr_id
        await _decide(db, hold, reason, by, now)

    async def void(
        self,
        db: AsyncSession,
        transaction_id: TransactionId,
        *,
        reason: str,
        by: str,
        now: datetime,
    ) -> None:
        """Let nobody be paid for a transaction; the next statement lists it as unpaid.

        Args:
            db: A unit of work.
            transaction_id: Held or rated, but on no statement.
            reason: Why, in words; kept.
            by: Who decided, as in `person/7`.
            now: When.

        Raises:
            NotFound: If there is no CDR of the transaction.
            NotOnHold: If it was voided already.
            AlreadySettled: If a statement has paid it.
        """
        hold = await self._taken_off(db, transaction_id, now=now)
        if hold.decision is not None:
            raise NotOnHold(transaction_id)
        hold.decision = "voided"
        await _decide(db, hold, reason, by, now)

    async def hold(
        self,
        db: AsyncSession,
        transaction_id: TransactionId,
        *,
        reason: str,
        by: str,
        now: datetime,
    ) -> None:
        """Hold a rated transaction by hand, until somebody releases or voids it.

        Raises:
            NotFound: If there is no CDR of the transaction.
            AlreadySettled: If a statement has paid it.
        """
        hold = await self._taken_off(db, transaction_id, now=now)
        if hold.decision is None:
            await _decide(db, hold, reason, by, now)

    async def _held(
        self, db: AsyncSession, transaction_id: TransactionId
    ) -> tuple[Record, HoldRow | None]:
        """Return the transaction's current CDR and hold, locked."""
        await store.locked_terms(db, [transaction_id])
        record = (await store.current_records(db, [transaction_id])).get(transaction_id)
        if record is None:
            raise NotFound("rated transaction", transaction_id)
        return record, await store.hold(db, transaction_id)

    async def _taken_off(
        self, db: AsyncSession, transaction_id: TransactionId, *, now: datetime
    ) -> HoldRow:
        """Return the transaction's hold; one that is booked is taken back and held by hand."""
        record, hold = await self._held(db, transaction_id)
        if hold is not None and hold.decision != "released":
            return hold
        if await store.settled(db, [record.cdr.cdr_id]):
            raise AlreadySettled(transaction_id)
        await booking.take_back(db, [record], now=now)
        await store.put_holds(db, [NewHold(record.cdr, HoldReason.BY_HAND, None)], now=now)
        hold = await store.hold(db, transaction_id)
        assert hold is not None
        return hold

    async def _rated_again(
        self,
        db: AsyncSession,
        record: Record,
        hold: HoldRow,
        payer: Payer | None,
        *,
        now: datetime,
    ) -> Record:
        """Return a CDR without holds in the place of a held one."""
        [cdr_id] = await store.next_cdr_ids(db, 1)
        if hold.evidence is None:
            return _copy(record, cdr_id, now)
        event = msgspec.convert(hold.evidence, TransactionEnded, strict=False)
        terms = (await booking.freeze(db, [event], self.sharing, now=now))[event.transaction_id]
        if payer is not None and terms.sharing.payer is None:
            terms = replace(terms, sharing=replace(terms.sharing, payer=payer))
        charged = await self._charged(db, event, terms)
        blocking = {HoldReason.NO_TARIFF, HoldReason.NO_PAYER}.intersection(charged.hold_reasons)
        for reason in sorted(blocking):
            raise NotPayable(event.transaction_id, reason)
        return booking.make_record(
            event,
            terms,
            replace(charged, findings=()),
            cdr_id=cdr_id,
            attempt=record.attempt + 1,
            replaces=record.cdr.cdr_id,
            zone=ZoneInfo((await directory.organisation(db, event.owner)).time_zone),
            now=now,
        )

    async def _charged(
        self, db: AsyncSession, event: TransactionEnded, terms: Terms
    ) -> booking.Charge:
        tariffs = await pricing.tariffs_by_number(db, terms.tariff_numbers)
        owner = await directory.organisation(db, event.owner)
        charged = booking.charge(
            event,
            terms.sharing,
            None if terms.tariff_number is None else tariffs[terms.tariff_number],
            currency=owner.currency,
            limits=await monitor.limits_for(db, event.owner, self.limits),
            purchase=None if terms.purchase_number is None else tariffs[terms.purchase_number],
            stop_at=terms.stop_at,
        )
        if charged.is_unratable:
            raise NotPayable(event.transaction_id, HoldReason.IMPOSSIBLE_ENERGY)
        return charged


def _copy(record: Record, cdr_id: int, now: datetime) -> Record:
    """Return a CDR like one that a person had held, issued anew."""
    return replace(
        record,
        cdr=replace(record.cdr, cdr_id=cdr_id, hold_reason=None, replaces=record.cdr.cdr_id),
        attempt=record.attempt + 1,
        issued_at=now,
        hold_reasons=(),
    )


async def _decide(db: AsyncSession, hold: HoldRow, reason: str, by: str, now: datetime) -> None:
    hold.decided_at = now
    hold.decided_by = by
    hold.decided_why = reason
    hold.shown_in = None
    await db.flush()


# ------------------------------------------------------------------------------------ writing


async def _write(
    db: AsyncSession,
    payee: OrganisationKey,
    month: Month,
    drafts: Sequence[tuple[Statement, Lines]],
    now: datetime,
) -> None:
    """Store the statements, settle their lines, book them, and say so."""
    await statement_store.add_closed(db, payee, str(month), now)
    entries: list[ledger.JournalEntry] = []
    for statement, lines in drafts:
        await statement_store.add_statement(db, statement, lines)
        entries += ledger.close_entries(
            payee=payee,
            groups=[
                ledger.SettledGroup(
                    f"{group.charge_class}, {group.share_bps} bps", group.net, group.payout
                )
                for group in statement.groups
            ],
            vat=statement.payout_gross - statement.payout_net,
            statement_id=statement.statement_id,
            booked_at=now,
        )
        if statement.unpaid:
            await statement_store.set_shown(
                db, [each.transaction_id for each in statement.unpaid], statement.statement_id
            )
    await ledger_store.add_entries(db, entries)
    await outbox.append(
        db,
        [
            StatementIssued(
                happened_at=now,
                statement_id=statement.statement_id,
                payee=payee,
                month=str(month),
            )
            for statement, _ in drafts
        ],
        recorded_at=now,
    )
