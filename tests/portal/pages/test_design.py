"""The page of components."""

from tests.portal.pages.conftest import SignIn


async def test_only_administrators_see_the_components(sign_in: SignIn) -> None:
    browser = await sign_in("otto")
    assert (await browser.get("/design")).status_code == 403


async def test_the_page_shows_components_without_inline_styles_or_scripts(sign_in: SignIn) -> None:
    browser = await sign_in("admin")
    html = (await browser.get("/design")).text
    assert " style=" not in html
    assert "<script>" not in html
    assert " onclick=" not in html
    assert html.count("<h1") == 2  # the page's own, and the sample of a heading
