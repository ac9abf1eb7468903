"""What a caller asks the price of: an EVSE of a station he sees, a token, and a moment."""

from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from billing.assignments import Assignment, Place, TariffScope
from billing.price_preview import Considered
from billing.pricing import versions_of
from billing.tariff_calendar import Check
from csms import registry
from csms.connectivity import SilenceLimits
from foundation.errors import InvalidInput, NotFound
from foundation.events import TransactionStarted
from foundation.identifiers import (
    ConnectorId,
    EvseId,
    IdToken,
    OrganisationKey,
    PartyId,
    TransactionId,
    normalised_token,
)
from portal.guard import Caller


async def start_at(
    db: AsyncSession,
    caller: Caller,
    *,
    station: str,
    evse_id: int,
    connector_id: int,
    id_token: str,
    at: datetime,
    now: datetime,
    limits: SilenceLimits,
) -> TransactionStarted:
    """Return the start of a session that is only asked about.

    Raises:
        InvalidInput: If the caller sees no such station or token, or it has no such EVSE, or the
            moment lies outside of the years that there are.
    """
    if not _EARLIEST <= at.date() <= _LATEST:
        raise InvalidInput("The moment lies too far away.", field="at")
    try:
        found = await registry.station(db, caller.scope, station, now, limits=limits)
    except NotFound as error:
        raise InvalidInput(str(error), field="station") from error
    if found.evses and evse_id not in {each.evse_id for each in found.evses}:
        raise InvalidInput(f"Station {station!r} has no EVSE {evse_id}.", field="evse_id")
    token = None
    if id_token.strip():
        key = normalised_token(id_token)
        known = await registry.id_tokens(db, caller.scope, key=key, limit=1) if key else []
        if not known:
            raise InvalidInput("There is no such token.", field="id_token")
        token = known[0]
    return TransactionStarted(
        happened_at=at,
        transaction_id=TransactionId(0),
        station=found.identity,
        evse_id=EvseId(evse_id),
        connector_id=ConnectorId(connector_id),
        location=found.location,
        owner=found.organisation,
        time_zone=found.time_zone,
        id_token=None if token is None else IdToken(token.id_token, token.type),
        token_status=None,
        token_organisation=None
        if token is None or token.organisation is None
        else OrganisationKey(token.organisation),
        token_provider=None if token is None or token.provider is None else PartyId(token.provider),
        token_group=None if token is None else token.group_id,
        free_vend=found.free_vend,
        started_at=at,
        meter_start_wh=None,
    )


async def zone_of_place(
    db: AsyncSession, caller: Caller, place: Place, now: datetime, *, limits: SilenceLimits
) -> str:
    """Return the time zone of a place that the caller sees, in which its days begin.

    Raises:
        InvalidInput: If he sees no such place.
    """
    try:
        if place.scope is TariffScope.ORGANISATION:
            key = OrganisationKey(place.id)
            caller.must_see(key, "organisation", key)
            return (await directory.organisation(db, key)).time_zone
        if place.scope is TariffScope.LOCATION:
            locations = await registry.locations(db, caller.scope, key=place.id, limit=1)
            if not locations:
                raise NotFound("location", place.id)
            return locations[0].time_zone
        identity = place.station
        assert identity is not None, "all other kinds are a station's"
        found = await registry.station(db, caller.scope, identity, now, limits=limits)
    except NotFound as error:
        raise InvalidInput(str(error), field="id") from error
    return found.time_zone


def days_from(
    time_zone: str, first_day: date | None, days: int, now: datetime
) -> tuple[datetime, datetime]:
    """Return the moments at which some days begin and end in a zone; without a day, from today on.

    Raises:
        InvalidInput: If they lie outside of the years that there are.
    """
    zone = ZoneInfo(time_zone)
    first = now.astimezone(zone).date() if first_day is None else first_day
    if not _EARLIEST <= first <= _LATEST:
        raise InvalidInput("The day lies too far away.", field="from")
    begins, ends = (
        datetime.combine(day, time(0), zone).astimezone(UTC)
        for day in (first, first + timedelta(days=days))
    )
    return begins, ends


_EARLIEST = date(1970, 1, 2)
_LATEST = date(9000, 1, 1)


async def seen(
    db: AsyncSession, caller: Caller, considered: Sequence[Considered]
) -> list[Considered]:
    """Return what the caller may know of: whom others' tariffs are for is theirs to know."""
    known = await _seen_tariffs(db, caller, {each.assignment.tariff_id for each in considered})
    return [each for each in considered if each.assignment.tariff_id in known]


async def seen_checks(db: AsyncSession, caller: Caller, checks: Sequence[Check]) -> list[Check]:
    """Return the checks of tariffs that the caller may know of, and the gaps."""
    named = {each: _tariff_of(each) for each in checks}
    known = await _seen_tariffs(db, caller, {each for each in named.values() if each is not None})
    return [each for each, tariff_id in named.items() if tariff_id is None or tariff_id in known]


def _tariff_of(check: Check) -> str | None:
    return check.tariff_id if check.assignment is None else check.assignment.tariff_id


async def _seen_tariffs(
    db: AsyncSession, caller: Caller, tariff_ids: Collection[str]
) -> Collection[str]:
    if caller.scope.organisations is None:
        return tariff_ids
    versions = await versions_of(db, tariff_ids)
    return {
        tariff_id
        for tariff_id, known in versions.items()
        if known[-1].organisation in caller.scope.organisations
    }


async def seen_assignments(
    db: AsyncSession, caller: Caller, assignments: Sequence[Assignment]
) -> list[Assignment]:
    """Return the assignments of tariffs that the caller may know of."""
    known = await _seen_tariffs(db, caller, {each.tariff_id for each in assignments})
    return [each for each in assignments if each.tariff_id in known]
