"""Documents by command."""

from tests.app.conftest import Cli


def test_a_months_papers_are_verified_and_made_and_contacts_recorded(cli: Cli) -> None:
    found = {each["code"] for each in cli("document", "verify", "2026-01", "--json").json}
    assert {"issuer_tax", "invoicing_off", "credit_notes_off"} <= found
    assert cli("document", "run", "2026-01", "--json").json == {"numbers": [], "not_issued": []}
    assert cli("document", "list", "--json").json == []
    early = cli("document", "run", "2099-01")
    assert (early.status, "is not over" in early.err) == (1, True)
    nothing = cli("document", "cancel", "RE-2026-000001", "--reason", "x")
    assert (nothing.status, "There is no document" in nothing.err) == (1, True)
    without = cli("document", "record-contact", "root")
    assert (without.status, "street is missing" in without.err) == (1, True)
