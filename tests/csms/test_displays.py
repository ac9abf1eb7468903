"""A driver reads on the station's display that a session without energy costs nothing."""

from collections.abc import Sequence
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from csms import displays
from csms.displays import Shown
from csms.handlers.ending import transactions_ended
from csms.handlers.transactions import transactions_started
from csms.ocpp.answers import payload_of
from csms.reports import DisplayMessage, OcppVersion, TransactionEndAnswer
from foundation.events import TransactionEnded
from tests.csms.central import register2
from tests.csms.handlers.test_transactions import begun, over, said
from tests.csms.handlers.work import Work

NOTHING = "This session costs nothing."


class Free:
    """Nothing costs anything, and what took nothing has a word with it."""

    async def costs(
        self, db: AsyncSession, transactions: Sequence[TransactionEnded]
    ) -> Sequence[Decimal | None]:
        return [Decimal(0)] * len(transactions)

    async def messages(
        self,
        db: AsyncSession,
        transactions: Sequence[TransactionEnded],
        languages: Sequence[tuple[str, ...]],
    ) -> Sequence[tuple[str, str] | None]:
        return [("en", NOTHING) if each.energy_wh == 0 else None for each in transactions]


async def end_of(work: Work, wh: int) -> tuple[int, TransactionEndAnswer]:
    """Begin and end a transaction of a 2.x station; return its number and the answer."""
    first = [register2(0, 1000, "Transaction.Begin")]
    [begun_] = await transactions_started(
        work.db, work.context, [said(work, "Started", 0, 0, meterValue=first)]
    )
    last = [register2(60, 1000 + wh, "Transaction.End")]
    [answer] = await transactions_ended(
        work.db, work.context, [said(work, "Ended", 1, 60, meterValue=last)]
    )
    return begun_.transaction_id, answer


async def test_the_sentence_goes_with_the_answer_and_is_noted(work: Work) -> None:
    work.costs = Free()
    number, answer = await end_of(work, 0)
    assert answer.message == DisplayMessage("en", NOTHING)
    assert await displays.shown(work.db, number) == Shown("en", NOTHING, work.clock.now())


async def test_what_took_energy_and_is_free_needs_no_word(work: Work) -> None:
    work.costs = Free()
    number, answer = await end_of(work, 500)
    assert answer.total_cost == 0
    assert answer.message is None
    assert await displays.shown(work.db, number) is None


async def test_a_1_6_station_has_no_such_message(work: Work) -> None:
    work.costs = Free()
    [begun_] = await transactions_started(work.db, work.context, [begun(work)])
    await transactions_ended(work.db, work.context, [over(work, begun_.transaction_id)])
    assert await displays.shown(work.db, begun_.transaction_id) is None


def test_both_newer_versions_write_it_as_a_personal_message() -> None:
    answer = TransactionEndAnswer(None, Decimal(0), DisplayMessage("de", "Kostet nichts."))
    for version in (OcppVersion.V201, OcppVersion.V21):
        text = payload_of(version, "TransactionEvent", answer)
        assert '"updatedPersonalMessage":{' in text
        assert '"content":"Kostet nichts."' in text
    assert "Kostet" not in payload_of(OcppVersion.V16, "StopTransaction", answer)
