"""Findings: what is the same fault, and what is not."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from alerts.detections import Detection, Finding, Severity, worst
from foundation.identifiers import OrganisationKey, StationId

AT = datetime(2026, 11, 2, 8, tzinfo=UTC)
GROUND = Finding(
    detection=Detection.FAULT,
    cause="GroundFailure",
    organisation=OrganisationKey("north"),
    station=StationId("CS-1"),
    evse_id=1,
    connector_id=2,
    severity=Severity.FAULT,
    seen_at=AT,
)


def test_the_same_fault_at_another_moment_is_the_same_fault() -> None:
    assert GROUND.key == "fault/GroundFailure/CS-1/1/2"
    later = replace(
        GROUND,
        seen_at=AT + timedelta(hours=1),
        is_present=False,
        severity=Severity.CRITICAL,
        evidence={"info": "left"},
        location="yard",
        organisation=OrganisationKey("south"),
    )
    assert later.key == GROUND.key


def test_another_watch_cause_station_evse_or_connector_is_another_fault() -> None:
    others = (
        replace(GROUND, detection=Detection.WARNING),
        replace(GROUND, cause="HighTemperature"),
        replace(GROUND, station=StationId("CS-2")),
        replace(GROUND, evse_id=2),
        replace(GROUND, connector_id=None),
        replace(GROUND, evse_id=None, connector_id=None),
    )
    assert len({each.key for each in (GROUND, *others)}) == len(others) + 1


def test_without_a_station_the_place_and_then_the_organisation_tell_faults_apart() -> None:
    site = replace(
        GROUND,
        detection=Detection.JOB,
        cause="job/17",
        station=None,
        evse_id=None,
        connector_id=None,
        location="yard",
    )
    assert site.key == "job/job/17/@yard/-/-"
    assert replace(site, location="roof").key != site.key
    nowhere = replace(site, location=None)
    assert nowhere.key != replace(nowhere, organisation=OrganisationKey("south")).key


def test_the_worst_severity_is_the_last_in_the_order() -> None:
    assert worst(Severity.INFO) is Severity.INFO
    assert worst(Severity.FAULT, Severity.WARNING, Severity.INFO) is Severity.FAULT
    assert worst(Severity.WARNING, Severity.CRITICAL) is Severity.CRITICAL
    assert [each.rank for each in Severity] == [0, 1, 2, 3]


def test_a_finding_without_a_cause_or_with_a_naive_moment_is_our_mistake() -> None:
    with pytest.raises(AssertionError):
        replace(GROUND, cause="")
    with pytest.raises(AssertionError):
        replace(GROUND, seen_at=AT.replace(tzinfo=None))
