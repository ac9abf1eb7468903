"""Accounts by command: applied for, refused to the applicant, and calculated."""

from tests.app.conftest import Cli


def applied(cli: Cli, *more: str) -> list[str]:
    return ["account", "apply", "nord", "--name", "Nord", "--customer", "Nord GmbH", *more]


def test_an_account_is_applied_for_and_not_approved_by_who_did(cli: Cli) -> None:
    cli("organisation", "create", "nord", "--name", "Nord GmbH")
    few = cli(*applied(cli, "--datapoints", "19"))
    made = cli(*applied(cli, "--json"))
    own = cli("account", "approve", str(made.json["id"]))
    rejected = cli("account", "reject", str(made.json["id"]), "--reason", "no")
    withdrawn = cli("account", "withdraw", str(made.json["id"]))
    [listed] = cli("account", "applications", "--json").json

    assert few.status == 1
    assert "20 is the least, and 0 are in use" in few.err
    assert (made.json["state"], made.json["wanted"]["datapoints"]) == ("pending", 20)
    assert own.status == rejected.status == 1
    assert "You applied for this yourself" in own.err
    assert withdrawn.status == 0
    assert listed["state"] == "withdrawn"
    assert cli("account", "list", "--json").json == []
    assert cli("account", "archive", "nord").status == 1
    assert cli("account", "change", "nord", "--renew", "12").status == 1
    assert cli("account", "change", "nord").status == 2


def test_licences_are_calculated_with_the_price_list(cli: Cli) -> None:
    meters = ("three_phase_meter=3", "transformer_meter=2", "mbus_meter/heat=12")
    before = cli("account", "calculate", *meters, "--solar-plants", "1", "--json").json
    set_price = cli("account", "price", "point/all/monthly", "5.00")
    after = cli("account", "calculate", *meters, "--solar-plants", "1", "--json").json

    assert before[0]["all"] + before[0]["heat_water_gas"] == 18
    assert before[0]["cost"] == {"amount": "864.00", "currency": "EUR"}
    assert set_price.status == 0
    assert after[0]["cost"] == {"amount": "1008.00", "currency": "EUR"}
    assert cli("account", "calculate", "meters=3").status == 2
    assert cli("account", "price", "gold", "1").status == 1
    assert cli("account", "price", "point/all/monthly", "cheap").status == 2
