"""`python -m simulators`: stations, fleets, stories and whole months against a central system."""

import argparse
import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import uvloop

from simulators.book import Book, read_book
from simulators.clock import HandClock, RealClock, SharedClock
from simulators.fleet import Fleet, FleetOptions, RemoteTarget
from simulators.link import BadAnswer, CallRefused, LinkLost, NoAnswer
from simulators.manners import Failing, read_failings
from simulators.month import Month, MonthFailed
from simulators.plan import BadPlan, draw_up, read_plan
from simulators.scenarios import (
    clock_wrong,
    kwh_as_wh,
    lost_acknowledgments,
    meter_backwards,
    normal_day,
    offline_night,
    power_loss,
    reconnect_storm,
    two_sockets,
)
from simulators.target import NotAdmitted, Target

SCENARIOS: dict[str, Callable[[Target], Coroutine[Any, Any, Book]]] = {
    "clock_wrong": clock_wrong.run,
    "kwh_as_wh": kwh_as_wh.run,
    "lost_acknowledgments": lost_acknowledgments.run,
    "meter_backwards": meter_backwards.run,
    "normal_day": normal_day.run,
    "offline_night": offline_night.run,
    "power_loss": power_loss.run,
    "reconnect_storm": reconnect_storm.run,
    "two_sockets": two_sockets.run,
}

_TROUBLE = (
    BadAnswer,
    BadPlan,
    CallRefused,
    LinkLost,
    MonthFailed,
    NoAnswer,
    NotAdmitted,
    OSError,
    RemoteTarget,
    TimeoutError,
)
_MOST_STATIONS = 20_000
_LONGEST_S = 7 * 24 * 3600.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return the exit status: 0 well, 1 not, 2 wrong use."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    try:
        if chosen.command == "book":
            with chosen.file.open(encoding="utf-8") as lines:
                print(json.dumps(read_book(lines).as_json(), indent=2))
            return 0
        book = Book(chosen.book)
        try:
            status = uvloop.run(chosen.run(chosen, book))
        finally:
            book.close()
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 130
    except _TROUBLE as trouble:
        print(f"simulators: {trouble}", file=sys.stderr)
        return 1
    except ExceptionGroup as group:
        known, unknown = group.split(_TROUBLE)
        if unknown is not None or known is None:
            raise
        print(f"simulators: {known.exceptions[0]}", file=sys.stderr)
        return 1
    except ValueError as trouble:
        print(f"simulators: {trouble}", file=sys.stderr)
        return 1
    if chosen.json:
        print(json.dumps(book.as_json(), indent=2))
    assert isinstance(status, int)
    return status


# ----------------------------------------------------------------------- what to run


async def _run_fleet(chosen: argparse.Namespace, book: Book) -> int:
    fleet = Fleet(_fleet_options(chosen), book)
    if chosen.describe:
        print(json.dumps(fleet.options.described(), indent=2))
        return 0
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, fleet.stop)
    with _Progress() as progress:
        report = await fleet.run(progress)
    if not chosen.json:
        print(json.dumps(asdict(report)))
    return 0 if report.unfinished == 0 and report.admitted == report.stations else 1


def _fleet_options(chosen: argparse.Namespace) -> FleetOptions:
    return FleetOptions(
        url=chosen.url,
        stations=chosen.stations,
        evses=chosen.evses,
        versions=tuple(chosen.version or ["1.6", "2.0.1", "2.1"]),
        identity_prefix=chosen.identity_prefix,
        token_prefix=chosen.token_prefix,
        password=chosen.password,
        charging=not chosen.idle,
        session_s=chosen.session_s,
        pause_s=chosen.pause_s,
        reading_s=chosen.reading_s,
        power_w=chosen.power_w,
        duration_s=chosen.duration_s,
        drain_s=chosen.drain_s,
        ramp_s=chosen.ramp_s,
        answer_timeout_s=chosen.answer_timeout_s,
        reconnect_max_s=chosen.reconnect_max_s,
        heartbeat_s=chosen.heartbeat_s,
        seed=chosen.seed,
        through_package=chosen.through_package,
        allow_remote=chosen.allow_remote,
        failings=read_failings(chosen.failing),
        failing_every=chosen.failing_every,
        late_s=chosen.late_s,
        effect_s=chosen.effect_s,
    )


async def _run_station(chosen: argparse.Namespace, book: Book) -> int:
    """One station with people who come and go: a fleet of one, on the validating link."""
    fleet = _OneStation(chosen, book)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, fleet.stop)
    with _Progress() as progress:
        report = await fleet.run(progress)
    if not chosen.json:
        print(json.dumps(asdict(report)))
    return 0 if report.unfinished == 0 and report.admitted == 1 else 1


class _OneStation(Fleet):
    """The fleet of one: its names are given, not numbered."""

    def __init__(self, chosen: argparse.Namespace, book: Book) -> None:
        super().__init__(_OneStationOptions.of(chosen), book)


