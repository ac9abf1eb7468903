"""The list of cases and the tests' names belong together, and the page says so."""

from pathlib import Path

import pytest

from tests.conformance import listing
from tests.conformance.listing import CASES, cases_of, page, shown_by


@pytest.mark.parametrize(
    ("name", "cases"),
    [
        ("test_tc_001_cold_boot", ["001"]),
        ("test_tc_013_and_tc_014_reset", ["013", "014"]),
        ("test_tc_023_1_to_3_refused", ["023_1", "023_2", "023_3"]),
        ("test_tc_048_1_2_and_4_a_reservation", ["048_1", "048_2", "048_4"]),
        ("test_e_07_08_and_39_a_transaction", ["E_07", "E_08", "E_39"]),
        ("test_k_29_to_32_and_k_52_profiles", ["K_29", "K_30", "K_31", "K_32", "K_52"]),
        ("test_tc_085_and_a_01_basic", ["085", "A_01"]),
        ("test_tc_075_and_m_01_to_m_03_a_root", ["075_1", "075_2", "M_01", "M_02", "M_03"]),
        ("test_a_station_that_is_here", []),
    ],
)
def test_a_name_begins_with_its_cases(name: str, cases: list[str]) -> None:
    assert cases_of(name) == cases


def test_a_case_that_no_document_has_is_refused() -> None:
    with pytest.raises(AssertionError, match="B_99"):
        cases_of("test_b_99_nothing")


def test_the_documents_have_so_many_cases() -> None:
    assert [len(cases) for cases in CASES.values()] == [77, 252, 78]
    assert all(len(set(cases)) == len(cases) for cases in CASES.values())


def test_the_page_names_the_tests_of_now() -> None:
    """Made anew by `python -m tests.conformance` whenever a case gets its test."""
    written = (Path(listing.HERE).parents[1] / "docs" / "conformance.md").read_text()
    names = {name for tests in shown_by().values() for _, name in tests}
    missing = sorted(name for name in names if f"`{name}`" not in written)
    assert not missing, "run `python -m tests.conformance`"


def test_a_case_counts_as_shown_if_all_its_tests_passed() -> None:
    name = shown_by()["001"][0][1]
    assert f"| TC_001_CSMS | passed | `{name}` |" in page([name], [])
    assert f"| TC_001_CSMS | failed | `{name}` |" in page([], [name])
    assert f"| TC_001_CSMS | not yet | `{name}` |" in page([], [])
