"""What drivers are told about single sessions, in English and German.

Two things concern a driver before any invoice does: that a session took no energy and costs
nothing, and that a session is held because it cannot have been as it was reported. The second
shows what speaks against it, so that the driver can say how it was.

Source: rules of the business, 8 (ideas 10 and 11).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Any, Final
from zoneinfo import ZoneInfo

from billing.cdr import Cdr
from billing.plausibility import Finding, HoldReason
from billing.rating import LineKind
from foundation.quantities import kwh_for_paper

LANGUAGES: Final = ("en", "de")


class About(StrEnum):
    """What a driver is told."""

    NO_ENERGY = "no_energy"
    IMPOSSIBLE = "impossible"


IMPOSSIBLE: Final = (
    HoldReason.END_BEFORE_START,
    HoldReason.NEGATIVE_ENERGY,
    HoldReason.IMPOSSIBLE_METER,
    HoldReason.IMPOSSIBLE_ENERGY,
    HoldReason.OVERLAP,
    HoldReason.CARD_IN_TWO_PLACES,
)
"""What physics forbids. What is only much or long, and what we lack, is no driver's matter."""

_DISPLAY: Final = (
    "No energy was taken. This session costs nothing.",
    "Es wurde keine Energie geladen. Dieser Ladevorgang kostet nichts.",
)
_LETTERS: Final[Mapping[About, tuple[tuple[str, str], tuple[str, str]]]] = {
    About.NO_ENERGY: (
        (
            "Your charging session of {day}: no energy, no cost",
            (
                "Dear {name},\n\nthe session with your card {card} took no energy:\n\n{session}\n\n"
                "It is over and costs nothing. If the cable is still plugged in, please unplug it."
                "\n"
            ),
        ),
        (
            "Ihr Ladevorgang vom {day}: keine Energie, keine Kosten",
            (
                "Guten Tag {name},\n\nmit Ihrer Ladekarte {card} wurde keine Energie geladen:\n\n"
                "{session}\n\nDer Ladevorgang ist beendet und kostet nichts. Falls das Kabel noch"
                " steckt, ziehen Sie es bitte ab.\n"
            ),
        ),
    ),
    About.IMPOSSIBLE: (
        (
            "Your charging session of {day} is being looked at",
            (
                "Dear {name},\n\nthe session with your card {card} cannot have been as the station"
                " reported it:\n\n{session}\n\n{evidence}\n\nWe do not bill it until somebody has"
                " looked at it. If it was right it stands on a later invoice; if not, you pay"
                " nothing. If you know how it was, or your card was not with you, please tell us."
                "\n"
            ),
        ),
        (
            "Ihr Ladevorgang vom {day} wird geprüft",
            (
                "Guten Tag {name},\n\nder Ladevorgang mit Ihrer Ladekarte {card} kann nicht so"
                " gewesen sein, wie ihn die Ladestation gemeldet hat:\n\n{session}\n\n{evidence}"
                "\n\nWir berechnen ihn nicht, bevor ihn jemand angesehen hat. War er richtig, steht"
                " er auf einer späteren Rechnung; wenn nicht, zahlen Sie nichts. Wenn Sie wissen,"
                " wie es war, oder wenn Sie Ihre Karte nicht bei sich hatten, sagen Sie es uns"
                " bitte.\n"
            ),
        ),
    ),
}
_SESSION: Final = (
    "Station {station}, EVSE {evse}\nFrom {begin} to {end} ({zone})\nSession {number}",
    "Ladestation {station}, Ladepunkt {evse}\nVon {begin} bis {end} ({zone})\nLadevorgang {number}",
)
_EVIDENCE: Final[Mapping[HoldReason, tuple[str, str]]] = {
    HoldReason.END_BEFORE_START: (
        "- It ended {back} before it began.",
        "- Er endete {back} vor seinem Beginn.",
    ),
    HoldReason.NEGATIVE_ENERGY: (
        "- The meter went from {start} to {stop} kWh: backwards.",
        "- Der Zähler ging von {start} auf {stop} kWh: rückwärts.",
    ),
    HoldReason.IMPOSSIBLE_METER: (
        "- The meter rose from {start} to {stop} kWh: more than any vehicle takes.",
        "- Der Zähler stieg von {start} auf {stop} kWh: mehr, als ein Fahrzeug aufnimmt.",
    ),
    HoldReason.IMPOSSIBLE_ENERGY: (
        "- {energy} kWh in {span}; the connector can give {possible} kWh in that time.",
        "- {energy} kWh in {span}; der Anschluss kann in dieser Zeit {possible} kWh abgeben.",
    ),
    HoldReason.OVERLAP: (
        "- For {overlap} another session went on at the same charging point.",
        "- {overlap} lang lief am selben Ladepunkt ein anderer Ladevorgang.",
    ),
    HoldReason.CARD_IN_TWO_PLACES: (
        "- For {overlap} your card charged also at station {other}, at another place.",
        "- {overlap} lang lud Ihre Karte auch an der Ladestation {other}, an einem anderen Ort.",
    ),
}
_MOMENTS: Final = ("%d/%m/%Y %H:%M", "%d.%m.%Y %H:%M")
_DAYS: Final = ("%d/%m/%Y", "%d.%m.%Y")


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail's subject and text."""

    subject: str
    body: str


