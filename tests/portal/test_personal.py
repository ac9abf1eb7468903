"""Tests of what is personal in JSON."""

from typing import Any

import pytest

from portal.personal import without_personal


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
    ],
)
def test_values_with_personal_names_are_masked(shown: Any, masked: Any) -> None:
    assert without_personal(shown) == masked
