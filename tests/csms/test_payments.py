"""Money at stations: kept once; `tests.conformance.test_payments` shows it at real ones."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from csms import payments
from csms.payments import ClaimIsClosed
from csms.reports import OcppVersion, Origin, SettlementReport
from foundation.errors import NotFound
from foundation.identifiers import IdToken, StationId
from tests.csms.central import Central

AT = datetime(2026, 10, 15, 12, tzinfo=UTC)


async def test_a_claim_is_kept_once_and_closed_once(central: Central) -> None:
    station = await central.station()
    origin = Origin(StationId(station), OcppVersion.V21, 1, AT, "m", "NotifySettlement", "")
    said = SettlementReport(
        origin, None, "psp", "Failed", None, Decimal("4.76"), AT, None, None, None, None
    )
    async with central.database.unit_of_work() as db:
        row, is_new = await payments.keep_settlement(db, said, currency="EUR", receipts="x")
        again, is_new_again = await payments.keep_settlement(db, said, currency="EUR", receipts="x")
        assert (row.id, is_new, is_new_again) == (again.id, True, False)
        await payments.close_claim(db, row.id, note="cash", by="me", now=AT)
        with pytest.raises(ClaimIsClosed):
            await payments.close_claim(db, row.id, note="cash", by="me", now=AT)
        for name in ("1-x", "x", "", f"{row.id}-"):
            with pytest.raises(NotFound):
                await payments.receipt(db, name)


async def test_a_token_that_is_known_stays_what_it_is(central: Central) -> None:
    await central.token("HERS")
    async with central.database.unit_of_work() as db:
        assert not await payments.know_payer(db, IdToken("HERS", "DirectPayment"), now=AT)
        assert await payments.know_payer(db, IdToken("psp-new", "DirectPayment"), now=AT)
    [row] = await central.rows("select type from id_tokens where key = :key", key="HERS")
    assert row["type"] == "ISO14443"
