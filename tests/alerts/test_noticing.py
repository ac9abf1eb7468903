"""People are told: by a real mail server and a real gateway, once, whatever breaks between."""

import asyncio
import json

import pytest
from sqlalchemy import text

from alerts import notice_store
from alerts.channels.gateway import Gateway
from alerts.detections import Detection
from alerts.notices import Channel
from alerts.noticing import Notices, subscription
from foundation.events import AlertChanged
from foundation.jobs import Jobs
from foundation.mail import Mails
from foundation.settings import Settings
from foundation.tasks import Tasks
from tests.alerts.telling import BEN_NUMBER, FIRST, LEA_NUMBER, Telling
from tests.alerts.telling import telling as telling
from tests.alerts.watch import HOUR, MINUTE, T0, finding
from tests.alerts.watch import watch as watch
from tests.foundation.test_mail import MailServer, serving
from tests.receivers import answer


async def test_mail_and_sms_leave_through_real_servers_when_the_jobs_run(telling: Telling) -> None:
    server = MailServer()
    with serving(server) as port:
        jobs = Jobs(telling.database.url, poll_s=0.02)
        settings = Settings.read(smtp_url=f"smtp://127.0.0.1:{port}")
        mails = Mails(database=telling.database, jobs=jobs, clock=telling.clock, settings=settings)
        telling.gateway.answers = [answer(500), answer(200)]
        telling.notices = Notices(
            database=telling.database,
            jobs=jobs,
            clock=telling.clock,
            mails=mails,
            sealer=telling.rules.sealer,
            ways={Channel.SMS: Gateway(telling.gateway.url, token=None, timeout_s=10)},
            public_url="https://leitstand.example",
            pauses_s=(0, 0),
        )
        assert subscription(telling.notices).kinds == (AlertChanged.kind,)
        await telling.credit(3)
        await telling.enter(language="de")
        await telling.enter("lea@north.example", channel=Channel.MAIL)
        await telling.happens(*(finding(f"Y-{number}") for number in range(10)))
        async with Tasks() as tasks:
            tasks.start("jobs", jobs.run)
            async with asyncio.timeout(60):
                while True:
                    if await telling.states() == ["sent", "sent"] and server.taken:
                        break
                    await asyncio.sleep(0.01)
    [message] = server.taken
    assert message["Subject"].startswith("Offline at Y-0, Y-1, Y-2 and 7 more")
    assert "https://leitstand.example/alerts/1" in message.get_content()
    assert telling.sms[-1] == (
        LEA_NUMBER,
        "Offline an Y-0, Y-1, Y-2 und 7 weitere, yard. (Alarm 1)",
    )
    assert len(telling.sms) == 2, "the first try was answered with 500"
    assert await telling.balance() == (2, 0)


async def test_a_worker_that_dies_after_the_gateway_took_it_sends_the_same_and_pays_once(
    telling: Telling,
) -> None:
    await telling.credit(3)
    await telling.enter(bundles=True)
    await telling.happens(finding())
    await telling.happens(finding("CS-2"))
    telling.clock.at = T0 + 10 * MINUTE
    [first, _] = await telling.due()
    async with telling.database.unit_of_work() as db:
        work = await telling.notices._prepare(db, first)
    assert await telling.balance() == (3, 1)
    assert work is not None
    await telling.notices.send({"notice": first}, FIRST)
    await telling.notices.send({"notice": first}, FIRST)
    [(_, text)] = telling.sms
    assert "CS-1" in text
    assert "CS-2" in text, "what went along is in it again"
    assert await telling.balance() == (2, 0)
    assert await telling.states() == ["sent", "sent"]


async def test_the_same_event_twice_is_told_once(telling: Telling) -> None:
    await telling.credit(3)
    await telling.enter()
    await telling.enter("lea@north.example", channel=Channel.MAIL)
    await telling.happens(finding())
    telling.watch.read = 0
    await telling.hear()
    await telling.send()
    assert len(telling.sms) == 1
    assert len(await telling.letters()) == 1


async def test_a_chain_reaches_the_second_step_only_if_nobody_takes_the_alert_on(
    telling: Telling,
) -> None:
    await telling.credit(9)
    await telling.enter()
    await telling.enter("+491702222222", by=telling.ben, after_minutes=15)
    await telling.happens(finding())
    await telling.passes(T0 + 5 * MINUTE)
    assert len(telling.sms) == 1
    await telling.acknowledge()
    await telling.passes(T0 + HOUR)
    assert len(telling.sms) == 1
    await telling.happens(finding("CS-2"))
    await telling.passes(T0 + HOUR + 15 * MINUTE)
    assert [to for to, _ in telling.sms] == [LEA_NUMBER, LEA_NUMBER, "+491702222222"]


