"""Tests of the pages about credits, as people use them."""

import re

from httpx import AsyncClient, Response

from billing import credit_orders, credit_store
from billing.credit_orders import ShopOrder
from foundation.clock import SetClock
from foundation.database import Database
from foundation.identifiers import OrganisationKey
from foundation.money import Money, rounded
from tests.portal.pages.conftest import SignIn, token_in
from tests.portal.pages.world import WORKS

WORKS_KEY = OrganisationKey(WORKS)


async def sent(browser: AsyncClient, page: str, path: str, **given: object) -> Response:
    """Send a form of a page."""
    form = await browser.get(page)
    assert form.status_code == 200, form.text
    return await browser.post(path, data={**given, "csrf": token_in(form.text)})


async def ordered(browser: AsyncClient, quantity: object = 240) -> Response:
    return await sent(
        browser, "/credits/order", "/credits/order", quantity=quantity, organisation=""
    )


async def test_an_order_shows_its_price_discount_and_a_cheaper_one_before_the_click(
    sign_in: SignIn,
) -> None:
    otto = await sign_in("otto")
    shown = (await otto.get("/credits/order", params={"quantity": "240"})).text
    assert "Order 240 credits for €28.56" in shown
    assert "250 credits cost less: €28.50" in shown
    larger = (await otto.get("/credits/order", params={"quantity": "2500"})).text
    assert "16.8%" in larger
    assert "cost less" not in larger

    answer = await ordered(otto)
    wallet = await otto.get(answer.headers["location"])
    assert "The credits are ordered. An invoice follows." in wallet.text
    assert "CR-000001" in wallet.text
    assert "No bookings yet" in wallet.text


async def test_a_number_that_is_none_is_said_beside_it(sign_in: SignIn) -> None:
    otto = await sign_in("otto")
    for wrong in ("", "0", "many", "1000001", "2.5"):
        answer = await ordered(otto, wrong)
        assert answer.status_code == 422
        assert 'id="quantity-wrong"' in answer.text
        buttons = re.findall(r'<button class="button main">(.*?)</button>', answer.text)
        assert bool(buttons) is (wrong == "")  # empty: the usual number is suggested


async def test_staff_notes_the_payment_once_and_the_buyer_sees_his_credits(
    sign_in: SignIn, database: Database
) -> None:
    otto = await sign_in("otto")
    await ordered(otto)
    assert (await otto.get("/credits/orders")).status_code == 403
    refused = await sent(
        otto, "/credits", "/credits/orders/CR-000001", decision="pay", payment="mine"
    )
    assert refused.status_code == 403
    admin = await sign_in("admin")
    queue = await admin.get("/credits/orders")
    assert "Stadtwerke Heilbronn" in queue.text
    given = {"decision": "pay", "payment": "bank 17"}
    paid = await sent(admin, "/credits/orders", "/credits/orders/CR-000001", **given)
    assert paid.headers["location"] == "/credits/orders?done=credits-pay"
    again = await sent(admin, "/credits/orders", "/credits/orders/CR-000001", **given)
    assert again.status_code == 409
    assert "The order CR-000001 was paid before. Nothing was booked." in again.text
    found = await admin.get("/credits/orders", params={"q": "CR-000001"})
    assert "bank 17" in found.text
    otto = await sign_in("otto")
    wallet = await otto.get("/credits")
    assert "Purchase" in wallet.text
    assert "+240" in wallet.text
    async with database.unit_of_work() as db:
        assert (await credit_store.wallet(db, WORKS_KEY)).balance == 240


async def test_an_order_is_cancelled_by_its_buyer_and_released_by_staff(sign_in: SignIn) -> None:
    otto = await sign_in("otto")
    await ordered(otto)
    await ordered(otto)
    gone = await sent(otto, "/credits", "/credits/orders/CR-000001", decision="cancel")
    assert gone.headers["location"] == "/credits?done=credits-cancelled"
    admin = await sign_in("admin")
    path = "/credits/orders/CR-000002"
    assert (await sent(admin, "/credits/orders", path, decision="release")).status_code == 303
    twice = await sent(admin, "/credits/orders", path, decision="release")
    assert "were booked before" in twice.text
    late = await sent(admin, "/credits/orders", "/credits/orders/CR-000001", decision="release")
    assert "no longer open" in late.text
    assert (await sent(admin, "/credits/orders", path, decision="")).status_code == 422


async def test_a_shops_order_of_an_unknown_name_is_matched_by_hand(
    sign_in: SignIn, database: Database, clock: SetClock
) -> None:
    async with database.unit_of_work() as db:
        await credit_orders.take_in(
            db,
            ShopOrder(
                number="S-9",
                user_name="Otto",  # his user name is otto
                quantity=100,
                net=rounded(Money.from_minor(1190, "EUR").amount, "EUR"),
                ordered_at=clock.now(),
                payment="card",
                is_invoiced=True,
            ),
            by="shop",
            letters=None,
            now=clock.now(),
        )
    admin = await sign_in("admin")
    queue = await admin.get("/credits/orders")
    assert "Nobody has this user name." in queue.text
    path = "/credits/orders/S-9"
    nobody = {"decision": "match", "organisation": ""}
    assert (await sent(admin, "/credits/orders", path, **nobody)).status_code == 422
    given = {"decision": "match", "organisation": WORKS}
    assert (await sent(admin, "/credits/orders", path, **given)).status_code == 303
    wallet = await admin.get("/credits", params={"organisation": WORKS})
    assert "+100" in wallet.text
    missing = await admin.get("/credits/orders", params={"q": "S-8"})
    assert "No order matches" in missing.text


async def test_an_account_is_shown_to_its_own_side_alone(sign_in: SignIn) -> None:
    petra = await sign_in("petra")
    assert (await petra.get("/credits", params={"organisation": WORKS})).status_code == 404
    assert (await petra.get("/credits")).status_code == 200