class _OneStationOptions(FleetOptions):
    @staticmethod
    def of(chosen: argparse.Namespace) -> FleetOptions:
        return _OneStationOptions(
            url=chosen.url,
            stations=1,
            evses=chosen.evses,
            versions=(chosen.version,),
            identity_prefix=chosen.identity,
            token_prefix=chosen.id_token,
            password=chosen.password,
            charging=chosen.charge,
            session_s=chosen.session_s,
            pause_s=chosen.pause_s,
            reading_s=chosen.reading_s,
            power_w=chosen.power_w,
            duration_s=chosen.duration_s,
            drain_s=30,
            ramp_s=0,
            answer_timeout_s=30,
            reconnect_max_s=30,
            heartbeat_s=chosen.heartbeat_s,
            seed=chosen.seed,
            through_package=True,
            failings=read_failings(chosen.failing),
            late_s=chosen.late_s,
            effect_s=chosen.effect_s,
            # One station that behaves is no load.
            allow_remote=True,
        )

    def identity(self, index: int) -> str:
        return self.identity_prefix

    def id_token(self, index: int, evse_id: int) -> str:
        return self.token_prefix if self.evses == 1 else f"{self.token_prefix}{evse_id}"


async def _run_scenario(chosen: argparse.Namespace, book: Book) -> int:
    target = Target(
        url=chosen.url,
        identity=chosen.identity,
        version=chosen.version,
        password=chosen.password,
        id_token=chosen.id_token,
        clock=RealClock(pace=chosen.hour_s / 3600),
        book=book,
        seed=chosen.seed,
        stations=chosen.stations,
        allow_remote=chosen.allow_remote,
    )
    _end_on_signal()
    book.run(simulator=f"scenario {chosen.name}", url=chosen.url, seed=chosen.seed)
    await SCENARIOS[chosen.name](target)
    unfinished = len(book.unfinished())
    if not chosen.json:
        print(json.dumps({"sessions": len(book.records), "unfinished": unfinished}))
    return 0 if unfinished == 0 else 1


async def _run_month(chosen: argparse.Namespace, book: Book) -> int:
    facts = json.loads(chosen.plan.read_text(encoding="utf-8"))
    plan = read_plan(facts)
    url = chosen.url or facts.get("url")
    if url is None:
        raise BadPlan("url: neither the plan nor --url names one")
    agenda = draw_up(plan)
    path = chosen.clock_file or plan.clock_file
    clock = HandClock(agenda.begin) if path is None else SharedClock(Path(path), agenda.begin)
    month = Month(plan, agenda, url=url, book=book, clock=clock, validate=chosen.validate)
    _end_on_signal()
    book.run(simulator="month", url=url, month=plan.month, seed=plan.seed)
    try:
        with _Progress() as progress:
            await month.live(lambda at: progress(f"{at:%Y-%m-%d %H:%M}"))
        _tell("month_done", sessions=len(book.records), late=month.late_identities)
        if chosen.stay:
            await month.stay(_lines_of_stdin(), _tell)
        elif chosen.with_late:
            _tell("late_done", stations=await month.bring_back_the_late())
    finally:
        await month.leave()
        if isinstance(clock, SharedClock):
            clock.release()
            clock.close()
    # Whoever is still charging, or is to report late, has not lost anything.
    lost = [record for record in book.records.values() if record.dropped]
    return 0 if not lost else 1


