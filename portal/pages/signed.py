"""What the meter signed of a session, as its page shows it."""

from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from accounts.permissions import Permission
from billing import validity
from csms import meters
from csms.charging import Transaction
from portal.guard import Caller
from portal.pages import findings
from portal.words import Words


@dataclass(frozen=True, slots=True)
class SignedLine:
    """One signed value; `original` is empty for whoever may not see the driver's data in it."""

    position: int
    context: str
    format: str
    state: str
    trouble: str
    original: str


@dataclass(frozen=True, slots=True)
class SignedCard:
    """All signed values of a session; `state` is empty where the whole is not checked."""

    state: str
    trouble: str
    energy_wh: Decimal | None
    lines: tuple[SignedLine, ...]
    with_file: bool


async def signed_card(
    db: AsyncSession, caller: Caller, found: Transaction, said: Words
) -> SignedCard | None:
    """Return what is shown of a session's signed values; None where its meter signed nothing.

    The whole session is judged only where the check of signatures is switched on.
    """
    signed = await meters.signed(db, found.transaction_id)
    if signed is None:
        return None
    with_file = caller.may(Permission.CRM_READ) and caller.scope.covers(found.owner)
    limits = (await validity.settings(db, found.owner)).limits
    as_a_whole = validity.is_signature_checked(limits)
    energy_wh = None
    if signed.begin_wh is not None and signed.end_wh is not None:
        energy_wh = signed.end_wh - signed.begin_wh
    return SignedCard(
        state=signed.status.value if as_a_whole else "",
        trouble=findings.trouble(signed.trouble, said) if as_a_whole else "",
        energy_wh=energy_wh,
        lines=tuple(
            SignedLine(
                each.position,
                each.context,
                each.format,
                each.status.value,
                findings.trouble(each.trouble, said),
                each.original.decode("utf-8", "replace") if with_file else "",
            )
            for each in signed.values
        ),
        with_file=with_file,
    )
