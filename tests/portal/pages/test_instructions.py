"""Instructions by model on their page."""

from tests.portal.pages.conftest import SignIn, token_in

PATH = "/support/instructions"
WRITTEN = {
    "topic": "no_start",
    "vendor": "ABB",
    "model": "Terra 54",
    "text_en": "Press the green button.\n\n Wait.",
    "text_de": "Grüne Taste drücken.\nWarten.",
}


async def test_agents_read_and_administrators_write(sign_in: SignIn) -> None:
    browser = await sign_in("helen")
    html = (await browser.get(PATH)).text
    assert "Cable stuck at the car" in html
    csrf = {"csrf": token_in(html)}
    assert (await browser.post(PATH, data={**csrf, **WRITTEN})).status_code == 403
    await browser.post("/sign-out", data=csrf)
    browser = await sign_in("admin")
    csrf = {"csrf": token_in((await browser.get(PATH)).text)}
    wrong = await browser.post(PATH, data={**csrf, **WRITTEN, "text_de": ""})
    assert wrong.status_code == 422
    assert "Press the green button." in wrong.text
    assert (await browser.post(PATH, data={**csrf, **WRITTEN, "topic": "x"})).status_code == 422
    made = await browser.post(PATH, data={**csrf, **WRITTEN})
    assert made.status_code == 303
    told = (await browser.get(made.headers["location"])).text
    assert "<li>Press the green button.</li>" in told
    assert "written here" in told
    assert "Press the green button." not in (await browser.get(PATH)).text
    form = await browser.get(
        PATH, params={"vendor": "ABB", "model": "Terra 54", "topic": "no_start"}
    )
    assert "Grüne Taste drücken." in form.text


async def test_what_is_as_shipped_is_not_written_again(sign_in: SignIn) -> None:
    browser = await sign_in("admin")
    csrf = {"csrf": token_in((await browser.get(PATH)).text)}
    general = {**WRITTEN, "vendor": "", "model": ""}
    await browser.post(PATH, data={**csrf, **general})
    assert "written here" in (await browser.get(PATH)).text
    await browser.post(PATH, data={**csrf, **general, "text_en": "", "text_de": ""})
    assert "written here" not in (await browser.get(PATH)).text
