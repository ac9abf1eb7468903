"""Drivers pay by the QR code's address, and staff see what was paid, what is owed, what is held."""

from datetime import UTC, datetime
from decimal import Decimal

import httpx
import pytest

from billing import direct_payments
from billing.direct_payments import PaymentState
from csms import held_tariffs, payments
from csms.held_tariffs import Asker
from csms.payments import PaymentPoint
from csms.reports import OcppVersion, Origin, SettlementReport
from foundation.database import Database
from foundation.identifiers import OrganisationKey, StationId
from portal.visits import PER_MINUTE
from tests.billing.test_direct_payments import TestProvider
from tests.portal.pages.conftest import SignIn

STATION = "DE-HN-002"
NOON = datetime(2026, 10, 15, 12, tzinfo=UTC)

pytestmark = pytest.mark.usefixtures("lively")


async def shows(database: Database, kind: str = "static") -> None:
    async with database.unit_of_work() as db:
        point = PaymentPoint(False, kind, "secret" if kind == "dynamic" else None, 8, 60)
        await payments.set_payment_point(db, STATION, point, by="test", now=NOON)


def csrf(text: str) -> str:
    return text.partition('name="csrf" value="')[2].partition('"')[0]


async def test_a_driver_pays_and_each_refusal_is_told_in_both_languages(
    browser: httpx.AsyncClient, database: Database
) -> None:
    page = f"/pay/{STATION}/1"
    german = {"accept-language": "de"}
    refused = await browser.get(page)
    assert refused.status_code == 422
    assert "You cannot pay directly" in refused.text
    assert "nicht direkt bezahlen" in (await browser.get(page, headers=german)).text
    await shows(database)
    assert "No payment provider is set" in (await browser.get(page)).text
    assert "kein Zahlungsanbieter" in (await browser.get(page, headers=german)).text
    provider = TestProvider()
    direct_payments.join(database, provider)
    bad = await browser.get(f"{page}?maxCost=much")
    assert "a limit that cannot be: maxCost" in bad.text
    good = await browser.get(f"{page}?maxCost=12.50&maxEnergy=9000")
    assert good.status_code == 200
    assert "12.50" in good.text
    begun = await browser.post(
        f"{page}?maxCost=12.50&maxEnergy=9000", data={"csrf": csrf(good.text)}
    )
    [order] = provider.orders
    assert order.amount.amount == Decimal("12.50")
    assert f"https://pay.example/{order.key}" in begun.text
    assert "Waiting for your payment" in (await browser.get(f"/paid/{order.key}")).text
    provider.authorise()
    after = await browser.get(f"/paid/{order.key}")
    assert after.status_code == 200
    async with database.unit_of_work() as db:
        payment = await direct_payments.by_key(db, order.key)
    # The world's stations have no connection: it is said, and the money goes back.
    assert (payment.state, payment.due is not None) == (PaymentState.STARTING, True)
    assert (await browser.get("/paid/nobody-knows-it")).status_code == 404
    await shows(database, "dynamic")
    stale = await browser.get(f"{page}/abcdefgh/v1", headers=german)
    assert "Dieser Code gilt nicht mehr" in stale.text


async def test_who_opens_payments_too_often_waits_and_none_is_opened(
    browser: httpx.AsyncClient, database: Database
) -> None:
    await shows(database)
    provider = TestProvider()
    direct_payments.join(database, provider)
    page = f"/pay/{STATION}/1?maxCost=12.50"
    token = csrf((await browser.get(page)).text)
    for _ in range(PER_MINUTE - 2):
        assert (await browser.get("/receipts/none")).status_code == 404
    assert (await browser.post(page, data={"csrf": token})).status_code == 200
    refused = await browser.post(page, data={"csrf": token})
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) > 0
    assert len(provider.orders) == 1
    assert (await browser.get(f"/paid/{provider.orders[0].key}")).status_code == 429


async def test_staff_see_claims_and_close_them_and_which_tariff_is_held(
    browser: httpx.AsyncClient, sign_in: SignIn, database: Database
) -> None:
    await sign_in("admin")
    page = f"/stations/{STATION}/payments"
    empty = await browser.get(page)
    assert "costs are counted centrally" in empty.text
    async with database.unit_of_work() as db:
        origin = Origin(StationId(STATION), OcppVersion.V21, 1, NOON, "m", "NotifySettlement", "")
        for status in ("Failed", "Settled"):
            report = SettlementReport(
                origin,
                None,
                f"psp-{status}",
                status,
                "x",
                Decimal("4.76"),
                NOON,
                None,
                None,
                None,
                None,
            )
            await payments.keep_settlement(db, report, currency="EUR", receipts="https://x")
        await held_tariffs._add(
            db,
            StationId(STATION),
            0,
            None,
            {"tariffId": "T-9/1"},
            held_tariffs.State.CENTRAL,
            type("Command", (), {"id": 999_999})(),
            Asker("me", "Me", OrganisationKey("operator")),
            NOON,
        )
    shown = await browser.get(page)
    for said in ("Open claim: 4.76 EUR", "T-9/1", "Costs are counted centrally"):
        assert said in shown.text
    claim = shown.text.partition(f"{page}/")[2].partition("/close")[0]
    form = {"csrf": csrf(shown.text)}
    refused = await browser.post(f"{page}/{claim}/close", data=form)
    assert refused.status_code == 422
    closed = await browser.post(f"{page}/{claim}/close", data=form | {"note": "cash"})
    assert closed.status_code == 303
    after = (await browser.get(page)).text
    assert "Open claim" not in after
    assert "cash" in after
