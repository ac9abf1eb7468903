"""What people do with agreements, for API and pages alike: asked for, done, and in the audit."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from accounts.permissions import Permission
from foundation.errors import NotFound
from foundation.identifiers import OrganisationKey
from portal.guard import Caller
from roaming import administration
from roaming.administration import AgreementFacts
from roaming.agreements import Agreement

_LONGEST_NUMBER = 18


async def found(db: AsyncSession, caller: Caller, number: str) -> Agreement:
    """Return the agreement that a path names.

    Raises:
        NotFound: If there is none with this number in the caller's scope.
    """
    caller.must_have(Permission.AGREEMENTS_READ)
    if not number.isascii() or not number.isdecimal() or len(number) > _LONGEST_NUMBER:
        raise NotFound("agreement", number)
    agreement = await administration.agreement(db, int(number))
    caller.must_see(agreement.payee, "agreement", int(number))
    return agreement


async def create(
    db: AsyncSession,
    caller: Caller,
    payee: OrganisationKey,
    facts: AgreementFacts,
    *,
    valid_from: datetime,
    valid_to: datetime | None,
    now: datetime,
) -> Agreement:
    """Write an agreement; see `administration.create_agreement` for what is refused.

    Raises:
        NotFound: If the payee is not in the caller's scope.
    """
    caller.must_have(Permission.AGREEMENTS_WRITE)
    caller.must_see(payee, "organisation", payee)
    made = await administration.create_agreement(
        db, payee, facts, valid_from=valid_from, valid_to=valid_to, now=now
    )
    await _note(db, caller, "agreement.create", None, made, now)
    return made


async def change(
    db: AsyncSession,
    caller: Caller,
    old: Agreement,
    facts: AgreementFacts,
    *,
    valid_from: datetime,
    now: datetime,
) -> Agreement:
    """Let other terms hold from a moment on; see `administration.change_agreement`."""
    caller.must_have(Permission.AGREEMENTS_WRITE)
    made = await administration.change_agreement(
        db, old.agreement_id, facts, valid_from=valid_from, now=now
    )
    await _note(db, caller, "agreement.change", old, made, now)
    return made


async def end(
    db: AsyncSession, caller: Caller, old: Agreement, *, valid_to: datetime, now: datetime
) -> Agreement:
    """Let an agreement end; see `administration.end_agreement`."""
    caller.must_have(Permission.AGREEMENTS_WRITE)
    ended = await administration.end_agreement(db, old.agreement_id, valid_to=valid_to, now=now)
    await _note(db, caller, "agreement.end", old, ended, now)
    return ended


async def _note(
    db: AsyncSession,
    caller: Caller,
    deed: str,
    before: Agreement | None,
    after: Agreement,
    now: datetime,
) -> None:
    await caller.note(
        db,
        deed,
        f"agreement/{after.agreement_id}",
        organisation=after.payee,
        before=before,
        after=after,
        now=now,
    )
