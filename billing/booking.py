"""From an ended transaction to its CDR and its entry in the ledger; and back, if it was wrong.

Everything here takes sets of transactions and a unit of work. A transaction has one current CDR,
the latest. If that is not held, it is booked: an entry in the ledger, and a line that waits for
the payee's next statement. Whatever replaces it takes both back first; if a statement has paid it
already, the taking back is a line of the next one.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import chain
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.lineage import Ancestor, lineage
from billing import goodwill, ledger, ledger_store, monitor, pricing, store, validity_store
from billing.cdr import Cdr, Purchase
from billing.driver_words import concerns
from billing.monitor import Noticed, Witness
from billing.months import Month
from billing.plausibility import (
    DEFAULT_LIMITS,
    GUARDED,
    Elsewhere,
    Finding,
    HoldReason,
    Limits,
    Testimony,
    findings,
    is_ghost,
    mirrored,
)
from billing.pricing import SharingTerms
from billing.rating import Rating, rate
from billing.store import NewHold, Record
from billing.tariffs import Tariff
from billing.terms import Sharing, Terms, facts_of
from billing.usage import UnratableUsage
from foundation import outbox
from foundation.errors import NotFound
from foundation.events import CdrIssued, DriverConcerned, TransactionEnded, TransactionEvent
from foundation.identifiers import OrganisationKey, TransactionId
from foundation.money import Money
from foundation.statements import Asked, all_of, ask, together, write
from foundation.tasks import give_way
from foundation.trips import side_by_side

_ZERO: Final = Decimal(0)

# ------------------------------------------------------------------------------------- terms


async def freeze(
    db: AsyncSession,
    events: Sequence[TransactionEvent],
    sharing: SharingTerms,
    *,
    now: datetime,
) -> dict[TransactionId, Terms]:
    """Return the terms of transactions, as of their starts; what is found is frozen.

    Frozen terms are kept, unless the event tells other facts than those they were found by, or
    something was missing: a tariff or token that was entered since, dated before the start, counts.

    Args:
        db: A unit of work; the transactions are locked in it.
        events: At most one for each transaction.
        sharing: Who pays, and what the owner gets.
        now: The moment of freezing; nothing is looked up by it.
    """
    frozen = await store.locked_terms(db, [each.transaction_id for each in events])
    found = await find_terms(db, _unknown(events, frozen), sharing, now=now)
    await store.put_terms(db, found)
    return frozen | {each.transaction_id: each for each in found}


def _unknown(
    events: Sequence[TransactionEvent], frozen: Mapping[TransactionId, Terms]
) -> list[TransactionEvent]:
    """Return the events whose terms have to be found, or found again."""
    return [
        each
        for each in events
        if (known := frozen.get(each.transaction_id)) is None
        or not known.is_complete
        or known.facts != facts_of(each)
    ]


async def find_terms(
    db: AsyncSession,
    events: Sequence[TransactionEvent],
    sharing: SharingTerms,
    parents: Mapping[OrganisationKey, OrganisationKey | None] | None = None,
    *,
    now: datetime,
) -> list[Terms]:
    """Return what holds for transactions as of their starts, in their order.

    Args:
        db: A unit of work.
        events: The transactions.
        sharing: Who pays, and what the owner gets.
        parents: The organisations above the owners, if they are known already.
        now: The moment of freezing.
    """
    if not events:
        return []
    if parents is None:
        above = await ask(db, lineage(pricing.concerned(events)))
        parents = {key: each.parent for key, each in above.items()}
    prices, shares = await side_by_side(
        db, pricing.found_at(db, events, parents), sharing.terms_of(db, events)
    )
    return [
        Terms(
            transaction_id=event.transaction_id,
            payee=event.owner,
            sharing=share,
            tariff_number=None if price.sale is None else price.sale.number,
            purchase_number=None if price.purchase is None else price.purchase.number,
            stop_at=price.stop_at,
            facts=facts_of(event),
            frozen_at=now,
        )
        for event, price, share in zip(events, prices, shares, strict=True)
    ]


# ------------------------------------------------------------------------------------ charges


class Charge(msgspec.Struct, frozen=True, gc=False):
    """What a transaction comes to, and all that speaks against booking it."""

    rating: Rating
    findings: tuple[Finding, ...]
    """What speaks against booking it, each with its evidence, the one to be shown first."""
    is_unratable: bool = False
    """Whether the usage contradicts itself, so that there is no price."""
    purchase: Rating | None = None
    """What the owner's share is taken of; None: of `rating`."""

    @property
    def hold_reasons(self) -> tuple[HoldReason, ...]:
        return tuple(each.reason for each in self.findings)


