"""What is watched in the lively installation: alerts, recipients, jobs, first aid, visits."""

from datetime import datetime, time, timedelta
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from accounts.audit import Actor
from accounts.directory import WHOLE
from alerts import detecting, job_store, raising, recipients
from alerts.alerting import OPEN, alerts
from alerts.detection_jobs import Check, Found, Group, Job, Point
from alerts.detections import Detection, Finding, Severity
from alerts.job_store import Run
from alerts.notices import Channel
from alerts.recipients import Rules, Wish
from foundation.identifiers import OrganisationKey, StationId
from foundation.sealing import Sealer
from support import first_aid_store, maintenance_store, tickets, visit_papers, visits
from support.first_aid import Playbook, Step
from support.interventions import Cover, DispatchPackage, MainOutcome
from support.maintenance import Plan
from support.visits import TechnicianOnWay, VisitKind
from tests.pictures import png

AGENT = Actor("person/1", "Ada Admin", "portal", None)
WORKS = OrganisationKey("stadtwerke")
RULES = Rules(sealer=Sealer(bytes(32)), allowed=(), has_gateway=True)


def station(number: int) -> StationId:
    return StationId(f"DE-HN-{number:03d}")


def _finding(number: int, detection: Detection, cause: str, at: datetime, **more: str) -> Finding:
    severities = {"GroundFailure": Severity.CRITICAL, "HighTemperature": Severity.WARNING}
    is_plug = detection in (Detection.FAULT, Detection.WARNING)
    return Finding(
        detection=detection,
        cause=cause,
        organisation=WORKS,
        station=station(number),
        evse_id=1 if is_plug else None,
        connector_id=1 if is_plug else None,
        severity=severities.get(cause, Severity.FAULT),
        seen_at=at,
        is_present=True,
        evidence=more,
    )


async def watching(db: AsyncSession, now: datetime) -> None:
    """All of it, over the last two days."""
    await _alerts(db, now)
    await _who_hears(db, now - timedelta(days=2))
    await _jobs(db, now)
    await _first_aid(db, now - timedelta(days=2))
    await _visits(db, now)


async def _alerts(db: AsyncSession, now: datetime) -> None:
    """A ground failure, two silent stations at one place, heat, and what a job found."""
    at = now - timedelta(minutes=95)
    silent_since = (at - timedelta(hours=1)).isoformat()
    await raising.report(
        db,
        [
            _finding(2, Detection.FAULT, "GroundFailure", at, info="left socket"),
            *(
                _finding(each, Detection.OFFLINE, "silence", at, last_heard_at=silent_since)
                for each in (1, 3)
            ),
            _finding(6, Detection.WARNING, "HighTemperature", at, vendor_error_code="0x1F"),
            _finding(7, Detection.JOB, "job/1", at, job="Silent since the night"),
        ],
        now=at,
    )


async def _who_hears(db: AsyncSession, at: datetime) -> None:
    for wish in (
        Wish(channel=Channel.MAIL, target="bereitschaft@stadtwerke.example", label="Standby"),
        Wish(
            channel=Channel.SMS,
            target="+49 170 1234567",
            least=Severity.FAULT,
            after_minutes=15,
            quiet_from="22:00",
            quiet_until="06:00",
            breaks_quiet=Severity.CRITICAL,
        ),
    ):
        await recipients.add(
            db,
            WORKS,
            wish,
            by=AGENT,
            account=WORKS,
            person=1,
            language="de",
            rules=RULES,
            now=at,
        )


