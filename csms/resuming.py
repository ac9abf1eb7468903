"""Transactions that go on after an interruption are told their charging profile again (2.1).

A station that lost power, or was reset and goes on (ImmediateAndResume), may have lost the profile
of the transaction with it. The profile that it had taken, by itself or with its start, is sent
again as it was, through the command queue, once for each time that it resumes.

Source: OCPP 2.1 part 2, E17 and K01 (TxProfile after TxResumed), B12 (ImmediateAndResume).
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from csms import known_profiles
from csms.known_profiles import GivenProfile
from csms.queue import Request
from csms.reports import TransactionUpdateReport
from foundation.errors import ExpectedError
from foundation.identifiers import OrganisationKey, StationId

log = structlog.get_logger(__name__)

RESUMED: Final = "TxResumed"
_LASTS_S: Final = 60

_OURS: Final = frozenset({None, "CSO"})
"""Who set a profile, as the station says: those of others are theirs to tell."""


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
    numbers = {(str(each.origin.station), str(each.ref)): each.seq_no or 0 for each in resumed}
    for each in await known_profiles.given(db, numbers):
        if each.limiter not in _OURS or _is_over(each.profile, now):
            continue
        try:
            await asks(db, _again(each, numbers[each.station, each.ref]), now=now)
        except ExpectedError as error:  # an operator can; the transaction goes on meanwhile
            log.info("profile.not_told_again", station_id=each.station, reason=str(error))


def _is_over(profile: Mapping[str, Any], now: datetime) -> bool:
    """Tell whether a profile's end is past; one that nobody can read is left to the station."""
    try:
        return datetime.fromisoformat(str(profile["validTo"])) <= now
    except (KeyError, ValueError, TypeError):  # none, no moment, or one without a zone
        return False


def _again(told: GivenProfile, seq_no: int) -> Request:
    return Request(
        station=StationId(told.station),
        action="SetChargingProfile",
        payload={"evseId": told.evse_id, "chargingProfile": told.profile},
        asked_by="resumed transactions",
        asked_by_name="Resumed transactions",
        door="system",
        asker_organisation=OrganisationKey(told.owner),
        reason="system",
        reference="the transaction resumed",
        expires_in_s=_LASTS_S,
        # An event that comes again, because its answer was lost, asks for nothing more.
        idempotency_key=f"{told.station}/{told.ref}/{told.profile['id']}/{seq_no}",
    )
