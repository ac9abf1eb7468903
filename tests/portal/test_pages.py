"""All pages of a lively installation, as every kind of reader asks for them."""

import re
from html.parser import HTMLParser

import pytest

# The fixtures of the pages' own folder; naming them as parameters is how they are used.
# ruff: noqa: F811
from tests.portal.pages.conftest import (  # noqa: F401
    SignIn,
    application,
    browser,
    database_url,
    lively,
    lively_template,
    quiet_template,
    sign_in,
    watched,
)

PAGES = (
    "/",
    "/stations",
    "/stations?state=faulted",
    "/stations?q=taxi",
    "/stations/DE-HN-002",
    "/stations/DE-HN-002/sessions",
    "/stations/DE-HN-002/commands",
    "/stations/DE-HN-002/expert",
    "/stations/DE-HN-002/expert?action=SetVariables",
    "/stations/DE-HN-002/expert?action=Reset&mode=json",
    "/commands/4",
    "/commands/rates?days=90",
    "/stations/DE-HN-002/settings",
    "/stations/DE-HN-002/files",
    "/firmware",
    "/stations/DE-HN-002/charging-profiles",
    "/stations/DE-HN-002/charging-profiles?evse=1&unit=W&hours=6",
    "/campaigns",
    "/campaigns/new",
    "/campaigns/new?vendor=ABB&do=restart_soft",
    "/campaigns/1",
    "/stations/DE-HN-002/log",
    "/stations/DE-HN-002/additional",
    "/stations/DE-HN-002/charge-points",
    "/stations/DE-HN-002/components",
    "/stations/DE-HN-002/errors",
    "/stations/DE-HN-002/documents",
    "/stations/DE-HN-002/geolocation",
    "/stations/DE-HN-002/reported",
    "/stations/DE-HN-002/reservations",
    "/stations/DE-HN-002/display",
    "/stations/DE-HN-002/local-list",
    "/stations/DE-HN-002/messages",
    "/stations/DE-HN-002/history",
    "/stations/DE-HN-002/tickets",
    "/prepaid-cards",
    "/payments",
    "/payments?state=owed&station=DE-HN-002",
    "/stations/DE-HN-002/payments",
    "/stations/DE-HN-002/certificates",
    "/certificates",
    "/stations/DE-HN-002/statistics",
    "/my-month?month=2026-09&organisation=stadtwerke",
    "/at/DE*ABC*E0021",
    "/stations/DE-HN-002/operations",
    "/stations/DE-HN-002/maintenance-windows",
    "/operations",
    "/alerts",
    "/load-balancing",
    "/load-balancing/zob",
    "/alerts/1",
    "/alerts/recipients",
    "/alerts/recipients/2",
    "/detection",
    "/detection/jobs/1",
    "/detection/groups/1",
    "/sessions",
    "/sessions?state=held",
    "/sessions?from=2026-10-01&to=2026-10-07",
    "/sessions/1024",
    "/sessions/1037",
    "/sessions/5001",
    "/statements",
    "/statements/stadtwerke-2026-09-EUR",
    "/statements/dry-run?payee=parkhaus&month=2026-09",
    "/payouts",
    "/agreements",
    "/agreements?q=stadt&state=valid",
    "/agreements/1",
    "/agreements/new",
    "/self-billing",
    "/self-billing/stadtwerke",
    "/service-costs?organisation=stadtwerke",
    "/service-costs/waived?organisation=stadtwerke",
    "/service-costs/services",
    "/service-costs/releases",
    "/service-costs/packages",
    "/service-costs/prices",
    "/documents",
    "/contacts",
    "/contacts/new",
    "/contracts",
    "/invoicing",
    "/months",
    "/late-sessions",
    "/monitor",
    "/credits",
    "/accounts",
    "/licence-calculator",
    "/rules",
    "/rules/new",
    "/new-stations",
    "/tariffs",
    "/tariffs/new",
    "/tariffs/preview?station=DE-HN-002",
    "/tariffs/calendar?station=DE-HN-002",
    "/tokens",
    "/tokens/new",
    "/tokens/04DEADBEEF",
    "/organisations",
    "/outbox",
    "/people",
    "/people/new",
    "/people/1",
    "/groups",
    "/groups/new?copy=3",
    "/groups/2",
    "/api-keys",
    "/api-keys/new",
    "/audit",
    "/audit?who=nobody",
    "/account",
    "/account/second-factor",
    "/stations/DE-HN-002/sharing",
    "/support",
    "/support?q=DE*ABC*E0021",
    "/support?q=abc+e00",
    "/support?station=DE-HN-002&token=04A2",
    "/support/calls",
    "/support/tickets",
    "/support/tickets/1",
    "/support/tickets/new?alert=2",
    "/support/visits/1",
    "/support/visits/1/technician",
    "/support/visits/2",
    "/support/first-aid",
    "/support/orders",
    "/support/orders/new?station=DE-HN-002",
    "/support/instructions",
    "/support/instructions?topic=no_start",
    "/search?q=04A2",
    "/search?q=nothing-of-that-kind",
    "/design",
)


