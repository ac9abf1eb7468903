"""What a payee gets for a month: one value from which all forms of the statement are drawn.

The payout is computed once per group, that is, per class and share: the group's net revenue times
the share, rounded half up. The group's lines are rounded by largest remainder, ties to the lower
transaction number, so that they add up to it. Late sessions belong to their group.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

import msgspec

from billing.cdr import ChargeClass
from foundation.identifiers import EvseId, OrganisationKey, StationId, TransactionId
from foundation.money import Money, allot, allot_minor, total
from foundation.quantities import BASIS_POINTS, fraction


class TaxStatus(StrEnum):
    """How a payee stands to VAT; the API's words."""

    STANDARD = "standard"
    SMALL_BUSINESS = "small_business"
    REVERSE_CHARGE = "reverse_charge"
    PRIVATE = "private"


class StatementState(StrEnum):
    """How far a statement has come."""

    OPEN = "open"
    SENT = "sent"
    PAID = "paid"


class GapExplanation(StrEnum):
    """What explains the energy between a register and its sessions."""

    NONE = "none"
    BETWEEN_SESSIONS = "between_sessions"
    LATE = "late"
    HELD = "held"
    RESET = "reset"
    NO_LIFETIME_REGISTER = "no_lifetime_register"
    OFFLINE = "offline"
    EXCHANGED = "exchanged"
    """The meter was exchanged: the gap counts its last and the new one's first reading."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """Who stands on a paper, with the lines of the address as they are printed.

    The country is of ISO 3166-1 alpha-2; None only for somebody who was removed since.
    """

    key: OrganisationKey
    name: str
    address: tuple[str, ...] = ()
    vat_id: str | None = None
    iban: str | None = None
    country: str | None = None


class PayableCdr(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A CDR, or the correction of one, that this statement pays.

    Attributes:
        net: Net revenue, rounded; negative for a correction.
        month: The month (YYYY-MM) in which it ended, in the payee's zone.
        share_of: What the share is taken of where that is not `net`; need not be rounded.
        source: The number of the CDR and the sign with which it stands here, if it is known.
    """

    transaction_id: TransactionId
    station: StationId
    evse_id: EvseId
    charge_class: ChargeClass
    started_at: datetime
    ended_at: datetime
    energy_wh: Decimal
    net: Money
    share_bps: int
    month: str
    share_of: Money | None = None
    source: tuple[int, int] | None = None


