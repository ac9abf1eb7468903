"""Every step, change and difference has its words on pages."""

from collections.abc import Collection
from enum import StrEnum

import pytest

from billing.comparison import ChangeKind
from billing.month_steps import DOCUMENTS, SERVICES, STATEMENTS
from billing.month_store import StepState
from billing.reconciliation import Check, Explanation, Kind
from billing.statements import GapExplanation
from portal import month_words


@pytest.mark.parametrize(
    ("known", "table"),
    [
        (StepState, month_words.STEP_STATES),
        (ChangeKind, month_words.SHADOW_CHANGES),
        (Check, month_words.CHECKS),
        (Kind, month_words.DIFFERENCES),
        (Explanation, month_words.EXPLANATIONS),
    ],
)
def test_every_value_has_its_words(known: type[StrEnum], table: Collection[str]) -> None:
    assert {each.value for each in known} == set(table) & {each.value for each in known}


def test_a_registers_gap_and_the_steps_have_their_words() -> None:
    gaps = {each.value for each in GapExplanation} - {"none"}
    assert gaps <= set(month_words.EXPLANATIONS)
    assert {SERVICES, STATEMENTS, DOCUMENTS} == set(month_words.MONTH_STEPS)