def charge(
    ended: TransactionEnded,
    sharing: Sharing,
    tariff: Tariff | None,
    *,
    currency: str,
    limits: Limits = DEFAULT_LIMITS,
    purchase: Tariff | None = None,
    stop_at: datetime | None = None,
    testimony: Testimony | None = None,
    elsewhere: Sequence[Elsewhere] = (),
) -> Charge:
    """Return what a transaction comes to by its frozen terms.

    A free-vend transaction, one that staff gave away and one that never took energy cost nothing,
    whatever tariff is assigned. Usage that contradicts itself has no price and is held as
    impossible. What is bought in another currency than it is sold in has no fitting tariff.

    Args:
        ended: The transaction.
        sharing: Who pays.
        tariff: The one at its start; None if there was none.
        currency: The payee's, for a charge of nothing where no tariff names one.
        limits: What the plausibility monitor is set to.
        purchase: The tariff of what the owner's share is taken of; None: of what is paid.
        stop_at: When the session was to be stopped by its tariff or the place's hours.
        testimony: What the central system knows beside it; None where nobody was asked.
        elsewhere: Where its card charged at the same time.
    """
    costs_nothing = ended.free_vend or goodwill.is_given(ended)
    reasons = tuple(
        findings(
            ended,
            has_tariff=costs_nothing or _fits(tariff, purchase),
            has_payer=sharing.payer is not None or costs_nothing,
            limits=limits,
            testimony=testimony,
            elsewhere=elsewhere,
        )
    )
    if goodwill.is_given(ended):
        given = goodwill.rating_of(ended, currency if tariff is None else tariff.currency)
        return Charge(given, reasons)
    if tariff is None or ended.free_vend:
        return Charge(_nothing(currency if tariff is None else tariff.currency), reasons)
    if is_ghost(ended, limits):
        return Charge(goodwill.rating_of_ghost(ended, tariff.currency), reasons)
    try:
        usage = goodwill.usage_of(ended)
        rating = rate(usage, tariff, ended.time_zone, stop_at=stop_at)
        bought = None
        if purchase is not None and purchase.currency == tariff.currency:
            bought = rate(usage, purchase, ended.time_zone, stop_at=stop_at)
        return Charge(goodwill.with_explanation(rating, ended), reasons, purchase=bought)
    except UnratableUsage:
        nothing = _nothing(tariff.currency)
        contradicts = (Finding(HoldReason.IMPOSSIBLE_ENERGY, {}),)
        return Charge(nothing, reasons or contradicts, is_unratable=True)


def _fits(tariff: Tariff | None, purchase: Tariff | None) -> bool:
    return tariff is not None and (purchase is None or purchase.currency == tariff.currency)


def _nothing(currency: str) -> Rating:
    zero = Money.zero(currency)
    return Rating((), zero, zero, zero)


_AT_A_STRETCH: Final = 16
"""How many transactions are rated before stations' messages have their turn: after some ms."""


