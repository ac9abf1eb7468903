"""The frame, the filters, and the stylesheet's colours."""

import itertools
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from jinja2 import UndefinedError

from foundation.money import Money
from portal.rendering import (
    STATIC,
    FormErrors,
    Frame,
    NavigationEntry,
    NavigationGroup,
    asset,
    environment,
    link,
    segment,
)

NOON = datetime(2026, 10, 15, 12, tzinfo=UTC)
FRAME = Frame(language="en", now=NOON, zone=ZoneInfo("Europe/Berlin"), path="/stations/A?tab=log")


def written(template: str, frame: Frame = FRAME, **values: object) -> str:
    return environment(frame.language).from_string(template).render(frame=frame, **values)


def test_a_moment_says_how_long_ago_and_keeps_the_exact_one_for_pointer_and_key() -> None:
    html = written("{{ at|ago }}", at=NOON - timedelta(minutes=12))
    assert html == (
        '<time datetime="2026-10-15T11:48:00Z" data-exact="15 Oct 2026, 13:48:00 CEST" '
        'tabindex="0">12 min ago</time>'
    )
    assert "tabindex" not in written("{{ at|ago(false) }}", at=NOON)


def test_a_state_has_shape_colour_and_word() -> None:
    html = written("{{ 'faulted'|state('STATION_STATES') }}")
    assert html == '<span class="state triangle fault">Faulted</span>'
    assert "Unknown" in written("{{ 'exploded'|state('STATION_STATES') }}")


def test_a_reason_says_what_to_do_in_the_readers_language() -> None:
    german = Frame(language="de", now=NOON, zone=ZoneInfo("UTC"))
    assert "Techniker" in written("{{ ('GroundFailure'|reason('FAULTS')).advice }}", german)


def test_what_is_not_known_is_a_dash_and_never_a_zero() -> None:
    template = "{{ none|kwh }} {{ none|money }} {{ none|duration }} {{ none|number }}"
    assert written(template) == "– – – –"


def test_money_is_written_down_and_not_computed() -> None:
    html = written("{{ value|money }}", value=Money(Decimal("1284.57"), "EUR"))
    assert html == "€1,284.57"


def test_values_are_escaped_and_long_identities_may_break() -> None:
    assert written("{{ text|soft }}", text="<b>-X*1") == "&lt;b&gt;-<wbr>X*<wbr>1"
    assert written("{{ text }}", text="<script>") == "&lt;script&gt;"


def test_a_template_that_names_a_value_it_was_not_given_is_a_mistake() -> None:
    with pytest.raises(UndefinedError):
        written("{{ forgotten }}")


def test_addresses_leave_out_what_is_not_set() -> None:
    assert link("/stations", {"q": "a b", "state": "", "before": None}) == "/stations?q=a+b"
    assert link("/stations") == "/stations"
    assert segment("DE/ä#1") == "DE%2F%C3%A4%231"


def test_the_side_bar_knows_where_one_is() -> None:
    assert FRAME.is_here("/stations")
    assert not FRAME.is_here("/")
    assert not FRAME.is_here("/stat")
    assert Frame(language="en", now=NOON, zone=ZoneInfo("UTC"), path="/?done=x").is_here("/")


def test_rights_decide_what_is_offered() -> None:
    assert not FRAME.may("stations.write")
    entry = NavigationEntry("Stations", "/stations", "station", 2, "fault", "faulted")
    group = NavigationGroup("", (entry,))
    frame = Frame(language="en", now=NOON, zone=ZoneInfo("UTC"), navigation=(group,), name="A")
    html = environment("en").get_template("base.html").render(frame=frame)
    assert '<span class="count fault" title="faulted">2' in html


def test_form_errors_are_found_by_field() -> None:
    errors = FormErrors({"reason": "Say why."})
    assert errors
    assert not FormErrors()
    assert errors.of("reason") == "Say why."
    assert errors.of("name") is None


def test_addresses_of_files_change_with_their_content() -> None:
    assert re.fullmatch(r"/static/leitstand\.css\?v=[0-9a-f]{10}", asset("leitstand.css"))
    assert asset("leitstand.css") != asset("leitstand.js")


# ------------------------------------------------------------------------------ contrast

Colour = tuple[float, float, float]


def tokens() -> Iterator[tuple[str, str, str]]:
    css = (STATIC / "leitstand.css").read_text()
    yield from re.findall(r"--([a-z-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)", css)


def luminance(colour: str) -> float:
    """Source: WCAG 2.2, relative luminance."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


GROUNDS = ("surface", "raised", "sunken")
STATES = ("ok", "info", "warning", "fault", "off")
READ = [
    *itertools.product(("text", "muted", "accent", "accent-strong", *STATES), GROUNDS),
    *((state, f"{state}-soft") for state in STATES),
    *(("text", f"{state}-soft") for state in STATES),
    ("on-accent", "accent"),
    ("on-accent", "accent-strong"),
    ("accent-strong", "accent-soft"),
    ("text", "accent-soft"),
    ("text", "mark-changed"),
    ("muted", "mark-changed"),
    ("surface", "text"),
    ("raised", "ok"),
    ("raised", "info"),
    ("raised", "warning"),
    ("raised", "fault"),
]
SEEN = [
    ("line-strong", "surface"),
    ("line-strong", "raised"),
    ("focus", "surface"),
    ("focus", "raised"),
    ("chart-energy", "raised"),
    ("chart-money", "raised"),
]


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_text_contrasts_with_its_ground_in_both_themes(theme: int) -> None:
    colours = {name: values[theme] for name, *values in tokens()}
    weak = {
        pair: round(contrast(colours[pair[0]], colours[pair[1]]), 2)
        for pair in READ
        if contrast(colours[pair[0]], colours[pair[1]]) < 4.5
    }
    assert weak == {}


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_borders_of_fields_focus_and_charts_are_seen_in_both_themes(theme: int) -> None:
    """Source: WCAG 2.2, 1.4.11 non-text contrast: 3 to 1."""
    colours = {name: values[theme] for name, *values in tokens()}
    weak = {
        pair: round(contrast(colours[pair[0]], colours[pair[1]]), 2)
        for pair in SEEN
        if contrast(colours[pair[0]], colours[pair[1]]) < 3
    }
    assert weak == {}


def test_energy_and_revenue_differ_in_grey_by_form_and_by_lightness() -> None:
    for theme in (0, 1):
        colours = {name: values[theme] for name, *values in tokens()}
        assert contrast(colours["chart-energy"], colours["chart-money"]) >= 1.5
