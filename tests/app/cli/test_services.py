"""Services by command."""

from tests.app.conftest import Cli


def test_services_are_priced_switched_and_booked(cli: Cli) -> None:
    cli("service", "create-list", "standard", "--name", "Standard")
    cli("service", "price", "standard", "roaming_base", "5")
    cli("service", "assign-list", "standard", "root")
    on = cli("service", "switch", "on", "roaming", "root")
    assert on.out.strip() == "roaming is on: 5.00 EUR a month."
    assert cli("service", "switch", "on", "roaming", "root", "--json").json["changed"] is False
    [line] = cli("service", "costs", "root", "2099-01", "--json").json
    assert (line["kind"], line["charged"]) == (
        "roaming_base",
        {"amount": "5.00", "currency": "EUR"},
    )
    booked = cli("service", "book-month", "root", "2026-01", "--json").json
    assert booked == {"month": "2026-01", "booked": 0, "net": []}
    runs = cli("service", "book-month", "root", "2099-01")
    assert (runs.status, "is not over" in runs.err) == (1, True)


def test_a_wrong_amount_or_state_is_refused(cli: Cli) -> None:
    cli("service", "create-list", "standard", "--name", "Standard")
    wrong = cli("service", "price", "standard", "monitoring", "much")
    assert (wrong.status, wrong.err.startswith("leitstand: 'much' is no amount.")) == (1, True)
    assert cli("service", "switch", "maybe", "roaming", "root").status == 2
