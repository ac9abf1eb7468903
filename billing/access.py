"""Who may charge where: access control of stations, and the hours in which charging is possible.

By default every card works at every station. An access control says of the cards that its
conditions are about at which places they may charge; at all others they are refused. It is off or
on, and a change counts at once; a station that lets cards in from its own memory (its cache) has to
forget them first.

Source: rules of the business, 1.5 (access; operating time is when charging is possible).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.directory import WHOLE, Scope
from accounts.lineage import lineage
from billing import tariff_store
from billing.assignments import Place, TariffScope, up_from
from billing.conditions import Conditions, Who, conditions_json, holds, parse_conditions
from billing.hours import HoursKind, PlaceHours, hours_at, standing
from billing.tariff_rule_tables import AccessControlRow
from foundation.errors import InvalidInput
from foundation.identifiers import OrganisationKey
from foundation.statements import Asked, Tuples, ask

MOST_PLACES: Final = 2000
_LONGEST_KEY: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessControl:
    """Where the cards may charge that `conditions` are about.

    `organisation` is whose control it is; None for the installation's. `allowed` are places: a
    station, all of a location, all of an organisation and those below it.
    """

    key: str
    organisation: OrganisationKey | None
    conditions: Conditions
    allowed: tuple[Place, ...]
    is_on: bool


class Presented(NamedTuple):
    """A card that somebody holds to a station, and what is known of both."""

    station: str
    location: str | None
    owner: OrganisationKey
    time_zone: str
    at: datetime
    token_key: str
    token_organisation: OrganisationKey | None
    token_provider: str | None
    token_group: str | None


def is_refused(
    presented: Presented, who: Who, places: Sequence[Place], controls: Sequence[AccessControl]
) -> bool:
    """Say whether a control that is on keeps the card from the station; each has to allow it."""
    return any(
        control.is_on
        and holds(control.conditions, who, is_open=True)
        and not any(place in control.allowed for place in places)
        for control in controls
    )


def is_out_of_hours(
    presented: Presented, places: Sequence[Place], hours: Mapping[Place, Sequence[PlaceHours]]
) -> bool:
    """Say whether the station is not in operation at the moment."""
    held = hours_at(places, hours, HoursKind.OPERATING, presented.at)
    return not standing(held, presented.at, presented.time_zone).is_open


# ------------------------------------------------------------------------------- what is kept


async def put(
    db: AsyncSession,
    key: str,
    *,
    organisation: OrganisationKey | None,
    conditions: Conditions,
    allowed: Sequence[Place],
    is_on: bool,
    now: datetime,
) -> AccessControl:
    """Say where the cards of a condition may charge, from now on.

    Raises:
        InvalidInput: If it is about everybody, asks for opening hours, or names no key.
    """
    if not 0 < len(key) <= _LONGEST_KEY or not key.isprintable() or "/" in key:
        raise InvalidInput(f"A key has 1 to {_LONGEST_KEY} characters, no slash.", field="key")
    if not conditions.count or conditions.hours is not None:
        raise InvalidInput(
            "An access control is about some cards: name customers, contacts, token groups or"
            " providers.",
            field="conditions",
        )
    if len(allowed) > MOST_PLACES:
        raise InvalidInput(f"At most {MOST_PLACES} places.", field="allowed")
    db.add(
        AccessControlRow(
            key=key,
            organisation=organisation,
            conditions=conditions_json(conditions),
            allowed=[f"{each.scope}/{each.id}" for each in sorted(set(allowed))],
            is_on=is_on,
            created_at=now,
        )
    )
    await db.flush()
    return AccessControl(
        key=key,
        organisation=organisation,
        conditions=conditions,
        allowed=tuple(sorted(set(allowed))),
        is_on=is_on,
    )


async def controls(db: AsyncSession, scope: Scope = WHOLE) -> list[AccessControl]:
    """Return the access controls of the organisations in scope, by key, as they are now."""
    rows = await db.execute(select(AccessControlRow).order_by(AccessControlRow.id))
    newest = {row.key: row for row in rows.scalars()}
    return [
        _control(row.key, row.organisation, row.conditions, row.allowed, is_on=row.is_on)
        for _, row in sorted(newest.items())
        if scope.organisations is None or row.organisation in scope.organisations
    ]


def _control(
    key: str, organisation: str | None, conditions: Any, allowed: Sequence[str], *, is_on: bool
) -> AccessControl:
    return AccessControl(
        key=key,
        organisation=None if organisation is None else OrganisationKey(organisation),
        conditions=parse_conditions(conditions),
        allowed=tuple(_place(each) for each in allowed),
        is_on=is_on,
    )


def _place(written: str) -> Place:
    scope, _, id_ = written.partition("/")
    return Place(TariffScope(scope), id_)


# ------------------------------------------------------------------------------- at the door


class Rules(NamedTuple):
    """What may keep a card from a station."""

    controls: tuple[AccessControl, ...]
    has_operating_hours: bool


_RULES: Final = """
select coalesce((select json_agg(json_build_array(key, organisation, conditions, allowed)
    order by key)
  from (select distinct on (key) * from access_controls order by key, id desc) as newest
  where is_on), '[]')::text,
  exists (select from place_hours where kind = 'operating' and hours is not null)
