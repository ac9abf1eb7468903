"""Credits by command."""

from pathlib import Path

from tests.app.conftest import Cli

HEAD = "number,user_name,quantity,net,ordered_at,payment,is_invoiced\n"


def test_credits_are_ordered_paid_once_and_listed(cli: Cli) -> None:
    cli("organisation", "create", "nord", "--name", "Nord", "--email", "kasse@nord.example")
    made = cli("credits", "order", "240", "--organisation", "nord", "--json")
    [order] = made.json
    assert "250 credits would cost less: 28.50 EUR." in made.err
    assert (order["state"], order["net"]["amount"]) == ("open", "28.56")
    pay = ("credits", "pay", order["number"], "--payment", "bank 1")
    assert cli(*pay, "--json").json[0]["state"] == "booked"
    again = cli(*pay)
    assert (again.status, "was paid before" in again.err) == (1, True)
    whose = ("--organisation", "nord", "--json")
    assert cli("credits", "balance", *whose).json == [
        {"organisation": "nord", "balance": 240, "reserved": 0, "available": 240}
    ]
    [line] = cli("credits", "bookings", *whose).json
    assert (line["service"], line["balance_after"]) == ("purchase", 240)
    [listed] = cli("credits", "orders", "--state", "booked", "--json").json
    assert listed["payment"] == "bank 1"
    assert cli("credits", "remote-access", "--json").json == []


def test_orders_are_released_cancelled_and_a_shops_are_taken_in_and_matched(
    cli: Cli, tmp_path: Path
) -> None:
    cli("organisation", "create", "nord", "--name", "Nord")
    first, second = (cli("credits", "order", "10", "--json").json[0] for _ in range(2))
    assert cli("credits", "release", first["number"]).status == 0
    assert cli("credits", "release", first["number"]).status == 1
    assert cli("credits", "cancel", second["number"], "--json").json[0]["state"] == "cancelled"
    file = tmp_path / "shop.csv"
    file.write_text(
        HEAD
        + "S-1,nobody,100,11.90,2026-10-01,card,no\n"
        + "S-2,nobody,many,11.90,2026-10-01,card,no\n"
        + "S-3,nobody,100,11.90,2026-10-01,card,perhaps\n"
    )
    taken = cli("credits", "import", str(file), "--json")
    assert taken.status == 1
    assert [each["state"] for each in taken.json] == ["unmatched"]
    assert taken.err.splitlines() == [
        "line 3: quantity or net is no number.",
        "line 4: is_invoiced is yes or no.",
    ]
    assert cli("credits", "match", "S-1", "nord", "--json").json[0]["state"] == "booked"


def test_prices_are_set_from_now_on(cli: Cli) -> None:
    assert cli("credits", "set-prices", "1=0.11", "100=0.1").status == 0
    assert cli("credits", "set-cost", "sms", "2").status == 0
    found = cli("credits", "prices", "--json").json
    assert [each["unit_price"] for each in found["tiers"]] == ["0.110000", "0.100000"]
    assert found["services"]["sms"] == 2
    assert cli("credits", "prices").lines[0] == ["from", "unit_price", "discount"]
    wrong = cli("credits", "set-prices", "1=x")
    assert (wrong.status, "A line is written 1000=0.099" in wrong.err) == (1, True)
    assert cli("credits", "set-prices", "1=0.1234567").status == 1
