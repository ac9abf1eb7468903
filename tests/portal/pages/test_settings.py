"""Organisations and tariffs."""

from tests.portal.pages.conftest import SignIn


async def test_prices_of_a_tariff_are_told_with_their_conditions(
    sign_in: SignIn, lively: None
) -> None:
    html = (await (await sign_in("admin")).get("/tariffs")).text
    assert "Energy €0.49/kWh (06:00 to 22:00); Energy €0.39/kWh; Start fee €0.50" in html
    assert "Organisation root" in html


async def test_an_owner_sees_his_own_organisation_only(sign_in: SignIn, lively: None) -> None:
    browser = await sign_in("otto")
    html = (await browser.get("/organisations")).text
    assert "Stadtwerke Heilbronn" in html
    assert "Parkhaus" not in html


async def test_organisations_are_found_by_name_and_mail(sign_in: SignIn, lively: None) -> None:
    browser = await sign_in("admin")
    html = (await browser.get("/organisations?q=rechnung@")).text
    assert "Stadtwerke" in html
    assert "Parkhaus" not in html
