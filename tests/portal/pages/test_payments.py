"""The page of payments: all stations that one may see, newest first, what is owed before it."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import httpx
import pytest
from sqlalchemy import update

from billing import direct_payments
from billing.payment_tables import DirectPaymentRow
from csms import payments
from csms.payments import AD_HOC, PaymentPoint
from csms.reports import OcppVersion, Origin, SettlementReport
from csms.tables import TransactionRow
from foundation.database import Database
from foundation.identifiers import StationId
from foundation.money import Money
from portal.pages import payments as pages
from tests.billing.test_direct_payments import TestProvider
from tests.portal.pages.conftest import SignIn

NOON = datetime(2026, 10, 15, 12, tzinfo=UTC)
OTTOS, PETRAS = "DE-HN-002", "DE-HN-014"
SESSION = 1037
"""One of the world's, at `TERMINAL`."""

pytestmark = pytest.mark.usefixtures("lively")


async def settled(database: Database, station: str, name: str, status: str, **more: object) -> None:
    """Have a terminal tell of a payment, an hour ago."""
    at = NOON - timedelta(hours=1)
    origin = Origin(StationId(station), OcppVersion.V21, 1, NOON, "m", "NotifySettlement", "")
    report = SettlementReport(
        origin, None, name, status, None, Decimal("4.76"), at, None, None, None, None
    )
    async with database.unit_of_work() as db:
        row, _ = await payments.keep_settlement(db, report, currency="EUR", receipts="https://x")
        for column, value in more.items():
            setattr(row, column, value)


async def paid_by_code(database: Database, station: str, hours: int) -> str:
    """A driver pays 12.50, and 15.00 were due; return his payment's key."""
    direct_payments.join(database, TestProvider())
    async with database.unit_of_work() as db:
        amount = Money(Decimal("12.50"), "EUR")
        at = NOON - timedelta(hours=hours)
        key = await direct_payments.open_payment(db, station, 1, amount, code_mark=None, now=at)
        paid = {"state": "paid", "captured_minor": 1250, "due_minor": 1500, "transaction_id": 1}
        await db.execute(update(DirectPaymentRow).where(DirectPaymentRow.key == key).values(**paid))
    return key


def parts(html: str) -> tuple[str, str]:
    """What stands out, and the list below it."""
    main = html.partition("<main")[2]
    if 'aria-labelledby="outstanding"' not in main:
        return "", main
    out, _, below = main.partition("</section>")
    return out, below


async def test_what_is_owed_stands_out_and_each_line_leads_to_station_and_session(
    sign_in: SignIn, database: Database
) -> None:
    browser = await sign_in("admin")
    await settled(database, OTTOS, "a", "Settled", transaction_id=SESSION)
    await settled(database, PETRAS, "b", "Failed")
    await settled(database, OTTOS, "c", "Settled")
    key = await paid_by_code(database, OTTOS, 2)
    html = (await browser.get("/payments")).text
    out, below = parts(html)
    assert "Open claim" in out
    assert "No session known" in out
    assert "€2.50 could not be taken" in out
    assert f"/sessions/{SESSION}" not in out
    for link in (f"/stations/{OTTOS}/payments", f"/stations/{PETRAS}/payments"):
        assert f'href="{link}"' in out
        assert f'href="{link}"' in below
    assert f'href="/sessions/{SESSION}"' in below
    assert below.count('<th scope="row"') == 4
    assert below.index(PETRAS) < below.index("By code"), "the newest stands first"
    assert key not in html, "its name lets the driver in"
    browser.headers["accept-language"] = "de"
    german = (await browser.get("/payments")).text
    assert "Offene Forderung" in german
    assert "Genauer anzusehen" in german


async def test_a_session_that_the_terminal_tells_no_payment_of_stands_out(
    sign_in: SignIn, database: Database
) -> None:
    browser = await sign_in("admin")
    assert "No payment known" not in (await browser.get("/payments")).text
    async with database.unit_of_work() as db:
        row = await db.get_one(TransactionRow, SESSION)
        row.token_provider, row.ended_at = AD_HOC, NOON - timedelta(hours=25)
        station, point = row.station, PaymentPoint(True, "none", None, 8, 60)
        await payments.set_payment_point(db, station, point, by="me", now=NOON)
    out, _ = parts((await browser.get("/payments")).text)
    assert "No payment known" in out
    assert f'href="/sessions/{SESSION}"' in out
    assert "Sessions without a payment" in (await browser.get("/payments?state=owed")).text
    async with database.unit_of_work() as db:
        row = await db.get_one(TransactionRow, SESSION)
        row.ended_at = NOON - timedelta(hours=23)
    assert "No payment known" not in (await browser.get("/payments")).text, "it may still come"


async def test_an_owner_sees_his_stations_alone_and_who_may_not_is_refused(
    browser: httpx.AsyncClient, sign_in: SignIn, database: Database
) -> None:
    assert (await browser.get("/payments")).status_code in (303, 401)
    await settled(database, OTTOS, "a", "Failed")
    await paid_by_code(database, OTTOS, 1)
    await settled(database, PETRAS, "b", "Failed")
    await paid_by_code(database, PETRAS, 1)
    await sign_in("petra")
    html = (await browser.get("/payments")).text
    assert PETRAS in html
    assert OTTOS not in html
    assert 'href="/payments"' in html, "it stands in the side bar"
    hidden = (await browser.get(f"/payments?station={OTTOS}")).text
    assert "No payment matches" in hidden


async def test_filters_narrow_it_and_pages_go_on_without_a_gap(
    sign_in: SignIn, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = await sign_in("admin")
    for number in range(3):
        await settled(database, OTTOS, f"s{number}", "Canceled")
    for hours in (1, 1, 30):
        await paid_by_code(database, PETRAS, hours)

    async def lines(path: str) -> int:
        return parts((await browser.get(path)).text)[1].count('<th scope="row"')

    assert await lines("/payments") == 6
    assert await lines("/payments?state=nothing") == 3
    assert await lines("/payments?state=paid") == 3
    assert await lines("/payments?state=owed") == 3
    assert await lines(f"/payments?station={PETRAS}") == 3
    assert await lines("/payments?from=2026-10-15") == 5
    assert await lines("/payments?to=2026-10-14") == 1
    assert "No payment matches" in (await browser.get("/payments?state=failed")).text
    monkeypatch.setattr(pages, "PER_PAGE", 2)
    path, seen = "/payments?state=", 0
    for _ in range(3):
        html = (await browser.get(path)).text
        seen += parts(html)[1].count('<th scope="row"')
        path = html.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
    assert (seen, path) == (6, "")
    assert (await browser.get("/payments?before=nonsense")).status_code == 422
