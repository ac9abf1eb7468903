"""Remote commands by command."""

import psycopg
import pytest

from tests.app.conftest import Cli


@pytest.fixture
def station(cli: Cli, database_url: str) -> str:
    """A station of the operator that is connected to some node."""
    cli("station", "create", "CS-1", "--without-password")
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "insert into nodes (node, started_at, lease_until)"
            " values ('n1', now(), now() + interval '1 hour')"
        )
        connection.execute(
            "insert into station_connections (station, node, epoch, version, connected_at,"
            " last_heard_at, silence) values ('CS-1', 'n1', 1, 'ocpp1.6', now(), now(), 'online')"
        )
    return "CS-1"


def test_a_command_is_asked_followed_and_cancelled(cli: Cli, station: str) -> None:
    asked = cli("station", "command", station, "Reset", '{"type": "Soft"}', "--json").json
    assert (asked["state"], asked["door"], asked["action"]) == ("queued", "cli", "Reset")
    assert cli("command", "show", asked["id"], "--json").json["id"] == asked["id"]
    assert cli("command", "cancel", asked["id"], "--json").json["state"] == "cancelled"
    again = cli("command", "cancel", asked["id"])
    assert (again.status, "is cancelled" in again.err) == (1, True)
    listed = cli("command", "list", "--station", station, "--state", "cancelled", "--json").json
    assert [each["id"] for each in listed] == [asked["id"]]
    [rate] = cli("command", "rates", "--json").json
    assert (rate["action"], rate["not_sent"]) == ("Reset", 1)


def test_waiting_ends_with_status_1_if_nothing_happened(cli: Cli, station: str) -> None:
    done = cli("station", "command", station, "Reset", '{"type": "Soft"}', "--wait", "0.1")
    assert done.status == 1
    assert "Reset to CS-1 is queued" in done.out


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("Reset", '{"type": "Gently"}'), 1, "$.type"),
        (("Reset", "no json"), 1, "PAYLOAD is no JSON."),
        (("Reset", "[]"), 1, "PAYLOAD is no JSON object."),
        (("MakeCoffee",), 1, "MakeCoffee"),
        ((), 2, "action"),
    ],
)
def test_what_cannot_be_asked_is_refused(
    cli: Cli, station: str, arguments: tuple[str, ...], status: int, said: str
) -> None:
    refused = cli("station", "command", station, *arguments)
    assert (refused.status, said.lower() in refused.err.lower()) == (status, True)


def test_the_operator_needs_an_order_for_another_s_station_only(
    cli: Cli, station: str, database_url: str
) -> None:
    """Impossible by the command line, too: it is the queue that looks."""
    change = ("ChangeConfiguration", '{"key": "A", "value": "1"}')
    assert cli("station", "command", station, *change).status == 0
    assert cli("organisation", "create", "other", "--name", "Other").status == 0
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("update station_owners set organisation = 'other'")
    refused = cli("station", "command", station, *change)
    assert (refused.status, "written order" in refused.err) == (1, True)


def test_an_unknown_command_is_not_found(cli: Cli) -> None:
    assert cli("command", "show", "4711").err == "leitstand: There is no command '4711'.\n"
