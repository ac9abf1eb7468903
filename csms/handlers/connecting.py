"""Connecting: whose certificate was shown, who came up to a higher profile, who was turned away.

Done at the handshake only, in the station's lane.

Source: OCPP 2.0.1 part 2, A00 and A05; OCPP 1.6 security whitepaper edition 3, section 3.
"""

from collections.abc import Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Protocol

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from csms import certificate_store, store
from csms.certificates import CertificateFacts
from csms.handlers.context import HandlerContext
from csms.security_profiles import Shown, names_it
from csms.store import StationEvent
from foundation import outbox
from foundation.events import SecurityEventReported
from foundation.identifiers import StationId


class _Shown(Protocol):
    @property
    def station(self) -> StationId: ...
    @property
    def facts(self) -> CertificateFacts: ...
    @property
    def is_ours(self) -> bool: ...
    @property
    def at(self) -> datetime: ...


async def certificates_shown(
    db: AsyncSession, context: HandlerContext, shown: Sequence[_Shown]
) -> list[Shown]:
    """Return what certificates are worth that stations showed; keep those that fit."""
    found = []
    for each in shown:
        bearer = await certificate_store.bearer_of(db, each.station, each.facts.fingerprint)
        if bearer.is_revoked:
            found.append(Shown.REVOKED)
        elif (
            each.is_ours
            and not bearer.is_anothers
            and names_it(each.facts.common_name, bearer.names)
        ):
            await certificate_store.keep_own(
                db, each.station, each.facts, source="shown", at=each.at
            )
            await certificate_store.taken_into_use(db, each.station, each.facts, each.at)
            found.append(Shown.FITS)
        else:
            found.append(Shown.FOREIGN)
    return found


class _MetHigher(Protocol):
    @property
    def station(self) -> StationId: ...
    @property
    def profile(self) -> int: ...
    @property
    def at(self) -> datetime: ...


async def higher_profiles_met(
    db: AsyncSession, context: HandlerContext, met: Sequence[_MetHigher]
) -> list[bool]:
    """Raise the profile of the stations that were asked to come up to it, and now did."""
    return [
        await certificate_store.come_up_to(db, each.station, each.profile, each.at) for each in met
    ]


class _TurnedAway(Protocol):
    @property
    def station(self) -> StationId: ...
    @property
    def type(self) -> str: ...
    @property
    def about(self) -> str: ...
    @property
    def at(self) -> datetime: ...


async def connections_turned_away(
    db: AsyncSession, context: HandlerContext, turned: Sequence[_TurnedAway]
) -> list[bool]:
    """Keep security events of connections that were turned away: of each kind one an hour.

    A station that tries again every few seconds is one event, not hundreds.
    """
    return await keep_own_events(
        db, context, [(each.station, each.type, each.about, each.at) for each in turned]
    )


async def keep_own_events(
    db: AsyncSession,
    context: HandlerContext,
    events: Sequence[tuple[StationId, str, str, datetime]],
) -> list[bool]:
    """Keep security events that we noticed ourselves, as (station, type, sentence, moment).

    One of a type, a station and an hour: what it says may be of the choosing of whoever knocks,
    and each address and each name that he tries would be a line more.
    """
    kept = [
        StationEvent(
            station,
            "security",
            at,
            at,
            _digest(kind, at),
            {"type": kind, "tech_info": about, "by": "csms"},
        )
        for station, kind, about, at in events
    ]
    new = await store.save_station_events(db, kept)
    told = [
        SecurityEventReported(happened_at=at, station=station, type=kind, tech_info=about)
        for (station, kind, about, at), event in zip(events, kept, strict=True)
        if (event.station, event.digest) in new
    ]
    await outbox.append(db, told, recorded_at=context.clock.now())
    return [(event.station, event.digest) in new for event in kept]


def _digest(kind: str, at: datetime) -> bytes:
    hour = at.replace(minute=0, second=0, microsecond=0).isoformat()
    return blake2b(msgspec.json.encode([kind, hour]), digest_size=16).digest()
