"""Providers by command."""

from tests.app.conftest import Cli


def test_a_provider_is_kept_under_its_party_id(cli: Cli) -> None:
    made = cli("provider", "create", "de-abc", "--name", "ABC Mobility", "--json")

    assert made.json["party_id"] == "DE*ABC"
    assert made.json["terms_days"] == 30
    assert cli("provider", "list").lines == [
        ["party_id", "name", "email", "vat_id", "terms_days"],
        ["DE*ABC", "ABC Mobility", "", "", "30"],
    ]
    refused = cli("provider", "create", "ABC", "--name", "ABC")
    assert refused.status == 1
    assert "A party id is a country and three letters or digits" in refused.err
