"""Reconciliation: what agrees is silent, what does not is named, and explained where it can be."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from billing.reconciliation import (
    Balance,
    Booked,
    Check,
    Explanation,
    Facts,
    Issued,
    Kind,
    Session,
    reconcile,
)
from billing.statements import GapExplanation, ProofRow
from foundation.identifiers import EvseId, StationId, TransactionId

TEN = Decimal(10_000)


def session(**changed: Any) -> Session:
    return replace(Session(TransactionId(1), 1, TEN), **changed)


def booked(**changed: Any) -> Booked:
    record = Booked(
        transaction_id=TransactionId(1),
        revision=1,
        energy_wh=TEN,
        currency="EUR",
        net_minor=400,
        booked_minor=400,
        hold=None,
        is_voided=False,
        is_waiting=False,
        is_settled=True,
    )
    return replace(record, **changed)


def issued(**changed: Any) -> Issued:
    made = Issued(
        statement_id="S-1",
        currency="EUR",
        sessions=1,
        payout_net=400,
        payout_gross=476,
        lines=1,
        lines_net=400,
        lines_payout=400,
        entries_net=400,
        entries_payable=476,
        document="GS-1",
        document_gross=476,
        paid=476,
        in_run=False,
        is_paid=True,
    )
    return replace(made, **changed)


def proof(explanation: GapExplanation = GapExplanation.NONE, gap: str = "0") -> ProofRow:
    return ProofRow(
        station=StationId("CS-1"),
        evse_id=EvseId(1),
        register_start_wh=Decimal(1000),
        register_end_wh=Decimal(1000) + TEN + Decimal(gap),
        sessions_wh=TEN,
        gap_wh=Decimal(gap),
        explanation=explanation,
    )


def facts(**changed: Any) -> Facts:
    all_agrees = Facts(
        is_closed=True,
        pending=0,
        makes_documents=True,
        proof=[proof()],
        sessions=[session()],
        records=[booked()],
        statements=[issued()],
        balances=[Balance("unsettled/bakery", "EUR", -400, -400)],
    )
    return replace(all_agrees, **changed)


def test_what_agrees_gives_an_empty_list() -> None:
    assert reconcile(facts()) == []


@pytest.mark.parametrize(
    ("changed", "check", "kind", "explanation"),
    [
        (
            {"proof": [proof(GapExplanation.OFFLINE, "500")]},
            Check.REGISTERS,
            Kind.ENERGY_GAP,
            "offline",
        ),
        ({"records": []}, Check.SESSIONS, Kind.WITHOUT_RECORD, None),
        ({"records": [], "pending": 1}, Check.SESSIONS, Kind.WITHOUT_RECORD, "on_its_way"),
        ({"sessions": []}, Check.SESSIONS, Kind.WITHOUT_SESSION, None),
        (
            {"sessions": [session(energy_wh=TEN + 1)]},
            Check.SESSIONS,
            Kind.OTHER_ENERGY,
            None,
        ),
        (
            {"sessions": [session(energy_wh=TEN + 1, revision=2)], "pending": 1},
            Check.SESSIONS,
            Kind.OTHER_ENERGY,
            "on_its_way",
        ),
        ({"records": [booked(booked_minor=399)]}, Check.LEDGER, Kind.OTHER_AMOUNT, None),
        (
            {"records": [booked(booked_minor=0, hold="no_payer", is_settled=False)]},
            Check.STATEMENTS,
            Kind.HELD,
            Explanation.HELD,
        ),
        (
            {"records": [booked(booked_minor=0, hold="by_hand", is_voided=True, is_settled=False)]},
            Check.STATEMENTS,
            Kind.HELD,
            Explanation.VOIDED,
        ),
        (
            {"records": [booked(is_settled=False, is_waiting=True)]},
            Check.STATEMENTS,
            Kind.WAITING,
            Explanation.LATE,
        ),
        (
            {"records": [booked(is_settled=False, is_waiting=True)], "is_closed": False},
            Check.STATEMENTS,
            Kind.WAITING,
            Explanation.NOT_CLOSED,
        ),
        (
            {"records": [booked(is_settled=False)]},
            Check.STATEMENTS,
            Kind.ON_NO_STATEMENT,
            None,
        ),
        ({"statements": [issued(lines=2)]}, Check.STATEMENTS, Kind.OTHER_LINES, None),
        (
            {"statements": [issued(entries_net=401)]},
            Check.STATEMENTS,
            Kind.OTHER_ENTRIES,
            None,
        ),
        (
            {"statements": [issued(entries_payable=475)]},
            Check.STATEMENTS,
            Kind.OTHER_ENTRIES,
            None,
        ),
        (
            {"balances": [Balance("unsettled/bakery", "EUR", -400, -500)]},
            Check.LEDGER,
            Kind.OTHER_BALANCE,
            None,
        ),
        (
            {"statements": [issued(document=None, document_gross=None)]},
            Check.DOCUMENTS,
            Kind.WITHOUT_DOCUMENT,
            None,
        ),
        (
            {
                "statements": [issued(document=None, document_gross=None)],
                "makes_documents": False,
            },
            Check.DOCUMENTS,
            Kind.WITHOUT_DOCUMENT,
            Explanation.NOT_INVOICED,
        ),
        (
            {"statements": [issued(document_gross=477)]},
            Check.DOCUMENTS,
            Kind.OTHER_DOCUMENT,
            None,
        ),
        (
            {"statements": [issued(paid=0, is_paid=False)]},
            Check.PAYOUTS,
            Kind.NOT_PAID,
            Explanation.NOT_DUE,
        ),
        (
            {"statements": [issued(paid=0, is_paid=False, in_run=True)]},
            Check.PAYOUTS,
            Kind.NOT_PAID,
            Explanation.IN_A_RUN,
        ),
        (
            {"statements": [issued(paid=300)]},
            Check.PAYOUTS,
            Kind.NOT_PAID,
            Explanation.CARRIED_FORWARD,
        ),
        ({"statements": [issued(paid=500)]}, Check.PAYOUTS, Kind.NOT_PAID, None),
        (
            {"statements": [issued(paid=100, is_paid=False)]},
            Check.PAYOUTS,
            Kind.NOT_PAID,
            None,
        ),
    ],
)
def test_what_does_not_agree_is_one_difference(
    changed: dict[str, Any], check: Check, kind: Kind, explanation: str | None
) -> None:
    [difference] = reconcile(facts(**changed))

    assert (difference.check, difference.kind) == (check, kind)
    assert difference.explanation == explanation
    assert difference.is_explained is (explanation is not None)
    assert difference.amount is not None or difference.energy_wh is not None


def test_a_statement_of_nothing_has_no_document_and_is_not_paid() -> None:
    nothing = issued(
        payout_net=-100,
        payout_gross=-119,
        lines_net=-100,
        lines_payout=-100,
        entries_net=-100,
        entries_payable=-119,
        document=None,
        document_gross=None,
        paid=0,
        is_paid=False,
    )
    found = reconcile(facts(statements=[nothing]))
    assert [each.explanation for each in found] == ["nothing_to_pay", "nothing_to_pay"]


def test_a_difference_tells_what_was_expected_and_what_was_found() -> None:
    [difference] = reconcile(facts(records=[booked(booked_minor=399)]))
    assert (difference.expected, difference.found) == ("4.00 EUR", "3.99 EUR")
    assert difference.amount is not None
    assert difference.amount.text == "-0.01"
    [gap] = reconcile(facts(proof=[proof(GapExplanation.BETWEEN_SESSIONS, "500")]))
    assert (gap.expected, gap.found, gap.energy_wh) == ("10500 Wh", "10000 Wh", Decimal(500))