def concerns(cdr: Cdr, reasons: Collection[HoldReason] | None) -> About | None:
    """Return what a driver is told about a session as it was rated; mostly nothing.

    Args:
        cdr: What it came to.
        reasons: Why it is held; None where it is not. A session that is held is none that was
            billed at nothing, whatever its energy.
    """
    if reasons is not None:
        return About.IMPOSSIBLE if any(each in IMPOSSIBLE for each in reasons) else None
    if any(line.kind is LineKind.GHOST for line in cdr.lines):
        return About.NO_ENERGY
    return None


def letter(
    about: About, cdr: Cdr, findings: Sequence[Finding], *, name: str, language: str
) -> Letter:
    """Return what a driver is written; times are those of the station's zone."""
    index = _index(language)
    zone = ZoneInfo(cdr.time_zone)
    begin, end = (each.astimezone(zone) for each in (cdr.started_at, cdr.ended_at))
    values = {
        "name": name,
        "card": "" if cdr.id_token is None else cdr.id_token.value,
        "day": begin.strftime(_DAYS[index]),
        "session": _SESSION[index].format(
            station=cdr.station,
            evse=cdr.evse_id,
            begin=begin.strftime(_MOMENTS[index]),
            end=end.strftime(_MOMENTS[index]),
            zone=zone.key,
            number=cdr.transaction_id,
        ),
        "evidence": "\n".join(_evidence(findings, index)),
    }
    subject, body = _LETTERS[about][index]
    return Letter(" ".join(subject.format(**values).split()), body.format(**values))


def for_display(language: str) -> str:
    """Return what a station shows at the end of a session that took no energy."""
    return _DISPLAY[_index(language)]


def _index(language: str) -> int:
    assert language in LANGUAGES, f"nobody is written to in {language!r}"
    return LANGUAGES.index(language)


def _evidence(findings: Sequence[Finding], index: int) -> list[str]:
    by_reason: dict[HoldReason, Mapping[str, Any]] = {each.reason: each.facts for each in findings}
    found = []
    for reason in IMPOSSIBLE:
        if reason not in by_reason:
            continue
        facts = by_reason[reason]
        found.append(
            _EVIDENCE[reason][index].format(
                back=_span(facts.get("duration_s"), index),
                start=_kwh(facts.get("meter_start_wh"), index),
                stop=_kwh(facts.get("meter_stop_wh"), index),
                energy=_kwh(facts.get("energy_wh"), index),
                possible=_kwh(facts.get("possible_wh"), index),
                span=_span(facts.get("duration_s"), index),
                overlap=_span(facts.get("overlap_s"), index),
                other=facts.get("station", "?"),
            )
        )
    return found


def _kwh(wh: str | None, index: int) -> str:
    if wh is None:
        return "?"
    text = f"{kwh_for_paper(Decimal(wh)):,}"
    return text.translate(str.maketrans(",.", ".,")) if index else text


def _span(seconds: str | None, index: int) -> str:
    """Return a time in hours and minutes, or below a minute in seconds; its sign is left out."""
    if seconds is None:
        return "?"
    whole = int(abs(Decimal(seconds)).to_integral_value(ROUND_HALF_UP))
    if whole < 60:
        return f"{whole} s"
    minutes = timedelta(seconds=whole) // timedelta(minutes=1)
    hours = ("h", "Std.")[index]
    return f"{minutes // 60} {hours} {minutes % 60} min" if minutes >= 60 else f"{minutes} min"
