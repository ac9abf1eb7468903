"""Sessions: list, one told, and what a person decides about a held one."""

import re

import pytest

from foundation.errors import InvalidInput
from portal.pages.sessions import place_before
from portal.paging import encoded
from tests.portal.pages.conftest import SignIn, token_in


def numbers(html: str) -> list[str]:
    return re.findall(r'<a class="go" href="/sessions/(\d+)"', html)


async def test_the_list_goes_on_where_it_ended_without_gap_or_repeat(
    sign_in: SignIn, lively: None
) -> None:
    browser = await sign_in("admin")
    seen: list[str] = []
    path: str | None = "/sessions"
    while path:
        html = (await browser.get(path)).text
        seen += numbers(html)
        following = re.search(r'rel="next" href="([^"]+)"', html)
        path = following[1].replace("&amp;", "&") if following else None
    assert len(seen) == len(set(seen)) == 224


async def test_sessions_are_filtered_by_state_station_and_days(
    sign_in: SignIn, lively: None
) -> None:
    browser = await sign_in("admin")
    assert numbers((await browser.get("/sessions?state=active")).text) == [
        "5000",
        "5001",
        "5002",
        "5003",
    ]
    assert set(numbers((await browser.get("/sessions?state=held")).text)) == {
        "1037",
        "1061",
        "1080",
    }
    html = (await browser.get("/sessions?station=DE-HN-002&from=2026-10-15&to=2026-10-15")).text
    assert numbers(html) == ["5001"]
    assert 'value="2026-10-15"' in html
    assert "No session matches" in (await browser.get("/sessions?from=2030-01-01")).text


async def test_a_session_tells_its_price_in_sentences(sign_in: SignIn, lively: None) -> None:
    browser = await sign_in("admin")
    html = (await browser.get("/sessions/1024")).text
    assert "kWh × €0.49/kWh" in html
    assert "06:00 to 22:00" in html
    assert "Tariff DAY-NIGHT, version 1" in html
    assert "Start fee: €0.50" in html


async def test_what_was_reported_late_stands_where_it_arrived(
    sign_in: SignIn, lively: None
) -> None:
    browser = await sign_in("admin")
    html = (await browser.get("/sessions/1024")).text
    assert "The end was reported late" in html
    assert "9\u00a0h 12\u00a0min after it happened" in html


async def test_the_raw_messages_stand_behind_a_session_for_those_who_may(
    sign_in: SignIn, lively: None
) -> None:
    browser = await sign_in("helen")
    html = (await browser.get("/sessions/1024")).text
    assert "MeterValues" in html
    assert "clock -88 s" in html


async def test_a_held_session_says_why_and_is_released_with_a_reason(
    sign_in: SignIn, lively: None
) -> None:
    browser = await sign_in("admin")
    html = (await browser.get("/sessions/1037")).text
    assert "More energy than possible" in html
    token = token_in(html)
    answer = await browser.post("/sessions/1037/release", data={"csrf": token, "reason": " "})
    assert answer.status_code == 422
    assert "Say why, in a few words." in answer.text
    answer = await browser.post(
        "/sessions/1037/release", data={"csrf": token, "reason": "The connector has 43 kW."}
    )
    assert answer.headers["location"] == "/sessions/1037?done=released"
    html = (await browser.get(answer.headers["location"])).text
    assert "The session was released." in html
    assert "Released: The connector has 43 kW." in html
    assert "/sessions/1037/release" not in html


async def test_a_held_session_is_voided_with_a_reason_and_stays_in_the_list(
    sign_in: SignIn, lively: None
) -> None:
    browser = await sign_in("admin")
    token = token_in((await browser.get("/sessions/1080")).text)
    answer = await browser.post(
        "/sessions/1080/void", data={"csrf": token, "reason": "A test of the technician."}
    )
    assert answer.headers["location"] == "/sessions/1080?done=voided"
    assert numbers((await browser.get("/sessions?state=void")).text) == ["1080"]
    again = await browser.post("/sessions/1080/void", data={"csrf": token, "reason": "Once more."})
    assert again.status_code == 422
    assert "It is not held any more" in again.text


async def test_who_may_not_decide_is_refused(sign_in: SignIn, lively: None) -> None:
    browser = await sign_in("otto")
    token = token_in((await browser.get("/sessions/1037")).text)
    answer = await browser.post(
        "/sessions/1037/release", data={"csrf": token, "reason": "It is mine."}
    )
    assert answer.status_code == 403


async def test_numbers_that_are_none_are_not_found(sign_in: SignIn, lively: None) -> None:
    browser = await sign_in("admin")
    for wrong in ("0", "abc", "99999999999999999999999", "1024x", "%00"):
        answer = await browser.get(f"/sessions/{wrong}")
        assert answer.status_code in {404, 422}, wrong


def test_a_cursor_with_a_moment_in_no_zone_is_refused() -> None:
    assert place_before("") is None
    assert place_before(encoded("2026-10-15T12:00:00+00:00", 7)) is not None
    for text in ("2026-10-15T12:00:00", "yesterday"):
        with pytest.raises(InvalidInput):
            place_before(encoded(text, 7))
