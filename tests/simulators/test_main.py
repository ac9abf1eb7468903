"""The command line, run as a process of its own."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from simulators.__main__ import SCENARIOS, main
from tests.simulators.csms import TinyCsms
from tests.simulators.test_plan import plan_facts

ROOT = Path(__file__).resolve().parents[2]


async def simulators(*arguments: str, stdin: bytes = b"") -> tuple[int | None, str, str]:
    """Return exit status, output and errors."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "simulators",
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )
    output, errors = await process.communicate(stdin)
    return process.returncode, output.decode(), errors.decode()


def a_plan(folder: Path, **changes: Any) -> str:
    path = folder / "plan.json"
    path.write_text(json.dumps({**plan_facts(), "sessions": 5, **changes}))
    return str(path)


@pytest.mark.parametrize("command", ["station", "fleet", "scenario", "month", "book"])
def test_every_command_has_its_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert command in capsys.readouterr().out


def test_every_scenario_of_the_folder_can_be_chosen() -> None:
    found = {path.stem for path in (ROOT / "simulators" / "scenarios").glob("[a-z]*.py")}
    assert found == set(SCENARIOS)


@pytest.mark.parametrize(
    "arguments",
    [
        ["fleet", "--stations", "0"],
        ["fleet", "--stations", "1000000"],
        ["fleet", "--duration-s", "-1"],
        ["scenario", "fairy_tale"],
        ["station", "--effect-s", "-1"],
        ["station", "--version", "1.5"],
        ["month"],
        [],
    ],
)
def test_wrong_use_ends_with_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2


@pytest.mark.slow
async def test_a_scenario_writes_its_book_and_the_book_can_be_printed(
    csms: TinyCsms, tmp_path: Path
) -> None:
    book = str(tmp_path / "book")
    status, output, _ = await simulators(
        "scenario", "kwh_as_wh", "--url", csms.url, "--hour-s", "0.01", "--book", book
    )
    assert (status, json.loads(output)) == (0, {"sessions": 2, "unfinished": 0})
    status, output, _ = await simulators("book", book)
    assert status == 0
    assert len(json.loads(output)["sessions"]) == 2


@pytest.mark.slow
async def test_a_server_that_is_not_there_ends_with_1_and_a_sentence(tmp_path: Path) -> None:
    status, output, errors = await simulators("scenario", "normal_day", "--url", "ws://127.0.0.1:1")
    assert (status, output) == (1, "")
    assert errors.startswith("simulators: SIM-STORY cannot connect")
    assert len(errors.splitlines()) == 1


@pytest.mark.slow
async def test_a_fleet_reports_as_json_and_refuses_machines_of_others(csms: TinyCsms) -> None:
    quick = ["--duration-s", "0.5", "--session-s", "0.1", "--pause-s", "0.1", "--ramp-s", "0"]
    status, output, _ = await simulators("fleet", "--url", csms.url, "--stations", "3", *quick)
    report = json.loads(output)
    assert (status, report["admitted"], report["unfinished"]) == (0, 3, 0)
    assert report["sessions"] == len(csms.transactions)
    status, output, errors = await simulators("fleet", "--url", "ws://csms.example", *quick)
    assert (status, output) == (1, "")
    assert "--allow-remote" in errors


@pytest.mark.slow
async def test_a_fleet_describes_itself_without_a_server() -> None:
    status, output, _ = await simulators("fleet", "--stations", "2", "--describe")
    assert status == 0
    assert [station["identity"] for station in json.loads(output)] == ["SIM00001", "SIM00002"]


@pytest.mark.slow
async def test_one_station_charges_under_its_own_name(csms: TinyCsms) -> None:
    csms.passwords["WALLBOX"] = "s3cret-s3cret-s3cret"
    options = ["--duration-s", "0.6", "--session-s", "0.1", "--pause-s", "0.05"]
    status, _, errors = await simulators(
        *("station", "--url", csms.url, "--identity", "WALLBOX", "--version", "2.1"),
        *("--password", "s3cret-s3cret-s3cret", "--id-token", "04A1", *options),
    )
    assert (status, errors) == (0, "")
    assert {stored.station for stored in csms.transactions.values()} == {"WALLBOX"}


@pytest.mark.slow
async def test_a_month_tells_when_it_is_done_and_takes_words(
    csms: TinyCsms, tmp_path: Path
) -> None:
    clock = tmp_path / "clock"
    status, output, errors = await simulators(
        *("month", "--plan", a_plan(tmp_path, clock_file=str(clock)), "--url", csms.url, "--stay"),
        stdin=b"late\nquit\n",
    )
    assert (status, errors) == (0, "")
    done, late = (json.loads(line) for line in output.splitlines())
    assert done["event"] == "month_done"
    assert late == {"event": "late_done", "stations": done["late"]}
    assert clock.read_bytes() == bytes(8)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "says"), [({"month": "May"}, "the plan"), ({"url": None}, "url")]
)
async def test_a_bad_plan_ends_with_1_and_the_reason(
    tmp_path: Path, change: dict[str, Any], says: str
) -> None:
    status, _, errors = await simulators("month", "--plan", a_plan(tmp_path, **change))
    assert status == 1
    assert says in errors
