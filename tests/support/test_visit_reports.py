"""What the report of a visit says."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Literal
from zoneinfo import ZoneInfo

import pytest

from accounts.directory import Organisation
from accounts.licences import Licence
from foundation.identifiers import OrganisationKey, StationId
from foundation.money import Money
from support.first_aid import Result, Step, Tried
from support.interventions import Cover, CoverDecision, DispatchPackage, MainOutcome
from support.service_times import Standing
from support.ticket_clock import Promise, Target
from support.tickets import Ticket, TicketState
from support.visit_papers import Exchange, Exchanged, Part
from support.visit_reports import VisitReport, report_mail, sections
from support.visits import TechnicianOnWay, Visit, VisitKind, VisitState

AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
NORTH = OrganisationKey("north")
N1 = StationId("N-1")


def a_report(language: Literal["en", "de"] = "en") -> VisitReport:
    """Return the report of a visit in which everything happened."""
    owner = Organisation(
        NORTH,
        "Stadtwerke Nord",
        None,
        "Europe/Berlin",
        "EUR",
        "DE",
        "standard",
        None,
        language,
        "leitung@nord.example",
        None,
        None,
        AT,
        licence=Licence.BUSINESS,
    )
    ticket = Ticket(
        id=7,
        organisation=NORTH,
        station=N1,
        evse_id=1,
        call_id=None,
        title="Ground failure",
        text="From alert 3.",
        state=TicketState.OPEN,
        opened_at=AT - timedelta(hours=5),
        opened_by="system",
        opened_by_name="Leitstand",
        assigned_to=None,
        closed_at=None,
        outcome=None,
        alert_id=3,
    )
    visit = Visit(
        id=4,
        ticket_id=7,
        organisation=NORTH,
        station=N1,
        kind=VisitKind.REPAIR,
        state=VisitState.CLOSED,
        planned_at=AT,
        planned_by_name="Helen Hotline",
        cover=CoverDecision(Cover.CHARGEABLE, "Torn by a car", "person/2"),
        cover_by_name="Helen Hotline",
        cover_at=AT,
        wanted=None,
        wanted_by_name=None,
        package=DispatchPackage(Decimal(49), Decimal(9), "Cable torn", "Caretaker +49 7131 555"),
        technician=TechnicianOnWay("Tom Technik", "+49 170 1", "tom@technik.example"),
        dispatched_at=AT,
        link_until=None,
        is_link_used=True,
        arrived_at=AT + timedelta(hours=1),
        outcome=MainOutcome.PARTS_REPLACED,
        measures="Cleaned",
        consent=None,
        technician_text="New cable\nand a new lid",
        technician_by_name="Tom Technik",
        technician_at=AT + timedelta(hours=2),
        agent_text="Charging works again",
        agent_by_name="Helen Hotline",
        agent_at=AT + timedelta(hours=3),
        work_minor=18900,
        parts_minor=4051,
        currency="EUR",
        ended_at=AT + timedelta(hours=3),
        parts=(Part(1, "Cable", 2, "K-77"),),
        exchanges=(Exchange(1, Exchanged.METER, 1, AT, Decimal(1234567), Decimal(250), "M-2"),),
    )
    return VisitReport(
        owner=owner,
        language=language,
        zone=ZoneInfo("Europe/Berlin"),
        visit=visit,
        ticket=ticket,
        aid=[
            Tried(Step.SOFT_RESET, AT - timedelta(hours=4), Result.FAILED, AT),
            Tried(Step.HARD_RESET, AT - timedelta(hours=3)),
        ],
        promises=[
            Promise(Target.REMOTE, AT, AT - timedelta(hours=4), Standing.MET),
            Promise(Target.ON_SITE, AT, AT + timedelta(hours=1), Standing.LATE),
            Promise(Target.ANSWER, AT, None, Standing.MISSED),
        ],
        work=Money(Decimal("189.00"), "EUR"),
        parts=Money(Decimal("40.51"), "EUR"),
        pictures=[],
        more_pictures=0,
    )


def told(report: VisitReport) -> str:
    lines = "\n".join(line for _, lines in sections(report) for line in lines)
    return lines.replace("\xa0", " ").replace("\u202f", " ")


@pytest.mark.parametrize(
    ("language", "sentences"),
    [
        (
            "en",
            (
                "Ground failure",
                "Fault analysis: Cable torn",
                "02/03/2026, 06:30: restarted (soft): no effect",
                "restarted (hard): under way",
                "Technician, 02/03/2026, 12:30: New cable",
                "Further measures: Cleaned",
                "2 × Cable, serial number K-77",
                (
                    "Meter at EVSE 1, 02/03/2026, 10:30: last reading 1,234.567 kWh, first reading"
                    " 0.250 kWh, serial number M-2"
                ),
                "Tried from afar: 02/03/2026, 06:30, in time (promised by 02/03/2026, 10:30)",
                "Technician on site: 02/03/2026, 11:30, too late (promised by 02/03/2026, 10:30)",
                "Answered: promised by 02/03/2026, 10:30",
                "Chargeable. Torn by a car",
                "Work: €189.00 net",
                "It comes with the next invoice: €229.51 net, plus VAT.",
            ),
        ),
        (
            "de",
            (
                "Fehleranalyse: Cable torn",
                "02.03.26, 06:30: neu gestartet (sanft): ohne Wirkung",
                "letzter Stand 1.234,567 kWh, erster Stand 0,250 kWh, Seriennummer M-2",
                "Techniker vor Ort: 02.03.26, 11:30, zu spät (zugesagt bis 02.03.26, 10:30)",
                "Kostenpflichtig. Torn by a car",
                "Es kommt mit der nächsten Rechnung: 229,51 € netto, zuzüglich USt.",
            ),
        ),
    ],
)
def test_the_report_tells_all_that_happened_in_the_owners_language(
    language: Literal["en", "de"], sentences: tuple[str, ...]
) -> None:
    said = told(a_report(language))
    for each in sentences:
        assert each in said, each


@pytest.mark.parametrize("cover", [Cover.WARRANTY, Cover.GUARANTEE])
def test_under_warranty_nothing_is_charged_and_the_reason_stands_there(cover: Cover) -> None:
    report = a_report()
    decided = replace(report.visit, cover=CoverDecision(cover, "Within two years", "person/2"))
    said = told(replace(report, visit=decided, work=None, parts=None))
    assert "nothing is charged. Within two years" in said
    assert "€" not in said


def test_a_foreign_source_is_told_with_the_consent() -> None:
    report = a_report()
    visit = replace(
        report.visit, outcome=MainOutcome.FOREIGN_SOURCE_REMOVED, consent="By mail of 1 March"
    )
    assert "Your consent: By mail of 1 March" in told(replace(report, visit=visit))
    assert "consent" not in told(report)


def test_a_yearly_maintenance_says_what_its_package_says() -> None:
    report = a_report()
    visit = replace(report.visit, kind=VisitKind.MAINTENANCE)
    paid = told(replace(report, visit=visit, parts=None))
    assert "It comes with the next invoice: €189.00 net, plus VAT." in paid
    free = told(replace(report, visit=visit, work=None, parts=None))
    assert "Yearly maintenance by the service package.\nNothing is charged for it." in free


def test_nobody_is_named_and_what_did_not_happen_has_no_title() -> None:
    report = a_report()
    for name in ("Tom", "Helen", "Caretaker", "+49"):
        assert name not in told(report)
    bare = replace(report, aid=[], promises=[], visit=replace(report.visit, parts=(), exchanges=()))
    assert [title for title, _ in sections(bare)] == [
        "The fault",
        "What was found and done",
        "Who pays",
    ]


@pytest.mark.parametrize(
    ("language", "subject", "sentence"),
    [
        (
            "en",
            "Report: on-site service at N-1, 2 Mar 2026",
            "closed: housing, cables or electronics were replaced.",
        ),
        (
            "de",
            "Bericht: Einsatz vor Ort an N-1, 02.03.2026",
            "abgeschlossen: Gehäuse, Kabel oder Elektronik wurden ersetzt.",
        ),
    ],
)
def test_the_mail_brings_the_paper_and_leads_to_the_page(
    language: Literal["en", "de"], subject: str, sentence: str
) -> None:
    mail = report_mail(
        a_report(language), "o@nord.example", link="https://x.example/4", paper=b"%PDF"
    )
    assert (mail.subject, mail.language) == (subject, language)
    assert sentence in mail.body_text
    assert "https://x.example/4" in mail.body_text
    [paper] = mail.attachments
    assert (paper.name, paper.media_type) == ("visit-4.pdf", "application/pdf")
