"""`station`: the list, setting one up, taking it in, its password."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import metering
from accounts.directory import WHOLE
from alerts.activation import Ending
from app.cli import monitoring as monitoring_commands
from app.cli import remote
from app.cli.frame import (
    Json,
    Opened,
    PasswordFromInput,
    as_json,
    group,
    named_organisation,
    note,
    operator,
    read_password,
    run,
    say,
    show,
    show_json,
)
from csms import administration, registry
from csms.administration import StationSettings
from csms.connectivity import SilenceLimits, StationState
from csms.metering_points import StationPoints
from csms.registry import Station
from foundation.errors import InvalidInput
from foundation.identifiers import StationId
from foundation.settings import Settings
from portal import monitoring

commands = group("Charging stations.")
commands.command("command")(remote.ask)
commands.add_typer(monitoring_commands.commands, name="monitoring")

_COLUMNS = (
    "identity",
    "organisation",
    "admission",
    "state",
    "connected",
    "last_heard_at",
    "vendor",
    "model",
    "ocpp_version",
    "security_profile",
)
_PAGE = 500

Identity = Annotated[str, typer.Argument(help="The station's OCPP identity.")]


class Admission(StrEnum):
    """Whether a station was let in."""

    ACCEPTED = "accepted"
    WAITING = "waiting"
    REFUSED = "refused"


@commands.command("list")
def list_stations(
    state: Annotated[
        StationState | None, typer.Option(help="Only those heard so long ago.")
    ] = None,
    admission: Annotated[Admission | None, typer.Option(help="Only these.")] = None,
    query: Annotated[
        str | None, typer.Option(help="A part of identity, name, vendor, model, location …")
    ] = None,
    json: Json = False,
) -> None:
    """List stations by identity."""

    async def work(opened: Opened) -> list[Station]:
        found: list[Station] = []
        async with opened.unit_of_work() as (db, now):
            while True:
                page = await registry.stations(
                    db,
                    WHOLE,
                    now,
                    limits=_limits(opened.settings),
                    state=state,
                    admission=admission,
                    q=query,
                    after=found[-1].identity if found else None,
                    limit=_PAGE,
                )
                found += page
                if len(page) < _PAGE:
                    return found

    show(run(work), _COLUMNS, json=json)


@commands.command("create")
def create(
    identity: Identity,
    organisation: Annotated[
        str | None, typer.Option(metavar="KEY", help="Its owner. [default: the root]")
    ] = None,
    location: Annotated[str | None, typer.Option(metavar="KEY", help="Where it stands.")] = None,
    name: Annotated[str | None, typer.Option(help="What people call it.")] = None,
    time_zone: Annotated[
        str | None, typer.Option(help="IANA. [default: its location's, else its owner's]")
    ] = None,
    password_stdin: PasswordFromInput = False,
    without_password: Annotated[
        bool, typer.Option("--without-password", help="Security profile 0: anybody can be it.")
    ] = False,
    json: Json = False,
) -> None:
    """Create a station that is accepted from the start; a fresh password is shown once."""
    if password_stdin and without_password:
        raise typer.BadParameter("Choose one of --password-stdin and --without-password.")
    given = read_password() if password_stdin else None
    _check_password(given)

    async def work(opened: Opened) -> tuple[Station, str | None]:
        async with opened.unit_of_work() as (db, now):
            owner = await named_organisation(db, organisation)
            await administration.create_station(
                db,
                identity,
                owner.key,
                StationSettings(location=location, name=name, time_zone=time_zone),
                password=given,
                time_zone=owner.time_zone,
                now=now,
            )
            fresh = None
            if given is None and not without_password:
                fresh = await administration.set_station_password(db, identity, None)
            station = await _read(db, opened.settings, identity, now)
            await note(
                db,
                "station.create",
                f"station/{identity}",
                organisation=owner.key,
                after={"name": name, "location": location, "time_zone": station.time_zone},
                now=now,
            )
            return station, fresh

    made, fresh = run(work)
    if json:
        show_json(as_json(made) | {"password": fresh})
        return
    print(f"Station {identity} was created; it belongs to {made.organisation}.")
    _show_password(fresh)


@commands.command("accept")
def accept(
    identity: Identity,
    agree: Annotated[
        bool, typer.Option("--agree", help="Although functions of the owner's account stop.")
    ] = False,
    json: Json = False,
) -> None:
    """Take a waiting (or refused) station in; it is asked to boot again."""
    accepted = _admit(identity, is_accepted=True, agrees=agree)
    if json:
        show_json(accepted)
    else:
        print(f"Station {identity} is accepted.")
    if accepted.security_profile == 0:
        say(
            "It has no password (security profile 0): whoever reaches the listener can pretend to"
            f" be it. `leitstand station password {identity}` gives it one."
        )


@commands.command("refuse")
def refuse(identity: Identity, json: Json = False) -> None:
    """Reject a station's boots, and refuse its next connection."""
    refused = _admit(identity, is_accepted=False)
    if json:
        show_json(refused)
    else:
        print(f"Station {identity} is refused.")


@commands.command("password")
def set_password(
    identity: Identity, password_stdin: PasswordFromInput = False, json: Json = False
) -> None:
    """Set a station's Basic password; a fresh one is shown once. Enter it at the station, too."""
    given = read_password() if password_stdin else None
    _check_password(given)

    async def work(opened: Opened) -> str:
        async with opened.unit_of_work() as (db, now):
            password = await administration.set_station_password(db, identity, given)
            station = await _read(db, opened.settings, identity, now)
            await note(
                db,
                "station.password",
                f"station/{identity}",
                organisation=station.organisation,
                now=now,
            )
            return password

    password = run(work)
    fresh = password if given is None else None
    if json:
        show_json({"identity": identity, "password": fresh})
        return
    print(f"The password of {identity} was set. Enter it at the station.")
    _show_password(fresh)


def _check_password(given: str | None) -> None:
    if given is not None and not 8 <= len(given) <= 64:
        raise InvalidInput("A password has 8 to 64 characters.", field="password")


def _show_password(fresh: str | None) -> None:
    if fresh is not None:
        print(f"Password, shown only once: {fresh}")


def _admit(identity: str, *, is_accepted: bool, agrees: bool = False) -> Station:
    async def work(opened: Opened) -> Station:
        async with opened.unit_of_work() as (db, now):
            if is_accepted:
                await administration.accept_station(db, identity)
            else:
                await administration.refuse_station(db, identity)
                await monitoring.left(
                    db, StationId(identity), Ending.DECOMMISSIONED, by=operator(), now=now
                )
            station = await _read(db, opened.settings, identity, now)
            if is_accepted:
                await metering.points_changed(
                    db, StationPoints(), station.organisation, agrees=agrees, now=now
                )
            await note(
                db,
                "station.accept" if is_accepted else "station.refuse",
                f"station/{identity}",
                organisation=station.organisation,
                after={"admission": station.admission},
                now=now,
            )
            return station

    return run(work)


async def _read(db: AsyncSession, settings: Settings, identity: str, now: datetime) -> Station:
    return await registry.station(db, WHOLE, identity, now, limits=_limits(settings))


def _limits(settings: Settings) -> SilenceLimits:
    return SilenceLimits(
        timedelta(seconds=settings.pending_after_s), timedelta(seconds=settings.offline_after_s)
    )
