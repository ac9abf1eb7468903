"""Organisations by command; wrong use of any."""

import pytest

from tests.app.conftest import Cli


def test_the_root_is_there_from_the_start(cli: Cli) -> None:
    [root] = cli("organisation", "list", "--json").json

    assert root["key"] == "root"
    assert root["parent"] is None
    assert root["created_at"].endswith("Z")


def test_an_organisation_takes_what_is_left_out_from_its_parent(cli: Cli) -> None:
    made = cli(
        *("organisation", "create", "nord", "--name", "Nord GmbH", "--json"),
        *("--tax-status", "small_business", "--email", "nord@example.org"),
    )

    assert made.status == 0
    assert made.json["parent"] == "root"
    assert made.json["time_zone"] == "Europe/Berlin"
    assert made.json["tax_status"] == "small_business"
    assert cli("organisation", "list").lines[1][0] == "nord"


def test_the_same_key_twice_is_refused_in_one_sentence(cli: Cli) -> None:
    assert cli("organisation", "create", "nord", "--name", "Nord").status == 0
    again = cli("organisation", "create", "nord", "--name", "Nord")

    assert (again.status, again.out) == (1, "")
    assert again.err == "leitstand: There is an organisation 'nord' already.\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ("organisation", "create", "nord"),  # without a name
        ("organisation", "create", "nord", "--name", "Nord", "--tax-status", "none"),
        ("organisation", "create", "nord", "--name", "Nord", "--colour", "red"),
        ("organisation", "remove", "nord"),
        ("provider", "create", "DE*ABC", "--name", "ABC", "--terms-days", "400"),
        ("agreement", "create", "root", "--internal-bps", "10001"),
        ("agreement", "create", "root", "--basis", "profit"),
        ("organisation",),
        (),
    ],
)
def test_wrong_use_ends_with_status_2_and_says_what_is_right(
    bare: Cli, arguments: tuple[str, ...]
) -> None:
    outcome = bare(*arguments)

    assert outcome.status == 2
    assert "Usage: leitstand" in outcome.err + outcome.out
