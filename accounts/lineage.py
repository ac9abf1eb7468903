"""The organisations above some organisations, for whoever decides about many transactions at once.

A face of this room beside `accounts.directory`: only what the hot way asks, in one prepared
statement that can go in one trip with others.
"""

from collections.abc import Collection
from dataclasses import dataclass

from foundation.identifiers import OrganisationKey
from foundation.statements import Asked, Tuples


@dataclass(frozen=True, slots=True)
class Ancestor:
    """An organisation, or one above it; `parent` is None only for the root."""

    key: OrganisationKey
    parent: OrganisationKey | None
    time_zone: str
    currency: str


_LINEAGE = """
with recursive up as (
    select key, parent, time_zone, currency from organisations where key = any(%b::text[])
    union
    select o.key, o.parent, o.time_zone, o.currency
    from organisations o join up on o.key = up.parent
)
select key, parent, time_zone, currency from up
"""


def lineage(keys: Collection[OrganisationKey]) -> Asked[dict[OrganisationKey, Ancestor]]:
    """Ask for organisations and all above them, by key; unknown ones are missing."""
    return Asked(_LINEAGE, [sorted(keys)], _by_key)


def _by_key(found: Tuples) -> dict[OrganisationKey, Ancestor]:
    return {row[0]: Ancestor(*row) for row in found}
