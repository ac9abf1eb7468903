"""What stands where on a sheet of stickers."""

from itertools import combinations

import pytest

from support.sticker_sheets import PAGE_HEIGHT_MM, PAGE_WIDTH_MM, SIZES, WORDS, Spot, sheet, spots


def test_there_are_several_sizes_and_all_lie_on_the_page() -> None:
    assert len({each.size for each in spots()}) == len(SIZES) >= 3
    for each in spots():
        assert each.x_mm >= 10
        assert each.x_mm + each.size.width_mm <= PAGE_WIDTH_MM - 10
        assert each.y_mm + each.size.height_mm <= PAGE_HEIGHT_MM - 10


def test_no_sticker_overlaps_another() -> None:
    def apart(one: Spot, other: Spot) -> bool:
        return (
            one.x_mm + one.size.width_mm <= other.x_mm
            or other.x_mm + other.size.width_mm <= one.x_mm
            or one.y_mm + one.size.height_mm <= other.y_mm
            or other.y_mm + other.size.height_mm <= one.y_mm
        )

    assert all(apart(one, other) for one, other in combinations(spots(), 2))


@pytest.mark.parametrize(("hours", "answered"), [(None, "Day and night"), ("Mon-Fri", "Mon-Fri")])
def test_a_sheet_names_each_charge_point_in_order_with_its_address(
    hours: str | None, answered: str
) -> None:
    made = sheet(
        "CS-1",
        {2: "DE*ABC*E2", 1: "DE*ABC*E1"},
        hotline="+49 800 1",
        hours=hours,
        operator="Operator",
        language="en",
        address="https://portal.example/at/",
    )
    assert [(each.number, each.address) for each in made.points] == [
        (1, "https://portal.example/at/DE*ABC*E1"),
        (2, "https://portal.example/at/DE*ABC*E2"),
    ]
    assert made.answered == answered


def test_both_languages_have_the_same_texts() -> None:
    assert WORDS["en"].keys() == WORDS["de"].keys()
