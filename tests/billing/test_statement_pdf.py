"""The paper shows every figure of the JSON to the cent, in the payee's language."""

import io
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pypdf import PdfReader

from billing.statement_forms import statement_json
from billing.statement_pdf import statement_pdf
from billing.statements import (
    Party,
    RegisterFacts,
    Statement,
    StatementState,
    TaxStatus,
    Unpaid,
    explain_gap,
)
from foundation.identifiers import EvseId, OrganisationKey, StationId, TransactionId
from tests.billing.builders import START, external, payable, statement


def large(language: str, **changes: Any) -> Statement:
    """Return a statement of several pages, with late, unpaid and corrected sessions."""
    cdrs = [payable(1000 + number, f"{number}.{number % 100:02}") for number in range(1, 120)]
    cdrs += [external(2000 + number, f"{number}.{number % 97:02}") for number in range(1, 60)]
    cdrs += [
        external(3001, "-12.34", month="2026-08", energy_wh=Decimal("1234.567")),
        external(3002, "7.77", month="2026-09", share_bps=8500),
    ]
    unpaid = [
        Unpaid(
            transaction_id=TransactionId(4000 + number),
            reason=reason,
            station=StationId("CS-3"),
            evse_id=EvseId(2),
            started_at=START,
            ended_at=START + timedelta(minutes=5),
            energy_wh=Decimal(1500),
        )
        for number, reason in enumerate(["no_payer", "impossible_energy", "void"])
    ]
    proof = [
        explain_gap(
            RegisterFacts(
                station=StationId(f"CS-{number}"),
                evse_id=EvseId(1),
                register_start_wh=Decimal(1_000_000),
                register_end_wh=Decimal(1_500_000),
                sessions_wh=Decimal(500_000 - number * 250),
            )
        )
        for number in range(3)
    ]
    values: dict[str, Any] = {
        "language": language,
        "cdrs": cdrs,
        "unpaid": unpaid,
        "proof": proof,
    }
    return statement(**(values | changes))


def pages_of(value: Statement) -> list[str]:
    return [page.extract_text() for page in PdfReader(io.BytesIO(statement_pdf(value))).pages]


def shown(amount: str, language: str) -> str:
    """Return a JSON amount as a paper has it."""
    text = f"{abs(Decimal(amount)):,.2f}"
    if language == "de":
        text = text.translate(str.maketrans(",.", ".,"))
    return f"−{text}" if Decimal(amount) < 0 else text


def kwh(energy_wh: float, language: str) -> str:
    text = f"{round(Decimal(str(energy_wh)) / 1000, 3):,.3f}"
    return text.translate(str.maketrans(",.", ".,")) if language == "de" else text


@pytest.mark.parametrize("language", ["en", "de"])
def test_every_figure_of_the_json_stands_on_the_paper(language: str) -> None:
    value = large(language)
    data = statement_json(value)
    pages = pages_of(value)
    rows = {line.split(" ")[0]: line for page in pages for line in page.splitlines()}
    assert len(pages) >= 5
    for line in data["lines"]:
        row = rows[line["transaction_id"]]
        cells = row.split(" ")
        assert cells[-1] == shown(line["payout_amount"], language)
        assert cells[-4] == shown(line["net_amount"], language)
        assert cells[-5] == kwh(line["energy_wh"], language)
        assert int(Decimal(cells[-3].replace(",", ".")) * 100) == line["share_bps"]
        if line["late_from_month"]:
            assert line["late_from_month"] in row
    text = "\n".join(pages)
    for sums in data["totals"].values():
        end = f"{kwh(sums['energy_wh'], language)} {shown(sums['net_amount'], language)} "
        assert end + shown(sums["payout_amount"], language) in text
    for amount in (data["payout_net"], data["payout_gross"], data["vat"][0]["amount"]):
        assert shown(amount, language) in text
    for each in data["unpaid"]:
        assert each["transaction_id"] in rows
    for row in data["proof"]:
        assert f"{row['station']} · {row['evse_id']} " in text
    assert "−12.34" in text or "−12,34" in text
    assert "Böblingen" in text
    for number, page in enumerate(pages, start=1):
        of = "of" if language == "en" else "von"
        assert f"{number} {of} {len(pages)}" in page


