"""Rules of business on SMS about alerts: who pays, how often, and what happens without credits."""

import asyncio
from typing import Any

import pytest

from accounts import directory
from accounts.audit import Actor
from alerts import alerting
from alerts.detections import Detection, Severity
from alerts.notices import Channel
from billing import credit_store
from foundation.errors import Unavailable
from tests.alerts.telling import FIRST, LAST, LEA_NUMBER, Telling
from tests.alerts.telling import telling as telling
from tests.alerts.watch import HOUR, MINUTE, NORTH, T0, finding
from tests.alerts.watch import watch as watch
from tests.receivers import answer


async def test_7_7_sms_charged_only_if_really_sent_reserve_hand_over_capture(
    telling: Telling,
) -> None:
    await telling.credit(5)
    await telling.enter()
    telling.gateway.answers = [answer(503), answer(202)]
    await telling.happens(finding())
    [number] = await telling.due()
    with pytest.raises(Unavailable):
        await telling.notices.send({"notice": number}, FIRST)
    assert await telling.balance() == (5, 1), "set aside, not taken"
    await telling.send()
    assert await telling.balance() == (4, 0)
    first, second = telling.gateway.came
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]
    assert telling.sms[1] == (LEA_NUMBER, "Offline at CS-1. (Alert 1)")
    await telling.send()
    assert len(telling.gateway.came) == 2
    async with telling.database.unit_of_work() as db:
        [booked, _] = await credit_store.bookings(db, NORTH)
    assert (booked.quantity, booked.about) == (-1, "alert/1")


async def test_7_7_sms_charged_released_on_failure_and_a_mail_tells_instead(
    telling: Telling,
) -> None:
    await telling.credit(5)
    await telling.enter()
    telling.gateway.answers = [answer(400)]
    await telling.happens(finding())
    await telling.send()
    assert await telling.balance() == (5, 0)
    assert await telling.states() == ["failed"]
    telling.gateway.answers = [answer(500)]
    await telling.happens(finding("CS-2"))
    await telling.send(LAST)
    assert await telling.balance() == (5, 0)
    letters = await telling.letters()
    assert [each[:2] for each in letters] == [
        ("lea@north.example", "An SMS about an alert could not be sent")
    ] * 2
    assert "Offline at CS-2" in letters[1][2]


async def test_7_7_last_credit_wanted_by_two_at_once_is_serialised_the_second_falls_back_to_mail(
    telling: Telling,
) -> None:
    await telling.credit(1)
    await telling.enter()
    await telling.happens(finding())
    await telling.happens(finding(detection=Detection.FAULT, cause="GroundFailure"))
    one, two = await telling.due()
    await asyncio.gather(
        telling.notices.send({"notice": one}, FIRST), telling.notices.send({"notice": two}, FIRST)
    )
    assert len(telling.sms) == 1
    assert sorted(await telling.states()) == ["sent", "unpaid"]
    assert await telling.balance() == (0, 0)
    assert [(to, subject) for to, subject, _ in await telling.letters()] == [
        ("lea@north.example", "No credits for 1 SMS about alerts")
    ]


async def test_5_no_credits_sms_and_7_7_a_mail_at_most_one_per_account_and_hour_with_the_list(
    telling: Telling,
) -> None:
    await telling.enter()
    for number in range(3):
        await telling.happens(finding(f"CS-{number}"))
        await telling.send()
        telling.clock.at = telling.clock.now() + 10 * MINUTE
    assert telling.sms == []
    [(_, _, body)] = await telling.letters()
    assert "CS-0" in body
    await telling.passes(T0 + HOUR - MINUTE)
    assert len(await telling.letters()) == 1
    await telling.passes(T0 + HOUR)
    _, (to, subject, body) = await telling.letters()
    assert (to, subject) == ("lea@north.example", "No credits for 2 SMS about alerts")
    assert "CS-1" in body
    assert "CS-2" in body
    assert "CS-0" not in body
    await telling.passes(T0 + 5 * HOUR)
    assert len(await telling.letters()) == 2