def _end_on_signal() -> None:
    """Let SIGTERM end the command in an orderly way, as SIGINT does."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)


def _tell(what: str, **facts: object) -> None:
    print(json.dumps({"event": what, **facts}), flush=True)


async def _lines_of_stdin() -> AsyncIterator[str]:
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    try:
        while line := await reader.readline():
            yield line.decode()
    finally:
        transport.close()


class _Progress:
    """One line that is written over and over, on a terminal only."""

    def __enter__(self) -> "_Progress":
        return self

    def __call__(self, text: str) -> None:
        if sys.stderr.isatty():
            print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)

    def __exit__(self, *_: object) -> None:
        self("")


# ----------------------------------------------------------------------- the command line


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m simulators", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)

    station = commands.add_parser("station", help="one station that answers commands and charges")
    _common(station)
    _one(station, "SIM-0001")
    _pace(station, session_s=60, pause_s=20, reading_s=10, duration_s=600)
    _manners(station)
    station.add_argument("--no-charge", dest="charge", action="store_false", help="only be there")
    station.set_defaults(run=_run_station)

    fleet = commands.add_parser("fleet", help="many stations that keep charging and survive")
    _common(fleet)
    _load(fleet)
    _pace(fleet, session_s=5, pause_s=1, reading_s=0.5, duration_s=30)
    _manners(fleet)
    fleet.add_argument(
        "--failing-every",
        type=_up_to(_MOST_STATIONS),
        default=1,
        metavar="N",
        help="only every n-th station has the failings",
    )
    fleet.add_argument("--version", action="append", choices=_VERSIONS, help="one or several")
    fleet.add_argument("--identity-prefix", default="SIM", metavar="TEXT")
    fleet.add_argument("--token-prefix", default="SIM", metavar="TEXT")
    fleet.add_argument("--idle", action="store_true", help="connect, boot and beat, no charging")
    fleet.add_argument("--drain-s", type=_seconds, default=120.0, help="time to deliver all")
    fleet.add_argument("--ramp-s", type=_seconds, default=2.0, help="time to connect all")
    fleet.add_argument("--answer-timeout-s", type=_seconds, default=5.0)
    fleet.add_argument("--reconnect-max-s", type=_seconds, default=3.0)
    fleet.add_argument(
        "--through-package", action="store_true", help="use the ocpp package, validating all"
    )
    fleet.add_argument(
        "--describe", action="store_true", help="print stations and id tokens as JSON, and end"
    )
    fleet.set_defaults(run=_run_fleet)

    scenario = commands.add_parser("scenario", help="one story of what happens in the field")
    scenario.add_argument("name", choices=sorted(SCENARIOS))
    _common(scenario)
    _one(scenario, "SIM-STORY")
    _load(scenario)
    scenario.add_argument(
        "--hour-s", type=_seconds, default=1.0, help="real seconds that stand for an hour"
    )
    scenario.set_defaults(run=_run_scenario)

    month = commands.add_parser("month", help="live through a planned month on a fast clock")
    _common(month, url=None)
    month.add_argument("--plan", type=Path, required=True, metavar="FILE", help="the plan, JSON")
    month.add_argument("--clock-file", metavar="FILE", help="the clock shared with the server")
    month.add_argument("--validate", action="store_true", help="hold every frame to the schemas")
    month.add_argument(
        "--stay",
        action="store_true",
        help="go on in real time; standard input takes `late` and `quit`",
    )
    month.add_argument(
        "--with-late", action="store_true", help="let the late stations report at the end"
    )
    month.set_defaults(run=_run_month)

    book = commands.add_parser("book", help="print a book as JSON")
    book.add_argument("file", type=Path)
    return parser


_VERSIONS = ("1.6", "2.0.1", "2.1")


def _common(parser: argparse.ArgumentParser, url: str | None = "ws://127.0.0.1:9000") -> None:
    parser.add_argument("--url", default=url, help="the central system's, without an identity")
    parser.add_argument(
        "--password",
        default=os.environ.get("SIMULATORS_PASSWORD"),
        help="for HTTP Basic authentication; better in the variable SIMULATORS_PASSWORD",
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--book", type=Path, metavar="FILE", help="write the book, line by line")
    parser.add_argument("--json", action="store_true", help="print the whole book at the end")


def _one(parser: argparse.ArgumentParser, identity: str) -> None:
    parser.add_argument("--identity", default=identity)
    parser.add_argument("--version", choices=_VERSIONS, default="1.6")
    parser.add_argument("--id-token", default="SIM00001")


def _load(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--stations", type=_up_to(_MOST_STATIONS), default=200)
    parser.add_argument(
        "--allow-remote", action="store_true", help="load another machine than this one"
    )


def _pace(
    parser: argparse.ArgumentParser,
    *,
    session_s: float,
    pause_s: float,
    reading_s: float,
    duration_s: float,
) -> None:
    parser.add_argument("--evses", type=_up_to(50), default=1, help="per station")
    parser.add_argument("--session-s", type=_seconds, default=session_s, help="mean length")
    parser.add_argument("--pause-s", type=_seconds, default=pause_s, help="mean pause after it")
    parser.add_argument("--reading-s", type=_seconds, default=reading_s, help="between readings")
    parser.add_argument("--duration-s", type=_seconds, default=duration_s, help="of the charging")
    parser.add_argument("--heartbeat-s", type=_seconds, help="instead of what the server says")
    parser.add_argument("--power-w", type=_up_to(1_000_000), default=22_000)


def _manners(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--failing",
        action="append",
        default=[],
        metavar="ACTION=FAILING",
        help="let a command fail (ACTION may be * for any; once per action); one of "
        + ", ".join(Failing),
    )
    parser.add_argument(
        "--late-s", type=_seconds, default=5.0, help="how late the answer is of late_answer"
    )
    parser.add_argument(
        "--effect-s", type=_seconds, default=0.0, help="between an answer and what follows from it"
    )


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds <= _LONGEST_S:
        raise argparse.ArgumentTypeError(f"{text} s is not between 0 and a week")
    return seconds


def _up_to(most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        value = int(text)
        if not 1 <= value <= most:
            raise argparse.ArgumentTypeError(f"{text} is not between 1 and {most}")
        return value

    return read


if __name__ == "__main__":
    sys.exit(main())