class StatementLine(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One paid session; `late_from_month` is None unless it ended in an earlier month."""

    transaction_id: TransactionId
    station: StationId
    evse_id: EvseId
    charge_class: ChargeClass
    started_at: datetime
    ended_at: datetime
    energy_wh: Decimal
    net: Money
    share_bps: int
    payout: Money
    late_from_month: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassTotal:
    """The paid lines of one class."""

    sessions: int
    energy_wh: Decimal
    net: Money
    payout: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupTotal:
    """The paid lines of one class and share: what the payout is computed on."""

    charge_class: ChargeClass
    share_bps: int
    sessions: int
    energy_wh: Decimal
    net: Money
    payout: Money


@dataclass(frozen=True, slots=True)
class VatLine:
    """VAT on the payout; `rate` is a percentage."""

    rate: Decimal
    net: Money
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpaid:
    """A session of the month that is not paid; `reason` is a hold reason, or `no_payer`, `void`."""

    transaction_id: TransactionId
    reason: str
    station: StationId
    evse_id: EvseId
    started_at: datetime
    ended_at: datetime
    energy_wh: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofRow:
    """An EVSE's register over the month beside the sum of its sessions.

    The gap is what the register counted beyond the sessions; None without a register.
    """

    station: StationId
    evse_id: EvseId
    register_start_wh: Decimal | None
    register_end_wh: Decimal | None
    sessions_wh: Decimal
    gap_wh: Decimal | None
    explanation: GapExplanation


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """The payee's last statement in the currency before this one.

    Attributes:
        statement_id: None: there was none.
        month: Its month, as in `2026-09`; need not be the one before.
        totals: Of each class; empty where there was none.
    """

    statement_id: str | None
    month: str | None
    totals: Mapping[ChargeClass, ClassTotal]


NONE_EARLIER: Final = Earlier(statement_id=None, month=None, totals={})
"""That there was no statement before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """All that stands on a statement, in whatever form.

    Attributes:
        month: YYYY-MM, in `time_zone`, the payee's (IANA).
        issuer: Who pays it out.
        language: `en` or `de`, the payee's.
        lines: Those of the month first, then the late ones; each by end, then by number.
        vat: By rate; one line of rate 0 where none is due.
        earlier: What it is compared with; None on a statement that was printed without that.
        due_on_receipt: What of `payout_net` is paid when providers have paid their invoices over
            the sessions, by the agreement; as of the issue. None for nothing.
    """

    statement_id: str
    payee: Party
    issuer: Party
    month: str
    time_zone: str
    language: str
    currency: str
    issued_at: datetime
    due_on: date
    state: StatementState
    tax_status: TaxStatus
    lines: tuple[StatementLine, ...]
    groups: tuple[GroupTotal, ...]
    totals: Mapping[ChargeClass, ClassTotal]
    payout_net: Money
    vat: tuple[VatLine, ...]
    payout_gross: Money
    unpaid: tuple[Unpaid, ...]
    proof: tuple[ProofRow, ...]
    earlier: Earlier | None = None
    due_on_receipt: Money | None = None


REGISTER_TOLERANCE_WH: Final = Decimal(1)
"""Registers often count in whole Wh: a smaller gap is none."""


def drawn(
    *,
    statement_id: str,
    payee: Party,
    issuer: Party,
    month: str,
    time_zone: str,
    language: str,
    currency: str,
    issued_at: datetime,
    due_on: date,
    state: StatementState,
    tax_status: TaxStatus,
    standard_vat_rate: Decimal,
    cdrs: Iterable[PayableCdr],
    unpaid: Iterable[Unpaid] = (),
    proof: Iterable[ProofRow] = (),
    earlier: Earlier | None = None,
) -> tuple[Statement, list[tuple[int, int] | None]]:
    """Return the statement of a payee, month and currency, and the source of each of its lines.

    Args:
        standard_vat_rate: The percentage of the payee's country; used for `standard` only.
        cdrs: All that is paid, in any order; those of earlier months are the late ones. A
            correction is one with a negative net, and stands beside what it corrects.
        earlier: The payee's last statement in the currency, to be compared with.
    """
    payable = sorted(cdrs, key=_ties)
    sourced: list[tuple[StatementLine, tuple[int, int] | None]] = []
    groups: list[GroupTotal] = []
    by_group: dict[tuple[ChargeClass, int, bool], list[PayableCdr]] = {}
    for cdr in payable:
        by_group.setdefault(_group_of(cdr), []).append(cdr)
    for key in sorted(by_group, key=_group_order):
        group = by_group[key]
        amounts = [cdr.net if cdr.share_of is None else cdr.share_of for cdr in group]
        payouts = share_out(amounts, key[1], currency)
        groups.append(
            GroupTotal(
                charge_class=key[0],
                share_bps=key[1],
                sessions=len(group),
                energy_wh=sum((cdr.energy_wh for cdr in group), Decimal(0)),
                net=total((cdr.net for cdr in group), currency),
                payout=total(payouts, currency),
            )
        )
        sourced += (
            (_line(cdr, payout, month), cdr.source)
            for cdr, payout in zip(group, payouts, strict=True)
        )
    sourced.sort(key=lambda each: _line_order(each[0]))
    lines = [line for line, _ in sourced]
    payout_net = total((group.payout for group in groups), currency)
    vat = vat_on(payout_net, tax_status, standard_vat_rate)
    statement = Statement(
        statement_id=statement_id,
        payee=payee,
        issuer=issuer,
        month=month,
        time_zone=time_zone,
        language=language,
        currency=currency,
        issued_at=issued_at,
        due_on=due_on,
        state=state,
        tax_status=tax_status,
        lines=tuple(lines),
        groups=tuple(groups),
        totals={each: _class_total(each, lines, currency) for each in ChargeClass},
        payout_net=payout_net,
        vat=(vat,),
        payout_gross=payout_net + vat.amount,
        unpaid=tuple(sorted(unpaid, key=lambda each: (each.ended_at, each.transaction_id))),
        proof=tuple(sorted(proof, key=lambda row: (row.station, row.evse_id))),
        earlier=earlier,
    )
    return statement, [source for _, source in sourced]


def compute(**facts: Any) -> Statement:
    """Return the statement of a payee, month and currency, by the arguments of `drawn`."""
    return drawn(**facts)[0]


def share_out(amounts: Sequence[Money], share_bps: int, currency: str) -> list[Money]:
    """Return each amount's share so that they add up to the rounded share of the sum.

    Args:
        amounts: In the order in which ties are to be decided; of at most some ten decimals.
        share_bps: 0 to 10000.
        currency: Of all of them.
    """
    assert 0 <= share_bps <= 10_000, f"a share of {share_bps} bps"
    if all(amount.is_rounded for amount in amounts):
        assert all(amount.currency == currency for amount in amounts), "amounts of two currencies"
        minors = allot_minor([amount.minor for amount in amounts], share_bps, BASIS_POINTS)
        return [Money.from_minor(minor, currency) for minor in minors]
    whole = (total(amounts, currency) * fraction(share_bps)).rounded()
    return allot([amount * fraction(share_bps) for amount in amounts], whole)


def vat_on(payout_net: Money, tax_status: TaxStatus, standard_vat_rate: Decimal) -> VatLine:
    """Return the VAT on the payout: only a payee of the standard kind charges it."""
    rate = standard_vat_rate if tax_status is TaxStatus.STANDARD else Decimal(0)
    return VatLine(rate, payout_net, (payout_net * (rate / 100)).rounded())


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterFacts:
    """What is known of an EVSE's register and sessions over a month.

    Attributes:
        register_start_wh: At the month's start; None if the station sends no lifetime register.
        sessions_wh: What the month's sessions of this statement took, late ones not included.
        late_wh: What sessions took that were read in this month and are paid in another one, or
            that reported too late for this statement.
        held_wh: What the month's sessions took that are not paid.
        was_reset: Whether the register fell within the month.
        offline_wh: What the register counted outside of sessions while the station was not
            connected: sessions that it never told of, as a rule.
        exchanged_wh: The old meters' last readings less the new ones' first, where meters were
            exchanged within the month; None: none was.
    """

    station: StationId
    evse_id: EvseId
    register_start_wh: Decimal | None
    register_end_wh: Decimal | None
    sessions_wh: Decimal
    late_wh: Decimal = Decimal(0)
    held_wh: Decimal = Decimal(0)
    was_reset: bool = False
    offline_wh: Decimal = Decimal(0)
    exchanged_wh: Decimal | None = None


def explain_gap(facts: RegisterFacts) -> ProofRow:
    """Return the proof row of an EVSE, with the one explanation that says most.

    A register that is missing, or fell without an exchange of the meter on record, explains
    everything. A recorded exchange is reckoned in, and named where nothing is left. Else the gap
    is explained by what accounts for it whole: held sessions, then late ones, then both (shown as
    held, since a person has to do something about these), then what was counted while the station
    was not connected, if that is most of what these leave; what remains was taken outside of
    sessions.
    """
    start, end = facts.register_start_wh, facts.register_end_wh
    gap = None
    if start is not None and end is not None:
        gap = end - start + (facts.exchanged_wh or 0) - facts.sessions_wh
    return ProofRow(
        station=facts.station,
        evse_id=facts.evse_id,
        register_start_wh=start,
        register_end_wh=end,
        sessions_wh=facts.sessions_wh,
        gap_wh=gap,
        explanation=_explanation(facts, gap),
    )


def _explanation(facts: RegisterFacts, gap_wh: Decimal | None) -> GapExplanation:
    if gap_wh is None:
        return GapExplanation.NO_LIFETIME_REGISTER
    assert facts.register_start_wh is not None
    assert facts.register_end_wh is not None
    if facts.exchanged_wh is None and (
        facts.was_reset or facts.register_end_wh < facts.register_start_wh
    ):
        return GapExplanation.RESET
    if abs(gap_wh) < REGISTER_TOLERANCE_WH:
        return GapExplanation.NONE if facts.exchanged_wh is None else GapExplanation.EXCHANGED
    for explained_wh, explanation in (
        (facts.held_wh, GapExplanation.HELD),
        (facts.late_wh, GapExplanation.LATE),
        (facts.held_wh + facts.late_wh, GapExplanation.HELD),
    ):
        if explained_wh and abs(gap_wh - explained_wh) < REGISTER_TOLERANCE_WH:
            return explanation
    if facts.offline_wh > 0 and 2 * facts.offline_wh >= abs(gap_wh) - facts.held_wh - facts.late_wh:
        return GapExplanation.OFFLINE
    return GapExplanation.BETWEEN_SESSIONS


def _line(cdr: PayableCdr, payout: Money, month: str) -> StatementLine:
    assert cdr.month <= month, f"a session of {cdr.month} is not paid in {month}"
    return StatementLine(
        transaction_id=cdr.transaction_id,
        station=cdr.station,
        evse_id=cdr.evse_id,
        charge_class=cdr.charge_class,
        started_at=cdr.started_at,
        ended_at=cdr.ended_at,
        energy_wh=cdr.energy_wh,
        net=cdr.net,
        share_bps=cdr.share_bps,
        payout=payout,
        late_from_month=None if cdr.month == month else cdr.month,
    )


def _class_total(
    charge_class: ChargeClass, lines: Iterable[StatementLine], currency: str
) -> ClassTotal:
    own = [line for line in lines if line.charge_class is charge_class]
    return ClassTotal(
        sessions=len(own),
        energy_wh=sum((line.energy_wh for line in own), Decimal(0)),
        net=total((line.net for line in own), currency),
        payout=total((line.payout for line in own), currency),
    )


def _group_of(cdr: PayableCdr) -> tuple[ChargeClass, int, bool]:
    return cdr.charge_class, cdr.share_bps, cdr.share_of is not None


def _group_order(key: tuple[ChargeClass, int, bool]) -> tuple[int, int, bool]:
    return list(ChargeClass).index(key[0]), -key[1], key[2]


def _ties(cdr: PayableCdr) -> tuple[int, datetime, Money, str, Money, tuple[int, int]]:
    # Whatever can differ between two that share a cent decides who gets it: no order of arrival.
    return (
        cdr.transaction_id,
        cdr.ended_at,
        cdr.net,
        cdr.month,
        cdr.net if cdr.share_of is None else cdr.share_of,
        cdr.source or (0, 0),
    )


def _line_order(line: StatementLine) -> tuple[bool, datetime, int, Money]:
    return line.late_from_month is not None, line.ended_at, line.transaction_id, line.net
