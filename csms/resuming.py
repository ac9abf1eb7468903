"""Transactions that go on after an interruption are told their charging profile again (2.1).

A station that lost power, or was reset and goes on (ImmediateAndResume), may have lost the profile
of the transaction with it. The profile that it had taken is sent again as it was, through the
command queue, once for each time that it resumes.

Source: OCPP 2.1 part 2, E17 and K01 (TxProfile after TxResumed), B12 (ImmediateAndResume).
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from csms.queue import Request
from csms.reports import TransactionUpdateReport
from foundation.errors import ExpectedError
from foundation.identifiers import OrganisationKey, StationId

log = structlog.get_logger(__name__)

RESUMED: Final = "TxResumed"
_LASTS_S: Final = 60

_PROFILES = text("""
select r.station, r.content, o.organisation, asked.seq_no
from unnest(cast(:stations as text[]), cast(:refs as text[]), cast(:seq_nos as bigint[]))
    as asked (station, ref, seq_no)
join station_records r on r.station = asked.station and r.kind = 'charging_profile'
    and r.content -> 'chargingProfile' ->> 'chargingProfilePurpose' = 'TxProfile'
    and r.content -> 'chargingProfile' ->> 'transactionId' = asked.ref
    and coalesce(r.state, 'CSO') = 'CSO' -- others' profiles are theirs to tell
join station_owners o on o.station = r.station and o.valid_to is null
order by r.station, r.key
""")


async def tell_again(
    db: AsyncSession,
    reports: Sequence[TransactionUpdateReport],
    asks: Callable[..., Any] | None,
    *,
    now: datetime,
) -> None:
    """Send the profiles of transactions that resumed; others cost nothing.

    Args:
        db: The unit of work that keeps the reports.
        reports: What stations told of their transactions.
        asks: How commands are asked for; None: nobody takes any.
        now: By the Clock.
    """
    resumed = [each for each in reports if each.trigger == RESUMED and each.ref is not None]
    if not resumed or asks is None:
        return
    found = await db.execute(
        _PROFILES,
        {
            "stations": [str(each.origin.station) for each in resumed],
            "refs": [each.ref for each in resumed],
            "seq_nos": [each.seq_no or 0 for each in resumed],
        },
    )
    for row in found.all():
        if _is_over(row.content["chargingProfile"], now):
            continue
        try:
            await asks(db, _again(row.station, row.organisation, row.content, row.seq_no), now=now)
        except ExpectedError as error:  # an operator can; the transaction goes on meanwhile
            log.info("profile.not_told_again", station_id=row.station, reason=str(error))


def _is_over(profile: Mapping[str, Any], now: datetime) -> bool:
    """Tell whether a profile's end is past; one that nobody can read is left to the station."""
    try:
        return datetime.fromisoformat(str(profile["validTo"])) <= now
    except (KeyError, ValueError, TypeError):  # none, no moment, or one without a zone
        return False


def _again(station: str, owner: str, told: Mapping[str, Any], seq_no: int) -> Request:
    profile = told["chargingProfile"]
    return Request(
        station=StationId(station),
        action="SetChargingProfile",
        payload={"evseId": told["evseId"], "chargingProfile": profile},
        asked_by="resumed transactions",
        asked_by_name="Resumed transactions",
        door="system",
        asker_organisation=OrganisationKey(owner),
        reason="system",
        reference="the transaction resumed",
        expires_in_s=_LASTS_S,
        # An event that comes again, because its answer was lost, asks for nothing more.
        idempotency_key=f"{station}/{profile['transactionId']}/{profile['id']}/{seq_no}",
    )
