"""What a session's driver was told, by mail and on the station's display, or why he was not."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from accounts.permissions import Permission
from billing import driver_letters
from billing.driver_letters import About, Outcome, Told
from csms import displays
from csms.charging import Transaction
from foundation import mail
from foundation.mail import MailState
from portal import formats
from portal.guard import Caller
from portal.words import Words, marked

_ABOUT = {
    About.NO_ENERGY: marked("No energy was taken; the session is billed at nothing."),
    About.IMPOSSIBLE: marked(
        "The session is held as impossible; its evidence concerns the driver."
    ),
}
_WHY_NOT = {
    Outcome.NO_CARD: marked("The driver was not told by mail: no card was presented."),
    Outcome.OF_PROVIDER: marked(
        "The driver was not told by mail: the card is a provider's, who alone knows its customer."
    ),
    Outcome.NO_CONTRACT: marked(
        "The driver was not told by mail: the card was on no end customer's contract."
    ),
    Outcome.NO_ADDRESS: marked(
        "The driver was not told by mail: the contact of the contract has no mail address."
    ),
}
_MAILS = {
    MailState.KEPT: marked("The mail is kept in the outbox: no mail server is set."),
    MailState.WAITING: marked("The mail waits to be sent."),
    MailState.SENT: marked("The mail server took the mail."),
    MailState.FAILED: marked("The mail could not be delivered."),
}


@dataclass(frozen=True, slots=True)
class Telling:
    """A line about what was told, and what else is known of it."""

    title: str
    detail: str


async def telling(
    db: AsyncSession, caller: Caller, found: Transaction, said: Words
) -> tuple[Telling, ...]:
    """Return what a session's driver was told; nothing where there was nothing to tell."""
    if not caller.scope.covers(found.owner):
        return ()
    told = await driver_letters.told(db, found.transaction_id)
    lines = []
    for each in told:
        lines.append(await _by_mail(db, caller, found, each, said))
        if each.about is About.NO_ENERGY:
            lines.append(await _on_display(db, found, said))
    return tuple(lines)


async def _by_mail(
    db: AsyncSession, caller: Caller, found: Transaction, told: Told, said: Words
) -> Telling:
    about = said.gettext(_ABOUT[told.about])
    if told.outcome is not Outcome.MAILED or told.mail_id is None:
        return Telling(said.gettext(_WHY_NOT[told.outcome]), about)
    # Who the driver is is for those who may see contacts, and only for those of his manager.
    sees = caller.may(Permission.CRM_READ) and (
        told.managing is not None and caller.scope.covers(told.managing)
    )
    name = told.contact_name if sees and told.contact_name else said.gettext("the end customer")
    at = formats.moment(told.noted_at, ZoneInfo(found.time_zone), said.locale)
    title = said.gettext("The driver was told by mail: %(name)s, %(time)s.") % {
        "name": name,
        "time": at,
    }
    kept, _ = await mail.kept_mail(db, told.mail_id)
    return Telling(title, f"{about} {said.gettext(_MAILS[kept.state])}")


async def _on_display(db: AsyncSession, found: Transaction, said: Words) -> Telling:
    shown = await displays.shown(db, found.transaction_id)
    if shown is not None:
        at = formats.moment(shown.answered_at, ZoneInfo(found.time_zone), said.locale)
        title = said.gettext("The station was asked to show it to the driver, %(time)s.")
        return Telling(title % {"time": at}, shown.content)
    if found.ocpp_version == "1.6":
        return Telling(
            said.gettext("The station's display says nothing of it."),
            said.gettext("OCPP 1.6 has no message for the driver at the end of a session."),
        )
    return Telling(
        said.gettext("The station's display says nothing of it."),
        said.gettext("Its end came late, in parts or not at all, so that no answer told the cost."),
    )
