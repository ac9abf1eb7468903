"""Which certification cases there are, and which test shows each: by the tests' names.

A name begins with its cases: `test_tc_023_1_to_3_…`, `test_e_07_08_and_39_…`,
`test_b_42_and_b_44_…`; a case without its part stands for all of its parts. What follows the first
word that is no case says what comes of them. The ids are those of the Open
Charge Alliance's test documents for a central system.
"""

import ast
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

HERE = Path(__file__).parent

CASES: Mapping[str, Sequence[str]] = json.loads((HERE / "cases.json").read_text())
"""By the version of OCPP; 1.6's without the `TC_` before and the `_CSMS` behind them."""

_ALL = tuple(case for cases in CASES.values() for case in cases)


def cases_of(name: str) -> list[str]:
    """Return the cases that a test's name begins with; empty for one that names none.

    Raises:
        AssertionError: If it names a case that there is not.
    """
    found: list[str] = []
    block = ""
    is_range = False
    words = name.removeprefix("test_").split("_")
    for place, word in enumerate(words):
        following = words[place + 1] if place + 1 < len(words) else ""
        if word == "tc" or (len(word) == 1 and word.isalpha() and following.isdigit()):
            block = word.upper()
        elif word.isdigit() and block:
            found = _joined(found, block, word, is_range=is_range)
            is_range = False
        elif word == "to" and found:
            is_range = True
        elif word != "and" or not found:
            break
    found = list(dict.fromkeys(part for each in found for part in _parts(each)))
    unknown = [each for each in found if each not in _ALL]
    assert not unknown, f"{name} names {unknown}, which no document has"
    return found


def _parts(case: str) -> list[str]:
    if case in _ALL:
        return [case]
    return [each for each in _ALL if each.startswith(f"{case}_")] or [case]


def _joined(found: list[str], block: str, word: str, *, is_range: bool) -> list[str]:
    """Return the cases with one more word: a case, the part of one, or the end of a range."""
    if (
        block != "TC" and found and f"{found[-1]}_{word}" in _ALL
    ):  # a part of a case that is one itself: N_102_2
        return [*found, f"{found[-1]}_{word}"]
    if block != "TC":
        case = f"{block}_{word}"
    elif len(word) == 1:  # a part of the case before it, in the place of its whole or beside it
        whole, _, part = found[-1].partition("_")
        case = f"{whole}_{word}"
        if not part and not is_range:
            return [*found[:-1], case]
    else:
        case = word
    if is_range and found:
        begin, end = _ALL.index(found[-1]), _ALL.index(case)
        return [*found, *_ALL[begin + 1 : end + 1]]
    return [*found, case]


def tests() -> Iterator[tuple[str, str]]:
    """Yield the file and the name of every test of this package."""
    for file in sorted(HERE.glob("test_*.py")):
        for node in ast.parse(file.read_text()).body:
            name = getattr(node, "name", "")
            if isinstance(name, str) and name.startswith("test_"):
                yield file.name, name


def shown_by() -> dict[str, list[tuple[str, str]]]:
    """Return by case the tests that show it."""
    found: dict[str, list[tuple[str, str]]] = {}
    for file, name in tests():
        for case in cases_of(name):
            found.setdefault(case, []).append((file, name))
    return found


def page(passed: Sequence[str], failed: Sequence[str]) -> str:
    """Return the page of all cases.

    Args:
        passed: The names of the tests that passed.
        failed: Of those that did not.
    """
    shown = shown_by()
    lines = [
        "# Conformance",
        "",
        "The certification cases for a central system, and the test that shows what comes of each.",
        "Written by `python -m tests.conformance` from a run of them; every case is driven over a",
        "real socket by a station on the `ocpp` package. How the tests were seen to fail:",
        "[conformance-checks.md](conformance-checks.md).",
        "",
        "| version | cases | shown |",
        "|---|---|---|",
    ]
    states = {
        version: {case: _state(shown.get(case, []), passed, failed) for case in cases}
        for version, cases in CASES.items()
    }
    for version, its in states.items():
        green = sum(state == "passed" for state in its.values())
        lines.append(f"| {version} | {len(its)} | {green} |")
    for version, its in states.items():
        lines += ["", f"## OCPP {version}", "", "| case | state | test |", "|---|---|---|"]
        for case, state in its.items():
            names = ", ".join(f"`{name}`" for _, name in shown.get(case, []))
            id_ = f"TC_{case}_CSMS"
            lines.append(f"| {id_} | {state} | {names} |")
    return "\n".join(lines) + "\n"


def _state(tests: Sequence[tuple[str, str]], passed: Sequence[str], failed: Sequence[str]) -> str:
    names = [name for _, name in tests]
    if any(name in failed for name in names):
        return "failed"
    if names and all(name in passed for name in names):
        return "passed"
    return "not yet"
