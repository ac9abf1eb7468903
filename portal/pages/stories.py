"""One session told: its timeline, the curve of its meter, its price, and what else is known."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from billing.books import BilledTransaction, BillingState
from csms.charging import StoredReading, Transaction
from portal import formats
from portal.charts import Chart, ChartWords, CurvePoint, meter_curve
from portal.pages.views import Priced, TimelineEntry
from portal.price_words import price_line
from portal.words import Words

LATE_AFTER = timedelta(minutes=2)
"""A message that came so much later than it tells of is shown as sent late."""


def curve_points(found: Transaction, readings: Sequence[StoredReading]) -> list[CurvePoint]:
    """Where the meter stood, from the start to the end.

    Energy counts from the start register, or from the first reading where that is unknown. Power
    is what was measured, else the mean since the reading before.
    """
    registers = [
        (each.measured_at, each.energy_register_wh, each.power_w)
        for each in readings
        if each.energy_register_wh is not None
    ]
    base = (
        found.meter_start_wh
        if found.meter_start_wh is not None
        else (registers[0][1] if registers else None)
    )
    if base is None:
        return []
    by_moment: dict[datetime, tuple[Decimal, Decimal | None]] = {}
    by_moment[found.started_at] = (Decimal(0), None)
    for at, register, power in registers:
        if at >= found.started_at and register >= base:
            by_moment[at] = (register - base, power)
    if found.ended_at is not None and found.energy_wh is not None:
        known = by_moment.get(found.ended_at)
        by_moment[found.ended_at] = (found.energy_wh, known[1] if known else None)
    points: list[CurvePoint] = []
    for at in sorted(by_moment):
        energy, power = by_moment[at]
        if power is None and points:
            hours = Decimal((at - points[-1].at).total_seconds()) / 3600
            risen = energy - points[-1].energy_wh
            power = risen / hours if hours > 0 and risen >= 0 else None
        points.append(CurvePoint(at, energy, power))
    if len(points) > 1 and points[0].power_w is None:
        points[0] = CurvePoint(points[0].at, points[0].energy_wh, points[1].power_w)
    return points


def curve(found: Transaction, points: Sequence[CurvePoint], said: Words) -> Chart:
    """The points as a chart, in the station's time."""
    texts = ChartWords(
        title=said.gettext("Power and energy of the session"),
        description=said.gettext(
            "The area shows the power over time, the dashed line the energy since the start."
        ),
        first=said.gettext("Power"),
        second=said.gettext("Energy"),
        moment=said.gettext("Time"),
    )
    return meter_curve("curve", points, ZoneInfo(found.time_zone), texts, said.locale)


def priced(billed: BilledTransaction | None, said: Words) -> Priced | None:
    """The price as sentences; None before there is one."""
    if billed is None or (billed.tariff is None and not billed.cdr.lines):
        return None
    tariff = ""
    if billed.tariff is not None:
        name, version = billed.tariff
        tariff = said.gettext("Tariff %(name)s, version %(version)s") % {
            "name": name,
            "version": version,
        }
    cdr = billed.cdr
    lines = tuple(price_line(each, said) for each in cdr.lines)
    return Priced(lines, cdr.net, cdr.vat, cdr.gross, tariff)


def payer(billed: BilledTransaction | None, names: Mapping[Any, str]) -> str:
    """Who pays for a session; empty if nobody does."""
    if billed is None or billed.cdr.payer is None:
        return ""
    who = billed.cdr.payer
    if who.provider is not None:
        return who.provider
    return names.get(who.organisation, str(who.organisation))


def decided(billed: BilledTransaction | None, said: Words) -> str:
    """What a person decided about a session, and why; empty if nobody did."""
    if billed is None or billed.decision is None or billed.decision.decided_why is None:
        return ""
    if billed.state is BillingState.VOID:
        text = said.gettext("Voided: %(reason)s")
    elif billed.state is BillingState.HELD:
        text = said.gettext("Held by hand: %(reason)s")
    else:
        text = said.gettext("Released: %(reason)s")
    return text % {"reason": billed.decision.decided_why}


