"""What `doctor` finds, and that it changes nothing."""

from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from foundation import migrate
from tests.app.conftest import Cli, Outcome


def states(outcome: Outcome) -> dict[str, str]:
    return {each["name"]: each["state"] for each in outcome.json["checks"]}


def details(outcome: Outcome) -> dict[str, str]:
    return {each["name"]: each["detail"] for each in outcome.json["checks"]}


def test_a_sound_installation_has_no_failure(cli: Cli) -> None:
    cli("organisation", "list")
    outcome = cli("doctor", "--json")

    assert outcome.status == 0
    found = states(outcome)
    for name in ("database", "migrations", "ledger", "parked events", "clocks", "variables"):
        assert found[name] == "ok", details(outcome)[name]
    assert found["mail server"] == "warning"


def test_every_setting_is_printed_with_its_source_and_no_secret(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEITSTAND_SMTP_URL", "smtp://me:geheim@mail.example.org")
    monkeypatch.setenv("LEITSTAND_HTTP_PROT", "80")
    Path("leitstand.toml").write_text("ocpp_port = 9100\n")
    outcome = cli("doctor")

    assert "LEITSTAND_OCPP_PORT=9100\tleitstand.toml" in outcome.out
    assert "LEITSTAND_HTTP_PORT=8080\tdefault" in outcome.out
    assert "LEITSTAND_SMTP_URL=smtp://me:********@mail.example.org\tenvironment" in outcome.out
    assert "warning\tvariables\tThere are no such settings: LEITSTAND_HTTP_PROT" in outcome.out
    assert "ok\tmail server\t" in outcome.out
    assert "geheim" not in outcome.out + outcome.err


def test_a_setting_that_cannot_be_used_is_named(bare: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEITSTAND_OCPP_PORT", "ninety")
    refused = bare("doctor")

    assert refused.status == 1
    assert refused.err.startswith("leitstand: LEITSTAND_OCPP_PORT: ")
    assert "ninety" not in refused.err


def test_stations_without_a_password_are_listed(cli: Cli) -> None:
    cli("station", "create", "CS-1", "--without-password")
    cli("station", "create", "CS-2")
    outcome = cli("doctor", "--json")

    assert outcome.status == 0
    assert states(outcome)["stations without a password"] == "warning"
    assert details(outcome)["stations without a password"] == "Security profile 0: CS-1"


def test_a_parked_event_is_a_warning(cli: Cli, database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "insert into deliveries"
            " (reader, event_id, lane, subject, state, attempts, due_at, last_error)"
            " values ('billing', 7, 0, 's', 'parked', 6, %s, 'Boom()')",
            [datetime(2026, 1, 1, tzinfo=UTC)],
        )
    outcome = cli("doctor", "--json")

    assert outcome.status == 0
    assert states(outcome)["parked events"] == "warning"
    assert "event 7 for billing: Boom()" in details(outcome)["parked events"]


def test_books_that_do_not_add_up_are_a_failure(cli: Cli, database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("set session_replication_role = replica")  # the database itself refuses
        connection.execute(
            "insert into ledger_postings (entry_id, account, amount_minor, currency)"
            " values (1, 'bank', 5, 'EUR')"
        )
    outcome = cli("doctor", "--json")

    assert outcome.status == 1
    assert states(outcome)["ledger"] == "failed"
    assert "0.05 EUR is left" in details(outcome)["ledger"]


def test_tables_that_are_behind_are_a_failure(cli: Cli, database_url: str) -> None:
    migrate.downgrade(database_url, "accounts_1")
    outcome = cli("doctor", "--json")

    assert outcome.status == 1
    assert states(outcome)["migrations"] == "failed"
    assert "ledger" not in states(outcome)


def test_a_database_that_is_not_there_is_a_failure(
    bare: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEITSTAND_DATABASE_URL", "postgresql://127.0.0.1:1/x")
    outcome = bare("doctor", "--json")

    assert outcome.status == 1
    assert states(outcome)["database"] == "failed"


def test_to_look_makes_no_database(bare: Cli, tmp_path: Path) -> None:
    outcome = bare("doctor", "--json")

    assert outcome.status == 0
    assert states(outcome)["database"] == "warning"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("settings", "state"),
    [
        ({"OCPP_HOST": "127.0.0.1"}, "ok"),
        ({"OCPP_HOST": "localhost"}, "ok"),
        ({"OCPP_HOST": "0.0.0.0"}, "warning"),
        (
            {
                "OCPP_HOST": "0.0.0.0",
                "OCPP_TLS_PORT": "9443",
                "OCPP_TLS_CERT": "c.pem",
                "OCPP_TLS_KEY": "k.pem",
            },
            "ok",
        ),
    ],
)
def test_an_open_listener_without_tls_is_a_warning(
    bare: Cli, monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], state: str
) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(f"LEITSTAND_{name}", value)

    assert states(bare("doctor", "--json"))["listener"] == state


def test_a_person_sees_tables(bare: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    outcome = bare("doctor")

    assert outcome.status == 0
    assert "LEITSTAND_OCPP_PORT" in outcome.out
    assert "mail server" in outcome.out
