"""What is wrong as long as it holds: clocks, certificates, our own backlog."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from alerts import conditions
from alerts.conditions import (
    Certificate,
    backlog_findings,
    certificate_findings,
    changes,
    clock_findings,
    read_certificates,
    station_certificate_findings,
)
from alerts.detections import Detection, Finding, Severity
from foundation import outbox
from foundation.database import Database
from foundation.events import StationCameBack
from foundation.identifiers import OrganisationKey, StationId
from foundation.outbox import Backlog
from tests.alerts.watch import HOUR, MINUTE, NORTH, T0, Watch, watch

__all__ = ["watch"]  # a fixture, taken by its name

ROOT = OrganisationKey("root")
DAY = timedelta(days=1)
CS_1 = StationId("CS-1")


@dataclass(frozen=True)
class Off:
    """A wrong clock."""

    station: StationId = CS_1
    organisation: OrganisationKey = NORTH
    skew: timedelta = HOUR
    seen_at: datetime = T0


@dataclass
class Told:
    """What is known of clocks."""

    clocks: list[Off] = field(default_factory=list)

    async def wrong(self, db: AsyncSession) -> Sequence[Off]:
        """Return it."""
        return self.clocks


@pytest.mark.parametrize(
    ("skew", "shown"),
    [
        (HOUR, "+01:00:00"),
        (-22 * HOUR, "-22:00:00"),
        (3 * DAY + 15 * MINUTE, "+3 d 00:15:00"),
    ],
)
def test_a_wrong_clock_is_a_warning_that_says_how_far(skew: timedelta, shown: str) -> None:
    [found] = clock_findings([Off(skew=skew)])
    assert (found.detection, found.severity) == (Detection.CLOCK, Severity.WARNING)
    assert found.evidence == {"off_by": shown}


@pytest.mark.parametrize(
    ("left", "severity"),
    [
        (90 * DAY + MINUTE, None),
        (90 * DAY, Severity.INFO),
        (30 * DAY + MINUTE, Severity.INFO),
        (30 * DAY, Severity.WARNING),
        (7 * DAY + MINUTE, Severity.WARNING),
        (7 * DAY, Severity.FAULT),
        (MINUTE, Severity.FAULT),
        (timedelta(0), Severity.CRITICAL),
        (-DAY, Severity.CRITICAL),
    ],
)
def test_a_certificate_near_its_end_is_the_worse_the_nearer(
    left: timedelta, severity: Severity | None
) -> None:
    later = Certificate("later.pem", T0 + 300 * DAY)
    found = certificate_findings([later, Certificate("ours.pem", T0 + left)], ROOT, T0)
    assert [each.severity for each in found] == ([] if severity is None else [severity])
    for each in found:
        assert each.evidence["certificate"] == "ours.pem"


@dataclass(frozen=True)
class Held:
    """A certificate that a station holds."""

    ends_at: datetime
    station: StationId = CS_1
    organisation: OrganisationKey = NORTH
    kind: str = "CSMSRootCertificate"
    subject: str = "CN=Root"


def test_of_a_station_the_first_certificate_to_end_is_told_and_worse_as_it_comes_nearer() -> None:
    other = Held(T0 + 8 * DAY, station=StationId("CS-2"))
    held = [Held(T0 + 200 * DAY), Held(T0 + 80 * DAY), Held(T0 + 40 * DAY), other]
    found = station_certificate_findings(held, T0)
    assert [(each.station, each.severity) for each in found] == [
        ("CS-2", Severity.WARNING),
        ("CS-1", Severity.INFO),
    ]
    assert found[1].evidence["ends_at"] == (T0 + 40 * DAY).isoformat()
    worse = station_certificate_findings(held, T0 + 35 * DAY)
    told = changes(worse, found, T0 + 35 * DAY)
    assert {(each.station, each.severity) for each in told} == {
        ("CS-1", Severity.FAULT),
        ("CS-2", Severity.CRITICAL),
    }
    assert station_certificate_findings([Held(T0 + 91 * DAY)], T0) == []


def test_what_waits_too_long_or_for_a_person_is_our_own_fault() -> None:
    late = T0 - conditions.MOST_LAG - MINUTE
    in_time = Backlog("billing", T0 - conditions.MOST_LAG, 0)
    assert backlog_findings([in_time], conditions.MOST_LAG.total_seconds(), ROOT, T0) == []
    found = backlog_findings(
        [Backlog("billing", late, 0), Backlog("mailing", None, 2)], 16 * 60, ROOT, T0
    )
    assert [each.cause for each in found] == [
        conditions.EVENTS_WAIT,
        conditions.EVENTS_PARKED,
        conditions.JOBS_WAIT,
    ]
    assert [each.evidence.get("readers") for each in found] == ["billing", "mailing 2", None]
    assert {each.organisation for each in found} == {ROOT}


def test_only_what_is_new_worse_or_over_is_reported() -> None:
    [known] = clock_findings([Off()])
    [other] = clock_findings([Off(station=StationId("CS-2"))])
    assert changes([known], [known], T0) == []
    assert changes([known, other], [known], T0) == [other]
    [over] = changes([], [known], T0 + HOUR)
    assert (over.key, over.is_present, over.seen_at) == (known.key, False, T0 + HOUR)
    worse = Finding(
        detection=known.detection,
        cause=known.cause,
        organisation=known.organisation,
        station=known.station,
        severity=Severity.FAULT,
        seen_at=T0,
    )
    assert changes([worse], [known], T0) == [worse]
    assert changes([known], [worse], T0) == []


def test_the_end_of_a_certificate_is_read_from_its_file(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "csms.example")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2027, 1, 1, tzinfo=UTC))
        .sign(key, SHA256())
    )
    file = tmp_path / "ours.pem"
    file.write_bytes(made.public_bytes(Encoding.PEM))
    assert read_certificates([file]) == [Certificate("ours.pem", datetime(2027, 1, 1, tzinfo=UTC))]
    (tmp_path / "none.pem").write_text("nothing")
    with pytest.raises(ValueError, match="PEM"):
        read_certificates([tmp_path / "none.pem"])


async def test_a_condition_that_lasts_is_one_alert_and_one_recovery(watch: Watch) -> None:
    told = Told([Off()])
    conditions.join_clocks(watch.database, told)
    ours = Certificate("ours.pem", T0 + DAY)
    for minute in range(30):
        await look(watch.database, T0 + minute * MINUTE, ours)
    assert sorted(await watch.changes()) == ["raised", "raised"]
    told.clocks.clear()
    await look(watch.database, T0 + HOUR, Certificate("ours.pem", T0 + 365 * DAY))
    await watch.settle(T0 + 2 * HOUR)
    assert sorted(await watch.changes()) == ["recovered", "recovered"]


async def test_a_parked_event_is_somebodys_business(watch: Watch) -> None:
    async with watch.database.unit_of_work() as db:
        told = StationCameBack(happened_at=T0, station=StationId("CS-1"))
        await outbox.append(db, [told], recorded_at=T0)
        await db.execute(
            text("""
                insert into deliveries (event_id, reader, lane, state, attempts, due_at, subject)
                select id, 'billing', 0, 'parked', 3, :now, subject from journal
            """),
            {"now": T0},
        )
    await look(watch.database, T0)
    [raised] = await watch.told()
    assert (raised.cause, raised.change, raised.organisation) == (
        conditions.EVENTS_PARKED,
        "raised",
        ROOT,
    )


async def look(database: Database, now: datetime, *certificates: Certificate) -> None:
    async with database.unit_of_work() as db:
        await conditions.look(db, now=now, certificates=certificates)
