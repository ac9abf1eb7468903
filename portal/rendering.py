"""Pages from templates: the frame around every page, and the words and forms of its values.

A page is given frozen values; templates only write them down, by the filters defined here. One
Jinja environment per language, built once. No template computes money.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape

from portal import (
    account_words,
    formats,
    icons,
    month_words,
    paper_words,
    support_words,
    vocabulary,
)
from portal.words import Words, words

ROOM = Path(__file__).parent
STATIC = ROOM / "static"
THEMES = ("auto", "light", "dark")


@dataclass(frozen=True, slots=True)
class NavigationEntry:
    """One line of the side bar; `count` is shown beside it in `tone` unless it is zero."""

    title: str
    path: str
    icon: str
    count: int = 0
    tone: str = ""
    explained: str = ""


@dataclass(frozen=True, slots=True)
class NavigationGroup:
    """Some lines of the side bar under a common name (empty: none)."""

    title: str
    entries: tuple[NavigationEntry, ...]


@dataclass(frozen=True, slots=True)
class Frame:
    """What surrounds a page: who reads it, in which language, zone and theme, and where.

    `path` is the path with its query, for coming back to it. `csrf` is the token that forms carry.
    `name` is None where nobody is signed in. `done` is a quiet word on what was just done.
    `live` names what the page wants to hear of (`portal.live`), empty for a page that stands still.
    """

    language: str
    now: datetime
    zone: ZoneInfo
    path: str = "/"
    theme: str = "auto"
    name: str | None = None
    organisation: str = ""
    roles: str = ""
    csrf: str = ""
    rights: frozenset[str] = frozenset()
    navigation: tuple[NavigationGroup, ...] = ()
    done: str | None = None
    query: str = ""
    live: str = ""

    @property
    def words(self) -> Words:
        return words(self.language)

    def may(self, permission: str) -> bool:
        """Whether a button for what this permission allows is worth showing."""
        return permission in self.rights

    def is_here(self, path: str) -> bool:
        """Whether a line of the side bar leads to the page or to what lies above it."""
        here = self.path.partition("?")[0]
        if path == "/":
            return here == "/"
        return here == path or here.startswith(path + "/")


@cache
def asset(name: str) -> str:
    """The address of a static file, which changes with its content so that browsers may keep it."""
    content = icons.mark_file().encode() if name == "mark.svg" else (STATIC / name).read_bytes()
    return f"/static/{name}?v={hashlib.sha256(content).hexdigest()[:10]}"


def render(frame: Frame, template: str, values: Mapping[str, Any]) -> str:
    """Write one page.

    Raises:
        jinja2.UndefinedError: The template names a value it was not given: our own mistake.
    """
    return environment(frame.language).get_template(template).render(frame=frame, **values)


def link(path: str, query: Mapping[str, object] | None = None) -> str:
    """An address with its query; what is None or empty is left out."""
    kept = {name: str(value) for name, value in (query or {}).items() if value not in (None, "")}
    return f"{quote(path, safe='/%:@!$,;=')}{'?' + urlencode(kept) if kept else ''}"


def segment(text: str) -> str:
    """A station's identity or another key as one segment of a path."""
    return quote(text, safe="")


