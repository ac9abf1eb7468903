"""Statements before they are written: what waits for a payee, drawn up by currency.

A draft is the same whether it is a dry run or not; nothing here reads or writes.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Protocol
from zoneinfo import ZoneInfo

from accounts.directory import Organisation
from billing.months import Month
from billing.statement_store import Held, Waiting
from billing.statements import (
    NONE_EARLIER,
    Earlier,
    Party,
    PayableCdr,
    ProofRow,
    RegisterFacts,
    Statement,
    StatementState,
    TaxStatus,
    Unpaid,
    drawn,
    explain_gap,
)
from billing.terms import Basis
from billing.vat import standard_vat_rate
from foundation.identifiers import EvseId, StationId
from foundation.money import Money, total


class RegisterSpan(Protocol):
    """An EVSE's register at both ends of a span; None where none was read.

    `lifetime` is False for a register that counts from the start of each transaction. `running_wh`
    is what was read in the span of transactions that had no end yet; `was_reset` tells that the
    register fell within the span; `offline_wh` is what it counted outside of transactions while
    the station was not connected.
    """

    @property
    def station(self) -> StationId: ...
    @property
    def evse_id(self) -> EvseId: ...
    @property
    def register_start_wh(self) -> Decimal | None: ...
    @property
    def register_end_wh(self) -> Decimal | None: ...
    @property
    def lifetime(self) -> bool: ...
    @property
    def running_wh(self) -> Decimal: ...
    @property
    def was_reset(self) -> bool: ...
    @property
    def offline_wh(self) -> Decimal: ...
    @property
    def exchanged_wh(self) -> Decimal | None: ...


Lines = list[tuple[int, int]]
"""The CDR and the sign of each line."""

Place = tuple[StationId, EvseId]


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What the statements of one payee and month have in common.

    `with_nothing` asks for a statement where there is nothing to say, too. `earlier` is the payee's
    last statement in each currency that has one; `awaited` are the CDRs whose share is due when
    their provider has paid.
    """

    organisation: Organisation
    issuer: Organisation
    month: Month
    zone: ZoneInfo
    issued_at: datetime
    due_days: int
    with_nothing: bool = False
    earlier: Mapping[str, Earlier] = field(default_factory=dict)
    awaited: frozenset[int] = frozenset()

    def by_currency(
        self, waiting: Sequence[Waiting], held: Sequence[Held]
    ) -> Iterable[tuple[str, list[Waiting], Sequence[Held]]]:
        """Yield what there is to say in each currency; the unpaid stand in the payee's own."""
        parts: dict[str, list[Waiting]] = {}
        for each in waiting:
            parts.setdefault(each.net.currency, []).append(each)
        own = self.organisation.currency
        if held or self.with_nothing:
            parts.setdefault(own, [])
        for currency in sorted(parts):
            yield currency, parts[currency], held if currency == own else ()

    def statement(
        self,
        currency: str,
        waiting: Sequence[Waiting],
        held: Sequence[Held],
        proof: Sequence[ProofRow],
    ) -> tuple[Statement, Lines]:
        """Return one statement, with the CDR and the sign of each of its lines."""
        payee = self.organisation
        start, month = self.month.start(self.zone), str(self.month)
        statement, sources = drawn(
            statement_id=f"{payee.key}-{self.month}-{currency}",
            payee=_party(payee),
            issuer=_party(self.issuer),
            month=month,
            time_zone=payee.time_zone,
            language=payee.language,
            currency=currency,
            issued_at=self.issued_at,
            due_on=self.issued_at.astimezone(self.zone).date() + timedelta(days=self.due_days),
            state=StatementState.OPEN,
            tax_status=TaxStatus(payee.tax_status),
            standard_vat_rate=self.vat_rate,
            cdrs=[self._payable(each, start, month) for each in waiting],
            unpaid=[_unpaid(each) for each in held],
            proof=proof,
            earlier=self.earlier.get(currency, NONE_EARLIER),
        )
        waits = [
            line.payout
            for source, line in zip(sources, statement.lines, strict=True)
            if source is not None
            and source[1] > 0
            and source[0] in self.awaited
            and line.payout.amount
        ]
        if waits:
            statement = replace(statement, due_on_receipt=total(waits, currency))
        return statement, [source for source in sources if source is not None]

    @property
    def vat_rate(self) -> Decimal:
        """The rate of the payee's country on the month's last day; 0 where none is charged."""
        if TaxStatus(self.organisation.tax_status) is not TaxStatus.STANDARD:
            return Decimal(0)
        last_day = self.month.next.first_day - timedelta(days=1)
        return standard_vat_rate(self.organisation.country, last_day)

    def _payable(self, each: Waiting, start: datetime, month: str) -> PayableCdr:
        return PayableCdr(
            transaction_id=each.transaction_id,
            station=each.station,
            evse_id=each.evse_id,
            charge_class=each.charge_class,
            started_at=each.started_at,
            ended_at=each.ended_at,
            energy_wh=each.energy_wh,
            net=each.net,
            share_bps=each.share_bps,
            month=month if each.ended_at >= start else str(Month.of(each.ended_at, self.zone)),
            share_of=self._without_payees_vat(each) if each.basis is Basis.GROSS else None,
            source=(each.cdr_id, each.sign),
        )

    def _without_payees_vat(self, each: Waiting) -> Money:
        """Return the gross revenue less the tax that the payee will charge on all of it.

        So the share of it, with the payee's tax added, is the share of the gross revenue: of a
        payee that charges no tax, the gross revenue itself. To six decimals.
        """
        gross = Money.from_minor(each.net.minor + each.vat_minor, each.net.currency)
        net = gross.amount / (1 + self.vat_rate / 100)
        return Money(net.quantize(Decimal("0.000001")), gross.currency)

    def proof(
        self,
        spans: Sequence[RegisterSpan],
        waiting: Sequence[Waiting],
        held: Sequence[Held],
        crossing: Mapping[Place, Decimal],
        papers: Mapping[Place, Decimal],
    ) -> list[ProofRow]:
        """Return each EVSE's register beside the sum of its sessions of the month.

        Where a session is paid late, the register goes on where the payee's last paper left it (or
        begins with that session, if there was none): so what that paper could not know of falls
        between no two papers.

        Args:
            spans: The registers.
            waiting: What is paid.
            held: What is not.
            crossing: What sessions across the month's borders took in it and are paid later,
                less what they took before it and are paid in it.
            papers: The register at the end of the payee's last paper that names the EVSE.
        """
        start = self.month.start(self.zone)
        paid_wh: defaultdict[Place, Decimal] = defaultdict(Decimal)
        late_wh: defaultdict[Place, Decimal] = defaultdict(Decimal)
        held_wh: defaultdict[Place, Decimal] = defaultdict(Decimal)
        for each in waiting:
            sums = paid_wh if each.ended_at >= start else late_wh
            sums[each.station, each.evse_id] += each.energy_wh
        for unpaid in held:
            if unpaid.ended_at >= start:
                held_wh[unpaid.station, unpaid.evse_id] += unpaid.energy_wh
        by_evse = {(span.station, span.evse_id): span for span in spans}
        rows = []
        for place in sorted({*by_evse, *paid_wh, *held_wh}):
            span = by_evse.get(place)
            first = last = None
            unseen = running = Decimal(0)
            if span is not None and span.lifetime:
                first, last = span.register_start_wh, span.register_end_wh
                running = span.running_wh
                if first is not None and late_wh[place] > 0:
                    before = papers.get(place, first - late_wh[place])
                    unseen = max(first - before, Decimal(0))
                    first -= unseen
            rows.append(
                explain_gap(
                    RegisterFacts(
                        station=place[0],
                        evse_id=place[1],
                        register_start_wh=first,
                        register_end_wh=last,
                        sessions_wh=paid_wh[place],
                        late_wh=crossing.get(place, Decimal(0))
                        + running
                        + min(late_wh[place], unseen),
                        held_wh=held_wh[place],
                        was_reset=span is not None and span.was_reset,
                        offline_wh=Decimal(0) if span is None else span.offline_wh,
                        exchanged_wh=None if span is None else span.exchanged_wh,
                    )
                )
            )
        return rows


def _party(organisation: Organisation) -> Party:
    return Party(
        key=organisation.key,
        name=organisation.name,
        address=tuple((organisation.address or "").splitlines()),
        vat_id=organisation.vat_id,
        iban=organisation.iban,
        country=organisation.country,
    )


def _unpaid(held: Held) -> Unpaid:
    return Unpaid(
        transaction_id=held.transaction_id,
        reason="void" if held.is_voided else held.reason,
        station=held.station,
        evse_id=held.evse_id,
        started_at=held.started_at,
        ended_at=held.ended_at,
        energy_wh=held.energy_wh,
    )
