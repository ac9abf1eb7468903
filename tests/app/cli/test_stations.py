"""Stations by command."""

import pytest

from tests.app.conftest import Cli


def test_a_station_gets_a_password_unless_somebody_wants_none(cli: Cli) -> None:
    made = cli("station", "create", "CS-1", "--json").json
    assert (made["identity"], made["organisation"]) == ("CS-1", "root")
    assert (made["admission"], made["security_profile"]) == ("accepted", 1)
    assert made["password"]

    bare = cli("station", "create", "CS-2", "--without-password", "--json").json
    assert (bare["security_profile"], bare["has_password"]) == (0, False)
    given = cli("station", "create", "CS-3", "--password-stdin", "--json", typed="correct horse\n")
    assert given.json["has_password"]
    assert given.json["password"] is None
    assert [line[0] for line in cli("station", "list").lines] == [
        "identity",
        "CS-1",
        "CS-2",
        "CS-3",
    ]


@pytest.mark.parametrize(
    ("arguments", "typed", "status", "said"),
    [
        (("CS-1", "--organisation", "nobody"), "", 1, "There is no organisation 'nobody'."),
        (("CS-1", "--location", "nowhere"), "", 1, "There is no location 'nowhere'."),
        (("CS-1", "--time-zone", "Mars/Base"), "", 1, "no IANA time zone"),
        (("..",), "", 1, "identity has 1 to 48 characters"),
        (("CS-1", "--password-stdin"), "short\n", 1, "A password has 8 to 64 characters."),
        (("CS-1", "--password-stdin", "--without-password"), "", 2, "Choose one of"),
        ((), "", 2, "identity"),
    ],
)
def test_a_station_that_cannot_be_is_refused(
    cli: Cli, arguments: tuple[str, ...], typed: str, status: int, said: str
) -> None:
    refused = cli("station", "create", *arguments, typed=typed)

    assert refused.status == status
    assert said in refused.err
    assert cli("station", "list", "--json").json == []


def test_a_station_is_refused_and_taken_in_again(cli: Cli) -> None:
    cli("station", "create", "CS-1", "--without-password")

    assert cli("station", "refuse", "CS-1", "--json").json["admission"] == "refused"
    assert cli("station", "list", "--admission", "accepted", "--json").json == []
    accepted = cli("station", "accept", "CS-1")
    assert accepted.status == 0
    assert "no password" in accepted.err
    found = cli("station", "list", "--admission", "accepted", "--query", "cs-", "--json").json
    assert [each["identity"] for each in found] == ["CS-1"]
    assert cli("station", "accept", "CS-9").err == "leitstand: There is no station 'CS-9'.\n"


def test_a_stations_password_is_replaced(cli: Cli) -> None:
    cli("station", "create", "CS-1", "--without-password")

    fresh = cli("station", "password", "CS-1", "--json").json
    assert len(fresh["password"]) >= 16
    [station] = cli("station", "list", "--json").json
    assert (station["security_profile"], station["has_password"]) == (1, True)
    assert cli("station", "password", "CS-9").status == 1
