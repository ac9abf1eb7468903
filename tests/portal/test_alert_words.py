"""Alerts in words."""

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from alerts import life, sightings, wording
from alerts.detections import Detection, Severity
from alerts.life import STORM, Alert, AlertState, Change
from foundation.identifiers import StationId
from portal import alert_words, vocabulary
from portal.words import Words, words
from tests.alerts.watch import NORTH, T0

EN, DE = words("en"), words("de")
BERLIN = ZoneInfo("Europe/Berlin")
ALERT = Alert(
    id=1,
    organisation=NORTH,
    detection=Detection.OFFLINE,
    cause="silence",
    location="yard",
    station=None,
    severity=Severity.FAULT,
    raised_at=T0,
    grown_at=T0,
    repeated_at=T0,
)


def test_every_word_of_alerts_has_its_words_on_pages() -> None:
    assert set(vocabulary.DETECTIONS) == set(Detection)
    assert set(vocabulary.SEVERITIES) == set(Severity)
    assert set(vocabulary.ALERT_CHANGES) == set(Change)
    assert set(AlertState) <= set(vocabulary.ALERT_STATES)


@pytest.mark.parametrize(
    ("detection", "cause", "told"),
    [
        (Detection.FAULT, "GroundFailure", "Fault: Ground failure"),
        (Detection.OFFLINE, sightings.SILENCE, "Offline: not heard any more"),
        (Detection.OFFLINE, STORM, "Offline: many at once"),
        (Detection.SECURITY, "VendorsOwn", "Security: VendorsOwn"),
    ],
)
def test_what_was_found_is_the_watch_and_the_cause(
    detection: Detection, cause: str, told: str
) -> None:
    assert alert_words.what(detection, cause, EN, {}) == told


def test_what_a_job_found_bears_its_name() -> None:
    named = {"job/3": "Silent since the night"}
    told = alert_words.what(Detection.JOB, "job/3", DE, named)
    assert told == "Fehlererkennung: Silent since the night"
    assert alert_words.what(Detection.JOB, "job/4", DE, named) == "Fehlererkennung: Job 4"


@pytest.mark.parametrize("said", [EN, DE])
def test_mails_and_messages_call_a_cause_what_pages_call_it(said: Words) -> None:
    pages = set(vocabulary.FAULTS) | set(alert_words._CAUSES) - {sightings.SILENCE}
    for cause in (*pages, "job/3", "rule/4"):
        assert wording.named(cause, said.language) == alert_words.named(cause, said), cause


def test_what_to_do_is_said_where_it_is_known() -> None:
    assert "technician" in alert_words.advice("GroundFailure", EN)
    assert alert_words.advice("VendorsOwn", EN) == ""


def test_where_names_one_station_or_counts_them_with_their_place() -> None:
    one, two = StationId("CS-1"), StationId("CS-2")
    places = {"yard": "The yard"}
    assert alert_words.where(ALERT, [one], places, EN) == "CS-1, The yard"
    assert alert_words.where(ALERT, [one, two], places, EN) == "2 stations, The yard"
    assert alert_words.where(ALERT, [one, two], places, DE) == "2 Stationen, The yard"
    assert alert_words.where(ALERT, [], {}, EN) == "yard"
    nowhere = replace(ALERT, location=None)
    assert alert_words.where(nowhere, [one], {}, EN) == "CS-1"
    assert alert_words.where(nowhere, [one, two], {}, EN) == "2 stations"
    assert alert_words.where(nowhere, [], {}, EN) == ""


def test_evidence_names_what_it_knows_and_tells_moments_in_the_zone() -> None:
    found = alert_words.evidence(
        {"info": "left", "last_heard_at": T0.isoformat(), "seen_at": "soon", "x_at": "2026-01-01"},
        ZoneInfo("Europe/Berlin"),
        EN,
    )
    assert found[0] == ("The station says", "left")
    assert found[1][0] == "Last heard"
    assert "09:00" in found[1][1]
    assert found[2:] == [("seen_at", "soon"), ("x_at", "2026-01-01")]


def test_an_open_alert_is_nobodys_taken_on_or_escalated() -> None:
    assert alert_words.shown_state(ALERT) == "open"
    taken = life.acknowledged(ALERT, by="person/1", by_name="Lea", now=T0)
    assert alert_words.shown_state(taken) == "acknowledged"
    marked = life.escalated(taken, by="person/1", by_name="Lea", now=T0)
    assert alert_words.shown_state(marked) == "escalated"
    assert alert_words.shown_state(life.recovered(marked, T0)) == "recovered"


def test_a_vendors_code_is_explained_in_the_readers_language() -> None:
    found = {"vendor_error_code": "CX017"}
    lines = dict(alert_words.evidence(found, ZoneInfo("Europe/Berlin"), words("de")))
    assert lines["Bedeutung"] == "Das Schütz der Ladestation klemmt"
    assert "sperren" in lines["Was hilft"].lower()
    unknown = alert_words.evidence({"info": "?"}, ZoneInfo("Europe/Berlin"), words("en"))
    assert len(unknown) == 1


def test_a_vendors_code_is_explained_by_the_stations_make_in_both_languages() -> None:
    found = {"vendor_error_code": "0xc001"}
    assert len(alert_words.evidence(found, BERLIN, EN)) == 1
    own = alert_words.evidence(found, BERLIN, EN, vendor="KEBA")
    assert ("Meaning", "The contactor did not switch on although it was told to") in own
    german = alert_words.evidence(found, BERLIN, DE, vendor="KEBA")
    assert ("Bedeutung", "Der Schütz schaltete nicht ein, obwohl er sollte") in german


def test_what_a_rule_measured_is_said_in_words() -> None:
    found = {"measured": "temperature_c 71, power_w 500.0, odd 3"}
    [(_, value)] = alert_words.evidence(found, BERLIN, EN)
    assert value == "Temperature (°C) 71, Power (W) 500.0, odd 3"
    assert alert_words.measured("", EN) == ""
