"""`serve`: the whole program, until it is asked to stop."""

import asyncio
import ipaddress
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer
import uvloop

from accounts.directory import FIRST_USER_NAME, WHOLE
from app.cli.frame import say
from csms import registry
from foundation.clock import SystemClock
from foundation.errors import Unavailable
from foundation.log import configure_log
from foundation.settings import Settings
from foundation.tasks import OnEnd, TaskEnd, Tasks

if TYPE_CHECKING:
    from app.serve import Running

_NAMED_MAX = 5
"""How many stations without a password are named; the others are only counted."""


class CannotGoOn(Unavailable):
    """A part that everything depends on ended; the log has its traceback."""

    code = "cannot_go_on"

    def __init__(self, task: str) -> None:
        super().__init__(f"Leitstand had to stop: its part {task!r} failed. The log says why.")


def serve(
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Processes for the stations' sockets; 1: one process for all."
            " [default: LEITSTAND_WORKERS, else 1]",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Run the central system and the portal until Ctrl-C or SIGTERM."""
    settings = Settings.read() if workers is None else Settings.read(workers=workers)
    configure_log(settings.log_level)
    uvloop.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    from app.serve import running, stop_requested  # the portal: no other command needs it

    stop = stop_requested()
    has_started = asyncio.Event()
    failed: list[TaskEnd] = []

    def must_stop(end: TaskEnd) -> None:
        failed.append(end)
        stop.set()

    async with Tasks() as tasks:
        whole = asyncio.current_task()
        assert whole is not None

        async def end_the_start() -> None:
            await stop.wait()
            if not has_started.is_set():
                whole.cancel()

        # A start can take minutes (recovery of the database); it need not be waited for.
        tasks.start("stop while starting", end_the_start, on_end=OnEnd.FINISH)
        try:
            async with running(settings, SystemClock(), say=say, on_stop=must_stop) as program:
                has_started.set()
                for line in await greeting(program):
                    print(line, flush=True)
                await stop.wait()
                say("Leitstand is stopping.")
        except asyncio.CancelledError:
            if not stop.is_set() or has_started.is_set():
                raise
    if failed:
        raise CannotGoOn(failed[0].name) from failed[0].error


async def greeting(program: "Running") -> list[str]:
    """Return what a person should know once the program is up."""
    settings = program.settings
    lines = [
        "Leitstand is running. Ctrl-C stops it.",
        "",
        f"  Portal    {program.portal_url}",
        f"  Stations  {program.ocpp_url}/IDENTITY  (OCPP 1.6, 2.0.1 and 2.1)",
    ]
    if settings.ocpp_tls_port is not None:
        lines.append(f"            wss://{settings.ocpp_host}:{settings.ocpp_tls_port}/IDENTITY")
    lines.append("")
    if is_loopback(settings.ocpp_host):
        lines += [
            "Only this machine reaches the stations' listener. To open it to the network, set",
            "LEITSTAND_OCPP_HOST=0.0.0.0, and LEITSTAND_OCPP_TLS_PORT with LEITSTAND_OCPP_TLS_CERT",
            "and LEITSTAND_OCPP_TLS_KEY, unless a proxy in front of it does TLS.",
            "",
        ]
    if program.fresh_password is not None:
        lines += [
            "The first administrator may sign in to the portal. This is shown only once:",
            f"  User name  {FIRST_USER_NAME}",
            f"  Password   {program.fresh_password}",
            "",
        ]
    async with program.database.unit_of_work() as db:
        unguarded = await registry.stations_without_password(db, WHOLE)
    if unguarded:
        lines += [warning_of(unguarded), ""]
    return lines[:-1]


def warning_of(unguarded: Sequence[str]) -> str:
    """Return the warning about stations that anybody can pretend to be (one at least)."""
    named = ", ".join(unguarded[:_NAMED_MAX])
    others = len(unguarded) - _NAMED_MAX
    if others > 0:
        named += f" and {others} more"
    return (
        f"Warning: without a password (security profile 0): {named}. Whoever reaches the listener"
        " can pretend to be such a station. Give it a password with"
        " `leitstand station password IDENTITY`."
    )


def is_loopback(host: str) -> bool:
    """Tell whether only this machine reaches what listens there."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
