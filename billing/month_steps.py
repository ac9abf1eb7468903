"""What is done at month end for each payee, in its order.

A step belongs to one organisation and month, is done in one unit of work, and bears being done
again: each of them finds what it made before by natural keys of its own.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from billing import invoicing, service_months
from billing.closing import Closing
from foundation.identifiers import OrganisationKey

SERVICES: Final = "services"
"""What services cost in the month is booked as charges."""
STATEMENTS: Final = "statements"
"""The month is closed: statements are written and booked."""
DOCUMENTS: Final = "documents"
"""The invoices (with the operator's own month) and the credit notes are made."""

Work = Callable[[AsyncSession, OrganisationKey, str, datetime], Awaitable[Sequence[str]]]
"""Does a step for a payee and month in a unit of work; returns the keys of what it made."""


@dataclass(frozen=True, slots=True)
class Step:
    """One of the things that are done at month end.

    Attributes:
        name: As it is shown.
        work: Does it for one payee.
        needs: The steps that it builds upon.
        at_once: For how many payees it is done side by side.
    """

    name: str
    work: Work
    needs: tuple[str, ...] = ()
    at_once: int = 1


def standard_steps(closing: Closing) -> tuple[Step, ...]:
    """Return all that is done at month end: charges before the invoices that they stand on."""
    return (
        Step(SERVICES, _book_services),
        statements_step(closing),
        Step(DOCUMENTS, invoicing.work, needs=(SERVICES, STATEMENTS)),
    )


def statements_step(closing: Closing) -> Step:
    """Return the step that closes a payee's month."""

    async def close(
        db: AsyncSession, payee: OrganisationKey, month: str, now: datetime
    ) -> Sequence[str]:
        return [each.statement_id for each in await closing.close(db, payee, month, now=now)]

    # Each waits half its time for the database; of more than two there is nothing to gain.
    return Step(STATEMENTS, close, at_once=2)


async def _book_services(
    db: AsyncSession, payee: OrganisationKey, month: str, now: datetime
) -> Sequence[str]:
    booked = await service_months.book_month(db, payee, month, now=now)
    return [f"charge/{each}" for each in booked.booked]
