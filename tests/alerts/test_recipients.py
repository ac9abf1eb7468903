"""Who hears of alerts is entered, changed and removed; what is no target is refused."""

from datetime import time

import pytest
from sqlalchemy import text

from accounts import directory
from accounts.directory import WHOLE, Scope
from alerts import recipients
from alerts.detections import Detection
from alerts.entries import InvalidNumber, NoSuchTime
from alerts.notices import Channel, ContradictingTimes, Shift
from alerts.recipients import PURPOSE, NoGateway, Rules, TooManyRecipients, Wish
from foundation.errors import InvalidInput, NotFound
from foundation.mail import InvalidAddress
from foundation.outgoing_http import TargetRefused
from tests.alerts.telling import LEA_NUMBER, Telling
from tests.alerts.telling import telling as telling
from tests.alerts.watch import HOUR, NORTH, SOUTH, finding
from tests.alerts.watch import watch as watch


async def test_what_is_entered_is_read_back_as_it_was_meant(telling: Telling) -> None:
    made = await telling.enter(
        "+49 (0) 170-111 11 11",
        label=" Lea, mobile ",
        detections=[Detection.OFFLINE],
        stations=["CS-1", " "],
        after_minutes=30,
        repeat_minutes=60,
        quiet_from="22:00",
        quiet_until="06:00",
        shifts=[Shift(frozenset({0}), time(8), time(16))],
    )
    async with telling.database.unit_of_work() as db:
        [found] = await recipients.listed(db, Scope(frozenset({NORTH})))
        assert found == made
        assert await recipients.listed(db, Scope(frozenset({SOUTH}))) == []
        with pytest.raises(NotFound):
            await recipients.recipient(db, Scope(frozenset({SOUTH})), made.id)
        assert await recipients.recipient(db, WHOLE, made.id) == made
    assert (found.target, found.label, found.entered_by_name) == (LEA_NUMBER, "Lea, mobile", "Lea")
    assert (found.zone, found.after, found.repeat) == ("Europe/Berlin", HOUR / 2, HOUR)
    assert not found.tells_end, "an SMS costs a credit; by mail it is told"
    assert (await telling.enter("lea@x.example", channel=Channel.MAIL)).tells_end


async def test_what_is_no_target_or_no_time_is_refused(telling: Telling) -> None:
    with pytest.raises(InvalidNumber):
        await telling.enter("0170 1111111")
    with pytest.raises(InvalidAddress):
        await telling.enter("nobody", channel=Channel.MAIL)
    with pytest.raises(TargetRefused):
        await telling.enter("https://10.0.0.1/hook", channel=Channel.WEBHOOK)
    with pytest.raises(NoSuchTime):
        await telling.enter(quiet_from="25:00", quiet_until="06:00")
    with pytest.raises(InvalidInput):
        await telling.enter(zone="Europe/Nowhere")
    with pytest.raises(ContradictingTimes):
        await telling.enter(
            quiet_from="22:00",
            quiet_until="06:00",
            shifts=[Shift(frozenset(range(7)), time(23), time(5))],
        )
    await telling.enter()


async def test_without_a_gateway_a_number_is_refused(telling: Telling) -> None:
    telling.rules = Rules(telling.rules.sealer, (), has_gateway=False)
    with pytest.raises(NoGateway):
        await telling.enter()
    await telling.enter("lea@x.example", channel=Channel.MAIL)


async def test_a_url_is_sealed_and_only_its_host_is_shown(telling: Telling) -> None:
    made = await telling.enter("https://chat.example/hooks/s3cret", channel=Channel.CHAT)
    assert made.target == "https://chat.example/…"
    async with telling.database.unit_of_work() as db:
        row = str(
            (await db.execute(text("select alert_recipients::text from alert_recipients"))).all()
        )
        assert "s3cret" not in row
        sealed = await db.scalar(text("select sealed from alert_recipients"))
        url = telling.rules.sealer.unseal(sealed, PURPOSE).decode()
        assert url == "https://chat.example/hooks/s3cret"
        wish = Wish(channel=Channel.CHAT, target="", label="Room")
        kept = await recipients.change(db, made.id, wish, rules=telling.rules)
        assert (kept.target, kept.label) == (made.target, "Room")
        assert await db.scalar(text("select sealed from alert_recipients")) == sealed
        with pytest.raises(InvalidInput):
            await recipients.change(
                db, made.id, Wish(channel=Channel.MAIL, target="a@b.example"), rules=telling.rules
            )


async def test_what_is_removed_is_told_nothing_more(telling: Telling) -> None:
    made = await telling.enter(after_minutes=10)
    await telling.credit(5)
    await telling.happens(finding())
    async with telling.database.unit_of_work() as db:
        await recipients.remove(db, made.id, now=telling.clock.now())
        with pytest.raises(NotFound):
            await recipients.remove(db, made.id, now=telling.clock.now())
        with pytest.raises(NotFound):
            await recipients.change(
                db, made.id, Wish(channel=Channel.SMS, target=LEA_NUMBER), rules=telling.rules
            )
    await telling.passes(telling.clock.now() + HOUR)
    assert telling.sms == []
    assert await telling.states() == ["dropped"]


async def test_an_organisation_has_so_many_entries(
    telling: Telling, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recipients, "_MOST", 1)
    await telling.enter()
    with pytest.raises(TooManyRecipients):
        await telling.enter("+491702222222")


async def test_who_does_not_see_the_stations_any_more_is_noticed(telling: Telling) -> None:
    made = await telling.enter()
    now = telling.clock.now()
    async with telling.database.unit_of_work() as db:
        assert await recipients.still_sees(db, made, now)
        await directory.change_person(db, telling.lea.id, {"organisation": SOUTH})
        assert not await recipients.still_sees(db, made, now)
        await directory.change_person(db, telling.lea.id, {"organisation": "root"})
        assert await recipients.still_sees(db, made, now)
        await directory.change_person(db, telling.lea.id, {"roles": ["support"], "active": False})
        assert not await recipients.still_sees(db, made, now)


async def test_the_forecast_goes_by_the_alerts_that_there_were(telling: Telling) -> None:
    await telling.credit(10)
    await telling.enter()
    await telling.enter("+491702222222", detections=[Detection.SECURITY])
    for station in ("CS-1", "CS-2"):
        await telling.happens(finding(station))
    await telling.send()
    async with telling.database.unit_of_work() as db:
        found = await recipients.forecast(db, NORTH, now=telling.clock.now())
        later = await recipients.forecast(db, NORTH, now=telling.clock.now() + 31 * 24 * HOUR)
    assert (found.numbers, found.expected, found.sent) == (2, 2, 2)
    assert (found.cost, found.available, found.lasts_days) == (2, 8, 120)
    assert (later.expected, later.lasts_days) == (0, None)