class Judge(HTMLParser):
    """Reads a page as strictly as a browser with our policy would."""

    VOID = frozenset({"meta", "link", "input", "br", "hr", "wbr", "img"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.wrong: list[str] = []
        self.fields: set[str] = set()
        self.labels: set[str] = set()
        self.headings: list[int] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if "style" in given:
            self.wrong.append(f"<{tag}> has a style of its own")
        self.wrong += [f"<{tag}> has {name}" for name in given if name.startswith("on")]
        if tag == "script" and not given.get("src"):
            self.wrong.append("a script inside the page")
        if given.get("id"):
            self.ids.append(str(given["id"]))
        self.addresses += [
            str(given[name]) for name in ("href", "src", "action") if given.get(name)
        ]
        if tag in {"input", "select", "textarea"} and given.get("type") != "hidden":
            named = given.get("aria-label") or "label" in self.open
            if not named:
                self.fields.add(str(given.get("id")))
        if tag == "label" and given.get("for"):
            self.labels.add(str(given["for"]))
        if re.fullmatch(r"h[1-3]", tag):
            self.headings.append(int(tag[1]))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag in self.VOID:
            return
        if not self.open or self.open[-1] != tag:
            self.wrong.append(f"</{tag}> closes {self.open[-1:]} at {self.getpos()}")
        else:
            self.open.pop()

    def verdict(self) -> list[str]:
        twice = {each for each in self.ids if self.ids.count(each) > 1}
        wrong = [*self.wrong]
        wrong += [f"the id {each} stands twice" for each in sorted(twice)]
        wrong += [f"the field {each} has no label" for each in sorted(self.fields - self.labels)]
        wrong += [f"{each} is never closed" for each in self.open]
        wrong += [
            f"it asks another host: {each}"
            for each in self.addresses
            if not each.startswith(("/", "#", "geo:")) or each.startswith("//")
        ]
        jumps = zip(self.headings, self.headings[1:], strict=False)
        wrong += [f"a heading jumps from {one} to {two}" for one, two in jumps if two > one + 1]
        if not self.headings or self.headings[0] != 1:
            wrong.append("the first heading is not the page's")
        return wrong


def judged(html: str) -> list[str]:
    judge = Judge()
    judge.feed(html)
    return judge.verdict()


@pytest.mark.parametrize("language", ["en", "de"])
async def test_every_page_is_sound_in_both_languages_and_keeps_its_size(
    sign_in: SignIn, watched: None, language: str
) -> None:
    browser = await sign_in("admin")
    browser.headers["accept-language"] = language
    found: dict[str, object] = {}
    for path in PAGES:
        answer = await browser.get(path)
        if answer.status_code != 200:
            found[path] = answer.status_code
        elif wrong := judged(answer.text):
            found[path] = wrong
        elif len(answer.content) > 60_000:
            found[path] = len(answer.content)
        elif f'<html lang="{language}"' not in answer.text:
            found[path] = "the wrong language"
    assert found == {}


async def test_an_owner_sees_only_what_is_his_and_not_that_there_is_more(
    sign_in: SignIn, lively: None
) -> None:
    browser = await sign_in("petra")
    for path in ("/", "/stations", "/sessions", "/statements", "/organisations", "/tokens"):
        html = (await browser.get(path)).text
        assert "Stadtwerke" not in html, path
        assert "DE-HN-001" not in html, path
    for known, unknown in (
        ("/stations/DE-HN-001", "/stations/NEVER-HEARD-OF"),
        ("/stations/DE-HN-001/sessions", "/stations/NEVER-HEARD-OF/sessions"),
        ("/sessions/1000", "/sessions/999999"),
        ("/statements/stadtwerke-2026-09-EUR", "/statements/stadtwerke-1999-09-EUR"),
    ):
        answers = [await browser.get(path) for path in (known, unknown)]
        assert [each.status_code for each in answers] == [404, 404], known
        one, other = (each.text.partition("<main")[2] for each in answers)
        assert one == other, known
    assert "DE-HN-014" in (await browser.get("/stations")).text


async def test_an_owner_is_not_offered_what_he_may_not_do(sign_in: SignIn, lively: None) -> None:
    browser = await sign_in("otto")
    html = (await browser.get("/")).text
    for path in ("/tariffs", "/outbox", "/new-stations", "/design"):
        assert f'href="{path}"' not in html
        assert (await browser.get(path)).status_code == 403, path
    session = (await browser.get("/sessions/1037")).text
    assert "Held" in session
    assert "/release" not in session
    assert "what the station said" not in session


async def test_pages_of_an_empty_installation_say_what_would_be_there(sign_in: SignIn) -> None:
    browser = await sign_in("admin")
    for path, text in (
        ("/", "No station has connected yet"),
        ("/stations", "No stations yet"),
        ("/sessions", "No sessions yet"),
        ("/payments", "No payments yet"),
        ("/prepaid-cards", "No prepaid cards yet"),
        ("/statements", "No statements yet"),
        ("/tariffs", "No tariffs yet"),
        ("/tokens", "No tokens yet"),
        ("/outbox", "No mail yet"),
        ("/new-stations", "No station waits"),
    ):
        answer = await browser.get(path)
        assert answer.status_code == 200, path
        assert text in answer.text, path
        assert judged(answer.text) == [], path
