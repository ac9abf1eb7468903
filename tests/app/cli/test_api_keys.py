"""API keys by command."""

import pytest

from tests.app.conftest import Cli


def test_an_api_key_is_printed_as_the_contract_says(cli: Cli) -> None:
    made = cli("api-key", "create", "--role", "administrator", "--name", "checks", "--json")

    assert made.status == 0
    assert made.json.keys() == {"api_key"}
    assert made.json["api_key"].startswith("lst_")
    [known] = cli("api-key", "list", "--json").json
    assert (known["name"], known["role"], known["organisation"]) == (
        "checks",
        "administrator",
        "root",
    )
    assert made.json["api_key"] not in cli("api-key", "list").out


def test_a_key_alone_is_on_standard_output_for_scripts(cli: Cli) -> None:
    made = cli("api-key", "create", "--role", "owner", "--name", "checks")

    assert made.out.startswith("lst_")
    assert len(made.out.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("--role", "king", "--name", "x"), 2, "--role"),
        (("--role", "owner"), 2, "--name"),
        (("--role", "owner", "--name", "x", "--organisation", "nobody"), 1, "'nobody'"),
        (("--role", "owner", "--name", ""), 1, "name"),
    ],
)
def test_a_key_that_cannot_be_is_refused(
    cli: Cli, arguments: tuple[str, ...], status: int, said: str
) -> None:
    refused = cli("api-key", "create", *arguments)

    assert refused.status == status
    assert refused.out == ""
    assert said in refused.err


def test_a_key_is_revoked_once_and_stays_so(cli: Cli) -> None:
    cli("api-key", "create", "--role", "owner", "--name", "checks")
    [key] = cli("api-key", "list", "--json").json
    assert key["revoked_at"] is None

    assert cli("api-key", "revoke", str(key["id"])).status == 0
    assert cli("api-key", "revoke", str(key["id"])).status == 0
    [revoked] = cli("api-key", "list", "--json").json
    assert revoked["revoked_at"] is not None
    assert cli("api-key", "revoke", "4711").status == 1
    assert cli("api-key", "revoke", "all").status == 2
