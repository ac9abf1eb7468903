"""People by command."""

from accounts.passwords import SHORTEST
from tests.app.conftest import Cli


def test_a_user_gets_a_fresh_password_that_is_shown_once(cli: Cli) -> None:
    made = cli("user", "create", "erika", "--role", "administrator", "--role", "support", "--json")

    assert made.status == 0
    assert made.json["group"] == "administrator"
    assert made.json["organisation"] == "root"
    assert len(made.json["password"]) > SHORTEST
    assert made.json["password"] not in cli("user", "list", "--json").out


def test_a_password_that_is_given_is_not_shown(cli: Cli) -> None:
    arguments = ("user", "create", "erika", "--role", "owner", "--password-stdin")
    assert cli(*arguments, typed="short\n").err == (
        f"leitstand: The password must have at least {SHORTEST} characters.\n"
    )
    made = cli(*arguments, typed="correct horse\n")

    assert made.status == 0
    assert "correct horse" not in made.out + made.err


def test_a_password_is_never_an_option(bare: Cli) -> None:
    assert "--password " not in bare("user", "create", "--help").out
    assert bare("user", "create", "erika", "--role", "owner", "--password", "x").status == 2


def test_a_user_can_be_deactivated_but_not_the_last_administrator(cli: Cli) -> None:
    cli("user", "create", "adam", "--role", "administrator")
    cli("user", "create", "erika", "--role", "owner")

    assert cli("user", "deactivate", "erika").status == 0
    active = {each["user_name"]: each["active"] for each in cli("user", "list", "--json").json}
    assert active == {"adam": True, "erika": False}
    refused = cli("user", "deactivate", "adam")
    assert refused.status == 1
    assert "the last active administrator" in refused.err
    assert cli("user", "deactivate", "nobody").err == "leitstand: There is no user 'nobody'.\n"


def test_a_password_can_be_replaced(cli: Cli) -> None:
    cli("user", "create", "erika", "--role", "owner")

    fresh = cli("user", "password", "erika", "--json").json
    assert fresh["user_name"] == "erika"
    assert len(fresh["password"]) > SHORTEST
    given = cli("user", "password", "erika", "--password-stdin", "--json", typed="correct horse\n")
    assert given.json == {"user_name": "erika", "password": None}
    assert cli("user", "password", "nobody").status == 1
