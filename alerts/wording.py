"""An alert in a sentence, and the mails about it, in the language of whoever hears of it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from alerts.cause_words import ENGLISH, GERMAN, NUMBERED
from alerts.detections import Detection
from alerts.life import Change
from alerts.notices import About

LONGEST_SMS: Final = 300
_NAMED: Final = 3

_DETECTIONS: Final[Mapping[str, Mapping[Detection, str]]] = {
    "en": {
        Detection.OFFLINE: "Offline",
        Detection.FAULT: "Fault",
        Detection.WARNING: "Operating warning",
        Detection.SECURITY: "Security event",
        Detection.FAILING: "Nobody gets energy",
        Detection.SESSION: "Odd session",
        Detection.CERTIFICATE: "Certificate",
        Detection.CLOCK: "Wrong clock",
        Detection.BACKLOG: "Work of our own lags",
        Detection.JOB: "Error detection",
        Detection.RULE: "Rule",
    },
    "de": {
        Detection.OFFLINE: "Offline",
        Detection.FAULT: "Störung",
        Detection.WARNING: "Betriebswarnung",
        Detection.SECURITY: "Sicherheitsereignis",
        Detection.FAILING: "Niemand bekommt Strom",
        Detection.SESSION: "Auffälliger Ladevorgang",
        Detection.CERTIFICATE: "Zertifikat",
        Detection.CLOCK: "Falsche Uhr",
        Detection.BACKLOG: "Eigene Arbeit im Rückstand",
        Detection.JOB: "Fehlererkennung",
        Detection.RULE: "Regel",
    },
}
_CAUSES: Final[Mapping[str, Mapping[str, str]]] = {"en": ENGLISH, "de": GERMAN}
_WORD: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")
_CHANGES: Final[Mapping[str, Mapping[Change, str]]] = {
    "en": {
        Change.RAISED: "{what} {where}.",
        Change.REPEATED: "Still: {what} {where}.",
        Change.ESCALATED: "Escalated: {what} {where}.",
        Change.RECOVERED: "Over: {what} {where}.",
        Change.CLOSED: "Closed: {what} {where}.",
    },
    "de": {
        Change.RAISED: "{what} {where}.",
        Change.REPEATED: "Weiterhin: {what} {where}.",
        Change.ESCALATED: "Eskaliert: {what} {where}.",
        Change.RECOVERED: "Vorbei: {what} {where}.",
        Change.CLOSED: "Geschlossen: {what} {where}.",
    },
}
_NOWHERE: Final = {"en": "in the installation", "de": "in der Anlage"}
_AND_MORE: Final = {"en": "{names} and {more} more", "de": "{names} und {more} weitere"}
_AT: Final = {"en": "at {names}", "de": "an {names}"}
_AT_PLACE: Final = {"en": "at {names}, {place}", "de": "an {names}, {place}"}
_ONLY_PLACE: Final = {"en": "at {place}", "de": "an {place}"}
_ALERT: Final = {"en": "Alert {number}", "de": "Alarm {number}"}

_MAIL: Final = {
    "en": "{line}\n\nNoticed on {at}.\n\n{link}\n\nWho hears of it: {settings}\n",
    "de": "{line}\n\nBemerkt am {at}.\n\n{link}\n\nWer davon erfährt: {settings}\n",
}
_SEVERAL_SUBJECT: Final = {"en": "{count} alerts", "de": "{count} Alarme"}
_SEVERAL: Final = {
    "en": "{list}\n\nWho hears of it: {settings}\n",
    "de": "{list}\n\nWer davon erfährt: {settings}\n",
}
_UNPAID_SUBJECT: Final = {
    "en": "No credits for {count} SMS about alerts",
    "de": "Keine Credits für {count} SMS über Alarme",
}
_UNPAID: Final = {
    "en": (
        "{account} had no credits for these SMS, so this mail tells of them instead:\n\n{list}\n\n"
        "Order credits: {credits}\nAlerts: {alerts}\n\n"
        "Such a mail comes at most once an hour.\n"
    ),
    "de": (
        "{account} hatte für diese SMS keine Credits; diese Mail tritt an ihre Stelle:\n\n{list}"
        "\n\nCredits bestellen: {credits}\nAlarme: {alerts}\n\n"
        "Eine solche Mail kommt höchstens einmal in der Stunde.\n"
    ),
}
_UNSENT_SUBJECT: Final = {
    "en": "An SMS about an alert could not be sent",
    "de": "Eine SMS über einen Alarm ging nicht hinaus",
}
_UNSENT: Final = {
    "en": (
        "The SMS to {target} could not be sent, so this mail tells of it instead. No credit was"
        " taken.\n\n{line}\n\n{link}\n"
    ),
    "de": (
        "Die SMS an {target} konnte nicht gesendet werden; diese Mail tritt an ihre Stelle. Es"
        " wurde kein Credit genommen.\n\n{line}\n\n{link}\n"
    ),
}
_LOST_SUBJECT: Final = {
    "en": "{target} is not told of alerts any more",
    "de": "{target} erfährt nicht mehr von Alarmen",
}
_LOST: Final = {
    "en": (
        "{by} had entered {target} to be told of alerts of {organisation}, and does not see its"
        " stations any more. So it is used no longer, and nothing is charged for it.\n\n"
        "See who hears of alerts now: {settings}\n"
    ),
    "de": (
        "{by} hatte {target} für Alarme von {organisation} eingetragen und sieht deren Stationen"
        " nicht mehr. Der Eintrag wird daher nicht mehr benutzt und kostet nichts mehr.\n\n"
        "Wer nun von Alarmen erfährt: {settings}\n"
    ),
}


@dataclass(frozen=True, slots=True)
class Letter:
    """A subject and a text."""

    subject: str
    body: str


def line(
    about: About, occasion: Change, *, place: str | None, language: str, name: str | None = None
) -> str:
    """Return an alert as one sentence, as in `Fault: Ground failure at CS-1, Yard.`

    Args:
        about: The alert.
        occasion: What happened to it.
        place: What its location is called.
        language: `en` or `de`.
        name: What a person called the job or rule that found it.
    """
    what = _DETECTIONS[language][about.detection]
    if cause := name or named(about.cause, language):
        what = f"{what}: {cause}"
    text = _CHANGES[language][occasion].format(what=what, where=_where(about, place, language))
    return " ".join(text.split())


def named(cause: str, language: str) -> str:
    """Return a cause in words; one that has none, as it is, its words apart in English."""
    known = _CAUSES[language].get(cause)
    if known is not None:
        return known
    kind, _, number = cause.partition("/")
    if number and (numbered := NUMBERED[language].get(kind)):
        return numbered.format(number=number)
    return _WORD.sub(" ", cause).capitalize() if language == "en" else cause


def _where(about: About, place: str | None, language: str) -> str:
    names = ", ".join(about.stations[:_NAMED])
    if len(about.stations) > _NAMED:
        more = len(about.stations) - _NAMED
        names = _AND_MORE[language].format(names=names, more=more)
    if names and place:
        return _AT_PLACE[language].format(names=names, place=place)
    if names:
        return _AT[language].format(names=names)
    return _ONLY_PLACE[language].format(place=place) if place else _NOWHERE[language]


def sms(lines: Sequence[tuple[int, str]], *, language: str) -> str:
    """Return what a message says of alerts (their numbers and lines); cut if it is too long."""
    text = _listed(lines, language)
    return text if len(text) <= LONGEST_SMS else f"{text[: LONGEST_SMS - 1]}…"


def fits(lines: Sequence[tuple[int, str]], *, language: str) -> bool:
    """Tell whether a message can say all of this."""
    return len(_listed(lines, language)) <= LONGEST_SMS


def _listed(lines: Sequence[tuple[int, str]], language: str) -> str:
    return " ".join(f"{line} ({_ALERT[language].format(number=number)})" for number, line in lines)


def mail_of_several(
    lines: Sequence[tuple[int, datetime, str]], *, zone: str, public_url: str, language: str
) -> Letter:
    """Return the mail that tells of several alerts: their numbers, when they were raised, what."""
    listed = "\n\n".join(
        f"{_moment(at, zone, language)}  {said}\n{public_url}/alerts/{number}"
        for number, at, said in lines
    )
    settings = f"{public_url}/alerts/recipients"
    return Letter(
        _SEVERAL_SUBJECT[language].format(count=len(lines)),
        _SEVERAL[language].format(list=listed, settings=settings),
    )


def mail(
    said: str, *, alert: int, at: datetime, zone: str, public_url: str, language: str
) -> Letter:
    """Return the mail that tells of an alert."""
    subject = f"{said.rstrip('.')} ({_ALERT[language].format(number=alert)})"
    body = _MAIL[language].format(
        line=said,
        at=_moment(at, zone, language),
        link=f"{public_url}/alerts/{alert}",
        settings=f"{public_url}/alerts/recipients",
    )
    return Letter(subject, body)


def unpaid(
    listed: Sequence[tuple[datetime, str, str]],
    *,
    account: str,
    zone: str,
    public_url: str,
    language: str,
) -> Letter:
    """Return the mail instead of messages that could not be paid: when, what, to which number."""
    lines = "\n".join(
        f"{_moment(at, zone, language)}  {line}  ({target})" for at, line, target in listed
    )
    return Letter(
        _UNPAID_SUBJECT[language].format(count=len(listed)),
        _UNPAID[language].format(
            account=account,
            list=lines,
            credits=f"{public_url}/credits",
            alerts=f"{public_url}/alerts",
        ),
    )


def unsent(said: str, *, alert: int, target: str, public_url: str, language: str) -> Letter:
    """Return the mail instead of a message that did not get through."""
    return Letter(
        _UNSENT_SUBJECT[language],
        _UNSENT[language].format(target=target, line=said, link=f"{public_url}/alerts/{alert}"),
    )


def lost(*, target: str, by: str, organisation: str, public_url: str, language: str) -> Letter:
    """Return the mail to the others when somebody's entry is not used any more."""
    return Letter(
        _LOST_SUBJECT[language].format(target=target),
        _LOST[language].format(
            target=target,
            by=by,
            organisation=organisation,
            settings=f"{public_url}/alerts/recipients",
        ),
    )


def _moment(at: datetime, zone: str, language: str) -> str:
    local = at.astimezone(ZoneInfo(zone))
    return local.strftime("%d.%m.%Y, %H:%M %Z" if language == "de" else "%Y-%m-%d %H:%M %Z")
