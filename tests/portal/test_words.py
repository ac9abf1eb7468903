"""The words of the portal in both languages."""

import string
from functools import cache

import pytest
from babel.messages.pofile import read_po

from portal.words import catalogue_path, found_texts, preferred_language, words

Found = tuple[str, int, str | tuple[str, ...], str | None]


@cache
def texts() -> tuple[Found, ...]:
    """Every text that code and templates say; looking through them takes seconds."""
    return tuple(found_texts())


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "en"),
        ("", "en"),
        ("de", "de"),
        ("de-AT,de;q=0.9,en;q=0.5", "de"),
        ("en;q=0.4, de;q=0.8", "de"),
        ("fr, it;q=0.9", "en"),
        ("fr, de;q=0.1", "de"),
        ("de;q=nonsense, en;q=0.1", "en"),
        ("*", "en"),
    ],
)
def test_the_browsers_first_choice_among_ours_wins(header: str | None, language: str) -> None:
    assert preferred_language(header) == language


def test_a_browser_that_asks_for_neither_gets_the_fallback() -> None:
    assert preferred_language("fr", "de") == "de"


def test_the_german_catalogue_is_complete() -> None:
    with catalogue_path("de").open("rb") as file:
        catalogue = read_po(file, locale="de")
    missing = []
    for place, line, text, context in texts():
        one = text if isinstance(text, str) else text[0]
        message = catalogue.get(one, context)
        found = None if message is None else message.string
        translations = [found] if isinstance(found, str) else list(found or ())
        if not translations or not all(translations) or (message and message.fuzzy):
            missing.append(f"{place}:{line}: {text!r}")
    assert missing == []


def test_translations_name_the_same_values_as_their_source() -> None:
    with catalogue_path("de").open("rb") as file:
        catalogue = read_po(file, locale="de")
    assert sum(message.python_format for message in catalogue) > 100
    for message in catalogue:
        if not message.id or not message.python_format:
            continue
        errors = [str(error) for error in message.check(catalogue)]
        assert errors == [], message.id


def test_the_catalogue_holds_nothing_that_is_said_nowhere() -> None:
    with catalogue_path("de").open("rb") as file:
        catalogue = read_po(file, locale="de")
    said = {text if isinstance(text, str) else text[0] for _, _, text, _ in texts()}
    kept = {m.id if isinstance(m.id, str) else m.id[0] for m in catalogue if m.id}
    assert kept - said == set()


def test_german_texts_come_out_in_german_and_plurals_by_number() -> None:
    german = words("de")
    assert german.gettext("Sign in") == "Anmelden"
    assert german.ngettext("%(num)s reading", "%(num)s readings", 1) == "%(num)s Messwert"
    assert german.ngettext("%(num)s reading", "%(num)s readings", 2) == "%(num)s Messwerte"


def test_english_is_the_source() -> None:
    assert words("en").gettext("Sign in") == "Sign in"


def test_sources_are_sentences_and_not_keys() -> None:
    assert len(texts()) > 1000
    for place, line, text, _ in texts():
        one = text if isinstance(text, str) else text[0]
        assert "_" not in one.replace("%(", ""), f"{place}:{line}"
        assert one[0] in string.printable or one[0] in "“–%", f"{place}:{line}"
