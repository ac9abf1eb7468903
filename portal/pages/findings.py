"""What the plausibility monitor found, as sentences with their evidence; and signed values' words.

A finding about two sessions names the other one only to whoever may see all of them.
"""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from billing.plausibility import Check, Finding, HoldReason
from csms.meters import Trouble
from portal import formats
from portal.guard import Caller
from portal.vocabulary import HOLD_REASONS
from portal.words import Words, marked

CHECKS: Mapping[Check, tuple[str, str]] = {
    Check.TIMES: (
        marked("Times"),
        marked("An end before the start, or a station's clock that was wrong."),
    ),
    Check.METER: (
        marked("Meter"),
        marked("An end register below the start, or implausibly high."),
    ),
    Check.POWER: (
        marked("Power × time"),
        marked("More energy than the connector can give in the time."),
    ),
    Check.OVERLAP: (marked("Overlap"), marked("Two sessions on one EVSE at once.")),
    Check.TWO_PLACES: (
        marked("Card in two places"),
        marked("One card charging at two locations at once."),
    ),
    Check.DURATION: (
        marked("Duration"),
        marked("A session that lasts too long. It is flagged, never ended."),
    ),
    Check.ENERGY: (marked("Energy"), marked("More energy than a session should take.")),
    Check.SIGNATURE: (
        marked("Signed meter values"),
        marked("Signatures that are missing, wrong, or cannot be checked yet."),
    ),
}
"""The checks in the order in which they are set, with what each looks at."""

TROUBLES: Mapping[Trouble, str] = {
    Trouble.NO_KEY: marked("No public key of this meter is registered."),
    Trouble.OTHER_FORMAT: marked("Its format is not read here; the transparency software may."),
    Trouble.UNREADABLE: marked("It cannot be read."),
    Trouble.UNKNOWN_ALGORITHM: marked("Its algorithm is none of the format's."),
    Trouble.OTHER_CURVE: marked("It was signed on another curve than the key's."),
    Trouble.WRONG_SIGNATURE: marked("The signature does not fit the value."),
    Trouble.METER_ERROR: marked("The meter itself reports an error of the energy."),
    Trouble.NO_BEGIN: marked("There is no signed value of the beginning."),
    Trouble.NO_END: marked("There is no signed value of the end."),
    Trouble.OTHER_METER: marked("The values come from two meters."),
    Trouble.PAGE_MISSING: marked("A record that the meter counted is missing."),
    Trouble.OTHER_ENERGY: marked("The signed registers do not come to the billed energy."),
    Trouble.OTHER_TIME: marked("It was signed at another time than the session's."),
    Trouble.DOUBTFUL_TIME: marked(
        "It was signed at another time, but the time of the meter or of the session is not sure."
    ),
}

_OF_TWO = frozenset({HoldReason.CARD_IN_TWO_PLACES})


def shown_facts(finding: Finding, caller: Caller) -> dict[str, Any]:
    """Return the evidence as far as it is the caller's to see: nobody else's session or place."""
    if finding.reason in _OF_TWO and caller.scope.organisations is not None:
        return {"overlap_s": finding.facts.get("overlap_s")}
    return dict(finding.facts)


def trouble(code: str | None, said: Words) -> str:
    """Tell why a signed value is not verified; nothing if it is."""
    return "" if code is None else said.gettext(TROUBLES[Trouble(code)])


def name_of(reason: HoldReason, said: Words) -> str:
    """Tell a reason in a few words."""
    return said.gettext(HOLD_REASONS[reason.value].name)


def reason_name(finding: Finding, said: Words) -> str:
    """Tell a finding's reason in a few words."""
    return name_of(finding.reason, said)


def evidence(finding: Finding, caller: Caller, said: Words) -> str:
    """Tell the evidence of a finding in one sentence; empty where the reason says it all."""
    facts = shown_facts(finding, caller)
    locale = said.locale

    def kwh(name: str) -> str:
        value = facts.get(name)
        return "–" if value is None else f"{formats.kwh(Decimal(value), locale)} kWh"

    def span(name: str) -> str:
        value = Decimal(facts.get(name) or 0)
        return formats.duration(timedelta(seconds=float(value)), locale)

    match finding.reason:
        case HoldReason.IMPOSSIBLE_ENERGY if "possible_wh" in facts:
            return said.gettext(
                "%(energy)s in %(time)s; the connector can give %(possible)s in that time."
            ) % {
                "energy": kwh("energy_wh"),
                "time": span("duration_s"),
                "possible": kwh("possible_wh"),
            }
        case HoldReason.TOO_MUCH_ENERGY:
            return said.gettext("%(energy)s; the limit is %(limit)s.") % {
                "energy": kwh("energy_wh"),
                "limit": kwh("limit_wh"),
            }
        case HoldReason.TOO_LONG:
            return said.gettext("%(time)s; the limit is %(limit)s.") % {
                "time": span("duration_s"),
                "limit": span("limit_s"),
            }
        case HoldReason.NEGATIVE_ENERGY | HoldReason.IMPOSSIBLE_METER if "energy_wh" in facts:
            return said.gettext("The register went from %(start)s to %(stop)s.") % {
                "start": kwh("meter_start_wh"),
                "stop": kwh("meter_stop_wh"),
            }
        case HoldReason.SIGNATURE_FAILED | HoldReason.SIGNATURE_PENDING:
            return trouble(facts.get("trouble"), said)
        case HoldReason.OVERLAP | HoldReason.CARD_IN_TWO_PLACES:
            return _other(facts, span("overlap_s"), said)
        case _:
            return ""


def _other(facts: Mapping[str, Any], overlap: str, said: Words) -> str:
    if "transaction_id" not in facts:
        return said.gettext("For %(time)s at once with another session.") % {"time": overlap}
    if "location" in facts:
        return said.gettext("For %(time)s at once with session %(number)s at %(place)s.") % {
            "time": overlap,
            "number": facts["transaction_id"],
            "place": f"{facts['station']}, {facts['location']}",
        }
    return said.gettext("For %(time)s at once with session %(number)s.") % {
        "time": overlap,
        "number": facts["transaction_id"],
    }


REFUSALS = (
    marked("Say why."),
    marked("Nothing is to be corrected."),
    marked("It still runs: say when it ended."),
    marked("The end must lie behind the start."),
    marked("The end must not lie in the future."),
    marked("The energy must be 0 to 10,000 kWh."),
    marked("The energy is no number."),
    marked("This is no moment."),
    marked("minutes must be 2 to 1440."),
    marked("The number of the EVSE must be 0 or more."),
    marked("Type the fingerprint or the key from the type plate."),
)
"""Whole sentences of what corrections and meters' keys refuse, to be translated."""