def test_the_words_are_the_payees() -> None:
    english = "\n".join(pages_of(large("en")))
    german = "\n".join(pages_of(large("de")))
    assert "Sessions that are not paid" in english
    assert "nobody pays for it" in english
    assert "Late sessions of earlier months" in english
    assert "Nicht vergütete Ladevorgänge" in german
    assert "für ungültig erklärt" in german
    assert "zahlbar bis 30.11.2026" in german
    assert "Fremde Ladekarten, Summe" in german  # two shares in one class


def test_moments_are_exact_and_in_the_payees_zone() -> None:
    end = datetime(2026, 10, 25, 1, 30, 7, tzinfo=UTC)
    late_night = payable(1, "5.00", started_at=end - timedelta(hours=1), ended_at=end)
    [page] = pages_of(statement(cdrs=[late_night]))
    assert "2026-10-25 02:30:07 A 2026-10-25 02:30:07 B" in page
    assert "All times in Europe/Berlin. A and B" in page
    [elsewhere] = pages_of(statement(cdrs=[late_night], time_zone="America/New_York"))
    assert "2026-10-24 20:30:07 2026-10-24 21:30:07" in elsewhere


def test_a_small_statement_is_one_page_and_blocks_without_content_are_left_out() -> None:
    [page] = pages_of(statement(cdrs=[payable(1, "5.00"), external(2, "5.00")]))
    for absent in ("Late sessions", "not paid", "Registers"):
        assert absent not in page
    [empty] = pages_of(statement())
    assert "No session of this month is paid." in empty
    assert "€0.00" in empty


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"tax_status": TaxStatus.SMALL_BUSINESS}, "small business"),
        ({"tax_status": TaxStatus.REVERSE_CHARGE}, "Reverse charge"),
        ({"cdrs": [payable(1, "-5.00", month="2026-09")]}, "set off against the next"),
        ({"state": StatementState.PAID}, "paid"),
        ({"cdrs": [payable(1, "5.00")]}, "to be paid by 30 November 2026"),
    ],
)
def test_what_the_payee_must_know_is_said(changes: dict[str, Any], said: str) -> None:
    assert said in "\n".join(pages_of(statement(**changes)))


def test_who_charges_no_vat_shows_none() -> None:
    session = payable(1, "5.00")
    assert "VAT 19 % €0.95" in pages_of(statement(cdrs=[session]))[0]
    [private] = pages_of(statement(cdrs=[session], tax_status=TaxStatus.PRIVATE))
    assert "VAT 0" not in private


def test_a_paper_without_the_parties_numbers_and_one_with_them() -> None:
    payer = Party(key=OrganisationKey("root"), name="Ladewerk", vat_id="DE987654321")
    plain = Party(key=OrganisationKey("town"), name="Frau Weiß")
    [page] = pages_of(statement(issuer=payer, payee=plain))
    assert "VAT ID DE987654321" in page
    assert "To account" not in page


def test_an_account_number_is_set_in_fours() -> None:
    assert "DE89 3704 0044 0532 0130 00" in pages_of(statement())[0]


def test_the_same_statement_is_the_same_file() -> None:
    assert statement_pdf(large("de")) == statement_pdf(large("de"))


def test_the_file_says_what_it_is() -> None:
    reader = PdfReader(io.BytesIO(statement_pdf(statement(language="de"))))
    assert reader.metadata is not None
    assert reader.metadata.title == "Abrechnung 2026-10-town-EUR"
    assert reader.metadata.author == "Ladewerk GmbH"
    assert str(reader.root_object["/Lang"]) == "de"
