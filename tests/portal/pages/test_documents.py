"""Pages of documents and invoicing."""

import re

from tests.portal.pages.conftest import SignIn
from tests.portal.pages.test_contacts import HUBER, send

SETTINGS = {"due_days": "14", "discount": "0", "automatic_mailing": "yes"}


async def test_from_the_settings_to_a_document_and_back(sign_in: SignIn) -> None:
    admin = await sign_in("admin")
    assert "No documents yet" in (await admin.get("/documents")).text
    issuer = HUBER | {"name": "Betrieb", "vat_id": "DE136695976"}
    await send(admin, "/contacts/new", issuer | {"represents": "organisation/root"})
    await send(admin, "/contacts/new", HUBER)
    await send(
        admin,
        "/contacts/2/contracts",
        {"name": "Fleet", "base_fee": "4.90", "valid_from": "2026-09-01"},
    )
    assert (await send(admin, "/invoicing", SETTINGS)).status_code == 303
    # Whether they are made by themselves is a service: it is told, and switched where it costs.
    assert "/service-costs/services?organisation=root" in (await admin.get("/invoicing")).text
    for wrong in (
        {"discount": "1e999999"},
        {"discount": "much"},
        {"languages": "DE=fr"},
        {"other_name": "A"},
    ):
        assert (await send(admin, "/invoicing", SETTINGS | wrong)).status_code == 422, wrong
    assert (await admin.get("/invoicing?month=2026")).status_code == 422
    early = await send(admin, "/invoicing/run", {"month": "2026-10"})
    assert (early.status_code, "not over yet" in early.text) == (422, True)
    ran = await send(admin, "/invoicing/run", {"month": "2026-09"})
    assert ran.headers["location"].startswith("/documents?month=2026-09")
    listed = (await admin.get("/documents?month=2026-09&kind=invoice&open=yes")).text
    assert re.search("RE-.*2026-.*000001", listed)
    path = "/documents/RE-2026-000001"
    page = await admin.get(path)
    assert "Base fee, contract Fleet" in page.text

    nowhere = await send(admin, f"{path}/resend", {})
    assert (nowhere.status_code, "no mail address" in nowhere.text) == (422, True)
    await send(admin, "/contacts/2/change", HUBER | {"email": "huber@example.com"})
    assert (await send(admin, f"{path}/resend", {})).status_code == 303
    assert "Kept, no mail server set" in (await admin.get(path)).text
    above = await send(admin, f"{path}/cancel", {"reason": "x", "net": "9"})
    assert (above.status_code, "More than what is left" in above.text) == (422, True)
    assert (await send(admin, f"{path}/cancel", {"reason": "x", "net": "much"})).status_code == 422
    assert (await send(admin, f"{path}/paid", {})).status_code == 303
    assert (await send(admin, f"{path}/paid", {})).status_code == 422
    back = await send(admin, f"{path}/cancel", {"reason": "Wrong", "again": "yes"})
    assert back.headers["location"].startswith("/documents/ST-2026-000001")


async def test_an_owner_sees_no_documents_of_others_and_sets_nothing(sign_in: SignIn) -> None:
    owner = await sign_in("petra")
    assert (await owner.get("/documents")).status_code == 200
    assert (await owner.get("/documents/RE-2026-000001")).status_code == 404
    assert (await owner.get("/invoicing")).status_code == 403
    assert (await owner.get("/contacts/new")).status_code == 403
