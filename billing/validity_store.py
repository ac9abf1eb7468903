"""The statements to the database about the plausibility monitor: its settings, cards elsewhere."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final

import msgspec
from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from billing.plausibility import Elsewhere, Limits
from billing.tables import HoldRow
from billing.validity_tables import PlausibilitySettingsRow
from foundation.events import TransactionEnded
from foundation.statements import Asked, Tuples, ask

LOOKS_BACK: Final = timedelta(days=3)
"""How long before a transaction another one of its card may have begun to be compared with it."""


# ---------------------------------------------------------------------------------- settings


def all_settings() -> Asked[dict[str, Limits]]:
    """Ask for the settings of every organisation that has its own; few have."""
    return Asked("select organisation, settings::text from plausibility_settings", [], _settings)


def _settings(found: Tuples) -> dict[str, Limits]:
    return {organisation: _limits(text) for organisation, text in found}


@lru_cache(maxsize=10_000)
def _limits(text: str) -> Limits:
    return msgspec.json.decode(text, type=Limits, strict=False)


def as_json(limits: Limits) -> dict[str, Any]:
    """Return settings as JSON values."""
    plain: dict[str, Any] = msgspec.to_builtins(limits)
    return plain | {"checks": sorted(plain["checks"])}


async def put_settings(
    db: AsyncSession, organisation: str, limits: Limits | None, *, by: str, now: datetime
) -> None:
    """Write an organisation's own settings; None takes them back."""
    if limits is None:
        await db.execute(
            delete(PlausibilitySettingsRow).where(
                PlausibilitySettingsRow.organisation == organisation
            )
        )
        return
    values = {"settings": as_json(limits), "changed_at": now, "changed_by": by}
    await db.execute(
        insert(PlausibilitySettingsRow)
        .values(organisation=organisation, **values)
        .on_conflict_do_update(index_elements=["organisation"], set_=values)
    )


# --------------------------------------------------------------------------------- elsewhere

_ELSEWHERE = """
select k.place, c.transaction_id, c.station, c.location, c.started_at, c.ended_at
from unnest(%b::bigint[], %b::text[], %b::text[], %b::timestamptz[], %b::timestamptz[],
            %b::timestamptz[])
     with ordinality as k (id, id_token, location, since, started_at, ended_at, place)
join lateral (
    select * from cdrs c
    where c.id_token = k.id_token and c.started_at > k.since and c.started_at < k.ended_at
      and c.ended_at > k.started_at and c.transaction_id <> k.id
      and c.location is not null and c.location <> k.location
      and not exists (
        select 1 from cdrs later where later.transaction_id = c.transaction_id and later.id > c.id)
    order by c.started_at desc limit 1) c on true
"""


def elsewhere(ended: Sequence[TransactionEnded]) -> Asked[dict[int, list[Elsewhere]]]:
    """Ask where else the cards of transactions charged at the same time, by transaction.

    Where a location or a card is not known nothing can be said.
    """
    asked = [
        each
        for each in ended
        if each.id_token is not None and each.location is not None and not each.free_vend
    ]

    def read(found: Tuples) -> dict[int, list[Elsewhere]]:
        by_transaction: dict[int, list[Elsewhere]] = {}
        for place, number, station, location, started_at, ended_at in found:
            by_transaction.setdefault(asked[place - 1].transaction_id, []).append(
                Elsewhere(
                    transaction_id=number,
                    station=station,
                    location=location,
                    started_at=started_at,
                    ended_at=ended_at,
                )
            )
        return by_transaction

    return Asked(
        _ELSEWHERE,
        [
            [each.transaction_id for each in asked],
            ["" if each.id_token is None else each.id_token.value for each in asked],
            [each.location for each in asked],
            [each.started_at - LOOKS_BACK for each in asked],
            [each.started_at for each in asked],
            [each.ended_at for each in asked],
        ],
        read,
    )


# ------------------------------------------------------------------------------------- holds


async def decided(db: AsyncSession, transaction_ids: Sequence[int]) -> set[int]:
    """Return which of the transactions are held, or were and have been decided."""
    return await ask(
        db,
        Asked(
            "select transaction_id from holds where transaction_id = any(%b::bigint[])",
            [transaction_ids],
            lambda found: {row[0] for row in found},
        ),
    )


async def findings_of(db: AsyncSession, transaction_id: int) -> list[Mapping[str, Any]]:
    """Return what the monitor found about a transaction, as JSON values."""
    row = await db.get(HoldRow, transaction_id)
    return [] if row is None or row.findings is None else list(row.findings)
