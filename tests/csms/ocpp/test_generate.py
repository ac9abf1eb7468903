"""The generated files are fresh, and names are made as people would write them."""

from pathlib import Path

import pytest

from csms.ocpp import generate


@pytest.mark.parametrize("version", generate.VERSIONS)
def test_the_generated_messages_are_up_to_date(version: str) -> None:
    text = generate.messages_path(version).read_text(encoding="utf-8")

    assert text == generate.generated(version)
    assert "never edited" in text.splitlines()[0]


@pytest.mark.parametrize(
    ("name", "attribute"),
    [
        ("evseId", "evse_id"),
        ("iccid", "iccid"),
        ("limit_L2", "limit_l2"),
        ("responderURL", "responder_url"),
        ("iso15118SchemaVersion", "iso15118_schema_version"),
        ("numEPriceLevels", "num_e_price_levels"),
        ("prioritizedEMAIDs", "prioritized_emaids"),
        ("evMaxV2XEnergyRequest", "ev_max_v2x_energy_request"),
        ("v2xBaseline", "v2x_baseline"),
        ("from", "from_"),
    ],
)
def test_a_property_has_a_name_that_python_people_expect(name: str, attribute: str) -> None:
    assert generate.snake_case(name) == attribute


def test_checking_writes_nothing_and_says_what_is_out_of_date(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for version in generate.VERSIONS:
        (tmp_path / version).mkdir()
    monkeypatch.setattr(
        generate, "messages_path", lambda version: tmp_path / version / "messages.py"
    )

    assert generate.main(["--check"]) == 1
    assert capsys.readouterr().out.count("out of date") == 3
    assert not list(tmp_path.glob("*/messages.py"))

    assert generate.main([]) == 0
    assert generate.main(["--check"]) == 0


def test_a_word_of_json_schema_that_nobody_thought_about_stops_the_generator() -> None:
    module = generate._Module("v16")
    with pytest.raises(AssertionError, match="pattern"):
        module.add(
            "Dance",
            False,
            {"type": "object", "properties": {"step": {"type": "string", "pattern": "x"}}},
        )


def test_two_shapes_with_one_name_stop_the_generator() -> None:
    module = generate._Module("v16")
    unit = {"type": "string", "enum": ["Wh"]}
    module.add("A", False, {"type": "object", "properties": {"unit": unit}})
    with pytest.raises(AssertionError, match="UnitOfMeasure"):
        module.add("B", False, {"type": "object", "properties": {"unit": unit | {"enum": ["W"]}}})
