"""Face: stations that shall come up to a higher security profile, one command after the other.

Asked by a person once; what follows is asked in his name as each answer comes. It is done when the
station connects by the new profile (`csms.handlers.connecting`): until then the old one is good, so
that a station that cannot do it is not lost.

Source: OCPP 1.6 security whitepaper edition 3, A05; OCPP 2.0.1 part 2, A05 and B09, B10.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.directory import WHOLE, Scope
from csms import certificate_store, equipment, remote
from csms.certificate_tables import ProfileUpgradeRow
from csms.queue import Command, Request
from csms.reports import OcppVersion
from csms.security_profiles import Asked, steps, why_not
from csms.tables import StationRow
from foundation.database import Database, Joint
from foundation.errors import Conflict, ExpectedError, InvalidInput
from foundation.identifiers import OrganisationKey, StationId

GIVEN_UP_AFTER: Final = timedelta(days=7)
"""How long a station may take to come back by its new profile."""

_URL: Final[Joint[str]] = Joint("csms.profile_upgrades.url")


def join(database: Database, url: str) -> None:
    """Say for a database how stations reach the TLS listener, without their identity."""
    _URL.join(database, url)


@dataclass(frozen=True, slots=True)
class Upgrade:
    """A station's way to a higher profile.

    `outcome` is None as long as it is under way, else done, refused or given_up.
    """

    profile: int
    step: str
    command_id: str | None
    asked_at: datetime
    asked_by_name: str
    ended_at: datetime | None
    outcome: str | None
    reason: str | None


async def upgrades(
    db: AsyncSession, scope: Scope, station: str, *, limit: int = 10
) -> list[Upgrade]:
    """Return a station's upgrades, the newest first.

    Raises:
        NotFound: If there is no such station in scope.
    """
    await equipment.owner_seen(db, scope, station)
    rows = await db.scalars(
        select(ProfileUpgradeRow)
        .where(ProfileUpgradeRow.station == station)
        .order_by(ProfileUpgradeRow.id.desc())
        .limit(limit)
    )
    return [
        Upgrade(
            row.profile,
            row.step,
            None if row.command_id is None else str(row.command_id),
            row.asked_at,
            row.asked_by_name,
            row.ended_at,
            row.outcome,
            row.reason,
        )
        for row in rows
    ]


async def first_step(
    db: AsyncSession, station: str, version: str, profile: int
) -> tuple[str, Asked]:
    """Return the command that begins an upgrade, with the name of its step.

    Raises:
        InvalidInput: The station cannot be asked for this profile.
    """
    row = await db.get_one(StationRow, station)
    has_password = row.password is not None or row.next_password is not None
    why = why_not(version, row.security_profile, profile, has_password=has_password)
    if why is not None:
        raise InvalidInput(why, field="profile")
    return (await _steps(db, station, version, profile, await _free_slot(db, station)))[0]


async def begin(
    db: AsyncSession, station: str, version: str, profile: int, command: Command, now: datetime
) -> None:
    """Note that an upgrade began with a command; what follows its answer is asked by itself.

    Raises:
        Conflict: Another one is under way.
    """
    before = await certificate_store.open_upgrade(db, station)
    if before is not None and now - before.asked_at < GIVEN_UP_AFTER:
        raise Conflict(f"The station is on its way to security profile {before.profile} already.")
    if before is not None:
        before.ended_at, before.outcome = now, "given_up"
        await db.flush()
    db.add(
        ProfileUpgradeRow(
            station=station,
            profile=profile,
            version=version,
            slot=None if version == OcppVersion.V16 else await _free_slot(db, station),
            step="set",
            command_id=int(command.id),
            asked_at=now,
            asked_by=command.asked_by,
            asked_by_name=command.asked_by_name,
            change_order=command.change_order,
        )
    )
    await db.flush()


async def go_on(
    db: AsyncSession, station: str, command: int, *, is_yes: bool, note: str | None, now: datetime
) -> None:
    """Ask for the next step of an upgrade whose command was answered; a no ends it."""
    upgrade = await certificate_store.open_upgrade(db, station)
    if upgrade is None or upgrade.command_id != command:
        return
    if not is_yes:
        upgrade.ended_at, upgrade.outcome, upgrade.reason = now, "refused", note or "Rejected"
        return
    made = await _steps(db, station, upgrade.version, upgrade.profile, upgrade.slot or 0)
    names = [name for name, _ in made]
    place = names.index(upgrade.step) + 1
    if place == len(made):
        upgrade.step, upgrade.command_id = "reconnect", None
        return
    name, asked = made[place]
    owner = await equipment.owner_seen(db, WHOLE, station)
    try:
        following = await remote.ask(db, _request(upgrade, owner, asked), now=now)
    except ExpectedError as error:
        upgrade.ended_at, upgrade.outcome, upgrade.reason = now, "refused", str(error)[:500]
        return
    upgrade.step, upgrade.command_id = name, int(following.id)


def _request(upgrade: ProfileUpgradeRow, owner: OrganisationKey, asked: Asked) -> Request:
    # The first step was ordered; the others are the same wish.
    return Request(
        station=StationId(upgrade.station),
        action=asked.action,
        payload=asked.payload,
        asked_by="system",
        asked_by_name=upgrade.asked_by_name,
        door="system",
        asker_organisation=owner,
        reason="system",
        reference=f"profile-upgrade/{upgrade.id}",
        expires_in_s=24 * 3600,
        when_offline="queue",
    )


async def _steps(
    db: AsyncSession, station: str, version: str, profile: int, slot: int
) -> list[tuple[str, Asked]]:
    url = _URL.of(db)
    if version != OcppVersion.V16 and url is None:
        raise InvalidInput(
            "Nobody said how stations reach us by TLS (LEITSTAND_OCPP_TLS_PORT,"
            " LEITSTAND_OCPP_PUBLIC_URL).",
            field="profile",
        )
    order = await _order(db, station)
    return steps(version, profile, slot=slot, url=url, order=order)


async def _free_slot(db: AsyncSession, station: str) -> int:
    """Return a slot that the station does not connect by now: its present way stays as it is."""
    taken = {each.strip() for each in (await _order(db, station)).split(",")}
    return next(number for number in range(1, len(taken) + 2) if str(number) not in taken)


async def _order(db: AsyncSession, station: str) -> str:
    """Return the slots by which a station connects, as it told; else that it has a first one."""
    found = await certificate_store.variable(db, station, "NetworkConfigurationPriority")
    return found or "0"
