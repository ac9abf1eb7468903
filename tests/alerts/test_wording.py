"""An alert in a sentence, in both languages."""

from dataclasses import replace

import pytest

from alerts import wording
from alerts.detections import Detection
from alerts.life import Change
from foundation.identifiers import StationId
from tests.alerts.test_notices import ABOUT
from tests.alerts.watch import T0


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "Fault: Ground failure at CS-1, CS-2, Yard."),
        ("de", "Störung: Erdschluss an CS-1, CS-2, Yard."),
    ],
)
def test_a_fault_is_said_with_cause_stations_and_place(language: str, said: str) -> None:
    assert wording.line(ABOUT, Change.RAISED, place="Yard", language=language) == said


def test_every_watch_and_occasion_has_words_in_both_languages() -> None:
    for language in ("en", "de"):
        for detection in Detection:
            for occasion in set(Change) - {Change.GROWN, Change.ACKNOWLEDGED}:
                about = replace(ABOUT, detection=detection)
                assert wording.line(about, occasion, place=None, language=language)


def test_many_stations_are_counted_and_none_is_somewhere() -> None:
    many = replace(ABOUT, stations=tuple(StationId(f"CS-{number}") for number in range(10)))
    assert "CS-0, CS-1, CS-2 and 7 more, Yard" in wording.line(
        many, Change.RAISED, place="Yard", language="en"
    )
    none = replace(ABOUT, stations=(), detection=Detection.BACKLOG, cause="outbox")
    assert wording.line(none, Change.RAISED, place=None, language="en").endswith(
        "in the installation."
    )
    assert "at Yard" in wording.line(none, Change.RAISED, place="Yard", language="en")
    silent = replace(
        ABOUT, detection=Detection.OFFLINE, cause="silence", stations=(StationId("CS-1"),)
    )
    assert wording.line(silent, Change.REPEATED, place=None, language="de") == (
        "Weiterhin: Offline an CS-1."
    )


def test_a_message_names_its_alerts_and_is_cut_when_it_is_too_long() -> None:
    assert wording.sms([(1, "A."), (2, "B.")], language="en") == "A. (Alert 1) B. (Alert 2)"
    long = wording.sms([(1, "x" * 400)], language="de")
    assert len(long) == wording.LONGEST_SMS
    assert long.endswith("…")


@pytest.mark.parametrize("language", ["en", "de"])
def test_mails_say_what_where_and_what_to_do(language: str) -> None:
    url = "https://leitstand.example"
    mail = wording.mail(
        "A.", alert=7, at=T0, zone="Europe/Berlin", public_url=url, language=language
    )
    assert "7" in mail.subject
    assert f"{url}/alerts/7" in mail.body
    assert "09:00 CET" in mail.body
    unpaid = wording.unpaid(
        [(T0, "A.", "+49170"), (T0, "B.", "+49171")],
        account="North",
        zone="Europe/Berlin",
        public_url=url,
        language=language,
    )
    assert "2 SMS" in unpaid.subject
    assert "B.  (+49171)" in unpaid.body
    unsent = wording.unsent("A.", alert=7, target="+49170", public_url=url, language=language)
    assert "+49170" in unsent.body
    lost = wording.lost(
        target="+49170", by="Lea", organisation="North", public_url=url, language=language
    )
    assert "Lea" in lost.body
    assert "\n" not in lost.subject