async def freeze_and_bill(
    db: AsyncSession,
    events: Sequence[TransactionEvent],
    sharing: SharingTerms,
    *,
    limits: Limits,
    now: datetime,
    witness: Witness | None = None,
) -> None:
    """Freeze the terms; rate what ended, write its CDR, book it if nothing speaks against that.

    A revision that was rated already changes nothing; a later one takes the place of the earlier.

    Args:
        db: A unit of work; the transactions are locked in it.
        events: At most one for each transaction.
        sharing: Who pays, and what the owner gets.
        limits: What the plausibility monitor is set to where no organisation says otherwise.
        now: When terms are frozen, and CDRs issued and booked.
        witness: Who testifies to them; None: nobody is asked.
    """
    ended = [each for each in events if type(each) is TransactionEnded]
    ended_ids = [each.transaction_id for each in ended]
    (frozen, rated, owners, cdr_ids, tariffs), noticed = await side_by_side(
        db,
        together(
            db,
            store.locking_terms([each.transaction_id for each in events]),
            store.rated_revisions(ended_ids),
            lineage(pricing.concerned(events)),
            store.cdr_ids(len(ended)),
            pricing.frozen_tariffs(ended_ids),
        ),
        monitor.notice(db, ended, witness, limits, now=now),
    )
    parents = {key: each.parent for key, each in owners.items()}
    found = await find_terms(db, _unknown(events, frozen), sharing, parents, now=now)
    writing: Iterable[Asked[Any]] = store.putting_terms(found)
    terms = frozen | {each.transaction_id: each for each in found}
    fresh = [each for each in ended if each.revision > rated.get(each.transaction_id, -1)]
    others: dict[TransactionId, Finding] = {}
    if fresh:
        before = await _taken_back(
            db, [each.transaction_id for each in fresh if each.transaction_id in rated], now=now
        )
        held = [terms[each.transaction_id] for each in fresh]
        numbers = {number for each in held for number in each.tariff_numbers} - tariffs.keys()
        tariffs |= await pricing.tariffs_by_number(db, numbers)
        records, holds = await _rated(
            fresh, terms, tariffs, before, owners, cdr_ids, noticed=noticed, now=now
        )
        issued, held_back = issuing(db, records, now=now), store.putting_holds(holds, now=now)
        writing = chain(writing, issued, held_back)
        others = _counterparts(fresh, holds)
    for each in writing:
        await write(db, each)
        await give_way()
    if others:
        await _hold_others(db, others, noticed, parents, now=now)


@dataclass(frozen=True, slots=True)
class _Before:
    """What earlier revisions of transactions had come to, and which of them a person voided."""

    records: Mapping[TransactionId, Record]
    voided: Collection[int]


async def _taken_back(
    db: AsyncSession, transaction_ids: Sequence[TransactionId], *, now: datetime
) -> _Before:
    """Take back what further revisions of transactions take the place of."""
    if not transaction_ids:
        return _Before({}, ())
    replaced = await store.current_records(db, transaction_ids)
    voided = await store.voided(db, list(replaced))
    await take_back(db, list(replaced.values()), now=now)
    await store.remove_holds(db, list(replaced))
    return _Before(replaced, voided)


async def _rated(
    ended: Sequence[TransactionEnded],
    terms: Mapping[TransactionId, Terms],
    tariffs: Mapping[int, Tariff],
    before: _Before,
    owners: Mapping[OrganisationKey, Ancestor],
    cdr_ids: Sequence[int],
    *,
    noticed: Noticed,
    now: datetime,
) -> tuple[list[Record], list[NewHold]]:
    """Return the new CDRs of ended transactions, and the holds of those that have one."""
    parents = {key: each.parent for key, each in owners.items()}
    records: list[Record] = []
    holds: list[NewHold] = []
    for place, (cdr_id, event) in enumerate(zip(cdr_ids, ended, strict=False), start=1):
        if place % _AT_A_STRETCH == 0:
            await give_way()
        owner = owners.get(event.owner)
        if owner is None:
            raise NotFound("organisation", event.owner)
        its = terms[event.transaction_id]
        charged = charge(
            event,
            its.sharing,
            None if its.tariff_number is None else tariffs[its.tariff_number],
            currency=owner.currency,
            limits=noticed.limits(event.owner, parents),
            testimony=noticed.testimonies.get(event.transaction_id),
            elsewhere=noticed.elsewhere.get(event.transaction_id, ()),
            purchase=None if its.purchase_number is None else tariffs[its.purchase_number],
            stop_at=its.stop_at,
        )
        if event.transaction_id in before.voided:
            # A person said that nobody pays for it; what came since is for a person, too.
            by_hand = Finding(HoldReason.BY_HAND, {})
            charged = replace(charged, findings=(by_hand, *charged.findings))
        replaced = before.records.get(event.transaction_id)
        record = make_record(
            event,
            its,
            charged,
            cdr_id=cdr_id,
            attempt=0,
            replaces=None if replaced is None else replaced.cdr.cdr_id,
            zone=ZoneInfo(owner.time_zone),
            now=now,
        )
        records.append(record)
        if record.cdr.hold_reason is not None:
            evidence = msgspec.json.encode(event).decode()
            holds.append(NewHold(record.cdr, record.cdr.hold_reason, evidence, charged.findings))
    return records, holds


