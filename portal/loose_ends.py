"""An end without a start is given to its session, for API and pages alike.

The session ends as the end says, by a correction that names it; the end itself becomes invalid, so
that its energy is billed once. Both or neither, and only while no paper has one of the two.
"""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from accounts.permissions import Permission
from billing import validity
from csms import charging, loose_ends
from csms.charging import Transaction
from csms.correcting import Corrected
from csms.loose_ends import NoLooseEnd as NoLooseEnd
from csms.matching import Sign, Suggestion
from foundation.errors import Conflict, InvalidInput
from foundation.identifiers import TransactionId
from portal.context import PortalContext
from portal.guard import Caller
from portal.validity_doors import corrected
from portal.words import marked

SIGNS = {
    Sign.SAME_EVSE: marked("same EVSE"),
    Sign.SAME_TOKEN: marked("same card"),
    Sign.OTHER_TOKEN: marked("another card"),
    Sign.REGISTER_CONTINUES: marked("the register goes on from it"),
    Sign.REGISTER_BELOW: marked("the register lies below what it had reached"),
    Sign.SAME_DAY: marked("began within the day before"),
    Sign.LONG_BEFORE: marked("began more than a day before"),
    Sign.READ_AFTERWARDS: marked("was still charging afterwards"),
    Sign.ONLY_ONE: marked("the only one without an end"),
}
MATCHED = "transaction.match"


class NotSuggested(Conflict):
    """The session is none of those that the end may belong to."""

    code = "not_suggested"

    def __init__(self, number: int, session: int) -> None:
        super().__init__(f"End {number} cannot belong to transaction {session}.")


async def suggested(
    db: AsyncSession, caller: Caller, found: Transaction
) -> list[tuple[Suggestion, Transaction]]:
    """Return the sessions that an end may belong to, for who sees its owner's sessions.

    Raises:
        NotFound: If the end is another's.
        NoLooseEnd: If it is no end without a start.
    """
    caller.must_have(Permission.TRANSACTIONS_READ)
    caller.must_see(found.owner, "transaction", found.transaction_id)
    return await loose_ends.suggested(db, caller.scope, found.transaction_id)


async def accept(
    db: AsyncSession,
    context: PortalContext,
    caller: Caller,
    found: Transaction,
    session: int,
    *,
    reason: str,
    now: datetime,
) -> Transaction:
    """Give an end to a session, and return that; for the issuer of the papers only.

    Raises:
        NotFound: If one of the two is another's, or billing does not have the end yet.
        NoLooseEnd: If the one is no end without a start.
        NotSuggested: If it cannot belong to that session.
        InvalidInput: If no reason is given.
        NotTheIssuer: If another organisation decides.
        AlreadySettled, AlreadyBilled: If one of the two stands on a paper.
    """
    caller.must_have(Permission.TRANSACTIONS_DECIDE)
    if not reason.strip():
        raise InvalidInput("Say why.", field="reason")
    await validity.must_be_issuer(db, caller.principal.organisation)
    number = TransactionId(found.transaction_id)
    of = {each.transaction_id: (each, its) for each, its in await suggested(db, caller, found)}
    if session not in of:
        raise NotSuggested(number, session)
    suggestion, its = of[session]
    await validity.must_not_be_billed(db, TransactionId(session))
    await corrected(
        db,
        context,
        caller,
        its,
        Corrected(ended_at=found.ended_at, energy_wh=suggestion.energy_wh),
        reason=f"{reason.strip()} (end {number})",
        now=now,
        dry_run=False,
    )
    await validity.set_invalid(
        db,
        context.closing,
        number,
        organisation=caller.principal.organisation,
        reason=f"{reason.strip()} (session {session})",
        by=caller.principal.id,
        now=now,
    )
    await caller.note(
        db,
        MATCHED,
        f"transaction/{number}",
        organisation=found.owner,
        after={"session": session, "signs": list(suggestion.signs), "reason": reason.strip()},
        now=now,
    )
    return await charging.transaction(db, caller.scope, session)
