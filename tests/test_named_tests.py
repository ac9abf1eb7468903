"""What the documentation calls a test is one, and no test of a rule is left out of its list."""

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
RULES, QUIRKS = ROOT / "docs" / "rules.md", ROOT / "docs" / "quirks.md"


@cache
def known() -> dict[str, frozenset[str]]:
    """Return the names of tests, each with the files (from the root) that have one of its name."""
    found: dict[str, set[str]] = {}
    for path in (ROOT / "tests").rglob("test_*.py"):
        for name in re.findall(r"^(?:async )?def (test_\w+)", path.read_text(), re.MULTILINE):
            found.setdefault(name, set()).add(str(path.relative_to(ROOT)))
    return {name: frozenset(files) for name, files in found.items()}


def words(path: Path) -> list[str]:
    """Return what a page sets in the type of programs."""
    return re.findall(r"`([^`\n]+)`", path.read_text())


def is_named_well(word: str) -> bool:
    """Tell whether a word is no test's name, or that of a test or of a file of tests."""
    if word.startswith("tests/"):
        return (ROOT / word).exists()
    if not word.startswith("test_") or word.endswith("_"):
        return True  # another word, or how several begin
    if word.endswith(".py"):
        return any(each.endswith(f"/{word}") for files in known().values() for each in files)
    return word in known()


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda page: page.stem)
def test_every_test_that_a_page_names_is_there(page: Path) -> None:
    assert [each for each in words(page) if not is_named_well(each)] == []


@pytest.mark.parametrize(
    "word", ["tests/test_nothing.py", "test_nothing.py", "test_nothing_at_all"]
)
def test_a_name_that_nothing_has_is_noticed(word: str) -> None:
    assert not is_named_well(word)
    assert is_named_well(Path(__file__).name)


def test_every_test_of_a_rule_stands_in_the_list_of_rules() -> None:
    listed = set(words(RULES))
    of_rules = {
        name for name, files in known().items() if any("/test_rules_of_" in each for each in files)
    }
    assert len(of_rules) > 250
    assert sorted(of_rules - listed) == []


def test_each_row_of_the_quirks_has_tests_or_says_why_not_and_the_count_is_right() -> None:
    rows = re.findall(
        r"^\| (\d+) \| [PTIXESCZ] \|[^|]+\| ([^|]+) \|$", QUIRKS.read_text(), re.MULTILINE
    )
    assert [int(number) for number, _ in rows] == list(range(1, 78))
    tested = [number for number, said in rows if "`test_" in said]
    assert all("`test_" in said or said.startswith("– ") for _, said in rows)
    assert len(tested) >= 50
    assert f"{len(tested)} of 77 rows have tests." in QUIRKS.read_text()


def test_each_situation_in_which_sessions_are_lost_elsewhere_has_tests() -> None:
    lost = QUIRKS.read_text().partition("## Where sessions are lost")[2]
    rows = re.findall(r"^\| ([^|]+) \| (`test_[^|]+) \|$", lost, re.MULTILINE)
    assert len(rows) == 13