async def _jobs(db: AsyncSession, now: datetime) -> None:
    """Two jobs, a group, and three days of runs."""
    points = tuple(Point(station(each), 1) for each in (1, 2, 3))
    group = await detecting.set_group(
        db, Group(0, WORKS, "Multi-storey, AC", points), by=AGENT, now=now
    )
    silent = Job(
        organisation=WORKS,
        name="Silent since the night",
        execute_at=time(10),
        hours=4,
        checks=frozenset({Check.NO_MESSAGE}),
    )
    behind = Job(
        organisation=WORKS,
        name="Behind the others",
        execute_at=time(18, 30),
        hours=24,
        checks=frozenset({Check.COMPARISON, Check.NO_ENERGY}),
        groups=(group,),
    )
    first = (await detecting.set_job(db, silent, by=AGENT, now=now)).job
    await detecting.set_job(db, behind, by=AGENT, now=now)
    for days in (2, 1, 0):
        due_at = now.replace(hour=8, minute=0) - timedelta(days=days)
        heard = {"last_heard_at": (due_at - timedelta(hours=7)).isoformat()}
        found = Found(station(7), None, WORKS, None, (Check.NO_MESSAGE,), heard)
        start = due_at - timedelta(hours=4)
        ran_at = due_at + timedelta(seconds=20)
        places = (found,) if days == 0 else ()
        await job_store.add_run(
            db, Run(0, first.id, "Europe/Berlin", due_at, ran_at, start, due_at, 20, places, ())
        )


async def _first_aid(db: AsyncSession, at: datetime) -> None:
    for name, causes, steps, is_on in (
        ("Reader hangs", ("ReaderFailure",), (Step.SOFT_RESET,), True),
        ("Plug is stuck", ("ConnectorLockFailure",), (Step.UNLOCK, Step.HARD_RESET), False),
    ):
        playbook = Playbook(
            organisation=WORKS,
            name=name,
            detection=Detection.FAULT,
            causes=causes,
            steps=steps,
            per_day=3,
            is_on=is_on,
        )
        await first_aid_store.put(db, playbook, by=AGENT, now=at)
    plan = Plan(
        evses=(1,),
        starts_at=at + timedelta(days=9),
        ends_at=at + timedelta(days=9, hours=3),
        locks=True,
        comment="New cable",
    )
    await maintenance_store.plan_window(db, station(2), WORKS, plan, evses=(1, 2), by=AGENT, now=at)


async def _visits(db: AsyncSession, now: datetime) -> None:
    """A visit that waits to be closed, and one that waits to be sent."""
    [alert] = [
        each.alert for each in await alerts(db, WHOLE, OPEN) if each.alert.cause == "GroundFailure"
    ]
    for title, number, alert_id in (
        ("Fault: Ground failure", 2, alert.id),
        ("Display dark, plug torn", 1, None),
    ):
        ticket = await tickets.open_ticket(
            db,
            WHOLE,
            title=title,
            text="The caller heard a bang.",
            station=station(number),
            organisation=WORKS,
            alert_id=alert_id,
            by=AGENT,
            now=now - timedelta(minutes=90),
        )
        visit = await visits.plan(db, ticket, VisitKind.REPAIR, by=AGENT, now=now)
        await visits.decide(db, visit.id, Cover.CHARGEABLE, "Torn by a car.", by=AGENT, now=now)
        if alert_id is None:
            continue
        await visits.dispatch(
            db,
            visit.id,
            DispatchPackage(
                Decimal("49.1427"),
                Decimal("9.2109"),
                "Cable torn at the lid; no short circuit.",
                "Caretaker, +49 7131 555",
            ),
            TechnicianOnWay("Tom Technik", "+49 171 5550000", "tom@technik.example"),
            by=AGENT,
            now=now - timedelta(minutes=80),
        )
        await visits.arrive(db, visit.id, now - timedelta(minutes=20))
        for caption in ("The torn cable", "The new cable"):
            content = png(caption)
            await visit_papers.add_photo(
                db, visit.id, content, caption, by_name="Tom Technik", now=now
            )
        await visit_papers.add_part(
            db, visit.id, "Cable type 2, 5 m", 1, "K-77", by_name="Tom Technik", now=now
        )
        await visits.document(
            db,
            visit.id,
            [MainOutcome.PARTS_REPLACED],
            text="Cable replaced, tested with a car.",
            measures="Lid adjusted.",
            by_name="Tom Technik",
            now=now,
        )
