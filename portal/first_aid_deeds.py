"""What people do with playbooks of first aid, as every door does it: permitted, done, audited."""

from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from accounts.permissions import Permission
from foundation.errors import InvalidInput
from foundation.identifiers import StationId
from portal.guard import Caller
from support import first_aid_rehearsal, first_aid_store
from support.first_aid import Playbook
from support.first_aid_rehearsal import FirstAidRehearsal


async def put(db: AsyncSession, caller: Caller, wanted: Playbook, *, now: datetime) -> Playbook:
    """Write a playbook for an organisation of the caller's.

    Raises:
        NotFound: If the organisation is not his, or there is no such playbook.
        NotPermitted: If he may not.
        ExpectedError: As `first_aid_store.put` says.
    """
    _must(caller)
    caller.must_see(wanted.organisation, "organisation", wanted.organisation)
    before = None
    if wanted.id:
        before = await first_aid_store.playbook(db, caller.scope, wanted.id)
        if before.organisation != wanted.organisation:
            raise InvalidInput("A playbook stays its organisation's.", field="organisation")
    else:
        await directory.organisation(db, wanted.organisation)
    made = await first_aid_store.put(db, wanted, by=caller.actor, now=now)
    await caller.note(
        db,
        "playbook.put",
        f"playbook/{made.id}",
        organisation=made.organisation,
        before=None if before is None else _written(before),
        after=_written(made),
        now=now,
    )
    return made


async def retire(db: AsyncSession, caller: Caller, number: int, *, now: datetime) -> None:
    """Take a playbook away.

    Raises:
        NotFound: If there is none in his scope.
        NotPermitted: If he may not.
    """
    _must(caller)
    before = await first_aid_store.playbook(db, caller.scope, number)
    await first_aid_store.retire(db, caller.scope, number, by=caller.actor, now=now)
    await caller.note(
        db,
        "playbook.retire",
        f"playbook/{number}",
        organisation=before.organisation,
        before=_written(before),
        now=now,
    )


async def rehearse(
    db: AsyncSession,
    caller: Caller,
    playbook: Playbook,
    station: StationId,
    evse_id: int,
    *,
    now: datetime,
) -> FirstAidRehearsal:
    """Return what a playbook would do at a station of the caller's now; nothing is asked.

    Raises:
        NotFound: If the station is not his.
        NotPermitted: If he may not.
    """
    _must(caller)
    return await first_aid_rehearsal.rehearse(db, caller.scope, playbook, station, evse_id, now=now)


def _must(caller: Caller) -> None:
    caller.must_have(Permission.ALERTS_WRITE)
    caller.must_have(Permission.COMMANDS_SEND)


def _written(playbook: Playbook) -> dict[str, Any]:
    return {
        "name": playbook.name,
        "detection": playbook.detection,
        "causes": list(playbook.causes),
        "vendor": playbook.vendor,
        "model": playbook.model,
        "steps": list(playbook.steps),
        "per_day": playbook.per_day,
        "settles_min": playbook.settles_min,
        "out_hours": playbook.out_hours,
        "is_on": playbook.is_on,
    }
