"""JSON and CSV say the same as the statement, to the cent."""

import csv
import io
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from billing.statement_forms import (
    CSV_COLUMNS,
    moment_text,
    statement_csv,
    statement_json,
    statement_json_text,
)
from billing.statements import RegisterFacts, Statement, TaxStatus, Unpaid, explain_gap
from foundation.identifiers import EvseId, StationId, TransactionId
from tests.billing.builders import START, external, payable, statement


def whole() -> Statement:
    return statement(
        cdrs=[
            payable(1, "4.50", energy_wh=Decimal("10000.5")),
            external(2, "12.34"),
            external(3, "-1.05", month="2026-09", station=StationId("=1+1")),
        ],
        unpaid=[
            Unpaid(
                transaction_id=TransactionId(9),
                reason="no_payer",
                station=StationId("CS-1"),
                evse_id=EvseId(1),
                started_at=START,
                ended_at=START,
                energy_wh=Decimal(500),
            )
        ],
        proof=[
            explain_gap(
                RegisterFacts(
                    station=StationId("CS-1"),
                    evse_id=EvseId(1),
                    register_start_wh=None,
                    register_end_wh=Decimal(5),
                    sessions_wh=Decimal(20_000),
                )
            )
        ],
    )


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_the_json_has_the_shape_of_the_api() -> None:
    data = statement_json(whole())
    assert list(data) == [
        "statement_id",
        "payee",
        "month",
        "time_zone",
        "currency",
        "issued_at",
        "due_on",
        "state",
        "lines",
        "totals",
        "payout_net",
        "vat",
        "payout_gross",
        "due_on_receipt_net",
        "unpaid",
        "proof",
        "change",
    ]
    assert data["lines"][0] == {
        "transaction_id": "1",
        "station": "CS-1",
        "evse_id": 1,
        "class": "internal",
        "started_at": "2026-10-15T10:00:00Z",
        "ended_at": "2026-10-15T11:00:00Z",
        "energy_wh": 10000.5,
        "net_amount": "4.50",
        "share_bps": 10000,
        "payout_amount": "4.50",
        "late_from_month": None,
    }
    assert data["lines"][2]["late_from_month"] == "2026-09"
    assert data["lines"][2]["payout_amount"] == "-0.95"
    assert data["totals"] == {
        "internal": {
            "sessions": 1,
            "energy_wh": 10000.5,
            "net_amount": "4.50",
            "payout_amount": "4.50",
        },
        "external": {
            "sessions": 2,
            "energy_wh": 20000,
            "net_amount": "11.29",
            "payout_amount": "10.16",
        },
    }
    assert (data["payout_net"], data["payout_gross"]) == ("14.66", "17.45")
    assert data["vat"] == [{"rate": "19", "net": "14.66", "amount": "2.79"}]
    assert data["unpaid"] == [{"transaction_id": "9", "reason": "no_payer"}]
    assert data["proof"] == [
        {
            "station": "CS-1",
            "evse_id": 1,
            "register_start_wh": None,
            "register_end_wh": 5,
            "sessions_wh": 20000,
            "gap_wh": None,
            "explanation": "no_lifetime_register",
        }
    ]
    assert (data["payee"], data["issued_at"], data["due_on"], data["state"]) == (
        "town",
        "2026-11-01T00:05:00Z",
        "2026-11-30",
        "open",
    )


def test_the_text_is_the_same_every_time_and_keeps_umlauts() -> None:
    assert statement_json_text(whole()) == statement_json_text(whole())
    assert json.loads(statement_json_text(whole())) == statement_json(whole())


def test_the_csv_is_the_json_in_rows() -> None:
    data: dict[str, Any] = statement_json(whole())
    by_record: dict[str, list[dict[str, str]]] = {}
    for row in rows(statement_csv(whole())):
        assert tuple(row) == CSV_COLUMNS
        assert (row["statement_id"], row["payee"]) == (data["statement_id"], data["payee"])
        by_record.setdefault(row["record"], []).append(row)

    for row, line in zip(by_record["line"], data["lines"], strict=True):
        for name, value in line.items():
            if name != "station":
                assert row[name] == ("" if value is None else str(value))
    for row, (name, sums) in zip(by_record["total"], data["totals"].items(), strict=True):
        assert row["class"] == name
        for key, value in sums.items():
            assert row[key] == str(value)
    [vat] = by_record["vat"]
    assert (vat["vat_rate"], vat["payout_amount"], vat["vat_amount"]) == ("19", "14.66", "2.79")
    [payout] = by_record["payout"]
    assert (payout["payout_amount"], payout["gross_amount"]) == ("14.66", "17.45")
    [unpaid] = by_record["unpaid"]
    assert (unpaid["transaction_id"], unpaid["reason"]) == ("9", "no_payer")
    [proof] = by_record["proof"]
    assert (proof["register_start_wh"], proof["reason"]) == ("", "no_lifetime_register")


def test_a_station_that_calls_itself_a_formula_is_a_text_in_a_spreadsheet() -> None:
    lines = [row for row in rows(statement_csv(whole())) if row["record"] == "line"]
    assert [row["station"] for row in lines] == ["CS-1", "CS-1", "'=1+1"]
    assert [row["payout_amount"] for row in lines] == ["4.50", "11.11", "-0.95"]


def test_without_vat_the_rate_is_zero_and_still_there() -> None:
    data = statement_json(statement(tax_status=TaxStatus.PRIVATE, cdrs=[payable(1, "5.00")]))
    assert data["vat"] == [{"rate": "0", "net": "5.00", "amount": "0.00"}]


def test_moments_are_in_utc_with_their_fraction() -> None:
    assert moment_text(datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)) == (
        "2026-01-02T03:04:05.678000Z"
    )
