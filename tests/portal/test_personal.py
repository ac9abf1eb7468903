"""Tests of what is personal in JSON."""

from typing import Any

import pytest

from portal.personal import deed_without_personal, without_personal


@pytest.mark.parametrize(
    ("shown", "masked"),
    [
        ({"id_token": "04A2"}, {"id_token": "****"}),
        ({"idTag": "04A2", "connectorId": 1}, {"idTag": "****", "connectorId": 1}),
        (
            {"id_token": {"value": "04A2", "type": "X"}},
            {"id_token": {"value": "****", "type": "****"}},
        ),
        ([{"email": "a@b.example"}], [{"email": "****"}]),
        ({"email": None, "phone": ""}, {"email": None, "phone": ""}),
        ({"status": "04A2"}, {"status": "04A2"}),
        ("text", "text"),
        (
            {"street": "Ring 5", "tax_number": "27/123", "customer": "Ada", "by_name": "Bo"},
            {"street": "****", "tax_number": "****", "customer": "****", "by_name": "****"},
        ),
    ],
)
def test_values_with_personal_names_are_masked(shown: Any, masked: Any) -> None:
    assert without_personal(shown) == masked


@pytest.mark.parametrize(
    ("deed", "name"),
    [
        ("contact.change", "****"),
        ("user.create", "****"),
        ("technician.set", "****"),
        ("contract.create", "North"),
        ("station.change", "North"),
        ("tariff.create", "North"),
    ],
)
def test_a_name_is_personal_where_it_is_somebodys(deed: str, name: str) -> None:
    assert deed_without_personal(deed, {"name": "North", "kind": "x"}) == {
        "name": name,
        "kind": "x",
    }
    assert deed_without_personal(deed, None) is None
