"""2.1: prepaid cards, terminals and QR codes (C), each by what comes of it."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from billing import books, direct_payments, ledger, prepaid, pricing
from billing.direct_payments import PaymentState
from billing.handlers import TransactionReader
from billing.one_time_codes import code_at
from billing.pricing import NewAssignment, place_from
from csms import payments
from csms.payments import Credits, PaymentPoint
from csms.queue import CommandState
from foundation.events import SettlementReported, TransactionEnded
from foundation.identifiers import StationId
from foundation.money import Money
from foundation.outbox import Delivery
from portal import direct_payment_doors as doors
from portal.direct_payment_doors import Turned
from roaming.handlers import Reimbursement
from tests.billing import story
from tests.billing.test_direct_payments import TestProvider
from tests.conformance.paying_station import PayingStation, paying
from tests.csms.central import Central

AD_HOC = ledger.receivable(direct_payments.PROVIDER)
SECRET = "a secret of the station's"


@pytest.fixture
async def case(central: Central) -> PayingStation:
    return await paying(central)


async def priced(case: PayingStation) -> None:
    """Let a kWh at this station cost 0.40 EUR, and 19 % VAT on it."""
    async with case.central.database.unit_of_work() as db:
        await pricing.create_tariff(
            db,
            story.tariff(f"tariff-{case.identity}"),
            [NewAssignment(place_from("station", case.identity), story.LONG_AGO)],
            organisation=None,
            now=story.LONG_AGO,
        )


async def charges(case: PayingStation) -> None:
    """Take 10 kWh within an hour, and end."""
    case.central.clock.at += timedelta(hours=1)
    await case.end(wh=11000)


async def billed(case: PayingStation) -> None:
    """Let billing read what has ended, and settle."""
    central = case.central
    ended = [
        Delivery(place, each, central.clock.now())
        for place, each in enumerate(await central.told(TransactionEnded))
        if each.station == case.identity
    ]
    async with central.database.unit_of_work() as db:
        await TransactionReader(Reimbursement(), central.clock)(db, ended)
        await prepaid.take_off(db, now=central.clock.now())
    await direct_payments.settle(central.database, central.clock)


async def has_terminal(case: PayingStation, **more: Any) -> None:
    facts: dict[str, Any] = {
        "takes_cards": True,
        "shows_code": "none",
        "secret": None,
        "code_length": 8,
        "code_lasts_s": 60,
    }
    async with case.central.database.unit_of_work() as db:
        point = PaymentPoint(**(facts | more))
        now = case.central.clock.now()
        await payments.set_payment_point(db, case.identity, point, by="test", now=now)


# ------------------------------------------------------------------------------ prepaid cards


async def card(case: PayingStation, balance: str) -> str:
    """A prepaid card of this case, with so much money on it."""
    value, central = f"PRE{case.identity}", case.central
    prepaid.join(central.database, Credits())
    await central.token(value, provider=prepaid.PROVIDER)
    async with central.database.unit_of_work() as db:
        now = central.clock.now()
        await prepaid.make_card(db, value, "EUR", by="test", now=now)
        if Decimal(balance):
            money = Money(Decimal(balance), "EUR")
            await prepaid.top_up(db, value, money, key=value, by="test", now=now)
    return value


async def test_c_103_a_prepaid_card_charges_up_to_what_is_on_it(case: PayingStation) -> None:
    await priced(case)
    value = await card(case, "5")
    assert (await case.authorize(value))["status"] == "Accepted"
    answer = await case.begin(value)
    assert answer["idTokenInfo"]["status"] == "Accepted"
    assert answer["transactionLimit"] == {"maxCost": 5}
    await charges(case)
    await billed(case)
    async with case.central.database.unit_of_work() as db:
        assert (await prepaid.card(db, value)).balance == Money(Decimal("0.24"), "EUR"), "10 kWh"
    assert (await case.authorize(value))["status"] == "Accepted"


async def test_c_104_a_card_without_money_has_no_credit(case: PayingStation) -> None:
    value = await card(case, "0")
    assert (await case.authorize(value))["status"] == "NoCredit"
    answer = await case.begin(value)
    assert answer["idTokenInfo"]["status"] == "NoCredit"
    async with case.central.database.unit_of_work() as db:
        money, now = Money(Decimal(2), "EUR"), case.central.clock.now()
        await prepaid.top_up(db, value, money, key=f"{value}-2", by="test", now=now)
    await case.end()
    assert (await case.authorize(value))["status"] == "Accepted"


# ---------------------------------------------------------------------------------- terminals


@pytest.mark.parametrize(
    ("number", "status", "code"),
    [("DE136695976", "Accepted", "NotVerified"), ("DE136695970", "Rejected", "InvalidVatNumber")],
)
async def test_c_108_a_vat_number_is_checked_and_said_how_well(
    case: PayingStation, number: str, status: str, code: str
) -> None:
    answer = await case.call("VatNumberValidation", {"vatNumber": number, "evseId": 1})
    assert (answer["vatNumber"], answer["status"], answer["evseId"]) == (number, status, 1)
    assert answer["statusInfo"]["reasonCode"] == code
    assert "company" not in answer, "no register was asked"


async def settlement(case: PayingStation, status: str, amount: str, **more: Any) -> dict[str, Any]:
    said = {
        "pspRef": f"psp-{case.identity}",
        "status": status,
        "settlementAmount": float(amount),
        "settlementTime": case.now(),
    }
    return await case.call("NotifySettlement", said | more)


def psp(case: PayingStation) -> dict[str, str]:
    return {"idToken": f"psp-{case.identity}", "type": "DirectPayment"}


async def claims(case: PayingStation) -> list[payments.Settlement]:
    async with case.central.database.unit_of_work() as db:
        return await payments.settlements(db, station=case.identity, only_claims=True)


async def balance(case: PayingStation) -> Decimal:
    """What those who pay at once owe, all together."""
    async with case.central.database.unit_of_work() as db:
        found = (await books.balances(db, [AD_HOC])).get(AD_HOC, {})
    return found.get("EUR", Money.zero("EUR")).amount


async def taken_in(case: PayingStation) -> None:
    """Let billing read what terminals settled, twice as readers may."""
    central = case.central
    told = [
        Delivery(place, each, central.clock.now())
        for place, each in enumerate(await central.told(SettlementReported))
        if each.station == case.identity
    ]
    for _ in range(2):
        async with central.database.unit_of_work() as db:
            await direct_payments.take_settlements(db, told)


async def test_c_113_a_driver_stops_before_he_charged(case: PayingStation) -> None:
    await has_terminal(case)
    answer = await case.event("Started", "Authorized", "EVConnected", idToken=psp(case))
    assert answer["idTokenInfo"]["status"] == "Accepted"
    await case.event("Ended", "StopAuthorized", stoppedReason="Local")
    assert await settlement(case, "Canceled", "0", transactionId=case.ref) == {}
    over = await case.transaction()
    async with case.central.database.unit_of_work() as db:
        [kept] = await payments.settlements(db, transaction=over.transaction_id)
    assert (kept.status, kept.claim, kept.amount) == ("Canceled", "none", Decimal(0))
    assert over.token_provider == direct_payments.PROVIDER


async def test_c_113_without_a_terminal_nobody_pays_there(case: PayingStation) -> None:
    answer = await case.begin(idToken=psp(case) | {"idToken": "psp-elsewhere"})
    assert answer["idTokenInfo"]["status"] == "Invalid"


async def test_c_118_the_station_settles_and_the_receipt_is_ours(case: PayingStation) -> None:
    await priced(case)
    await has_terminal(case)
    before = await balance(case)
    await case.begin(idToken=psp(case))
    await charges(case)
    await billed(case)
    assert await balance(case) - before == Decimal("4.76")
    at = case.now()
    said = {"transactionId": case.ref, "settlementTime": at}
    answer = await settlement(case, "Settled", "4.76", **said)
    assert answer["receiptId"].startswith("R-")
    assert await settlement(case, "Settled", "4.76", **said) == answer, "told again"
    await taken_in(case)
    assert await balance(case) == before, "paid, and once"
    async with case.central.database.unit_of_work() as db:
        receipt = await payments.receipt(db, answer["receiptUrl"].rpartition("/")[2])
    assert (receipt.amount, receipt.currency) == (Decimal("4.76"), "EUR")


@pytest.mark.parametrize(("number", "word"), [("c_119", "Failed"), ("c_120", "Rejected")])
async def test_c_119_and_c_120_what_is_not_settled_stays_an_open_claim(
    case: PayingStation, number: str, word: str
) -> None:
    await has_terminal(case)
    await case.begin(idToken=psp(case))
    await case.end()
    before = await balance(case)
    answer = await settlement(case, word, "4.76", transactionId=case.ref, statusInfo="card away")
    assert answer == {}
    await taken_in(case)
    assert await balance(case) == before, "no money came"
    [claim] = await claims(case)
    assert (claim.status, claim.amount, claim.note) == (word, Decimal("4.76"), "card away")
    assert claim.transaction_id == (await case.transaction()).transaction_id
    if word == "Failed":
        await settlement(case, "Settled", "4.76", transactionId=case.ref)
    else:
        async with case.central.database.unit_of_work() as db:
            now = case.central.clock.now()
            await payments.close_claim(db, claim.settlement_id, note="cash", by="me", now=now)
    assert await claims(case) == []


@pytest.mark.parametrize("number", ["c_125", "c_126"])
async def test_c_125_and_c_126_paid_at_a_kiosk(case: PayingStation, number: str) -> None:
    await priced(case)
    async with case.central.database.unit_of_work() as db:
        command = await doors.start_paid(
            db,
            StationId(case.identity),
            1,
            f"psp-{case.identity}",
            now=case.central.clock.now(),
        )
    case.answers["RequestStartTransaction"] = {"status": "Accepted"}
    asked = await case.was_asked("RequestStartTransaction")
    assert asked["id_token"] == {"id_token": f"psp-{case.identity}", "type": "DirectPayment"}
    started = await case.event(
        "Started",
        "RemoteStart",
        "Charging",
        idToken=psp(case),
        remoteStartId=asked["remote_start_id"],
    )
    assert started["idTokenInfo"]["status"] == "Accepted"
    await case.becomes(command, CommandState.EFFECTIVE)
    more: dict[str, Any] = {}
    if number == "c_126":  # it counts itself
        total = {"currency": "EUR", "typeOfCost": "NormalCost", "total": {"inclTax": 4.76}}
        usage = {"energy": 10000, "chargingTime": 600, "idleTime": 0}
        more = {"costDetails": {"totalCost": total, "totalUsage": usage}}
    await case.event("Updated", "MeterValuePeriodic", "Charging")
    answer = await case.end(wh=5000, **more)
    over = await case.transaction()
    assert over.token_provider == direct_payments.PROVIDER
    async with case.central.database.unit_of_work() as db:
        counted = await payments.counted(db, over.transaction_id)
    if number == "c_126":
        assert counted is not None
        assert counted.incl_tax == Decimal("4.76")
    else:
        assert (counted, answer["totalCost"]) == (None, 0), "nothing of it was metered"


# ----------------------------------------------------------------------------------- QR codes


@pytest.fixture
async def provider(case: PayingStation) -> TestProvider:
    made = TestProvider(name=f"test-{case.identity}")
    direct_payments.join(case.central.database, made)
    return made


async def entered(
    case: PayingStation, code: str = "", /, **parameters: list[str]
) -> doors.Entrance:
    async with case.central.database.unit_of_work() as db:
        now = case.central.clock.now()
        return await doors.enter(db, case.identity, "1", parameters, code=code, now=now)


async def opened(case: PayingStation, entrance: doors.Entrance) -> str:
    central = case.central
    async with central.database.unit_of_work() as db:
        key = await doors.open_payment(db, entrance, now=central.clock.now())
    await direct_payments.begin(central.database, key, back_url="https://x", clock=central.clock)
    return key


@pytest.mark.parametrize("kind", ["static", "dynamic"])
async def test_c_117_and_c_131_paid_by_qr_code_started_captured_and_settled_by_us(
    case: PayingStation, provider: TestProvider, kind: str
) -> None:
    await priced(case)
    await has_terminal(case, takes_cards=False, shows_code=kind, secret=SECRET)
    code = code_at(SECRET, case.central.clock.now(), length=8, lasts_s=60)
    key = await opened(
        case, await entered(case, code, maxCost=["15"], maxEnergy=["12000"], maxTime=["3600"])
    )
    assert (await doors.go_on(case.central.database, key, case.central.clock)).state == "begun"
    provider.authorise()
    case.answers["RequestStartTransaction"] = {"status": "Accepted"}
    for _ in range(2):  # the driver looks again
        payment = await doors.go_on(case.central.database, key, case.central.clock)
    assert payment.state is PaymentState.STARTING
    asked = await case.was_asked("RequestStartTransaction")
    its = {"idToken": f"ref-{key}", "type": "DirectPayment"}
    assert asked["id_token"] == {"id_token": its["idToken"], "type": its["type"]}
    before = await balance(case)
    begun = await case.begin(idToken=its, remoteStartId=asked["remote_start_id"])
    assert begun["idTokenInfo"]["status"] == "Accepted"
    assert begun["transactionLimit"] == {"maxCost": 15, "maxEnergy": 12000, "maxTime": 3600}
    await charges(case)
    await billed(case)
    async with case.central.database.unit_of_work() as db:
        payment = await direct_payments.by_key(db, key)
    assert (payment.state, payment.captured.amount) == (PaymentState.PAID, Decimal("4.76"))
    assert payment.released.amount == Decimal("10.24")
    assert await balance(case) == before
    starts = [name for name, _ in case.asked if name == "RequestStartTransaction"]
    assert len(starts) == 1


@pytest.mark.parametrize("name", ["maxTime", "maxCost", "maxEnergy"])
async def test_c_132_a_limit_that_cannot_be_is_refused(
    case: PayingStation, provider: TestProvider, name: str
) -> None:
    await has_terminal(case, shows_code="static")
    for bad in ("-5", "much"):
        with pytest.raises(Turned) as refused:
            await entered(case, **{name: [bad]})
        assert (refused.value.said, refused.value.names) == (doors.WRONG_LIMITS, name)
    assert (await entered(case, **{name: ["10"]})).evse_id == 1
    assert case.asked == []


async def test_c_133_a_stale_or_invented_code_is_refused(
    case: PayingStation, provider: TestProvider
) -> None:
    await has_terminal(case, shows_code="dynamic", secret=SECRET)
    now = case.central.clock.now()
    old = code_at(SECRET, now.replace(hour=now.hour - 1), length=8, lasts_s=60)
    for code in (old, "abcdefgh", ""):
        with pytest.raises(Turned) as refused:
            await entered(case, code)
        assert refused.value.said == doors.CODE_IS_OLD
    good = code_at(SECRET, now, length=8, lasts_s=60)
    entrance = await entered(case, good)
    await opened(case, entrance)
    with pytest.raises(direct_payments.CodeUsed):
        await opened(case, entrance)
    assert case.asked == []


async def test_c_131_where_nobody_may_pay_or_nobody_takes_it_it_is_said(
    case: PayingStation, provider: TestProvider
) -> None:
    with pytest.raises(Turned) as refused:
        await entered(case)
    assert refused.value.said == doors.NOT_HERE
    await has_terminal(case, shows_code="static")
    case.central.database.joined.pop("billing.direct_payments")
    with pytest.raises(Turned) as refused:
        await entered(case)
    assert refused.value.said == doors.NO_PROVIDER
