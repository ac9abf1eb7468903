"""The page of a station's reachability."""

from tests.portal.pages.conftest import SignIn, token_in


async def test_limits_are_set_in_minutes_and_taken_back(sign_in: SignIn, lively: None) -> None:
    browser = await sign_in("admin")
    listed = (await browser.get("/api/v1/stations", params={"limit": 1})).json()
    path = f"/stations/{listed['items'][0]['identity']}/reachability"
    html = (await browser.get(path)).text
    assert "all stations" in html
    assert "30 min" in html
    form = {"csrf": token_in(html), "pending_after_min": "90", "offline_after_min": "240"}
    for field, text in (
        ("pending_after_min", "4"),
        ("pending_after_min", "soon"),
        ("offline_after_min", "90"),
        ("offline_after_min", ""),
        ("offline_after_min", "99999"),
    ):
        wrong = await browser.post(path, data=form | {field: text})
        assert wrong.status_code == 422, text
        assert f'href="#{field}"' in wrong.text
    answer = await browser.post(path, data=form)
    html = (await browser.get(answer.headers["location"])).text
    assert "The limits of silence are set." in html
    assert "90 min" in html
    assert "this station" in html
    empty = {"pending_after_min": "", "offline_after_min": ""}
    await browser.post(path, data=form | empty)
    assert "all stations" in (await browser.get(path)).text
