"""Face, write: locations, stations, id tokens, admission.

Whose a station is and who holds a token are dated facts: a change closes the old row and begins a
new one, so that late transactions are still judged by what held at their start.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal
from zoneinfo import available_timezones

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from csms import passwords
from csms.admission import Refusal, identity_of
from csms.tables import (
    ConnectorRow,
    EvseRow,
    IdTokenHolderRow,
    IdTokenRow,
    LocationRow,
    StationOwnerRow,
    StationRow,
)
from foundation.database import savepoint
from foundation.errors import Conflict, InvalidInput, NotFound
from foundation.events import TokenStatus
from foundation.identifiers import ID_TOKEN_TYPES, OrganisationKey, normalised_token
from foundation.languages import PROBLEM as LANGUAGE_PROBLEM
from foundation.languages import language_from

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
"""From when the first owner of a station and the first holder of a token count."""

BOOT_POLICIES = ("accept", "pending", "reject")
_TOKEN_LENGTH = 255
_EMI3_LENGTH = 48


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorSettings:
    """A plug as somebody sets it up; power in W."""

    connector_id: int
    type: str | None = None
    max_power_w: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EvseSettings:
    """An EVSE as somebody sets it up; `emi3_id` is the number on the sticker (DE*ABC*E1001)."""

    evse_id: int
    emi3_id: str | None = None
    connectors: Sequence[ConnectorSettings] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StationSettings:
    """What of a station is to be set; None leaves it as it is."""

    organisation: OrganisationKey | None = None
    location: str | None = None
    name: str | None = None
    time_zone: str | None = None
    security_profile: int | None = None
    boot_policy: str | None = None
    aliases: Sequence[str] | None = None
    evses: Sequence[EvseSettings] | None = None
    items_per_message: dict[str, Any] | None = None
    free_vend: bool | None = None


def _checked(settings: StationSettings) -> None:
    if settings.time_zone is not None and settings.time_zone not in available_timezones():
        raise InvalidInput(
            f"{settings.time_zone!r} is no IANA time zone, such as Europe/Berlin.",
            field="time_zone",
        )
    if settings.security_profile is not None and settings.security_profile not in range(4):
        raise InvalidInput("security_profile must be 0 to 3.", field="security_profile")
    if settings.boot_policy is not None and settings.boot_policy not in BOOT_POLICIES:
        raise InvalidInput(
            f"boot_policy must be one of {', '.join(BOOT_POLICIES)}.", field="boot_policy"
        )
    for place, evse in enumerate(settings.evses or ()):
        where = f"evses[{place}]"
        if evse.evse_id < 1:
            raise InvalidInput("evse_id counts from 1.", field=f"{where}.evse_id")
        if evse.emi3_id is not None and not 1 <= len(evse.emi3_id) <= _EMI3_LENGTH:
            raise InvalidInput(
                f"emi3_id has 1 to {_EMI3_LENGTH} characters.", field=f"{where}.emi3_id"
            )
        for number, connector in enumerate(evse.connectors):
            if connector.connector_id < 1:
                raise InvalidInput(
                    "connector_id counts from 1.",
                    field=f"{where}.connectors[{number}].connector_id",
                )
            if connector.max_power_w is not None and connector.max_power_w <= 0:
                raise InvalidInput(
                    "max_power_w must be above 0.",
                    field=f"{where}.connectors[{number}].max_power_w",
                )


async def create_station(
    db: AsyncSession,
    identity: str,
    organisation: OrganisationKey,
    settings: StationSettings,
    *,
    password: str | None,
    time_zone: str,
    now: datetime,
) -> None:
    """Create a station that is accepted from the start.

    Args:
        db: The unit of work.
        identity: Its OCPP identity.
        organisation: Its owner, from the beginning of time.
        settings: The rest.
        password: Its Basic password; None: security profile 0, knowingly.
        time_zone: Where neither the settings nor a location name one.
        now: When it was created.

    Raises:
        InvalidInput: If something is not allowed; `field` names it.
        Conflict: If there is a station with this identity, or an EVSE with this EVSE ID.
    """
    if isinstance(identity_of(f"/{_quoted(identity)}"), Refusal):
        raise InvalidInput(
            "identity has 1 to 48 characters, none of them a control character.", field="identity"
        )
    _checked(settings)
    zone = settings.time_zone or await _location_zone(db, settings.location) or time_zone
    created = await db.execute(
        insert(StationRow)
        .values(
            identity=identity,
            name=settings.name,
            location=settings.location,
            time_zone=zone,
            admission="accepted",
            boot_policy=settings.boot_policy or "accept",
            security_profile=(
                settings.security_profile
                if settings.security_profile is not None
                else (1 if password else 0)
            ),
            password=passwords.password_record(password.encode()) if password else None,
            aliases=list(settings.aliases or ()),
            items_per_message=settings.items_per_message or {},
            free_vend=bool(settings.free_vend),
            created_at=now,
        )
        .on_conflict_do_nothing()
        .returning(StationRow.identity)
    )
    if created.scalar() is None:
        raise Conflict(f"There is a station {identity!r} already.")
    await _check_names(db, identity, [identity, *(settings.aliases or ())])
    db.add(StationOwnerRow(station=identity, organisation=organisation, valid_from=BEGINNING))
    await db.flush()
    await _set_evses(db, identity, settings.evses or ())
    await _check_room(db, organisation)


async def _check_names(db: AsyncSession, identity: str, names: Sequence[str]) -> None:
    """Make sure that no other station comes by one of these names.

    Raises:
        Conflict: If one does; whose it is is not told, it may be another owner's.
    """
    taken = await db.scalar(
        text("""
            select k.name from unnest(cast(:names as text[])) as k (name)
            join stations s on s.identity <> :identity and (
                s.identity = k.name or s.next_identity = k.name or s.aliases @> array[k.name])
            limit 1
        """),
        {"names": list(names), "identity": identity},
    )
    if taken is not None:
        raise Conflict(f"Another station comes by the name {taken!r}; choose another one.")


async def _check_room(db: AsyncSession, organisation: str) -> None:
    """Refuse what the owner's licence does not hold: its stations but for the refused ones.

    Raises:
        LicenceFull: If there are too many now.
    """
    counted = await db.scalar(
        select(func.count())
        .select_from(StationOwnerRow)
        .join(StationRow, StationRow.identity == StationOwnerRow.station)
        .where(StationOwnerRow.organisation == organisation, StationOwnerRow.valid_to.is_(None))
        .where(StationRow.admission == "accepted")
    )
    await directory.check_room(db, OrganisationKey(organisation), stations=counted or 0)


def _quoted(identity: str) -> str:
    return "".join(f"%{byte:02X}" for byte in identity.encode("utf-8", "surrogatepass"))


async def _location_zone(db: AsyncSession, key: str | None) -> str | None:
    if key is None:
        return None
    zone: str | None = await db.scalar(select(LocationRow.time_zone).where(LocationRow.key == key))
    if zone is None:
        raise InvalidInput(f"There is no location {key!r}.", field="location")
    return zone


async def change_station(
    db: AsyncSession,
    identity: str,
    settings: StationSettings,
    *,
    now: datetime,
    cleared: Collection[Literal["name", "location"]] = (),
) -> None:
    """Change what the settings name; a new owner counts from now on.

    Args:
        db: The unit of work.
        identity: Which station.
        settings: What is not None changes.
        now: The moment.
        cleared: What is taken away; without a location the station keeps its time zone.

    Raises:
        InvalidInput, NotFound, Conflict: As for `create_station`.
    """
    _checked(settings)
    changes: dict[str, Any] = {
        name: value
        for name in ("name", "time_zone", "security_profile", "boot_policy", "free_vend")
        if (value := getattr(settings, name)) is not None
    }
    if settings.location is not None:
        zone = await _location_zone(db, settings.location)
        changes |= {"location": settings.location, "time_zone": settings.time_zone or zone}
    changes |= dict.fromkeys(cleared)
    if settings.aliases is not None:
        await _check_names(db, identity, settings.aliases)
        changes["aliases"] = list(settings.aliases)
    if settings.items_per_message is not None:
        changes["items_per_message"] = settings.items_per_message
    await _existing(db, identity)
    if changes:
        await db.execute(
            update(StationRow).where(StationRow.identity == identity).values(**changes)
        )
    if settings.organisation is not None:
        await _move(db, identity, settings.organisation, now)
    if settings.evses is not None:
        await _set_evses(db, identity, settings.evses)


async def _existing(db: AsyncSession, identity: str) -> StationRow:
    row = await db.get(StationRow, identity, with_for_update=True)
    if row is None:
        raise NotFound("station", identity)
    return row


async def _move(db: AsyncSession, identity: str, to: OrganisationKey, now: datetime) -> None:
    """Give a station to another owner from now on; the rows before stay as they are."""
    present = await db.scalar(
        select(StationOwnerRow).where(
            StationOwnerRow.station == identity, StationOwnerRow.valid_to.is_(None)
        )
    )
    if present is not None and present.organisation == to:
        return
    if present is not None:
        if present.valid_from >= now:
            raise Conflict("The station changed its owner at this very moment; try again.")
        present.valid_to = now
        await db.flush()
    db.add(StationOwnerRow(station=identity, organisation=to, valid_from=now))
    await db.flush()
    await _check_room(db, to)


async def _set_evses(db: AsyncSession, identity: str, evses: Sequence[EvseSettings]) -> None:
    for evse in sorted(evses, key=lambda each: each.evse_id):
        written = insert(EvseRow).values(
            station=identity, evse_id=evse.evse_id, emi3_id=evse.emi3_id
        )
        if evse.emi3_id is not None:
            written = written.on_conflict_do_update(
                index_elements=["station", "evse_id"], set_={"emi3_id": evse.emi3_id}
            )
        else:
            written = written.on_conflict_do_nothing(index_elements=["station", "evse_id"])
        try:
            async with await savepoint(db):
                await db.execute(written)
        except IntegrityError:
            raise Conflict(f"Another EVSE has the EVSE ID {evse.emi3_id} already.") from None
        for connector in evse.connectors:
            values = {"type": connector.type, "max_power_w": connector.max_power_w}
            set_ = {name: value for name, value in values.items() if value is not None}
            written = insert(ConnectorRow).values(
                station=identity,
                evse_id=evse.evse_id,
                connector_id=connector.connector_id,
                **values,
            )
            keys = ["station", "evse_id", "connector_id"]
            await db.execute(
                written.on_conflict_do_update(index_elements=keys, set_=set_)
                if set_
                else written.on_conflict_do_nothing(index_elements=keys)
            )


async def accept_station(db: AsyncSession, identity: str) -> None:
    """Take a waiting (or refused) station in; it is told at its next boot, which we ask for."""
    await _admit(db, identity, "accepted")


async def refuse_station(db: AsyncSession, identity: str) -> None:
    """Refuse a station: its boots are rejected and its next connection is refused."""
    await _admit(db, identity, "refused")


async def _admit(db: AsyncSession, identity: str, admission: str) -> None:
    row = await _existing(db, identity)
    if row.admission != admission:
        row.admission = admission
        await db.flush()
        owner = await db.scalar(
            select(StationOwnerRow.organisation).where(
                StationOwnerRow.station == identity, StationOwnerRow.valid_to.is_(None)
            )
        )
        if owner is not None and admission == "accepted":
            await _check_room(db, owner)
        await db.execute(text("select pg_notify('admissions', :station)"), {"station": identity})


async def set_station_password(db: AsyncSession, identity: str, password: str | None) -> str:
    """Set a station's Basic password and return it; None makes a fresh one.

    Raises:
        InvalidInput: If it is shorter than 8 or longer than 64 characters.
        NotFound: If there is no such station.
    """
    row = await _existing(db, identity)
    if password is not None and not 8 <= len(password) <= 64:
        raise InvalidInput("A password has 8 to 64 characters.", field="password")
    chosen = password or passwords.new_password()
    row.password = passwords.password_record(chosen.encode())
    row.next_password = None
    row.security_profile = max(row.security_profile, 1)
    await db.flush()
    return chosen


async def offer_station_password(
    db: AsyncSession, identity: str, password: str | None, *, is_16: bool
) -> tuple[str, str, dict[str, Any]]:
    """Keep a password beside the present one, and return it with how the station is told of it.

    Both are valid until the station connects with the new one. What is returned is a command's
    action and payload, for `csms.remote.ask` in the same unit of work.

    Raises:
        InvalidInput: If it is too short or too long for the station's version.
        NotFound: If there is no such station.
    """
    row = await _existing(db, identity)
    least, most = passwords.OVER_THE_WIRE[is_16]
    if password is not None and not least <= len(password.encode()) <= most:
        raise InvalidInput(
            f"Over the wire this station takes {least} to {most} characters.", field="password"
        )
    chosen = password or passwords.new_password_over_the_wire(is_16=is_16)
    row.next_password = passwords.password_record(chosen.encode())
    await db.flush()
    return chosen, *passwords.telling(chosen, is_16=is_16)


# -------------------------------------------------------------------------------- locations


@dataclass(frozen=True, slots=True, kw_only=True)
class LocationSettings:
    """A location as somebody sets it up."""

    key: str
    organisation: OrganisationKey
    name: str
    time_zone: str
    address: str | None = None
    postal_code: str | None = None
    city: str | None = None
    country: str | None = None
    latitude: Decimal | None = None
    longitude: Decimal | None = None


async def set_location(db: AsyncSession, settings: LocationSettings, *, create: bool) -> None:
    """Create a location, or change the one with this key.

    Raises:
        InvalidInput: If the key or the time zone is not allowed.
        Conflict: If it is to be created and exists.
        NotFound: If it is to be changed and does not.
    """
    if not 1 <= len(settings.key) <= 64 or not settings.key.isprintable():
        raise InvalidInput("key has 1 to 64 printable characters.", field="key")
    if settings.time_zone not in available_timezones():
        raise InvalidInput(f"{settings.time_zone!r} is no IANA time zone.", field="time_zone")
    known = await db.get(LocationRow, settings.key)
    if create and known is not None:
        raise Conflict(f"There is a location {settings.key!r} already.")
    if not create and known is None:
        raise NotFound("location", settings.key)
    row = known or LocationRow(key=settings.key)
    for name in (
        "organisation",
        "name",
        "time_zone",
        "address",
        "postal_code",
        "city",
        "country",
        "latitude",
        "longitude",
    ):
        setattr(row, name, getattr(settings, name))
    db.add(row)
    await db.flush()


# ----------------------------------------------------------------------------------- tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenSettings:
    """An id token with whoever answers for it: an organisation or a provider, not both."""

    id_token: str
    type: str = "ISO14443"
    status: str = "accepted"
    group_id: str | None = None
    organisation: OrganisationKey | None = None
    provider: str | None = None
    valid_until: datetime | None = None
    language1: str | None = None
    language2: str | None = None


def token_problems(settings: TokenSettings) -> list[tuple[str, str]]:
    """Return what is wrong with a token, as (field, text); empty if nothing is."""
    problems: list[tuple[str, str]] = []
    if not normalised_token(settings.id_token) or len(settings.id_token) > _TOKEN_LENGTH:
        problems.append(
            ("id_token", f"id_token has 1 to {_TOKEN_LENGTH} characters, not only separators.")
        )
    if settings.type not in ID_TOKEN_TYPES:
        problems.append(("type", f"type must be one of {', '.join(ID_TOKEN_TYPES)}."))
    if settings.status not in set(TokenStatus):
        problems.append(("status", f"status must be one of {', '.join(TokenStatus)}."))
    if (settings.organisation is None) == (settings.provider is None):
        problems.append(
            ("organisation", "Name either the organisation or the provider that answers for it.")
        )
    for name in ("language1", "language2"):
        written = getattr(settings, name)
        if written is not None and language_from(written) is None:
            problems.append((name, LANGUAGE_PROBLEM))
    if settings.language2 is not None and settings.language1 is None:
        problems.append(("language1", "Name the first language before the second."))
    return problems


async def set_id_tokens(
    db: AsyncSession, tokens: Sequence[TokenSettings], *, now: datetime
) -> None:
    """Create tokens, or change those that exist; a new holder counts from now on.

    Raises:
        InvalidInput: For the first token that is not allowed; nothing is written then.
    """
    for settings in tokens:
        for where, problem in token_problems(settings):
            raise InvalidInput(problem, field=where)
    for settings in sorted(tokens, key=lambda each: normalised_token(each.id_token)):
        key = normalised_token(settings.id_token)
        values = {
            "value": settings.id_token,
            "type": settings.type,
            "status": settings.status,
            "group_id": settings.group_id,
            "valid_until": settings.valid_until,
            "language1": language_from(settings.language1 or ""),
            "language2": language_from(settings.language2 or ""),
            "changed_at": now,
        }
        await db.execute(
            insert(IdTokenRow)
            .values(key=key, **values)
            .on_conflict_do_update(index_elements=["key"], set_=values)
        )
        await _hold(db, key, settings, now)


async def _hold(db: AsyncSession, key: str, settings: TokenSettings, now: datetime) -> None:
    """Note who answers for a token from now on; the first holder from the beginning."""
    present = await db.scalar(
        select(IdTokenHolderRow)
        .where(IdTokenHolderRow.token == key, IdTokenHolderRow.valid_to.is_(None))
        .with_for_update()
    )
    if present is not None:
        if (present.organisation, present.provider) == (settings.organisation, settings.provider):
            return
        if present.valid_from >= now:
            raise Conflict("The token changed its holder at this very moment; try again.")
        present.valid_to = now
        await db.flush()
    db.add(
        IdTokenHolderRow(
            token=key,
            organisation=settings.organisation,
            provider=settings.provider,
            valid_from=BEGINNING if present is None else now,
        )
    )
    await db.flush()
