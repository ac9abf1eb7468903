"""The demo's checks find what is wrong: each is tried with a true account and a false one."""

from decimal import Decimal
from typing import Any

import pytest

from app.demo_checks import books_agree, same_sums


def statement(**changes: Any) -> dict[str, Any]:
    internal = {"sessions": 2, "net_amount": "3.00", "payout_amount": "3.00"}
    external = {"sessions": 0, "net_amount": "0.00", "payout_amount": "0.00"}
    return {"payee": "owner", "totals": {"internal": internal | changes, "external": external}}


def row(**changes: str) -> dict[str, str]:
    return {
        "payee": "owner",
        "class": "internal",
        "statement_id": "s",
        "net_amount": "1.50",
        "payout_amount": "1.50",
    } | changes


def test_rows_that_add_up_to_the_statement_pass() -> None:
    assert same_sums([statement()], [row(), row(), row(statement_id="", net_amount="9")]).holds


@pytest.mark.parametrize(
    "rows",
    [
        [row()],
        [row(), row(), row()],
        [row(), row(net_amount="1.51")],
        [row(), row(payout_amount="1.49")],
        [row(), row(), row(payee="other")],
    ],
)
def test_rows_that_do_not_add_up_are_found(rows: list[dict[str, str]]) -> None:
    check = same_sums([statement()], rows)
    assert not check.holds
    assert "owner" in check.found or "other" in check.found


def record(**changes: Any) -> dict[str, Any]:
    return {
        "key": "S1/1/1",
        "station": "S1",
        "evse_id": 1,
        "ref": None,
        "said_started_at": "2026-10-01T10:00:00.000Z",
        "said_energy_wh": 1200,
        "quirks": [],
        "start_acknowledged": True,
        "end_acknowledged": True,
    } | changes


def stored(**changes: Any) -> dict[str, Any]:
    return {
        "station": "S1",
        "evse_id": 1,
        "key": "2026-10-01T10:00:00.000Z",
        "energy_wh": Decimal(1200),
        "state": "ended",
    } | changes


def test_a_book_whose_sessions_are_stored_once_with_their_energy_agrees() -> None:
    unfinished = record(ref="u", end_acknowledged=False)
    assert books_agree([record(), unfinished], [stored(), stored(key="u", state="active")]).holds


@pytest.mark.parametrize(
    ("kept", "told"),
    [
        ([], "missing"),
        ([stored(), stored()], "doubled"),
        ([stored(energy_wh=Decimal(1201))], "of another energy"),
        ([stored(), stored(key="elsewhere")], "in no book"),
    ],
)
def test_what_the_book_and_the_store_disagree_on_is_named(
    kept: list[dict[str, Any]], told: str
) -> None:
    check = books_agree([record()], kept)
    assert not check.holds
    assert told in check.found


def test_a_book_of_nothing_proves_nothing() -> None:
    assert not books_agree([], []).holds