def _counterparts(
    fresh: Sequence[TransactionEnded], holds: Sequence[NewHold]
) -> dict[TransactionId, Finding]:
    """Return the other transactions that findings concern as well, with what is found of them."""
    here = {each.transaction_id: each for each in fresh}
    return {
        TransactionId(finding.counterpart): mirrored(finding, here[hold.cdr.transaction_id])
        for hold in holds
        for finding in hold.findings
        if finding.counterpart is not None and finding.counterpart not in here
    }


async def _hold_others(
    db: AsyncSession,
    others: Mapping[TransactionId, Finding],
    noticed: Noticed,
    parents: Mapping[OrganisationKey, OrganisationKey | None],
    *,
    now: datetime,
) -> None:
    """Hold what another transaction has made doubtful, as if they had come the other way round.

    What a statement has paid stays as it is, and so does what a person has decided.
    """
    await store.locked_terms(db, list(others))
    records = await store.current_records(db, others)
    left = {
        number: record
        for number, record in records.items()
        if record.cdr.hold_reason is None
        and GUARDED[others[number].reason] in noticed.limits(record.cdr.payee, parents).checks
    }
    spared = await validity_store.decided(db, list(left))
    cdr_ids = [each.cdr.cdr_id for each in left.values()]
    settled = await store.settled(db, cdr_ids) | await validity_store.invoiced(db, cdr_ids)
    doubtful = [
        record
        for number, record in left.items()
        if number not in spared and record.cdr.cdr_id not in settled
    ]
    await take_back(db, doubtful, now=now)
    holds = [
        NewHold(each.cdr, finding.reason, None, (finding,))
        for each in doubtful
        for finding in (others[each.cdr.transaction_id],)
    ]
    await store.put_holds(db, holds, now=now)
    concerned = _concerned([(each.cdr, [each.reason]) for each in holds], now)
    await outbox.append(db, concerned, recorded_at=now)


async def bill_again(
    db: AsyncSession,
    ended: Sequence[TransactionEnded],
    sharing: SharingTerms,
    *,
    limits: Limits,
    now: datetime,
    witness: Witness | None = None,
) -> list[TransactionId]:
    """Rate held transactions again by what is known now; book those that nothing holds any more.

    Args:
        db: A unit of work; the transactions are locked in it.
        ended: As they were told, each once; all of them held.
        sharing: Who pays, and what the owner gets.
        limits: What the plausibility monitor is set to where no organisation says otherwise.
        now: When CDRs are issued and booked.
        witness: Who testifies to them.

    Returns:
        Those that are booked now; the others stay held as they are.
    """
    if not ended:
        return []
    terms = await freeze(db, ended, sharing, now=now)
    before = await store.current_records(db, [each.transaction_id for each in ended])
    noticed = await monitor.notice(db, ended, witness, limits, now=now)
    owners = await ask(db, lineage({each.owner for each in ended}))
    tariffs = await pricing.tariffs_by_number(
        db, {number for each in terms.values() for number in each.tariff_numbers}
    )
    cdr_ids = await store.next_cdr_ids(db, len(ended))
    records, _ = await _rated(
        ended, terms, tariffs, _Before(before, ()), owners, cdr_ids, noticed=noticed, now=now
    )
    free = [
        replace(each, attempt=before[each.cdr.transaction_id].attempt + 1)
        for each in records
        if each.cdr.hold_reason is None
    ]
    await store.remove_holds(db, [each.cdr.transaction_id for each in free])
    await issue(db, free, now=now)
    return [each.cdr.transaction_id for each in free]


def make_record(
    event: TransactionEnded,
    terms: Terms,
    charged: Charge,
    *,
    cdr_id: int,
    attempt: int,
    replaces: int | None,
    zone: ZoneInfo,
    now: datetime,
) -> Record:
    """Return the CDR of a transaction that was rated; `zone` is the payee's."""
    rating, reasons = charged.rating, charged.hold_reasons
    sharing = goodwill.sharing_of(event, terms.sharing)
    return Record(
        cdr=Cdr(
            cdr_id=cdr_id,
            transaction_id=event.transaction_id,
            revision=event.revision,
            payee=terms.payee,
            station=event.station,
            evse_id=event.evse_id,
            connector_id=event.connector_id,
            location=event.location,
            time_zone=event.time_zone,
            id_token=event.id_token,
            charge_class=sharing.charge_class,
            payer=sharing.payer,
            started_at=event.started_at,
            ended_at=event.ended_at,
            meter_start_wh=event.meter_start_wh,
            meter_stop_wh=event.meter_stop_wh,
            energy_wh=event.energy_wh,
            energy_basis=event.energy_basis,
            tariff_id=terms.tariff_number,
            lines=rating.lines,
            net=rating.net,
            vat=rating.vat,
            gross=rating.gross,
            share_bps=terms.sharing.share_bps,
            hold_reason=reasons[0] if reasons else None,
            replaces=replaces,
            purchase=None
            if charged.purchase is None or terms.purchase_number is None
            else Purchase(terms.purchase_number, charged.purchase.lines, charged.purchase.net),
        ),
        attempt=attempt,
        issued_at=now,
        basis=terms.sharing.basis,
        hold_reasons=reasons,
        energy_before_wh=energy_before(event, zone),
    )


