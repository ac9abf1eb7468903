"""Codes of languages: which are some, and which of those that are offered suits."""

import pytest

from foundation.languages import ISO_639_1, first_of, language_from


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("de", "de"),
        (" DE ", "de"),
        ("de-ch", "de-CH"),
        ("EN-gb", "en-GB"),
        ("xx", None),
        ("deu", None),
        ("german", None),
        ("de_CH", None),
        ("de-", None),
        ("de-CHE", None),
        ("", None),
        ("dé", None),
    ],
)
def test_two_letters_of_the_standard_are_a_language(written: str, kept: str | None) -> None:
    assert language_from(written) == kept


def test_there_are_as_many_as_the_standard_has() -> None:
    assert len(ISO_639_1) in range(180, 190)
    assert all(len(each) == 2 for each in ISO_639_1)


@pytest.mark.parametrize(
    ("preferred", "offered", "found"),
    [
        (("fr", "de"), ("en", "de"), "de"),
        (("de-CH",), ("en", "de"), "de"),
        (("de",), ("en", "de-AT", "de-CH"), "de-AT"),
        (("de-CH",), ("de", "de-CH"), "de-CH"),
        (("fr",), ("en", "de"), None),
        ((), ("en",), None),
    ],
)
def test_the_first_wish_that_can_be_served_counts(
    preferred: tuple[str, ...], offered: tuple[str, ...], found: str | None
) -> None:
    assert first_of(preferred, offered) == found
