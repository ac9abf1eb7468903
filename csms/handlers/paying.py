"""Money with transactions (2.1): limits of both sides, costs that stations count, settlements.

The handlers of transactions record what was charged; here follows what was said of money, and
what we answer to it. Versions that say nothing of it cost nothing.

Source: OCPP 2.1 part 2, C17 to C23, E16, I07 to I12.
"""

from collections.abc import Sequence
from typing import TypeVar

from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from csms import payments, resuming, transaction_store
from csms.handlers import authorization, ending, transactions
from csms.handlers.authorization import presented_at
from csms.handlers.context import HandlerContext
from csms.reports import (
    AuthorizationStatus,
    AuthorizeAnswer,
    AuthorizeReport,
    OcppVersion,
    SettlementAnswer,
    SettlementReport,
    TransactionEndAnswer,
    TransactionEndReport,
    TransactionStartAnswer,
    TransactionStartReport,
    TransactionUpdateAnswer,
    TransactionUpdateReport,
)
from csms.transaction_store import Progress
from foundation import outbox
from foundation.charging_limits import NO_LIMITS, told
from foundation.events import SettlementReported
from foundation.identifiers import StationId, TransactionId
from foundation.money import Money
from foundation.statements import ask

_Goes = TransactionStartReport | TransactionUpdateReport
_Told = TypeVar("_Told", TransactionStartAnswer, TransactionUpdateAnswer)


async def authorize(
    db: AsyncSession, context: HandlerContext, reports: Sequence[AuthorizeReport]
) -> list[AuthorizeAnswer]:
    """Answer whether drivers may charge; where stations count costs, by which tariff."""
    await _know_payers(db, context, reports)
    answers = await authorization.authorize(db, context, reports)
    if context.payments is None:
        return answers
    good = [
        (place, report)
        for place, (report, answer) in enumerate(zip(reports, answers, strict=True))
        if report.origin.version is OcppVersion.V21
        and report.id_token is not None
        and answer.id_token_info.status is AuthorizationStatus.ACCEPTED
    ]
    if not good:
        return answers
    counting = await payments.counting(db, [str(each.origin.station) for _, each in good])
    good = [(place, each) for place, each in good if str(each.origin.station) in counting]
    if good:
        presented = await presented_at(db, [each for _, each in good])
        tariffs = await context.payments.tariffs(db, presented)
        for (place, _), tariff in zip(good, tariffs, strict=True):
            if tariff is not None:
                answers[place] = replace(answers[place], tariff=tariff)
    return answers


async def transactions_started(
    db: AsyncSession, context: HandlerContext, reports: Sequence[TransactionStartReport]
) -> list[TransactionStartAnswer]:
    """Record starts, and what they say of money; tell the limits of who pays in advance."""
    await _know_payers(db, context, reports)
    answers = await transactions.transactions_started(db, context, reports)
    return await _with_limits(db, context, reports, answers)


async def transactions_updated(
    db: AsyncSession, context: HandlerContext, reports: Sequence[TransactionUpdateReport]
) -> list[TransactionUpdateAnswer]:
    """Record what goes on, and what is said of money; tell limits."""
    await _know_payers(db, context, reports)
    answers = await transactions.transactions_updated(db, context, reports)
    await resuming.tell_again(db, reports, context.asks, now=context.clock.now())
    return await _with_limits(db, context, reports, answers)


async def transactions_ended(
    db: AsyncSession, context: HandlerContext, reports: Sequence[TransactionEndReport]
) -> list[TransactionEndAnswer]:
    """Record ends, and what stations came to that count the cost themselves."""
    answers = await ending.transactions_ended(db, context, reports)
    said = [each for each in reports if each.payment is not None]
    if said:
        known = await _progress(db, said)
        for report in said:
            await _note(db, known, report, final=True)
    return answers


async def _know_payers(
    db: AsyncSession,
    context: HandlerContext,
    reports: Sequence[AuthorizeReport | _Goes],
) -> None:
    """Drivers who paid at a station's own terminal may charge there (C18)."""
    paid = [
        (str(each.origin.station), each.id_token)
        for each in reports
        if each.id_token is not None
        and each.id_token.type == "DirectPayment"
        and each.origin.version is OcppVersion.V21
    ]
    if paid:
        await payments.know_payers(db, paid, now=context.clock.now())


async def _progress(
    db: AsyncSession, reports: Sequence[_Goes | TransactionEndReport]
) -> dict[tuple[str, str], Progress]:
    keys = [(str(each.origin.station), f"2|{each.ref}") for each in reports]
    return await ask(db, transaction_store.progress_of(keys))


async def _note(
    db: AsyncSession,
    known: dict[tuple[str, str], Progress],
    report: _Goes | TransactionEndReport,
    *,
    final: bool = False,
) -> None:
    progress = known.get((str(report.origin.station), f"2|{report.ref}"))
    if progress is None or report.payment is None:
        return
    await payments.note_words(
        db,
        progress.id,
        report.payment,
        seq_no=report.seq_no or 0,
        final=final,
        at=report.origin.received_at,
    )


async def _with_limits(
    db: AsyncSession,
    context: HandlerContext,
    reports: Sequence[_Goes],
    answers: list[_Told],
) -> list[_Told]:
    of_21 = [
        (place, each)
        for place, each in enumerate(reports)
        if each.origin.version is OcppVersion.V21
        and (each.payment is not None or context.payments is not None)
    ]
    if not of_21:
        return answers
    known = await _progress(db, [each for _, each in of_21])
    for _, report in of_21:
        await _note(db, known, report)
    if context.payments is None:
        return answers
    found = [
        (place, report, progress)
        for place, report in of_21
        if (progress := known.get((str(report.origin.station), f"2|{report.ref}"))) is not None
        and progress.state == "active"
    ]
    keys = await payments.tokens_of(db, [progress.id for _, _, progress in found])
    ours = await context.payments.limits(db, list(keys.values()))
    now = context.clock.now()
    for place, report, progress in found:
        limits = ours.get(keys.get(progress.id, ""), NO_LIMITS)
        if not limits:
            continue
        before = await payments.limits(db, progress.id)
        # Of two limits the lower one holds, whoever set it (E16).
        least = told(limits, NO_LIMITS if before is None else before.stations)
        is_new = before is None or before.ours != least
        if is_new:
            await payments.note_told(db, progress.id, least, at=now)
        # A station that has lost our answer says its limits again, and hears ours again.
        if is_new or isinstance(report, TransactionStartReport) or report.payment is not None:
            answers[place] = replace(answers[place], limits=least)
    return answers


async def settlements_reported(
    db: AsyncSession, context: HandlerContext, reports: Sequence[SettlementReport]
) -> list[SettlementAnswer]:
    """Keep what became of payments at terminals, once; say where the receipt is, if it is ours."""
    answers = []
    for report in reports:
        station = str(report.origin.station)
        owner = await payments.owner_of(db, station)
        organisation = await directory.organisation(db, owner)
        row, is_new = await payments.keep_settlement(
            db, report, currency=organisation.currency, receipts=context.receipts_url
        )
        if is_new:
            amount = Money(report.amount, organisation.currency).rounded()
            event = SettlementReported(
                happened_at=report.settled_at,
                station=StationId(station),
                settlement_id=row.id,
                transaction_id=None
                if row.transaction_id is None
                else TransactionId(row.transaction_id),
                psp_ref=report.psp_ref,
                status=report.status,
                amount_minor=amount.minor,
                currency=organisation.currency,
            )
            await outbox.append(db, [event], recorded_at=context.clock.now())
        answers.append(SettlementAnswer(row.receipt_id, row.receipt_url))
    return answers
