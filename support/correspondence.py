"""What we write to customers about their orders: the request for one, and what came of it."""

from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import audit, directory
from accounts.audit import Actor
from accounts.directory import WHOLE
from csms.known_settings import known_settings
from foundation.errors import InvalidInput
from foundation.identifiers import OrganisationKey
from foundation.mail import Mails
from support import change_orders
from support.change_orders import ChangeOrder
from support.letters import request_mail, result_mail

log = structlog.get_logger(__name__)


class NoContact(InvalidInput):
    """The organisation has no address to which anything can be written."""

    code = "organisation_without_contact"

    def __init__(self, organisation: OrganisationKey) -> None:
        super().__init__(
            f"The organisation {organisation!r} has no mail address; enter one first.",
            field="organisation",
        )


@dataclass(frozen=True, slots=True)
class Correspondence:
    """Writes to the contact of the organisation that owns the stations, in its language."""

    mails: Mails

    async def ask_for_order(
        self, db: AsyncSession, order_id: int, *, by: Actor, now: datetime
    ) -> ChangeOrder:
        """Ask the customer by mail for his written order; nothing else happens by it.

        Raises:
            NotFound: If there is no such draft.
            WrongOrderState: If it is no draft any more.
            NoContact: If nobody can be written to.
        """
        draft = await change_orders.change_order(db, WHOLE, order_id)
        owner = await directory.organisation(db, draft.organisation)
        if owner.email is None:
            raise NoContact(draft.organisation)
        asked = await change_orders.note_request(db, order_id, recipient=owner.email, now=now)
        operator = await directory.root(db)
        known = await known_settings(db, draft.stations)
        mail = request_mail(
            draft, owner, owner.email, known, signature=f"{by.name}, {operator.name}"
        )
        await self.mails.post(db, mail, key=f"change_order/{order_id}/ask/{now.isoformat()}")
        return asked

    async def tell_result(self, db: AsyncSession, order: ChangeOrder, *, now: datetime) -> None:
        """Tell the customer what came of his order, and note that it ended, once per outcome."""
        await audit.record(
            db,
            audit.SYSTEM,
            f"change_order.{order.state}",
            f"change_order/{order.id}",
            organisation=order.organisation,
            after={"state": order.state, "number": order.number},
            order=order.number,
            now=now,
        )
        owner = await directory.organisation(db, order.organisation)
        if owner.email is None:
            log.warning("change_order.no_address", organisation=order.organisation)
            return
        operator = await directory.root(db)
        mail = result_mail(order, owner, owner.email, operator.name)
        await self.mails.post(db, mail, key=f"change_order/{order.id}/{order.state}")