async def test_5_sms_set_up_and_7_7_whose_account_who_entered_the_number_whose_name_is_shown(
    telling: Telling,
) -> None:
    async with telling.database.unit_of_work() as db:
        root_person = await directory.create_person(
            db,
            "otto",
            {"name": "Otto", "email": "otto@root.example", "roles": ["support"]},
            password_hash=None,
            now=telling.clock.now(),
        )
        root = await directory.root(db)
    await telling.credit(3)
    await telling.credit(2, root.key)
    entry = await telling.enter(by=root_person)
    assert (entry.entered_by_name, entry.account) == ("Otto", root.key)
    await telling.happens(finding())
    await telling.send()
    assert await telling.balance() == (3, 0)
    assert await telling.balance(root.key) == (1, 0)


async def test_7_7_payer_loses_access_the_number_stops_being_used_and_the_others_are_told(
    telling: Telling,
) -> None:
    await telling.credit(5)
    await telling.enter()
    await telling.enter("ben@north.example", by=telling.ben, channel=Channel.MAIL)
    async with telling.database.unit_of_work() as db:
        await directory.change_person(db, telling.lea.id, {"active": False})
    await telling.happens(finding())
    await telling.send()
    assert telling.sms == []
    assert await telling.balance() == (5, 0)
    lost, alert = await telling.letters()
    assert lost[:2] == ("ben@north.example", f"{LEA_NUMBER} is not told of alerts any more")
    assert "Lea" in lost[2]
    assert alert[:2] == ("ben@north.example", "Offline at CS-1 (Alert 1)")
    await telling.notices.look_at_access()
    assert len(await telling.letters()) == 2, "the others are told once"


async def test_7_7_two_users_entered_the_same_number_one_sms_charged_to_the_earlier_entry(
    telling: Telling,
) -> None:
    async with telling.database.unit_of_work() as db:
        operators = await directory.create_person(
            db, "otto", {"name": "Otto", "roles": ["support"]}, password_hash=None, now=T0
        )
        root = await directory.root(db)
    await telling.credit(5)
    await telling.credit(7, root.key)
    earlier = await telling.enter()
    later = await telling.enter("0049 170 / 111 11 11", by=operators)
    assert earlier.target == later.target
    assert earlier.id < later.id, "both are entries"
    await telling.happens(finding())
    await telling.send()
    assert len(telling.sms) == 1
    assert (await telling.balance())[0] == 4
    assert (await telling.balance(root.key))[0] == 7
    async with telling.database.unit_of_work() as db:
        await directory.change_person(db, telling.lea.id, {"active": False})
    await telling.happens(finding(detection=Detection.SECURITY, cause="X"))
    await telling.send()
    assert (await telling.balance())[0] == 4
    assert (await telling.balance(root.key))[0] == 6, "the later entry takes its place"


async def test_5_sms_count_and_7_7_one_per_detection_two_detections_on_one_plant_are_two_sms(
    telling: Telling,
) -> None:
    await telling.credit(9)
    await telling.enter()
    await telling.happens(*(finding(f"Y-{number}") for number in range(10)))
    await telling.send()
    assert len(telling.sms) == 1, "one router, ten stations, one message"
    await telling.happens(finding("Y-1", detection=Detection.FAULT, cause="GroundFailure"))
    await telling.send()
    assert len(telling.sms) == 2
    assert await telling.balance() == (7, 0)


async def test_7_7_bundling_them_is_the_payers_switch_off_by_default(telling: Telling) -> None:
    await telling.credit(9)
    assert not (await telling.enter()).bundles
    await telling.enter("+491702222222", bundles=True)
    for detection in (Detection.OFFLINE, Detection.SECURITY):
        await telling.happens(finding(detection=detection))
        await telling.send()
    assert len(telling.sms) == 2
    await telling.passes(T0 + 10 * MINUTE)
    [bundled] = telling.sms[2:]
    assert bundled[0] == "+491702222222"
    assert "Alert 1" in bundled[1]
    assert "Alert 2" in bundled[1]
    assert await telling.balance() == (6, 0)


