"""Pages of contacts and contracts."""

import httpx

from tests.portal.pages.conftest import SignIn, token_in

HUBER = {
    "kind": "company",
    "name": "Huber Transporte",
    "street": "Ring 5",
    "postcode": "10115",
    "city": "Berlin",
    "country": "de",
    "managing": "root",
}


async def send(browser: httpx.AsyncClient, path: str, given: dict[str, str]) -> httpx.Response:
    """Send a form with the token of the pages."""
    form = await browser.get("/account")
    return await browser.post(path, data={**given, "csrf": token_in(form.text)})


async def test_a_contact_is_recorded_by_a_form_and_changed(sign_in: SignIn) -> None:
    admin = await sign_in("admin")
    empty = await admin.get("/contacts")
    assert "No contacts yet" in empty.text
    wrong = await send(admin, "/contacts/new", HUBER | {"vat_id": "DE1"})
    assert wrong.status_code == 422
    assert "its check digit is wrong" in wrong.text
    made = await send(admin, "/contacts/new", HUBER)
    assert made.status_code == 303
    path = made.headers["location"].partition("?")[0]
    assert "Huber Transporte" in (await admin.get("/contacts?q=huber")).text
    missing = await send(admin, f"{path}/change", HUBER | {"street": ""})
    assert (missing.status_code, "street must not be empty" in missing.text) == (422, True)
    changed = await send(admin, f"{path}/change", HUBER | {"city": "Potsdam"})
    assert changed.status_code == 303
    assert "Potsdam" in (await admin.get(path)).text
    assert (await admin.get("/contacts/999")).status_code == 404
    assert (await admin.get("/contacts/x")).status_code == 404


async def test_a_contract_is_made_gets_a_token_and_ends(sign_in: SignIn) -> None:
    admin = await sign_in("admin")
    made = await send(admin, "/contacts/new", HUBER)
    path = made.headers["location"].partition("?")[0]
    contract = {"name": "Fleet", "base_fee": "4,90", "valid_from": "2026-10-01"}
    for wrong in ({"base_fee": "much"}, {"valid_from": "soon"}, {"name": " "}):
        assert (await send(admin, f"{path}/contracts", contract | wrong)).status_code == 422
    assert (await send(admin, f"{path}/contracts", contract)).status_code == 303
    token = {"token": "04:A2", "valid_from": "2026-10-01"}
    assert (await send(admin, f"{path}/contracts/1/tokens", token)).status_code == 303
    again = await send(admin, f"{path}/contracts/1/tokens", token)
    assert (again.status_code, "on a contract in that time" in again.text) == (422, True)
    assert (await send(admin, f"{path}/contracts/1/tokens/1/end", {})).status_code == 303
    assert (await send(admin, f"{path}/contracts/9/end", {})).status_code == 404
    early = await send(admin, f"{path}/contracts/1/end", {"valid_to": "2026-10-01"})
    assert early.status_code == 422
    assert (
        await send(admin, f"{path}/contracts/1/end", {"valid_to": "2026-11-01"})
    ).status_code == 303
    listed = (await admin.get("/contracts")).text
    assert "Fleet" in listed
    assert "€4.90" in listed
