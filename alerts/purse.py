"""What pays for messages: credits are set aside, then taken if the message was really sent."""

from collections.abc import Collection
from datetime import datetime
from typing import Final, Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from foundation.database import Database, Joint
from foundation.errors import Unavailable
from foundation.identifiers import OrganisationKey

_PURSE: Final[Joint["Purse"]] = Joint("alerts.purse")


class Purse(Protocol):
    """Pays for SMS; fulfilled by billing. Everything commits with the caller's unit of work."""

    async def price(self, db: AsyncSession, now: datetime) -> int:
        """Return what one message costs, in credits."""
        ...

    async def available(self, db: AsyncSession, account: OrganisationKey) -> int:
        """Return how many credits an account has that are not set aside."""
        ...

    async def reserve(
        self,
        db: AsyncSession,
        account: OrganisationKey,
        *,
        reference: str,
        about: str | None,
        by: str,
        now: datetime,
    ) -> bool:
        """Set aside what one message costs; False: there is not enough.

        The account's wallet stays locked until the unit of work ends, so of two who want the last
        credit one gets it. What was set aside under the reference before stays so.
        """
        ...

    async def capture(self, db: AsyncSession, reference: str, *, now: datetime) -> None:
        """Take what was set aside, since the message was sent; the second time does nothing."""
        ...

    async def paid(self, db: AsyncSession, references: Collection[str]) -> set[str]:
        """Return under which of the references something was taken, or is set aside."""
        ...

    async def release(self, db: AsyncSession, reference: str, *, now: datetime) -> None:
        """Give back what was set aside, since it was not; the second time does nothing."""
        ...


def join(database: Database, purse: Purse) -> None:
    """Say for a database who pays."""
    _PURSE.join(database, purse)


def of(db: AsyncSession) -> Purse:
    """Return who pays.

    Raises:
        Unavailable: If the program joined nobody.
    """
    found = _PURSE.of(db)
    if found is None:
        raise Unavailable("Nobody pays for messages here.")
    return found
