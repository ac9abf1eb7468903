"""`station command` asks a station for something; `command` follows, cancels, and counts."""

import json as json_text
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any

import typer

from accounts import audit, directory
from accounts.audit import Actor
from accounts.directory import WHOLE
from app.cli.frame import Json, Opened, group, run, say, show, show_json
from app.station_files import join_files
from csms import outcomes, remote
from csms.outcomes import Rate
from csms.queue import Command, CommandState, Request, masked
from foundation.errors import InvalidInput
from foundation.identifiers import StationId
from support.change_orders import OrderGate

commands = group("Remote commands to stations.")

_COLUMNS = ("id", "station", "action", "state", "failure", "asked_at", "asked_by_name", "reason")
_RATE_COLUMNS = ("action", "vendor", "model", "firmware", "asked", "effective", "rejected")
_OPERATOR = Actor("cli", "Command line", "cli", None)


class WhenOffline(StrEnum):
    """What happens when the station has no connection."""

    REFUSE = "refuse"
    QUEUE = "queue"


def ask(
    identity: Annotated[str, typer.Argument(help="The station's OCPP identity.")],
    action: Annotated[str, typer.Argument(help="OCPP's own, of the station's version.")],
    payload: Annotated[str, typer.Argument(help="OCPP's own, as JSON.")] = "{}",
    wait: Annotated[
        float, typer.Option(min=0, max=3600, help="Seconds to wait until it is final.")
    ] = 0,
    when_offline: Annotated[
        WhenOffline, typer.Option(help="A station without a connection.")
    ] = WhenOffline.REFUSE,
    expires_in_s: Annotated[int, typer.Option(min=1, help="Never sent later than that.")] = 300,
    change_order: Annotated[
        str | None, typer.Option(help="The written order, where the command needs one.")
    ] = None,
    reference: Annotated[str | None, typer.Option(help="What it is asked for.")] = None,
    raw: Annotated[bool, typer.Option("--raw", help="Skip the schema.")] = False,
    json: Json = False,
) -> None:
    """Ask a station for something; with --wait, exit status 1 unless it took effect."""
    wanted = _payload(payload)

    async def work(opened: Opened) -> Command:
        join(opened)
        async with opened.unit_of_work() as (db, now):
            root = await directory.root(db)
            made = await remote.ask(
                db,
                Request(
                    station=StationId(identity),
                    action=action,
                    payload=wanted,
                    asked_by=_OPERATOR.id,
                    asked_by_name=_OPERATOR.name,
                    door="cli",
                    asker_organisation=root.key,
                    reason="api",
                    reference=reference,
                    expires_in_s=expires_in_s,
                    when_offline=when_offline.value,
                    raw=raw,
                    change_order=change_order,
                    # Whoever has the machine is the operator: his own stations need no order.
                    is_authorised=True,
                ),
                now=now,
            )
            await audit.record(
                db,
                _OPERATOR,
                "command.ask",
                f"station/{identity}",
                organisation=made.owner,
                after={"command": made.id, "action": action, "payload": masked(action, wanted)},
                order=change_order,
                now=now,
            )
        if wait:
            made = await outcomes.wait_for(opened.database, made.id, timeout_s=wait, until="final")
        return made

    done = run(work)
    _show(done, json=json)
    if wait and done.state is not CommandState.EFFECTIVE:
        raise typer.Exit(1)


@commands.command("show")
def show_command(
    command_id: Annotated[str, typer.Argument(help="As it was printed when asked.")],
    json: Json = False,
) -> None:
    """Show a command with its history."""

    async def work(opened: Opened) -> Command:
        async with opened.unit_of_work() as (db, _):
            return await outcomes.command(db, command_id, WHOLE)

    _show(run(work), json=json)


@commands.command("list")
def list_commands(
    station: Annotated[str | None, typer.Option(help="Only this one's.")] = None,
    state: Annotated[CommandState | None, typer.Option(help="Only those in this state.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 50,
    json: Json = False,
) -> None:
    """List commands, the newest first."""

    async def work(opened: Opened) -> list[Command]:
        async with opened.unit_of_work() as (db, _):
            return await outcomes.commands(
                db,
                WHOLE,
                station=None if station is None else StationId(station),
                state=state,
                limit=limit,
            )

    show(run(work), _COLUMNS, json=json)


@commands.command("cancel")
def cancel(
    command_id: Annotated[str, typer.Argument(help="As it was printed when asked.")],
    json: Json = False,
) -> None:
    """Cancel a command that still waits."""

    async def work(opened: Opened) -> Command:
        async with opened.unit_of_work() as (db, now):
            before = await outcomes.command(db, command_id, WHOLE)
            await remote.cancel(db, command_id, now=now, note=_OPERATOR.name)
            await audit.record(
                db,
                _OPERATOR,
                "command.cancel",
                f"station/{before.station}",
                organisation=before.owner,
                after={"command": command_id},
                now=now,
            )
            return await outcomes.command(db, command_id, WHOLE)

    _show(run(work), json=json)


@commands.command("rates")
def rates(
    days: Annotated[int, typer.Option(min=1, max=3660, help="How far back.")] = 30,
    json: Json = False,
) -> None:
    """Show how commands ended, by action and kind of station."""

    async def work(opened: Opened) -> list[Rate]:
        async with opened.unit_of_work() as (db, now):
            return await outcomes.rates(db, WHOLE, since=now - timedelta(days=days), until=now)

    show(run(work), _RATE_COLUMNS, json=json)


def join(opened: Opened) -> None:
    """Let the queue know of orders, of the limit in flight and of places, as the program does."""
    join_files(opened.settings, opened.database)
    most = opened.settings.commands_in_flight_max
    remote.join(opened.database, orders=OrderGate(), in_flight_max=most)


def _payload(text: str) -> dict[str, Any]:
    try:
        found = json_text.loads(text)
    except (ValueError, RecursionError):
        raise InvalidInput("PAYLOAD is no JSON.", field="payload") from None
    if not isinstance(found, dict):
        raise InvalidInput("PAYLOAD is no JSON object.", field="payload")
    return found


def _show(command: Command, *, json: bool) -> None:
    if json:
        show_json(command)
        return
    failure = f" ({command.failure})" if command.failure else ""
    print(
        f"Command {command.id}: {command.action} to {command.station} is {command.state}{failure}."
    )
    for each in command.transitions:
        say(f"  {each.at:%Y-%m-%d %H:%M:%S} {each.state}{f': {each.note}' if each.note else ''}")