async def test_7_7_for_jobs_the_default_reminder_interval_is_one_run(telling: Telling) -> None:
    await telling.credit(9)
    await telling.enter()
    for day in range(3):
        telling.clock.at = T0 + 24 * day * HOUR
        found = finding(detection=Detection.JOB, cause="job/1", at=telling.clock.now())
        await telling.happens(found)
        await telling.send()
    assert len(telling.sms) == 3
    assert telling.sms[2][1].startswith("Still: ")


async def test_7_7_refire_of_the_same_open_fault_does_not_send_until_solved_or_reminded(
    telling: Telling,
) -> None:
    await telling.credit(9)
    await telling.enter()
    reminded = await telling.enter("+491702222222", repeat_minutes=120)
    await telling.happens(finding())
    await telling.send()
    assert len(telling.sms) == 2
    for quarter in range(1, 8):
        telling.clock.at = T0 + quarter * 15 * MINUTE
        await telling.happens(finding(at=telling.clock.now()))
        await telling.passes(telling.clock.now())
    assert len(telling.sms) == 2
    await telling.passes(T0 + 2 * HOUR)
    assert [to for to, _ in telling.sms[2:]] == [reminded.target]
    telling.clock.at = T0 + 3 * HOUR
    await telling.happens(finding(at=telling.clock.now(), is_present=False))
    telling.clock.at = T0 + 4 * HOUR
    await telling.watch.settle(telling.clock.now())
    await telling.hear()
    await telling.passes(T0 + 9 * HOUR)
    assert len(telling.sms) == 3, "solved: neither a reminder nor, by SMS, that it is over"
    await telling.happens(finding(at=telling.clock.now()))
    await telling.send()
    assert len(telling.sms) == 5, "a new alert"


async def test_5_sms_time_and_7_9_quiet_hours_are_off_by_default_and_what_is_bad_breaks_them(
    telling: Telling,
) -> None:
    await telling.credit(9)
    assert (await telling.enter()).quiet is None
    quiet: dict[str, Any] = {
        "quiet_from": "08:30",
        "quiet_until": "10:00",
        "breaks_quiet": Severity.CRITICAL,
    }
    await telling.enter("+491702222222", **quiet)  # T0 is 09:00 in Berlin
    await telling.happens(finding())
    await telling.send()
    assert [to for to, _ in telling.sms] == [LEA_NUMBER]
    await telling.happens(finding(detection=Detection.SECURITY, severity=Severity.CRITICAL))
    await telling.send()
    assert [to for to, _ in telling.sms[1:]] == [LEA_NUMBER, "+491702222222"]
    await telling.passes(T0 + HOUR)
    assert [to for to, _ in telling.sms[3:]] == ["+491702222222"]


async def test_1_6_escalate_tells_the_mail_addresses_once_and_ends_reminders(
    telling: Telling,
) -> None:
    await telling.credit(9)
    await telling.enter(repeat_minutes=60)
    await telling.enter("chief@north.example", channel=Channel.MAIL, after_minutes=30)
    await telling.happens(finding())
    await telling.send()
    assert await telling.letters() == []

    async with telling.database.unit_of_work() as db:
        by = Actor("person/1", "Lea", "portal", None)
        await alerting.mark_as_escalated(db, 1, by=by, now=telling.clock.now())
    await telling.hear()
    [(to, subject, _)] = await telling.letters()
    assert (to, subject) == ("chief@north.example", "Escalated: Offline at CS-1 (Alert 1)")
    telling.clock.at = T0 + HOUR
    await telling.happens(finding(at=telling.clock.now()))
    await telling.passes(T0 + 5 * HOUR)
    assert len(telling.sms) == 1
    assert len(await telling.letters()) == 1
