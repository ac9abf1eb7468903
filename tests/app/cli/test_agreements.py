"""Agreements by command."""

import pytest

from tests.app.conftest import Cli


def test_an_agreement_begins_at_midnight_of_the_payees_day(cli: Cli) -> None:
    cli("organisation", "create", "nord", "--name", "Nord", "--time-zone", "Europe/Helsinki")
    made = cli(
        *("agreement", "create", "nord", "--external-bps", "8500", "--json"),
        *("--valid-from", "2026-01-01", "--valid-to", "2026-07-01T00:00:00Z"),
    )

    assert made.json == {
        "agreement_id": made.json["agreement_id"],
        "payee": "nord",
        "internal_bps": 10000,
        "external_bps": 8500,
        "basis": "net",
        "internal_scope": "owner",
        "valid_from": "2025-12-31T22:00:00Z",
        "valid_to": "2026-07-01T00:00:00Z",
    }
    assert cli("agreement", "list", "--json").json == [made.json]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("nobody",), "There is no organisation 'nobody'."),
        (("root", "--valid-from", "soon"), "valid_from is written as a day"),
        (("root", "--valid-from", "2026-01-01T12:00:00"), "valid_from is written as a day"),
        (
            ("root", "--valid-from", "2026-02-01", "--valid-to", "2026-01-01"),
            "valid_to must be later than valid_from.",
        ),
    ],
)
def test_an_agreement_that_cannot_be_is_refused(
    cli: Cli, arguments: tuple[str, ...], sentence: str
) -> None:
    refused = cli("agreement", "create", *arguments)

    assert refused.status == 1
    assert refused.err.startswith(f"leitstand: {sentence}")
