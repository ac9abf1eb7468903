"""What all commands have in common: moments, tables, JSON, the embedded database."""

import subprocess
import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path

import pytest

from app.cli.frame import as_json, chosen, moment_from, progress, show
from foundation.errors import InvalidInput
from foundation.money import Money
from foundation.postgres import EmbeddedPostgres
from foundation.settings import InvalidSetting, Settings
from tests.app.conftest import Cli


class Colour(StrEnum):
    RED = "red"


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (datetime(2026, 1, 1, 12, tzinfo=UTC), "2026-01-01T12:00:00Z"),
        (date(2026, 1, 1), "2026-01-01"),
        (Money(Decimal("12.30"), "EUR"), {"amount": "12.30", "currency": "EUR"}),
        (Decimal("10.5"), 10.5),
        (Decimal("10.0"), 10),
        (Colour.RED, "red"),
        (frozenset({"b", "a"}), ["a", "b"]),
        ({"a": (Decimal(1), None)}, {"a": [1, None]}),
        (True, True),
    ],
)
def test_values_are_written_as_the_rest_api_does(value: object, written: object) -> None:
    assert as_json(value) == written


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2026-01-01", datetime(2025, 12, 31, 23, tzinfo=UTC)),
        ("2026-07-01", datetime(2026, 6, 30, 22, tzinfo=UTC)),
        ("2026-01-01T12:00:00Z", datetime(2026, 1, 1, 12, tzinfo=UTC)),
        ("2026-01-01T12:00+02:00", datetime(2026, 1, 1, 10, tzinfo=UTC)),
    ],
)
def test_a_day_begins_at_midnight_of_the_zone(written: str, moment: datetime) -> None:
    assert moment_from(written, "Europe/Berlin", field="valid_from") == moment


@pytest.mark.parametrize("written", ["", "tomorrow", "2026-13-01", "2026-01-01T12:00", "20260101"])
def test_what_is_no_moment_is_refused(written: str) -> None:
    with pytest.raises(InvalidInput, match="valid_from is written as a day") as refused:
        moment_from(written, "Europe/Berlin", field="valid_from")
    assert refused.value.field == "valid_from"


def test_options_that_were_left_out_are_no_facts() -> None:
    assert chosen({"name": "x", "email": None, "days": 0}) == {"name": "x", "days": 0}


def test_a_cell_cannot_break_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    show([{"name": "a\tb\nc", "on": True, "none": None}], ("name", "on", "none"), json=False)

    assert capsys.readouterr().out == "name\ton\tnone\na b c\tyes\t\n"


def test_what_a_station_calls_itself_is_no_markup(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    show([{"name": "[red]x[/red]"}], ("name",), json=False)
    show([], ("name",), json=False)

    out = capsys.readouterr().out
    assert "[red]x[/red]" in out
    assert "There are none." in out


def test_no_bar_is_drawn_into_a_log(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("Counting", 2) as step:
        step()
        step()

    assert capsys.readouterr().err == ""


def test_a_bar_is_shown_on_a_terminal_once_it_takes_long(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.setattr("app.cli.frame._SHOW_PROGRESS_AFTER_S", 3600.0)
    with progress("Counting", 2) as step:
        step()
    assert capsys.readouterr().err == ""

    monkeypatch.setattr("app.cli.frame._SHOW_PROGRESS_AFTER_S", -1.0)
    with progress("Counting", 2) as step:
        step()
        step()
    assert "Counting" in capsys.readouterr().err


def test_no_command_starts_with_a_setting_it_does_not_understand(
    bare: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEITSTAND_HTTP_PORT", "eighty")

    for command in (("serve",), ("migrate",), ("user", "list"), ("doctor",)):
        refused = bare(*command)
        assert (refused.status, refused.out) == (1, "")
        assert "LEITSTAND_HTTP_PORT" in refused.err


@pytest.mark.slow
def test_the_embedded_server_is_started_for_a_command_and_stopped_again(
    bare: Cli, tmp_path: Path
) -> None:
    made = bare("api-key", "create", "--role", "administrator", "--name", "first", "--json")
    assert made.status == 0
    assert made.json.keys() == {"api_key"}
    assert "A new database is being made" in made.err

    server = EmbeddedPostgres(tmp_path / ".leitstand", say=lambda _: None)
    assert server.pid is None
    server.start()
    pid = server.pid
    try:
        beside = bare("api-key", "list", "--json")
        assert [each["name"] for each in beside.json] == ["first"]
        assert beside.err == ""
        assert (pid, server.pid) == (pid, pid)
        assert bare("doctor").status == 0
    finally:
        server.discard()


def test_the_help_of_every_command_needs_nothing(bare: Cli, tmp_path: Path) -> None:
    for command in (
        *("serve", "demo", "migrate", "doctor", "close-month"),
        *("user", "api-key", "station", "token", "tariff"),
        *("organisation", "provider", "agreement", "export"),
    ):
        shown = bare(command, "--help")
        assert shown.status == 0
        assert "Usage: leitstand" in shown.out
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_python_dash_m_ends_with_the_status_of_the_command() -> None:
    root = Path(__file__).resolve().parents[3]

    def status(*arguments: str) -> int:
        return subprocess.run(
            [sys.executable, "-m", "app", *arguments], cwd=root, capture_output=True, check=False
        ).returncode

    assert status("--help") == 0
    assert status("fly") == 2
    assert status("close-month", "2026-13") == 1


def test_a_setting_that_is_given_wins_over_the_environment(
    bare: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEITSTAND_WORKERS", "3")
    assert Settings.read(workers=2).workers == 2
    with pytest.raises(InvalidSetting):
        Settings.read(workers=0)
    assert bare("serve", "--workers", "0").status == 2