@cache
def environment(language: str) -> Environment:
    """The templates in one language.

    Raises:
        KeyError: The portal does not speak the language.
    """
    said = words(language)
    built = Environment(
        loader=FileSystemLoader(ROOM / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n", "jinja2.ext.do"],
    )
    built.install_gettext_callables(  # type: ignore[attr-defined]
        gettext=said.gettext,
        ngettext=said.ngettext,
        pgettext=said.pgettext,
        npgettext=said.npgettext,
        newstyle=True,
    )
    built.globals.update(
        asset=asset,
        icon=icons.icon,
        mark=icons.mark,
        link=link,
        segment=segment,
        themes=THEMES,
        languages=tuple(formats.LOCALES),
    )
    built.filters.update(_filters(said))
    return built


def _filters(said: Words) -> dict[str, Callable[..., Any]]:
    locale = said.locale

    def word(text: str) -> str:
        return said.gettext(text)

    def state(key: str, kind: str) -> Markup:
        known = _table(kind).get(key, vocabulary.UNKNOWN)
        return Markup('<span class="state {} {}">{}</span>').format(
            known.shape, known.tone, said.gettext(known.word)
        )

    def reason(key: str, kind: str = "HOLD_REASONS") -> vocabulary.Reason:
        known = _table(kind).get(key)
        if known is None:
            return vocabulary.Reason(key, "")
        return vocabulary.Reason(said.gettext(known.name), said.gettext(known.advice))

    def term(key: str, kind: str) -> str:
        table: dict[str, str] = _table(kind)
        return said.gettext(table[key]) if key in table else key

    @pass_context
    def ago(context: Context, at: datetime | None, focusable: bool = True) -> Markup:
        if at is None:
            return Markup('<span class="muted">–</span>')
        frame: Frame = context["frame"]
        return Markup('<time datetime="{}" data-exact="{}"{}>{}</time>').format(
            formats.iso(at),
            formats.exact_moment(at, frame.zone, locale),
            Markup(' tabindex="0"') if focusable else "",
            formats.ago(at, frame.now, locale),
        )

    @pass_context
    def moment(
        context: Context, at: datetime | None, zone: ZoneInfo | None = None, seconds: bool = False
    ) -> Markup:
        if at is None:
            return Markup('<span class="muted">–</span>')
        shown = zone or context["frame"].zone
        return Markup('<time datetime="{}">{}</time>').format(
            formats.iso(at), formats.moment(at, shown, locale, seconds)
        )

    @pass_context
    def clock(context: Context, at: datetime, zone: ZoneInfo | None = None) -> Markup:
        shown = zone or context["frame"].zone
        return Markup('<time datetime="{}">{}</time>').format(
            formats.iso(at), formats.clock_time(at, shown, locale, seconds=True)
        )

    @pass_context
    def exact(context: Context, at: datetime, zone: ZoneInfo | None = None) -> str:
        return formats.exact_moment(at, zone or context["frame"].zone, locale)

    def number(value: Decimal | int | None, digits: int = 0) -> str:
        return "–" if value is None else formats.number(value, locale, digits)

    def kwh(value: Decimal | int | None, digits: int = 1) -> str:
        return "–" if value is None else formats.kwh(value, locale, digits)

    def kw(value: Decimal | int | None, digits: int = 1) -> str:
        return "–" if value is None else formats.kw(value, locale, digits)

    def money(value: formats.MoneyLike | None) -> str:
        return "–" if value is None else formats.money(value, locale)

    def duration(value: timedelta | None) -> str:
        return "–" if value is None else formats.duration(value, locale)

    def day(value: date | None) -> str:
        return "–" if value is None else formats.day(value, locale)

    return {
        "word": word,
        "state": state,
        "reason": reason,
        "term": term,
        "ago": ago,
        "moment": moment,
        "clock": clock,
        "exact": exact,
        "number": number,
        "kwh": kwh,
        "kw": kw,
        "money": money,
        "unit_price": lambda value: formats.unit_price(value, locale),
        "share": lambda value: formats.share(value, locale),
        "signed": formats.signed,
        "change": lambda now, before: formats.change(now, before, locale),
        "duration": duration,
        "day": day,
        "day_in": lambda at, zone: formats.day(at.astimezone(zone).date(), locale),
        "weekday": lambda value: formats.weekday(value, locale),
        "month": lambda value: formats.month(value, locale),
        "iso": formats.iso,
        "digits": _digits,
        "soft": _soft,
        "pretty": lambda value: json.dumps(value, indent=2, ensure_ascii=False, default=str),
    }


def _table(kind: str) -> dict[str, Any]:
    """A table of words, wherever it stands."""
    rooms = (vocabulary, support_words, account_words, paper_words, month_words)
    found: dict[str, Any] = next(getattr(each, kind) for each in rooms if hasattr(each, kind))
    return found


def _digits(value: Decimal) -> int:
    """How many decimals a value needs to be written exactly."""
    exponent = value.normalize().as_tuple().exponent
    assert isinstance(exponent, int)
    return max(0, -exponent)


def _soft(text: str) -> Markup:
    """Let a long identity break after its separators instead of stretching the page."""
    parts = str(escape(text))
    for separator in ("*", "-", "_", "/"):
        parts = parts.replace(separator, separator + "<wbr>")
    return Markup(parts)  # noqa: S704 - escaped above


@dataclass(frozen=True, slots=True)
class FormErrors:
    """What is wrong with a form, by field in the order of the form; empty if nothing is."""

    messages: Mapping[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.messages)

    def of(self, name: str) -> str | None:
        return self.messages.get(name)


@dataclass(frozen=True, slots=True)
class Turn:
    """Where a reader is in a long list: what is shown, of how many, and where it goes on."""

    first: int
    last: int
    total: int | None
    back: str | None = None
    on: str | None = None