"""


class Doorkeeper:
    """Says which cards may charge where; fulfils `csms.handlers.context.AccessControl`."""

    def rules(self) -> Asked[Rules | None]:
        """Ask for what may keep cards from stations; None if nothing does anywhere."""
        return Asked(_RULES, [], _rules)

    async def refused(
        self, db: AsyncSession, rules: Any, presented: Sequence[Presented]
    ) -> list[bool]:
        """Return which of the cards may not charge where they are held to a station."""
        assert isinstance(rules, Rules)
        parents = await _parents(db, presented)
        chains = [_places(each, parents) for each in presented]
        hours: dict[Place, list[PlaceHours]] = {}
        if rules.has_operating_hours:
            concerned = {place for chain in chains for place in chain}
            hours = await ask(db, tariff_store.asking_assignments(concerned)[2])
        kept_out = await _kept_out(db, rules.controls, presented, parents)
        return [
            is_out or is_out_of_hours(each, chain, hours)
            for is_out, each, chain in zip(kept_out, presented, chains, strict=True)
        ]

    async def kept_out(self, db: AsyncSession, presented: Sequence[Presented]) -> list[bool]:
        """Return which of the cards may charge at their station at no hour.

        Fulfils `csms.local_list_store.ListRules`: a list says nothing of hours.
        """
        rules = await ask(db, self.rules())
        if rules is None or not rules.controls or not presented:
            return [False] * len(presented)
        return await _kept_out(db, rules.controls, presented, await _parents(db, presented))


async def _parents(
    db: AsyncSession, presented: Sequence[Presented]
) -> Mapping[OrganisationKey, OrganisationKey | None]:
    """Return who is above whom of all owners and holders."""
    organisations = {each.owner for each in presented}
    organisations.update(
        each.token_organisation for each in presented if each.token_organisation is not None
    )
    return {key: each.parent for key, each in (await ask(db, lineage(organisations))).items()}


async def _kept_out(
    db: AsyncSession,
    controls: Sequence[AccessControl],
    presented: Sequence[Presented],
    parents: Mapping[OrganisationKey, OrganisationKey | None],
) -> list[bool]:
    contacts: Sequence[str | None] = [None] * len(presented)
    if any(each.conditions.contacts for each in controls):
        contacts = await tariff_store.contacts_of(
            db, [(each.token_key, each.token_organisation, each.at) for each in presented]
        )
    return [
        is_refused(each, _who(each, parents, contact), _places(each, parents), controls)
        for each, contact in zip(presented, contacts, strict=True)
    ]


def _places(
    presented: Presented, parents: Mapping[OrganisationKey, OrganisationKey | None]
) -> list[Place]:
    places = [Place(TariffScope.STATION, presented.station)]
    if presented.location is not None:
        places.append(Place(TariffScope.LOCATION, presented.location))
    return places + [
        Place(TariffScope.ORGANISATION, each) for each in up_from(presented.owner, parents)
    ]


def _who(
    presented: Presented,
    parents: Mapping[OrganisationKey, OrganisationKey | None],
    contact: str | None,
) -> Who:
    of_partner = presented.token_provider is not None
    return Who(
        customers=() if of_partner else tuple(up_from(presented.token_organisation, parents)),
        contact=contact,
        token_group=presented.token_group,
        provider=presented.token_provider,
    )


def _rules(found: Tuples) -> Rules | None:
    [(document, has_operating_hours)] = found
    rules = _decoded(document)
    if not rules and not has_operating_hours:
        return None
    return Rules(rules, has_operating_hours)


@lru_cache(maxsize=16)  # they are asked for with each batch of cards, and seldom change
def _decoded(document: str) -> tuple[AccessControl, ...]:
    return tuple(
        _control(key, organisation, conditions, allowed, is_on=True)
        for key, organisation, conditions, allowed in msgspec.json.decode(document)
    )
