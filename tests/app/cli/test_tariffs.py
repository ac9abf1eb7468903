"""Tariffs by command."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.app.conftest import Cli

TARIFF: dict[str, Any] = {
    "id": "T1",
    "currency": "EUR",
    "elements": [
        {"price_components": [{"type": "ENERGY", "price": 0.4, "vat": 19, "step_size": 1}]}
    ],
}


def written(folder: Path, **changes: Any) -> str:
    file = folder / "tariff.json"
    file.write_text(json.dumps(TARIFF | changes))
    return str(file)


def test_a_tariff_is_created_and_assigned_as_its_file_says(cli: Cli, tmp_path: Path) -> None:
    where = {"scope": "organisation", "id": "root", "valid_from": "2026-01-01"}
    made = cli("tariff", "create", written(tmp_path, assignments=[where]), "--json")

    assert made.status == 0
    assert made.json["version"] == 1
    assert made.json["elements"][0]["price_components"][0]["price"] == 0.4
    [assigned] = made.json["assignments"]
    assert assigned == where | {
        "valid_from": "2025-12-31T23:00:00Z",
        "valid_to": None,
        "side": "sale",
        "priority": 0,
        "conditions": {},
    }
    assert cli("tariff", "list").lines[1] == ["T1", "EUR", "1", "organisation root"]


def test_a_tariff_is_assigned_to_a_station_and_its_evse(cli: Cli, tmp_path: Path) -> None:
    cli("station", "create", "CS-1", "--time-zone", "Europe/Lisbon")
    cli("tariff", "create", written(tmp_path))

    station = cli(
        *("tariff", "assign", "T1", "--scope", "station", "--id", "CS-1"),
        *("--valid-from", "2026-07-01", "--json"),
    )
    assert station.json["valid_from"] == "2026-06-30T23:00:00Z"
    assert cli("tariff", "assign", "T1", "--scope", "evse", "--id", "CS-1/1").status == 0
    [tariff] = cli("tariff", "list", "--json").json
    assert {each["id"] for each in tariff["assignments"]} == {"CS-1", "CS-1/1"}


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("T1", "--scope", "station", "--id", "CS-9"), 1, "There is no station 'CS-9'."),
        (("T1", "--scope", "location", "--id", "L"), 1, "There is no location 'L'."),
        (("T1", "--scope", "organisation", "--id", "O"), 1, "There is no organisation 'O'."),
        (("T9", "--scope", "organisation", "--id", "root"), 1, "There is no tariff 'T9'."),
        (("T1", "--scope", "evse", "--id", "CS-1"), 1, "An EVSE is written as"),
        (("T1", "--scope", "planet", "--id", "X"), 2, "--scope"),
        (("T1", "--id", "X"), 2, "--scope"),
    ],
)
def test_an_assignment_to_nothing_is_refused(
    cli: Cli, tmp_path: Path, arguments: tuple[str, ...], status: int, said: str
) -> None:
    cli("tariff", "create", written(tmp_path))
    refused = cli("tariff", "assign", *arguments)

    assert refused.status == status
    assert said in refused.err


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "is no JSON"),
        ("[]", "must hold one JSON object"),
        (json.dumps(TARIFF | {"currency": "euro"}), "currency"),
        (json.dumps(TARIFF | {"assignments": [{"scope": "organisation"}]}), "assignments is a"),
    ],
)
def test_a_file_that_is_no_tariff_is_refused(
    cli: Cli, tmp_path: Path, content: str, said: str
) -> None:
    file = tmp_path / "tariff.json"
    file.write_text(content)
    refused = cli("tariff", "create", str(file))

    assert refused.status == 1
    assert said in refused.err
    assert cli("tariff", "list", "--json").json == []


def test_a_tariff_is_assigned_under_conditions(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "tariff.json"
    file.write_text(json.dumps(TARIFF))
    tariff_id = TARIFF["id"]
    cli("tariff", "create", str(file))
    where = ("tariff", "assign", tariff_id, "--scope", "organisation", "--id", "root", "--json")
    fleet = cli(*where, "--priority", "5", "--conditions", '{"token_groups": ["FLEET"]}').json
    bought = cli(*where, "--side", "purchase").json
    wrong = [cli(*where, "--conditions", each) for each in ("{", "[]", '{"colour": []}')]

    assert (fleet["priority"], fleet["conditions"]) == (5, {"token_groups": ["FLEET"]})
    assert bought["side"] == "purchase"
    assert [each.status for each in wrong] == [1, 1, 1]
