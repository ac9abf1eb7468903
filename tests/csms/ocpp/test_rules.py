"""The tables of the repair rules: they must name things that exist."""

from datetime import UTC
from decimal import Decimal
from typing import Any

import pytest
from msgspec import inspect

from csms.ocpp import rules
from csms.ocpp.rules import ABSENT, NO, Place
from csms.ocpp.v16 import messages as v16
from csms.ocpp.v21 import messages as v21
from csms.ocpp.v201 import messages as v201

ALL = {module: {} for module in (v16, v201, v21)}  # type: ignore[var-annotated]


def fields_of(module: Any) -> dict[str, inspect.Field]:
    """Every field of a version's messages as `Struct.fieldName`."""
    if not ALL[module]:
        kinds = [*module.REQUESTS.values(), *module.RESPONSES.values()]
        waiting: list[Any] = [inspect.type_info(kind) for kind in kinds]
        while waiting:
            kind = waiting.pop()
            if isinstance(kind, inspect.VarTupleType):
                waiting.append(kind.item_type)
            if isinstance(kind, inspect.StructType):
                for part in kind.fields:
                    ALL[module][f"{kind.cls.__name__}.{part.encode_name}"] = part
                    waiting.append(part.type)
    return ALL[module]


def test_every_field_that_may_be_missing_is_required_by_a_schema() -> None:
    for key in rules._MISSING_16:
        assert fields_of(v16)[key].required, key
    for key in rules._MISSING_2:
        assert fields_of(v201)[key].required, key


def test_every_replacement_is_a_word_of_the_list_it_stands_in() -> None:
    known = fields_of(v21) | fields_of(v201) | fields_of(v16)
    for key, (word, neighbour) in rules.REPLACED_WORDS.items():
        candidates = [each.get(key) for each in map(fields_of, (v16, v201))]
        lists = [
            part.type.values
            for part in candidates
            if part is not None and isinstance(part.type, inspect.LiteralType)
        ]
        assert any(word in values for values in lists), key
        if neighbour is not None:
            assert f"{key.split('.')[0]}.{neighbour}" in known
    assert known.keys() >= rules.KEPT_WORDS


def test_every_other_name_leads_to_a_word_or_field_that_exists() -> None:
    known = {**fields_of(v16), **fields_of(v201)}
    names = {key.split(".")[1] for key in known}
    for spelling, targets in rules.FIELD_NAMES.items():
        assert spelling == rules.plain(spelling)
        assert set(targets) <= names
    words: dict[str, set[str]] = {}
    for module in (v16, v201):
        for key, part in fields_of(module).items():
            if isinstance(part.type, inspect.LiteralType):
                words.setdefault(key.split(".")[1], set()).update(map(str, part.type.values))
    for name, others in rules.WORDS.items():
        assert set(others.values()) <= words[name], name
        assert all(spelling == rules.plain(spelling) for spelling in others)


def test_every_rule_tells_its_quirk() -> None:
    for of_kind in rules.RULES.values():
        for rule in of_kind:
            assert rule.__doc__ is not None
            assert rule.__doc__[0] in "PTIXES", rule.__name__


@pytest.mark.parametrize(
    ("rule", "value", "made"),
    [
        (rules.text_of_number, 5, "5"),
        (rules.text_of_number, Decimal("1E+2"), "100"),
        (rules.text_of_number, Decimal("1E+400"), NO),
        (rules.text_of_number, True, NO),
        (rules.text_of_truth, True, "true"),
        (rules.text_of_truth, 1, NO),
        (rules.text_of_object, {"a": Decimal("1.5")}, NO),
        (rules.over_long_text, "x" * 65_536, "x" * 65_536),
        (rules.over_long_text, "x" * 65_537, NO),
        (rules.number_in_text, "1,5", Decimal("1.5")),
        (rules.number_in_text, "five", NO),
        (rules.number_in_text, 5, NO),
        (rules.integer_with_decimals, Decimal("5.0"), 5),
        (rules.integer_with_decimals, Decimal("5.5"), NO),
        (rules.integer_with_decimals, Decimal("1E+400"), NO),
        (rules.integer_rounded, Decimal("5.5"), 6),
        (rules.integer_rounded, Decimal("1E+400"), NO),
        (rules.truth_in_other_form, " TRUE ", True),
        (rules.truth_in_other_form, 0, False),
        (rules.truth_in_other_form, "maybe", NO),
        (rules.truth_in_other_form, [], NO),
        (rules.date_time_without_zone, "2026-10-15T12:00:00Z", NO),
        (rules.date_time_in_other_form, "2026-10-15T12:00:00", NO),
        (rules.date_time_in_other_form, 5, NO),
    ],
)
def test_a_rule_applies_to_its_quirk_and_to_nothing_else(
    rule: rules.Rule, value: Any, made: Any
) -> None:
    assert rule(value, None, Place("Any", "field", UTC)) == made


def test_an_object_is_taken_as_text_only_in_a_data_transfer() -> None:
    place = Place("DataTransferRequest", "data", UTC)
    assert rules.text_of_object({"a": Decimal("1.5")}, None, place) == '{"a":1.5}'  # type: ignore[arg-type]


def test_what_may_be_missing_differs_by_version() -> None:
    key = "StatusNotificationRequest.connectorId"
    assert rules.missing_value(key, is_16=True) == 0
    assert rules.missing_value(key, is_16=False) == 1
    assert rules.missing_value("AuthorizeRequest.idTag", is_16=True) is ABSENT
    assert rules.missing_value("DataTransferRequest.vendorId", is_16=True) is NO
