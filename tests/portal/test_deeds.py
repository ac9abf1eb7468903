"""Tests of what the audit's deeds are called."""

import re
from pathlib import Path

import pytest

from portal import deeds
from portal.words import words

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("deed", deeds.DEEDS)
def test_every_deed_has_a_name_in_both_languages(deed: str, language: str) -> None:
    name = deeds.in_words(deed, words(language))

    assert name[0].isupper()
    assert name != deed


def test_a_deed_without_a_name_is_shown_by_its_key() -> None:
    assert deeds.in_words("thing.do", words("de")) == "thing.do"


def test_what_people_do_to_people_has_a_name() -> None:
    source = "".join(
        (ROOT / "portal" / name).read_text() for name in ("people.py", "pages/account.py")
    )
    written = set(re.findall(r'"((?:user|group|api_key|login|station)\.[a-z_.]+)"', source))

    assert written
    assert written <= set(deeds.DEEDS)
