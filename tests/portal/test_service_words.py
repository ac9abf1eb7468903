"""What services cost, as sentences in both languages."""

from dataclasses import replace

import pytest

from billing.charges import ChargeKind
from billing.service_costs import CostLine
from billing.service_facts import ServiceLine, service_lines
from billing.services import Outlook, Per, Policy, Rule, Subscription, outlook
from portal.service_words import (
    KINDS,
    POLICIES,
    SUBSCRIPTIONS,
    UNITS,
    kind_in_words,
    sentence,
)
from portal.words import words
from tests.billing.test_service_facts import MARCH, known

SAID = words("en")


def told(line: ServiceLine, *, is_over: bool = False) -> str:
    still = outlook(line.month, is_over=is_over)
    until = MARCH.last_day if still is Outlook.IF_STILL_ACTIVE else None
    return sentence(CostLine(line, still, until), SAID)


def test_everything_has_a_name() -> None:
    assert set(KINDS) == set(ChargeKind)
    assert set(UNITS) == set(Per)
    assert set(POLICIES) == set(Policy)
    assert set(SUBSCRIPTIONS) == set(Subscription)
    assert kind_in_words("service_package/gold", SAID) == "Service package gold"
    assert kind_in_words("monitoring", SAID) == "Monitoring of a station"


@pytest.mark.parametrize(
    ("kind", "is_over", "sentence_told"),
    [
        (
            "monitoring",
            False,
            "Charged if still active on the last day; waived if you switch off by 31 Mar 2026.",
        ),
        ("monitoring", True, "Charged: it was active at the end of the month."),
        ("roaming_cdrs", False, "3 × €0.10"),
    ],
)
def test_a_line_tells_its_rule_and_what_can_still_change_it(
    kind: str, is_over: bool, sentence_told: str
) -> None:
    [line] = [each for each in service_lines(known()) if each.kind == kind]
    assert told(line, is_over=is_over) == sentence_told


def test_a_first_month_a_waived_one_and_one_without_a_price() -> None:
    [line] = [each for each in service_lines(known()) if each.kind == "monitoring"]
    assert line.month.price is not None
    bound = replace(line.month.price, policy=Policy.FIRST_MONTH)
    first = replace(line, month=replace(line.month, price=bound, rule=Rule.FIRST_MONTH))
    assert told(first).startswith("Charged in any case")
    assert told(first, is_over=True) == ("Charged: the month in which it is switched on always is.")
    waived = replace(line, month=replace(line.month, rule=Rule.WAIVED))
    assert "Switched on again in this month, it costs €9.90." in told(waived)
    free = replace(line, month=replace(line.month, price=None, net=None))
    assert told(free) == "No price was agreed: nothing is charged."
