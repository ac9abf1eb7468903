"""Hours of a place and access control as pages: given, shown, refused beside their fields."""

import pytest

from billing.hours import Hours
from foundation.errors import InvalidInput
from portal.pages.place_hours import hours_given
from tests.portal.pages.conftest import SignIn, token_in

PAGE = "/tariffs/hours?scope=station&id=DE-HN-002&kind=opening"
WEEK = {
    "scope": "station",
    "id": "DE-HN-002",
    "kind": "opening",
    "mode": "weekly",
    "from-1a": "08:00",
    "to-1a": "12:00",
    "from-1b": "14:00",
    "to-1b": "00:00",
    "transition": "30",
    "stops": "yes",
}


async def test_a_place_gets_hours_and_the_form_comes_back_with_them(
    sign_in: SignIn, lively: None
) -> None:
    admin = await sign_in("admin")
    assert "/tariffs/hours" in (await admin.get("/tariffs")).text
    html = (await admin.get(PAGE)).text
    assert "No hours of its own" in html
    csrf = {"csrf": token_in(html)}
    made = await admin.post("/tariffs/hours", data=csrf | WEEK)
    assert made.status_code == 303, made.text
    html = (await admin.get(PAGE)).text
    assert "Monday 08:00–12:00, 14:00–00:00" in html
    assert 'value="08:00"' in html
    assert "30 min" in html
    late = {"valid_from": "2026-10-01T08:00", "transition": "60"}
    again = await admin.post("/tariffs/hours", data=csrf | WEEK | late)
    assert "others must begin later" in again.text
    for wrong, words in (
        ({"to-1a": ""}, "Give both a beginning and an end."),
        ({"to-1a": "07:00"}, "The end is later than the beginning"),
        ({"transition": "721"}, "0 to 720"),
        ({"transition": "x"}, "0 to 720"),
        ({"kind": "happy"}, "Choose one of the list."),
        ({"id": "NOWHERE"}, "There is no such place"),
        ({"valid_from": "soon"}, "Give a day and a time."),
    ):
        refused = await admin.post("/tariffs/hours", data=csrf | WEEK | wrong)
        assert (refused.status_code, words in refused.text) == (422, True), words


async def test_single_days_are_given_shown_and_stand_in_the_tariff_calendar(
    sign_in: SignIn, lively: None
) -> None:
    admin = await sign_in("admin")
    csrf = {"csrf": token_in((await admin.get(PAGE)).text)}
    days = {
        "day-1": "2026-10-20",
        "how-1": "closed",
        "day-2": "2026-10-21",
        "how-2": "hours",
        "from-d2a": "10:00",
        "to-d2a": "14:00",
    }
    both = await admin.post("/tariffs/hours", data=csrf | WEEK | days | {"how-2": "closed"})
    assert both.status_code == 422
    assert "only one of the two can be" in both.text
    assert 'href="#from-d2a"' in both.text
    overlapping = await admin.post("/tariffs/hours", data=csrf | WEEK | {"from-1b": "11:00"})
    assert "Two periods of the day overlap." in overlapping.text
    for kind in ("opening", "operating"):
        made = await admin.post("/tariffs/hours", data=csrf | WEEK | days | {"kind": kind})
        assert made.status_code == 303, made.text
    html = (await admin.get(PAGE)).text
    assert "Closed<br>" in html or ": Closed" in html
    assert 'value="2026-10-21"' in html
    calendar = (await admin.get("/tariffs/calendar?station=DE-HN-002&from=2026-10-15")).text
    assert "Single days" in calendar
    assert calendar.count("10:00–14:00") == 2
    assert "Operating hours" in calendar


async def test_only_who_may_read_tariffs_sees_them_and_only_who_writes_them_sets(
    sign_in: SignIn, lively: None
) -> None:
    petra = await sign_in("petra")
    for path in ("/tariffs/hours", "/tariffs/access"):
        assert (await petra.get(path)).status_code == 403
        form = {"csrf": token_in((await petra.get("/stations")).text)}
        assert (await petra.post(path, data=form)).status_code == 403


async def test_an_access_control_is_set_shown_and_changed(sign_in: SignIn, lively: None) -> None:
    admin = await sign_in("admin")
    html = (await admin.get("/tariffs/access")).text
    assert "No access control yet" in html
    form = {"csrf": token_in(html), "key": "fleet", "is_on": "yes"}
    nobody = await admin.post("/tariffs/access", data=form)
    assert (nobody.status_code, "is about some cards" in nobody.text) == (422, True)
    form["token_groups"] = "FLEET, POOL"
    lost = await admin.post("/tariffs/access", data=form | {"stations": "DE-HN-002, NOWHERE"})
    assert (lost.status_code, "not yours. (NOWHERE)" in lost.text) == (422, True)
    made = await admin.post("/tariffs/access", data=form | {"stations": "DE-HN-002"})
    assert made.status_code == 303, made.text
    html = (await admin.get("/tariffs/access?key=fleet")).text
    assert "Token groups: FLEET, POOL" in html
    assert 'value="DE-HN-002"' in html
    off = await admin.post("/tariffs/access", data=form | {"is_on": "", "stations": ""})
    assert off.status_code == 303
    assert "Nowhere" in (await admin.get("/tariffs/access")).text


def test_single_days_of_the_hours_before_are_kept() -> None:
    before = hours_given({"mode": "always"}, None)
    assert before == Hours(twentyfourseven=True)
    assert hours_given({"mode": "none"}, before) is None
    with pytest.raises(InvalidInput, match="at least one day"):
        hours_given({"mode": "weekly"}, before)