def timeline(
    found: Transaction,
    readings: Sequence[StoredReading],
    billed: BilledTransaction | None,
    said: Words,
) -> tuple[TimelineEntry, ...]:
    """What happened to a session, in order; what was reported late stands where it arrived."""
    locale = said.locale

    def meter(register: Decimal | None) -> str:
        if register is None:
            return ""
        return said.gettext("Meter at %(kwh)s kWh") % {"kwh": formats.kwh(register, locale, 3)}

    entries: list[TimelineEntry] = []
    if "missing_start" not in found.doubts:
        detail = meter(found.meter_start_wh)
        entries.append(
            TimelineEntry(found.started_at, said.gettext("Started"), detail, "info", strong=True)
        )
        late = found.start_received_at - found.started_at
        if late >= LATE_AFTER:
            text = said.gettext("%(span)s after it happened") % {
                "span": formats.duration(late, locale)
            }
            title = said.gettext("The start was reported late")
            entries.append(TimelineEntry(found.start_received_at, title, text, "warning"))
    inner = [each for each in readings if each.context != "Transaction.Begin"]
    if inner:
        count = said.ngettext("%(num)s reading", "%(num)s readings", len(inner)) % {
            "num": formats.number(len(inner), locale)
        }
        entries.append(
            TimelineEntry(
                inner[0].measured_at,
                said.gettext("Readings"),
                said.gettext("%(count)s, the last at %(time)s")
                % {
                    "count": count,
                    "time": formats.clock_time(
                        inner[-1].measured_at, ZoneInfo(found.time_zone), locale
                    ),
                },
            )
        )
    if found.ended_at is not None:
        title = (
            said.gettext("End inferred")
            if found.basis == "inferred" or found.state == "inferred_end"
            else said.gettext("Ended")
        )
        details = [meter(found.meter_stop_wh)]
        if found.stop_reason:
            details.append(said.gettext("reason given: %(reason)s") % {"reason": found.stop_reason})
        text = ", ".join(each for each in details if each)
        entries.append(TimelineEntry(found.ended_at, title, text, "ok", strong=True))
        if found.end_received_at is not None and (
            found.end_received_at - found.ended_at >= LATE_AFTER
        ):
            late = found.end_received_at - found.ended_at
            text = said.gettext("%(span)s after it happened") % {
                "span": formats.duration(late, locale)
            }
            title = said.gettext("The end was reported late")
            entries.append(TimelineEntry(found.end_received_at, title, text, "warning"))
    if billed is not None and billed.decision is not None and billed.decision.decided_at:
        title = {
            "released": said.gettext("Released"),
            "voided": said.gettext("Voided"),
        }.get(billed.decision.decision or "", said.gettext("Held by hand"))
        why = billed.decision.decided_why or ""
        entries.append(TimelineEntry(billed.decision.decided_at, title, why, "warning"))
    return tuple(sorted(entries, key=lambda each: each.at))


def facts(
    found: Transaction,
    billed: BilledTransaction | None,
    names: Mapping[Any, str],
    said: Words,
) -> tuple[tuple[str, str], ...]:
    """What else is known of a session, as names and values."""
    locale = said.locale

    def register(value: Decimal | None) -> str:
        return "" if value is None else f"{formats.kwh(value, locale, 3)} kWh"

    bases = {
        "registers": said.gettext("stop minus start register"),
        "segments": said.gettext("rises of a register that was reset"),
    }
    return (
        (said.gettext("Token"), found.id_token or ""),
        (said.gettext("Paid by"), payer(billed, names)),
        (said.gettext("Owner"), names.get(found.owner, found.owner)),
        (said.gettext("Start register"), register(found.meter_start_wh)),
        (said.gettext("Stop register"), register(found.meter_stop_wh)),
        (said.gettext("Energy from"), bases.get(found.energy_basis or "", "")),
        ("OCPP", found.ocpp_version),
        (said.gettext("Station's number"), found.ref),
        (
            said.gettext("Started offline"),
            said.gettext("yes") if found.offline else said.gettext("no"),
        ),
    )
