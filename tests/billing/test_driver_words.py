"""What drivers are told: which sessions concern them, and the evidence in both languages."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from billing import driver_words
from billing.cdr import Cdr, ChargeClass, Payer
from billing.driver_words import IMPOSSIBLE, LANGUAGES, About, concerns, for_display, letter
from billing.goodwill import rating_of_ghost
from billing.plausibility import DEFAULT_LIMITS, Elsewhere, Finding, HoldReason, findings
from billing.rating import Rating
from foundation.identifiers import IdToken
from foundation.money import Money
from tests.billing.builders import START, ended

ZERO = Money.zero("EUR")
NOTHING = Rating((), ZERO, ZERO, ZERO)


def record(rating: Rating = NOTHING, **changes: Any) -> Cdr:
    event = ended()
    made = Cdr(
        cdr_id=1,
        transaction_id=event.transaction_id,
        revision=1,
        payee=event.owner,
        station=event.station,
        evse_id=event.evse_id,
        connector_id=event.connector_id,
        location=event.location,
        time_zone=event.time_zone,
        id_token=event.id_token,
        charge_class=ChargeClass.INTERNAL,
        payer=Payer(organisation=event.owner),
        started_at=event.started_at,
        ended_at=event.ended_at,
        meter_start_wh=event.meter_start_wh,
        meter_stop_wh=event.meter_stop_wh,
        energy_wh=event.energy_wh,
        energy_basis=event.energy_basis,
        tariff_id=1,
        lines=rating.lines,
        net=rating.net,
        vat=rating.vat,
        gross=rating.gross,
        share_bps=10_000,
    )
    return structs.replace(made, **changes)


GHOST = record(rating_of_ghost(ended(energy_wh=Decimal(0)), "EUR"))


def test_a_driver_hears_of_what_cost_nothing_without_energy_and_of_the_impossible() -> None:
    assert concerns(GHOST, None) is About.NO_ENERGY
    assert concerns(record(), None) is None
    assert concerns(GHOST, [HoldReason.NO_PAYER]) is None, "held: nobody knows what it costs"
    for reason in HoldReason:
        told = concerns(record(), [HoldReason.NO_TARIFF, reason])
        assert (told is About.IMPOSSIBLE) == (reason in IMPOSSIBLE)


def all_evidence() -> list[Finding]:
    elsewhere = Elsewhere(
        transaction_id=7,
        station="CS-9",
        location="harbour",
        started_at=START,
        ended_at=START + timedelta(minutes=50),
    )
    much = replace(DEFAULT_LIMITS, max_rise_wh=Decimal(50_000))
    found = [
        *findings(
            ended(energy_wh=Decimal(60_000), meter_stop_wh=Decimal(61_000)),
            has_tariff=True,
            has_payer=True,
            limits=much,
            elsewhere=[elsewhere],
        ),
        *findings(
            ended(energy_wh=Decimal(-500), meter_stop_wh=Decimal(500)),
            has_tariff=True,
            has_payer=True,
        ),
        *findings(
            ended(ended_at=START - timedelta(minutes=90), energy_wh=Decimal(0)),
            has_tariff=True,
            has_payer=True,
        ),
        Finding(HoldReason.OVERLAP, {"overlap_s": "45"}),
    ]
    assert {each.reason for each in found} == set(IMPOSSIBLE)
    return found


def test_the_evidence_reads_as_sentences_with_their_figures() -> None:
    english = letter(About.IMPOSSIBLE, record(), all_evidence(), name="Lea", language="en").body
    for sentence in (
        "- It ended 1 h 30 min before it began.",
        "- The meter went from 1.000 to 0.500 kWh: backwards.",
        "- The meter rose from 1.000 to 61.000 kWh: more than any vehicle takes.",
        "- 60.000 kWh in 1 h 0 min; the connector can give 12.200 kWh in that time.",
        "- For 45 s another session went on at the same charging point.",
        "- For 50 min your card charged also at station CS-9, at another place.",
    ):
        assert sentence in english
    german = letter(About.IMPOSSIBLE, record(), all_evidence(), name="Lea", language="de").body
    assert "- 60,000 kWh in 1 Std. 0 min; der Anschluss kann in dieser Zeit 12,200" in german


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("about", About)
def test_letters_are_complete_and_tell_the_session_in_its_stations_time(
    about: About, language: str
) -> None:
    made = letter(about, GHOST, all_evidence(), name="Lea", language=language)
    assert "{" not in made.subject + made.body
    assert "\n" not in made.subject
    for said in ("Lea", "04A2", "CS-1", "12:00", "13:00", "Europe/Berlin"):
        assert said in made.body
    assert ("- " in made.body) == (about is About.IMPOSSIBLE), "evidence only where there is any"


def test_what_is_missing_does_not_spoil_the_letter() -> None:
    bare = [Finding(reason, {}) for reason in IMPOSSIBLE]
    made = letter(About.IMPOSSIBLE, record(id_token=IdToken("")), bare, name="Lea", language="en")
    assert made.body.count("- ") == len(IMPOSSIBLE)
    assert record(id_token=None).id_token is None
    nobody = letter(About.NO_ENERGY, record(id_token=None), [], name="Lea", language="de")
    assert "Ladekarte" in nobody.body


def test_the_display_speaks_both_languages_and_no_third() -> None:
    assert for_display("en") != for_display("de")
    assert all(len(for_display(each)) <= 512 for each in LANGUAGES), "OCPP 2.0.1's limit"
    with pytest.raises(AssertionError):
        driver_words.for_display("fr")
