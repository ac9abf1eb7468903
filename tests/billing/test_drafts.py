"""Statements before they are written."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from msgspec import structs

from accounts.directory import Organisation
from billing.cdr import ChargeClass
from billing.drafts import Draft
from billing.months import Month
from billing.statement_store import Held, Waiting
from billing.statements import GapExplanation
from billing.terms import Basis
from billing.vat import UnknownVatRate
from foundation.identifiers import EvseId, StationId, TransactionId
from foundation.money import Money
from tests.billing.story import BAKERY, LONG_AGO, NOVEMBER, NOW, Span

OWNER = Organisation(
    key=BAKERY,
    name="Bakery",
    parent=None,
    time_zone="Europe/Berlin",
    currency="EUR",
    country="DE",
    tax_status="standard",
    vat_id=None,
    language="de",
    email=None,
    iban=None,
    address="Bread Street 1\n12345 Berlin",
    created_at=LONG_AGO,
)
DRAFT = Draft(
    organisation=OWNER,
    issuer=OWNER,
    month=Month(2026, 10),
    zone=ZoneInfo("Europe/Berlin"),
    issued_at=NOVEMBER,
    due_days=14,
)
S1 = StationId("S1")


def waiting(number: int, minor: int = 400, *, currency: str = "EUR", at: datetime = NOW) -> Waiting:
    return Waiting(
        cdr_id=100 + number,
        sign=1 if minor >= 0 else -1,
        transaction_id=TransactionId(number),
        station=S1,
        evse_id=EvseId(1),
        charge_class=ChargeClass.EXTERNAL,
        share_bps=9_000,
        basis=Basis.NET,
        started_at=at - timedelta(hours=1),
        ended_at=at,
        energy_wh=Decimal(minor * 25),
        net=Money.from_minor(minor, currency),
        vat_minor=minor * 19 // 100,
    )


def held(number: int, *, is_voided: bool = False) -> Held:
    return Held(
        transaction_id=TransactionId(number),
        reason="inferred_end",
        is_voided=is_voided,
        station=S1,
        evse_id=EvseId(1),
        started_at=NOW,
        ended_at=NOW + timedelta(hours=1),
        energy_wh=Decimal(3_000),
        shown_in=None,
    )


def test_each_currency_is_a_part_and_the_unpaid_stand_in_the_payees_own() -> None:
    parts = list(DRAFT.by_currency([waiting(1), waiting(2, currency="CHF")], [held(3)]))
    assert [(currency, len(paid), len(unpaid)) for currency, paid, unpaid in parts] == [
        ("CHF", 1, 0),
        ("EUR", 1, 1),
    ]
    assert [part[0] for part in DRAFT.by_currency([], [held(3)])] == ["EUR"]
    assert list(DRAFT.by_currency([], [])) == []


def test_each_line_knows_its_cdr_and_its_sign() -> None:
    both = [waiting(1, -400), structs.replace(waiting(1, 200), cdr_id=201), waiting(2)]
    statement, sources = DRAFT.statement("EUR", both, [], [])
    assert [line.net.minor for line in statement.lines] == [-400, 200, 400]
    assert sources == [(101, -1), (201, 1), (102, 1)]


def test_the_paper_has_its_dates_and_parties() -> None:
    statement, _ = DRAFT.statement("EUR", [waiting(1)], [held(2), held(3, is_voided=True)], [])
    assert statement.due_on == date(2026, 11, 16)
    assert statement.payee.address == ("Bread Street 1", "12345 Berlin")
    assert [each.reason for each in statement.unpaid] == ["inferred_end", "void"]


def test_a_line_that_ended_earlier_names_its_month_in_the_payees_zone() -> None:
    first = datetime(2026, 9, 30, 22, tzinfo=UTC)
    on_time, late = waiting(1, at=first), waiting(2, at=first - timedelta(microseconds=1))
    statement, _ = DRAFT.statement("EUR", [on_time, late], [], [])
    assert [line.late_from_month for line in statement.lines] == [None, "2026-09"]


def test_a_payee_that_charges_no_tax_needs_no_rate() -> None:
    abroad = replace(DRAFT, organisation=replace(OWNER, country="XX", tax_status="private"))
    assert abroad.vat_rate == 0
    assert DRAFT.vat_rate == 19
    with pytest.raises(UnknownVatRate):
        _ = replace(DRAFT, organisation=replace(OWNER, country="XX")).vat_rate


def test_a_share_of_gross_leaves_the_payees_own_tax_out_first() -> None:
    [line] = [structs.replace(waiting(1, 1000), basis=Basis.GROSS, share_bps=10_000)]
    statement, _ = DRAFT.statement("EUR", [line], [], [])
    assert statement.payout_net.minor == 1000
    private = replace(DRAFT, organisation=replace(OWNER, tax_status="private"))
    statement, _ = private.statement("EUR", [line], [], [])
    assert statement.payout_net.minor == 1190


def test_the_proof_has_every_evse_with_a_register_or_a_session() -> None:
    spans = [
        Span(S1, EvseId(1), Decimal(0), Decimal(13_000)),
        Span(S1, EvseId(2), Decimal(5), Decimal(5)),
    ]
    early = waiting(9, at=NOW - timedelta(days=40))
    rows = DRAFT.proof(spans, [waiting(1), early], [held(2)], {}, {})
    assert [(int(row.evse_id), row.sessions_wh, row.explanation) for row in rows] == [
        (1, Decimal(10_000), GapExplanation.HELD),
        (2, Decimal(0), GapExplanation.NONE),
    ]
    [row] = DRAFT.proof([], [waiting(1)], [], {}, {})
    assert row.explanation is GapExplanation.NO_LIFETIME_REGISTER


def test_energy_across_a_border_is_late() -> None:
    span = Span(S1, EvseId(1), Decimal(0), Decimal(12_500))
    [row] = DRAFT.proof([span], [waiting(1)], [], {(S1, EvseId(1)): Decimal(2_500)}, {})
    assert row.explanation is GapExplanation.LATE


def test_energy_of_a_session_that_still_runs_is_late() -> None:
    span = Span(S1, EvseId(1), Decimal(0), Decimal(12_500), running_wh=Decimal(2_500))
    [row] = DRAFT.proof([span], [waiting(1)], [], {}, {})
    assert (row.gap_wh, row.explanation) == (Decimal(2_500), GapExplanation.LATE)
    [other] = DRAFT.proof([replace(span, running_wh=Decimal(0))], [waiting(1)], [], {}, {})
    assert other.explanation is GapExplanation.BETWEEN_SESSIONS


def test_a_register_that_fell_is_reset() -> None:
    span = Span(S1, EvseId(1), Decimal(90_000), Decimal(4_000), was_reset=True)
    [row] = DRAFT.proof([span], [waiting(1)], [], {}, {})
    assert row.explanation is GapExplanation.RESET


def test_with_a_late_session_the_register_goes_on_where_the_last_paper_left_it() -> None:
    early = waiting(9, at=NOW - timedelta(days=40))
    span = Span(S1, EvseId(1), Decimal(50_000), Decimal(60_000))
    paper = {(S1, EvseId(1)): Decimal(40_000)}
    [row] = DRAFT.proof([span], [waiting(1), early], [], {}, paper)
    assert (row.register_start_wh, row.gap_wh) == (Decimal(40_000), Decimal(10_000))
    assert row.explanation is GapExplanation.LATE
    [seen] = DRAFT.proof([span], [waiting(1), early], [], {}, {(S1, EvseId(1)): Decimal(50_000)})
    assert (seen.gap_wh, seen.explanation) == (Decimal(0), GapExplanation.NONE)
    [without] = DRAFT.proof([span], [waiting(1)], [], {}, paper)
    assert (without.register_start_wh, without.gap_wh) == (Decimal(50_000), Decimal(0))
    [first] = DRAFT.proof([span], [waiting(1), early], [], {}, {})
    assert (first.register_start_wh, first.gap_wh) == (Decimal(40_000), Decimal(10_000))
    assert first.explanation is GapExplanation.LATE


def test_what_the_last_paper_missed_beyond_the_late_session_is_not_called_late() -> None:
    early = waiting(9, at=NOW - timedelta(days=40))
    span = Span(S1, EvseId(1), Decimal(50_000), Decimal(60_000))
    [row] = DRAFT.proof([span], [waiting(1), early], [], {}, {(S1, EvseId(1)): Decimal(30_000)})
    assert (row.gap_wh, row.explanation) == (Decimal(20_000), GapExplanation.BETWEEN_SESSIONS)


def test_a_session_held_on_the_last_paper_and_corrected_since_is_late_for_the_rest() -> None:
    early = waiting(9, at=NOW - timedelta(days=40))
    span = Span(S1, EvseId(1), Decimal(50_000), Decimal(50_000))
    [row] = DRAFT.proof([span], [early], [], {}, {(S1, EvseId(1)): Decimal(45_000)})
    assert (row.gap_wh, row.explanation) == (Decimal(5_000), GapExplanation.LATE)
