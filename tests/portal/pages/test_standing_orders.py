"""Standing orders as a page: put on file, shown, ended."""

from tests.portal.pages.conftest import SignIn, token_in
from tests.portal.pages.world import WORKS

PAGE = "/support/standing-orders"


async def test_a_standing_order_is_put_on_file_and_ended(sign_in: SignIn) -> None:
    admin = await sign_in("admin")
    assert PAGE in (await admin.get("/support/orders")).text
    html = (await admin.get(PAGE)).text
    assert "No standing orders yet" in html
    form = {
        "csrf": token_in(html),
        "organisation": WORKS,
        "action": "SendLocalList",
        "reference": "Contract <17>",
        "valid_to": "2028-02-01",
    }
    for wrong, words in (
        ({"reference": " "}, "Name where the contract says so."),
        ({"organisation": "nobody"}, "There is no organisation"),
        ({"valid_to": "2020-01-01"}, "It ends after it begins: give a later end."),
        ({"valid_from": "soon"}, "Give a day."),
        ({"action": "Dance"}, "There is no action"),
    ):
        refused = await admin.post(PAGE, data=form | wrong)
        assert (refused.status_code, words in refused.text) == (422, True), words
    made = await admin.post(PAGE, data=form)
    assert made.headers["location"] == f"{PAGE}?done=saved"
    html = (await admin.get(PAGE)).text
    assert "Contract &lt;17&gt;" in html
    path = html.split('/end" method', 1)[0].rsplit('action="', 1)[1] + "/end"
    ended = await admin.post(path, data=form)
    assert ended.headers["location"] == f"{PAGE}?done=standing-ended"
    html = (await admin.get(PAGE)).text
    assert "ended on" in html
    assert '/end" method' not in html
    audited = (await admin.get("/audit")).text
    assert "standing_order" in audited
    assert (await admin.post(f"{PAGE}/NONE/end", data=form)).status_code == 404


async def test_an_owner_puts_nothing_on_file(sign_in: SignIn) -> None:
    otto = await sign_in("otto")
    html = (await otto.get("/stations")).text
    refused = await otto.post(PAGE, data={"csrf": token_in(html), "organisation": WORKS})
    assert refused.status_code == 403