async def test_who_was_told_by_mail_hears_that_it_is_over(telling: Telling) -> None:
    await telling.enter("lea@north.example", channel=Channel.MAIL)
    await telling.happens(finding())
    telling.clock.at = T0 + MINUTE
    await telling.happens(finding(at=T0 + MINUTE, is_present=False))
    telling.clock.at = T0 + HOUR
    await telling.watch.settle(T0 + HOUR)
    await telling.hear()
    assert [each[1] for each in await telling.letters()] == [
        "Offline at CS-1 (Alert 1)",
        "Over: Offline at CS-1 (Alert 1)",
    ]


async def test_a_program_gets_the_facts_and_a_chat_the_words(telling: Telling) -> None:
    for channel in (Channel.WEBHOOK, Channel.CHAT):
        await telling.enter(telling.gateway.url, channel=channel)
    await telling.happens(finding())
    await telling.send()
    program, chat = (json.loads(each.body) for each in telling.gateway.came)
    assert (program["alert"], program["change"], program["stations"]) == (1, "raised", ["CS-1"])
    assert chat == {"text": "Offline at CS-1. (Alert 1)"}


async def test_who_lost_access_meanwhile_is_replaced_by_the_later_entry_of_the_number(
    telling: Telling,
) -> None:
    from accounts import directory

    await telling.credit(5)
    await telling.enter(after_minutes=10)
    await telling.enter(by=telling.ben, after_minutes=10)
    await telling.happens(finding())
    async with telling.database.unit_of_work() as db:
        await directory.change_person(db, telling.lea.id, {"active": False})
    await telling.passes(T0 + 10 * MINUTE)
    assert telling.sms == []
    await telling.passes(T0 + 20 * MINUTE)
    assert len(telling.sms) == 1
    assert await telling.states() == ["dropped", "sent"]


async def two_jobs_find_it(telling: Telling) -> None:
    """Two jobs find the same at one station in one round: two detections."""
    await telling.happens(
        *(finding(detection=Detection.JOB, cause=f"job/{number}") for number in (1, 2))
    )


async def test_entries_of_one_person_that_bundle_are_told_together_and_pay_once(
    telling: Telling,
) -> None:
    await telling.credit(9)
    await telling.enter(bundles=True, detections=frozenset({Detection.OFFLINE}))
    await telling.enter(bundles=True, detections=frozenset({Detection.JOB}))
    await telling.enter(BEN_NUMBER, by=telling.ben, detections=frozenset({Detection.JOB}))
    await telling.happens(finding())
    await two_jobs_find_it(telling)
    await telling.send()
    assert [to for to, _ in telling.sms] == [BEN_NUMBER, BEN_NUMBER], "two detections are two SMS"
    await telling.passes(T0 + 10 * MINUTE)
    [(to, said)] = telling.sms[2:]
    assert to == LEA_NUMBER
    assert all(f"Alert {number}" in said for number in (1, 2, 3))
    assert await telling.balance() == (6, 0)
    assert set(await telling.states()) == {"sent"}
    await telling.passes(T0 + HOUR)
    assert len(telling.sms) == 3


async def test_another_person_and_an_entry_that_does_not_bundle_have_messages_of_their_own(
    telling: Telling,
) -> None:
    await telling.credit(9)
    await telling.enter(bundles=True, detections=frozenset({Detection.OFFLINE}))
    await telling.enter(detections=frozenset({Detection.JOB}))
    await telling.enter(
        LEA_NUMBER, by=telling.ben, bundles=True, detections=frozenset({Detection.SECURITY})
    )
    await telling.happens(
        finding(),
        finding(detection=Detection.JOB, cause="job/1"),
        finding(detection=Detection.SECURITY, cause="x"),
    )
    await telling.passes(T0 + 10 * MINUTE)
    assert len(telling.sms) == 3
    assert await telling.balance() == (6, 0)


async def test_what_a_message_cannot_say_any_more_waits_for_the_next(telling: Telling) -> None:
    await telling.credit(9)
    await telling.enter(bundles=True)
    await telling.happens(
        *(finding(detection=Detection.SECURITY, cause="x" * 70 + str(n)) for n in range(7))
    )
    await telling.passes(T0 + 10 * MINUTE)
    await telling.passes(T0 + 11 * MINUTE)
    told = [said for _, said in telling.sms]
    assert 1 < len(told) < 7
    assert all(sum(f"(Alert {n})" in said for said in told) == 1 for n in range(1, 8))
    assert not any(said.endswith("…") for said in told)
    assert await telling.balance() == (9 - len(told), 0)


