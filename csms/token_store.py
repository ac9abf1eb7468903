"""What is known of id tokens, and how many transactions each has: asked for whole batches."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession

from foundation.statements import Asked, ask


class TokenFacts(Struct, frozen=True):
    """What is known of a token, and how many transactions it has."""

    key: str
    status: str
    group_id: str | None
    valid_until: datetime | None
    organisation: str | None
    provider: str | None
    active: int
    """At other stations."""
    active_here: int = 0
    """At other EVSEs of the station where it is presented."""
    language1: str | None = None
    language2: str | None = None
    type: str = ""
    is_master_pass: bool = False
    """Whether its group is the station's MasterPassGroupId: it stops, and never starts."""

    @property
    def languages(self) -> tuple[str, ...]:
        """In which the driver wants to be spoken to, the first one first."""
        return tuple(each for each in (self.language1, self.language2) if each)


class Shown(Struct, frozen=True):
    """A token that a station names.

    Attributes:
        station: Where.
        key: The token's.
        at: The moment that its holder is looked up at.
        evse_id: Where it is to charge; None where the station did not say.
        since: When it was presented; only transactions that began before are counted. As `at`
            where it is left out.
    """

    station: str
    key: str
    at: datetime
    evse_id: int | None = None
    since: datetime | None = None


def tokens(asked: Sequence[Shown]) -> Asked[list[TokenFacts | None]]:
    """Ask what is known of each token, in the order asked.

    The holder is whoever held the token at the moment. Counted are its running transactions at
    stations that can be reached: an open one on an unreachable station must not block a card, nor
    one whose connector has been told to be available since, nor what began after this one, which
    only was reported late.
    """

    def read(found: Sequence[tuple[Any, ...]]) -> list[TokenFacts | None]:
        known: list[TokenFacts | None] = [None] * len(asked)
        for place, *facts in found:
            known[place - 1] = TokenFacts(*facts)
        return known

    return Asked(
        _TOKENS,
        [
            [each.station for each in asked],
            [each.key for each in asked],
            [each.at for each in asked],
            [each.evse_id for each in asked],
            [each.since or each.at for each in asked],
        ],
        read,
    )


_TOKENS = """
select k.place, t.key, t.status, t.group_id, t.valid_until, h.organisation, h.provider,
    x.elsewhere, x.here, t.language1, t.language2, t.type,
    t.group_id is not null and exists (
        select from station_variables v
        where v.station = k.station and v.component = 'AuthCtrlr'
          and v.variable = 'MasterPassGroupId' and v.attribute = 'Actual'
          and upper(v.value) = upper(t.group_id)) as is_master_pass
from unnest(%b::text[], %b::text[], %b::timestamptz[], %b::int[], %b::timestamptz[])
     with ordinality as k (station, key, at, evse_id, since, place)
join id_tokens t on t.key = k.key
cross join lateral (
    select count(*) filter (where x.station <> k.station) as elsewhere,
        count(*) filter (where x.station = k.station and x.evse_id <> k.evse_id) as here
    from transactions x
    join station_connections c on c.station = x.station and c.closed_at is null
    where x.token_key = k.key and x.state = 'active' and x.started_at < k.since
      and x.available_since is null) x
left join lateral (
    select organisation, provider from id_token_holders h
    where h.token = k.key and h.valid_from <= k.at
      and (h.valid_to is null or h.valid_to > k.at)
    order by h.valid_from desc limit 1) h on true
"""


async def tokens_of(db: AsyncSession, asked: Sequence[Shown]) -> list[TokenFacts | None]:
    """Return what is known of each token, in the order asked."""
    return await ask(db, tokens(asked))
