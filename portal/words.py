"""The words of the portal in the reader's language.

English is the source text; `locale/de/LC_MESSAGES/portal.po` holds the German. The catalogue is
read at start and kept, so a fresh clone needs no compiling. `python -m portal.words` finds the
marked texts of code and templates and brings the catalogue up to date.
"""

import gettext
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from babel import Locale
from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from babel.support import Translations
from jinja2.ext import babel_extract

from portal.formats import LOCALES

ROOM = Path(__file__).parent
KEYWORDS: dict[str, tuple[int | tuple[int, str], ...] | None] = {
    "_": None,
    "gettext": None,
    "marked": None,
    "ngettext": (1, 2),
    "pgettext": ((1, "c"), 2),
}


_WRITTEN = datetime(2026, 1, 1, tzinfo=UTC)


def marked(text: str) -> str:
    """Mark a text for the catalogue where it cannot be translated yet, as in a table of words."""
    return text


@dataclass(frozen=True, slots=True)
class Words:
    """One language: its locale and its texts."""

    language: str
    locale: Locale
    catalogue: gettext.NullTranslations

    def gettext(self, text: str) -> str:
        return self.catalogue.gettext(text)

    def ngettext(self, one: str, many: str, count: int) -> str:
        return self.catalogue.ngettext(one, many, count)

    def pgettext(self, context: str, text: str) -> str:
        return self.catalogue.pgettext(context, text)

    def npgettext(self, context: str, one: str, many: str, count: int) -> str:
        return self.catalogue.npgettext(context, one, many, count)


def catalogue_path(language: str) -> Path:
    """Where the texts of a language other than the source's are kept."""
    return ROOM / "locale" / language / "LC_MESSAGES" / "portal.po"


@cache
def words(language: str) -> Words:
    """The texts of a language the portal speaks.

    Raises:
        KeyError: The language is none of `LOCALES`.
    """
    locale = LOCALES[language]
    path = catalogue_path(language)
    if not path.exists():
        return Words(language, locale, gettext.NullTranslations())
    with path.open("rb") as file:
        catalogue = read_po(file, locale=language)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Words(language, locale, Translations(fp=compiled))


def preferred_language(accept: str | None, fallback: str = "en") -> str:
    """The language of ours that an `Accept-Language` header asks for first.

    Source: RFC 9110, section 12.5.4. A malformed weight counts as 0; `*` says nothing new.
    """
    best, best_weight = fallback, 0.0
    for item in (accept or "").split(","):
        tag, _, parameter = item.strip().partition(";")
        language = tag.strip().lower().split("-")[0]
        try:
            weight = float(parameter.strip().removeprefix("q=")) if parameter else 1.0
        except ValueError:
            weight = 0.0
        if language in LOCALES and weight > best_weight:
            best, best_weight = language, weight
    return best


OTHERS = tuple(ROOM.parent / "accounts" / name for name in ("permissions.py", "tiers.py"))
"""Modules below the portal whose texts it shows."""


def found_texts(room: Path = ROOM) -> Iterator[tuple[str, int, str | tuple[str, ...], str | None]]:
    """Every marked text of code and templates: file, line, text (singular, plural), context."""
    for path in [*sorted(room.rglob("*.py")), *(OTHERS if room == ROOM else ())]:
        with path.open("rb") as file:
            for line, texts, _, context in extract("python", file, KEYWORDS):
                yield _found(path, room, line, texts, context)
    for path in sorted((room / "templates").rglob("*.html")):
        with path.open("rb") as file:
            options = {"extensions": "jinja2.ext.i18n,jinja2.ext.do", "newstyle_gettext": "true"}
            for line, function, message, _ in babel_extract(
                file, ["gettext", "ngettext", "pgettext", "_"], [], options
            ):
                parts = (
                    [part for part in message if part] if isinstance(message, tuple) else [message]
                )
                if function == "pgettext":
                    yield _found(path, room, line, str(parts[1]), str(parts[0]))
                elif function == "ngettext":
                    yield _found(path, room, line, (str(parts[0]), str(parts[1])), None)
                else:
                    yield _found(path, room, line, str(parts[0]), None)


def _found(
    path: Path, room: Path, line: int, texts: str | Sequence[str], context: str | None
) -> tuple[str, int, str | tuple[str, ...], str | None]:
    text = texts if isinstance(texts, str) else tuple(texts)
    return str(path.relative_to(room.parent)), line, text, context


def _texts(translation: str | Sequence[str] | None) -> Sequence[str]:
    """A translation's forms; an absent one is one empty form."""
    return (
        [translation or ""] if translation is None or isinstance(translation, str) else translation
    )


def main() -> None:
    """Bring each catalogue up to date: new texts come in empty, gone ones leave."""
    template = Catalog(project="Leitstand", charset="utf-8")
    for file, _, text, context in found_texts():
        template.add(text, locations=[(file, 0)], context=context)
    for language in LOCALES:
        path = catalogue_path(language)
        if not path.exists():
            continue
        with path.open("rb") as source:
            catalogue = read_po(source, locale=language)
        catalogue.update(template, no_fuzzy_matching=True)
        catalogue.obsolete.clear()
        # The same texts make the same file, whoever writes it and whenever.
        catalogue.last_translator = catalogue.language_team = "Leitstand"
        catalogue.msgid_bugs_address = "Leitstand"
        catalogue.creation_date = catalogue.revision_date = _WRITTEN
        with path.open("wb") as target:
            write_po(target, catalogue, sort_output=True, width=100, include_lineno=False)
        missing = [each.id for each in catalogue if each.id and not all(_texts(each.string))]
        print(f"{language}: {len(catalogue)} texts, {len(missing)} to translate")


if __name__ == "__main__":
    main()
