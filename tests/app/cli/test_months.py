"""Closing a month by command, with what waits for billing taken first."""

import pytest
import uvloop

from app.routes import ROUTES
from foundation import outbox
from foundation.clock import SystemClock
from foundation.database import Database
from tests.app.cli.story import MONTH, charge, settle
from tests.app.conftest import Cli


@pytest.fixture
def charged(cli: Cli, database_url: str) -> Cli:
    """Two sessions of the bakery ended in the month; nobody has delivered them to billing."""
    settle(cli)
    uvloop.run(charge(database_url))
    return cli


def test_a_dry_run_says_what_a_close_then_writes(charged: Cli) -> None:
    dry = charged("close-month", MONTH, "--dry-run", "--json")
    assert dry.status == 0
    assert dry.json["dry_run"] is True
    assert charged("export", "statements", "--month", MONTH, "--json").json == []

    closed = charged("close-month", MONTH, "--json").json
    [before], [after] = dry.json["statements"], closed["statements"]
    assert closed["problems"] == []
    assert after["payee"] == "bakery"
    assert after["payout_net"] == before["payout_net"] == "12.00"
    assert after["totals"] == before["totals"]
    assert after["totals"]["internal"]["sessions"] == 2


def test_a_month_is_closed_once(charged: Cli) -> None:
    first = charged("close-month", MONTH, "--payee", "bakery", "--json").json
    again = charged("close-month", MONTH, "--payee", "bakery", "--json").json

    assert first["statements"] == again["statements"]


def test_a_person_is_shown_a_table(charged: Cli) -> None:
    outcome = charged("close-month", MONTH, "--dry-run")

    assert outcome.lines[0][:2] == ["statement_id", "payee"]
    assert outcome.lines[1][1:5] == ["bakery", "2", "30", "12.00 EUR"]
    assert "a dry run" in outcome.err


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("2024-13",), 1, "A month is written as in 2026-10"),
        (("9998-01", "--payee", "bakery"), 1, "9998-01 is not over for bakery"),
        (("9998-01",), 1, "The month is not closed for everybody"),
        ((MONTH, "--payee", "nobody"), 1, "There is no organisation 'nobody'."),
        ((), 2, "Missing argument"),
    ],
)
def test_a_month_that_cannot_be_closed_is_refused(
    charged: Cli, arguments: tuple[str, ...], status: int, said: str
) -> None:
    refused = charged("close-month", *arguments)

    assert refused.status == status
    assert said in refused.err


def test_one_payees_trouble_keeps_nobody_else_from_being_paid(
    charged: Cli, database_url: str
) -> None:
    charged("organisation", "create", "abroad", "--name", "Abroad", "--country", "XK")
    uvloop.run(charge(database_url, owner="abroad", first=100))
    outcome = charged("close-month", MONTH, "--json")

    assert outcome.status == 1
    assert [each["payee"] for each in outcome.json["statements"]] == ["bakery"]
    [problem] = outcome.json["problems"]
    assert problem["payee"] == "abroad"
    assert f"abroad: {problem['detail']}" in outcome.err


def test_what_was_paid_is_announced_to_whoever_mails_it(charged: Cli, database_url: str) -> None:
    charged("close-month", MONTH)

    async def waiting() -> list[str]:
        database = Database(database_url, routes=ROUTES)
        try:
            async with database.unit_of_work() as db:
                kinds = [each.kind for each in await outbox.journal_after(db, None)]
                assert await outbox.pending(db, "mailing", SystemClock().now()) == 1
        finally:
            await database.close()
        return kinds

    assert uvloop.run(waiting())[-1] == "statement_issued"


def test_a_month_is_drawn_without_booking_it_and_compared_with_its_close(charged: Cli) -> None:
    [drawn] = charged("shadow-month", MONTH, "--json").json
    assert (drawn["payee"], drawn["payout_net"]["amount"]) == ("bakery", "12.00")
    assert charged("export", "statements", "--month", MONTH, "--json").json == []

    charged("close-month", MONTH)
    [compared] = charged("shadow-month", MONTH, "--compare", "--json").json

    assert compared["difference"]["amount"] == "0.00"
    assert compared["statement_id"] == "bakery-2024-03-EUR"
    refused = charged("shadow-month", MONTH, "--payee", "bakery")
    assert (refused.status, "is closed for bakery" in refused.err) == (1, True)
    assert charged("shadow-month", MONTH).status == 0