async def test_mails_of_one_person_are_one_that_lists_what_was_found(telling: Telling) -> None:
    for each in (Detection.OFFLINE, Detection.JOB):
        await telling.enter(
            "lea@north.example",
            channel=Channel.MAIL,
            bundles=True,
            detections=frozenset({each}),
            language="de",
        )
    await telling.happens(finding())
    await two_jobs_find_it(telling)
    await telling.passes(T0 + 10 * MINUTE)
    [(_, subject, body)] = await telling.letters()
    assert subject == "3 Alarme"
    assert all(f"https://leitstand.example/alerts/{number}\n" in body for number in (1, 2, 3))
    assert await telling.states() == ["sent"] * 3


async def test_a_later_step_of_a_chain_and_a_reminder_do_not_go_along_early(
    telling: Telling,
) -> None:
    await telling.credit(9)
    await telling.enter(bundles=True, after_minutes=30, repeat_minutes=120)
    await telling.happens(finding())
    telling.clock.at = T0 + 25 * MINUTE
    await telling.happens(finding(detection=Detection.SECURITY, cause="x"))
    await telling.passes(T0 + 40 * MINUTE)
    [(_, said)] = telling.sms
    assert "Alert 2" not in said, "somebody still has time to take it on"
    await telling.passes(T0 + 65 * MINUTE)
    assert len(telling.sms) == 2
    assert "Alert 1" not in telling.sms[1][1], "its reminder is due in an hour and a half"


async def test_what_goes_along_is_told_by_itself_if_the_message_cannot_leave_any_more(
    telling: Telling,
) -> None:
    await telling.credit(9)
    first = await telling.enter(bundles=True, detections=frozenset({Detection.OFFLINE}))
    await telling.enter(bundles=True, detections=frozenset({Detection.JOB}))
    await telling.happens(finding())
    await telling.happens(finding(detection=Detection.JOB, cause="job/1"))
    telling.clock.at = T0 + 10 * MINUTE
    [number, _] = await telling.due()
    async with telling.database.unit_of_work() as db:
        assert await telling.notices._prepare(db, number) is not None
    async with telling.database.unit_of_work() as db:
        await notice_store.end_recipient(db, first.id, "removed", telling.clock.now())
    await telling.notices.send({"notice": number}, FIRST)
    assert telling.sms == []
    assert await telling.balance() == (9, 0)
    await telling.passes(T0 + 11 * MINUTE)
    [(_, said)] = telling.sms
    assert "Alert 2" in said
    assert await telling.balance() == (8, 0)


async def test_two_workers_do_not_tell_one_notice_in_two_messages(telling: Telling) -> None:
    await telling.credit(9)
    await telling.enter(bundles=True)
    await telling.happens(*(finding(detection=Detection.SECURITY, cause=str(n)) for n in range(6)))
    telling.clock.at = T0 + 10 * MINUTE
    await asyncio.gather(
        *(telling.notices.send({"notice": each}, FIRST) for each in await telling.due())
    )
    said = " ".join(text for _, text in telling.sms)
    assert all(said.count(f"(Alert {number})") == 1 for number in range(1, 7))
    assert await telling.balance() == (9 - len(telling.sms), 0)


async def test_a_credit_is_given_back_when_the_job_of_its_message_never_ended(
    telling: Telling,
) -> None:
    await telling.credit(1)
    await telling.enter(bundles=True)
    await telling.happens(finding())
    telling.clock.at = T0 + 10 * MINUTE
    [number] = await telling.due()
    async with telling.database.unit_of_work() as db:
        await telling.notices._prepare(db, number)
    telling.clock.at = T0 + 23 * HOUR
    await telling.notices.look_after()
    assert await telling.balance() == (1, 1)
    telling.clock.at = T0 + 25 * HOUR
    await telling.notices.look_after()
    assert await telling.balance() == (1, 0)
    assert await telling.states() == ["failed"]


async def test_a_notice_that_cannot_be_handled_does_not_stop_those_behind_it(
    telling: Telling,
) -> None:
    await telling.enter("lea@north.example", channel=Channel.MAIL, bundles=True)
    await telling.enter("ben@north.example", channel=Channel.MAIL, bundles=True, by=telling.ben)
    await telling.happens(finding())
    async with telling.database.unit_of_work() as db:
        await db.execute(text("update alert_recipients set detections = '{unheard}' where id = 1"))
    telling.clock.at = T0 + 10 * MINUTE
    with pytest.raises(ExceptionGroup):
        await telling.notices.look_after()
    assert await telling.states() == ["waiting", "sent"]