def energy_before(event: TransactionEnded, zone: ZoneInfo) -> Decimal:
    """Return the energy last read before the month in which a transaction ended, in Wh."""
    border = Month.of(event.ended_at, zone).start(zone)
    before = _ZERO
    for point in event.usage:
        if point.at < border:
            before = point.energy_wh
    return before


# ------------------------------------------------------------------------------------ booking


async def issue(db: AsyncSession, records: Sequence[Record], *, now: datetime) -> None:
    """Write CDRs, book those that are not held, and say so."""
    await all_of(db, list(issuing(db, records, now=now)))


def issuing(db: AsyncSession, records: Sequence[Record], *, now: datetime) -> Iterator[Asked[Any]]:
    """Ask for what `issue` does; each is made when its turn has come."""
    yield from store.adding_cdrs(records)
    free = [each.cdr for each in records if each.cdr.hold_reason is None]
    yield from ledger_store.adding_entries([_entry(cdr, now) for cdr in free])
    yield from store.adding_unsettled(free, sign=1)
    issued = [
        CdrIssued(
            happened_at=now,
            cdr_id=each.cdr.cdr_id,
            transaction_id=each.cdr.transaction_id,
            revision=each.cdr.revision,
            payee=each.cdr.payee,
            hold_reason=each.cdr.hold_reason,
            replaces=each.cdr.replaces,
        )
        for each in records
    ]
    concerned = _concerned([(each.cdr, each.hold_reasons or None) for each in records], now)
    yield outbox.appending(db, [*issued, *concerned], recorded_at=now)


def _concerned(
    issued: Iterable[tuple[Cdr, Collection[HoldReason] | None]], now: datetime
) -> list[DriverConcerned]:
    """Return the events of CDRs, each with why it is held, that their drivers are told of."""
    return [
        DriverConcerned(
            happened_at=now,
            transaction_id=cdr.transaction_id,
            cdr_id=cdr.cdr_id,
            payee=cdr.payee,
        )
        for cdr, reasons in issued
        if concerns(cdr, reasons) is not None
    ]


def _entry(cdr: Cdr, now: datetime) -> ledger.JournalEntry:
    # Only a charge of nothing has nobody who pays; its postings are left out.
    payer = ledger.clearing(cdr.payee) if cdr.payer is None else store.account_of(cdr.payer)
    assert cdr.payer is not None or not cdr.gross.amount, f"nobody pays for CDR {cdr.cdr_id}"
    return ledger.cdr_entry(
        payer=payer,
        payee=cdr.payee,
        net=cdr.net,
        vat=cdr.vat,
        credited=cdr.credited,
        transaction_id=cdr.transaction_id,
        booked_at=now,
        narration=f"transaction {cdr.transaction_id}, revision {cdr.revision}",
    )


async def take_back(db: AsyncSession, records: Sequence[Record], *, now: datetime) -> None:
    """Undo the booking of current CDRs, whether a statement has paid them yet or not."""
    if not records:
        return
    cdrs = {each.cdr.cdr_id: each.cdr for each in records}
    unsettled = await store.remove_unsettled(db, list(cdrs))
    settled = await store.settled(db, list(cdrs)) - unsettled
    again = [cdrs[cdr_id] for cdr_id in sorted(settled)]
    await all_of(db, store.adding_unsettled(again, sign=-1))
    entries = await ledger_store.open_cdr_entries(db, [cdr.transaction_id for cdr in cdrs.values()])
    await ledger_store.add_entries(
        db,
        [
            ledger.counter_entry(
                entry,
                entry_id=number,
                booked_at=now,
                narration=f"taken back: {entry.narration}",
            )
            for number, entry in entries.items()
        ],
    )
