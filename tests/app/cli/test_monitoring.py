"""Monitoring of a station by command."""

from tests.app.conftest import Cli


def test_monitoring_is_switched_on_and_off_and_names_its_cost(cli: Cli) -> None:
    cli("station", "create", "CS-1", "--without-password")
    cli("service", "create-list", "standard", "--name", "Standard")
    cli("service", "price", "standard", "monitoring", "9.90")
    cli("service", "assign-list", "standard", "root")

    on = cli("station", "monitoring", "on", "CS-1", "--json").json
    assert (on["active"], on["changed"]) == (True, True)
    assert on["cost"]["per_year"] == {"amount": "118.80", "currency": "EUR"}
    assert on["hints"] == ["no_technician", "no_charge_points"]
    again = cli("station", "monitoring", "on", "CS-1")
    assert again.out.splitlines()[0] == "Station CS-1 is monitored."
    assert "9.90 EUR a month" in again.out
    off = cli("station", "monitoring", "off", "CS-1", "--json").json
    assert (off["active"], off["changed"], off["cost"]["is_again"]) == (False, True, True)
    assert cli("station", "monitoring", "show", "CS-1", "--json").json["changed"] is False


def test_a_station_that_is_not_there_is_not_monitored(cli: Cli) -> None:
    refused = cli("station", "monitoring", "on", "CS-9")
    assert refused.status == 1
    assert refused.err.startswith("leitstand: There is no station 'CS-9'.")
