"""Every state and reason that the rooms know has its words on pages."""

from collections.abc import Collection, Mapping
from enum import StrEnum

import pytest

from billing.books import BillingState
from billing.cdr import ChargeClass
from billing.plausibility import HoldReason
from billing.statements import GapExplanation, StatementState
from csms.connectivity import StationState
from foundation.events import Doubt, TokenStatus
from foundation.mail import MailState
from portal import vocabulary
from portal.pages import states
from portal.rendering import STATIC

MARKS: tuple[Mapping[str, vocabulary.Mark], ...] = (
    vocabulary.STATION_STATES,
    vocabulary.ADMISSIONS,
    vocabulary.CONNECTOR_STATES,
    vocabulary.SESSION_STATES,
    vocabulary.STATEMENT_STATES,
    vocabulary.TOKEN_STATES,
    vocabulary.MAIL_STATES,
)


@pytest.mark.parametrize(
    ("known", "table"),
    [
        (StationState, vocabulary.STATION_STATES),
        (BillingState, vocabulary.SESSION_STATES),
        (StatementState, vocabulary.STATEMENT_STATES),
        (TokenStatus, vocabulary.TOKEN_STATES),
        (MailState, vocabulary.MAIL_STATES),
        (HoldReason, vocabulary.HOLD_REASONS),
        (Doubt, vocabulary.HOLD_REASONS),
        (GapExplanation, vocabulary.PROOF_EXPLANATIONS),
        (ChargeClass, vocabulary.CLASSES),
    ],
)
def test_every_value_has_its_words(known: type[StrEnum], table: Collection[str]) -> None:
    assert {each.value for each in known} <= set(table)


def test_every_state_of_a_connector_that_is_shown_has_its_words() -> None:
    assert set(states._WORST_FIRST) <= set(vocabulary.CONNECTOR_STATES)


def test_within_a_kind_no_two_states_look_alike() -> None:
    for table in MARKS:
        words = [each.word for each in table.values()]
        assert len(set(words)) == len(words)
    looks = [(each.shape, each.tone) for each in vocabulary.STATION_STATES.values()]
    assert len(set(looks)) == len(looks)


def test_every_shape_and_colour_is_drawn_by_the_stylesheet() -> None:
    css = (STATIC / "leitstand.css").read_text()
    for table in MARKS:
        for mark in table.values():
            assert f".{mark.shape}::before" in css
            assert f".{mark.tone} {{" in css


def test_shapes_tell_station_states_apart_without_colour() -> None:
    """Source: WCAG 2.2, 1.4.1 use of colour."""
    shapes = [each.shape for each in vocabulary.STATION_STATES.values()]
    assert len(set(shapes)) == len(shapes)


def test_reasons_say_what_to_do() -> None:
    for reasons in (vocabulary.HOLD_REASONS, vocabulary.FAULTS):
        for each in reasons.values():
            assert each.advice.endswith(".")
            assert not each.name.endswith(".")
