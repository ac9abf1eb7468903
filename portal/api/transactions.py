"""Transactions: what was charged, what it came to and why, and what a person decides about it."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import ConfigDict, Field

from accounts import directory
from accounts.permissions import Permission
from billing import books, validity
from billing.books import BilledTransaction, BillingState
from billing.cdr import ChargeClass, Payer
from billing.rating import LineKind, PricedLine, Unit
from csms import charging
from csms.charging import StoredReport, Transaction
from foundation.errors import InvalidInput, NotFound
from foundation.identifiers import OrganisationKey, PartyId, TransactionId
from portal import masking, paging
from portal.api.locations import seen_organisation
from portal.api.models import Answer, Body, Moment, MoneyModel, Quantity, Since, moment_of
from portal.api.stations import moment_in_cursor
from portal.api.validity import FindingModel, finding_model
from portal.guard import Caller, require
from portal.paging import Page
from portal.price_words import PriceLine, price_line
from portal.routes import ApiRoute, Context, Db, Now
from portal.validity_doors import number_of
from portal.words import words
from roaming import administration as roaming

router = APIRouter(prefix="/transactions", tags=["transactions"], route_class=ApiRoute)

Reader = Annotated[Caller, Depends(require(Permission.TRANSACTIONS_READ))]
Decider = Annotated[Caller, Depends(require(Permission.TRANSACTIONS_DECIDE))]

_CHUNK = 500
_MOST_CHUNKS = 20
"""How far one call searches; a page that ends early still says where to go on."""


class TransactionState(StrEnum):
    """Where a transaction is on its way; billing's word counts once it has one."""

    ACTIVE = "active"
    ENDED = "ended"
    ENDED_WAITING_FOR_QUEUE = "ended_waiting_for_queue"
    INFERRED_END = "inferred_end"
    HELD = "held"
    RATED = "rated"
    CLOSED = "closed"
    VOID = "void"


class PriceLineModel(Answer):
    """One line of the price, and why it is what it is."""

    kind: LineKind
    quantity: str = Field(description="What is billed, whole steps included.")
    unit: Unit
    unit_price: MoneyModel
    net: MoneyModel
    vat_rate: str | None
    vat: MoneyModel
    from_at: Moment
    to_at: Moment
    sentence: str
    reason: str


class SettlementModel(Answer):
    """A statement that the transaction stands on."""

    statement_id: str
    net: MoneyModel
    payout: MoneyModel


class TransactionModel(Answer):
    """A transaction: energy by both readings, class, price and share."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    transaction_id: str
    state: TransactionState
    station: str
    evse_id: int
    connector_id: int
    organisation: OrganisationKey = Field(description="The station's owner at its start: payee.")
    location: str | None
    time_zone: str
    id_token: str | None
    id_token_type: str | None
    token_organisation: str | None
    token_provider: str | None
    started_at: Moment
    ended_at: Moment | None
    received_at: Moment = Field(description="When its start reached us.")
    offline: bool
    meter_start_wh: Quantity | None
    meter_stop_wh: Quantity | None
    energy_wh: Quantity | None
    energy_basis: str | None
    stop_reason: str | None
    charge_class: ChargeClass | None = Field(serialization_alias="class")
    net_amount: MoneyModel | None
    vat_amount: MoneyModel | None
    gross_amount: MoneyModel | None
    share_bps: int | None
    hold_reason: str | None
    doubts: list[str]
    statements: list[SettlementModel]


class DecisionModel(Answer):
    """What a person decided about a held transaction."""

    decision: str
    at: Moment | None
    by: str | None
    reason: str | None


class SourceEventModel(Answer):
    """A message of the station that made or changed the transaction."""

    kind: str
    seq_no: int | None
    reported_at: Moment | None
    received_at: Moment
    skew_s: int = Field(description="By how much the station's clock was ahead.")
    repairs: list[str]
    raw: str | None = Field(description="The frame; null without the permission frames.read.")


class TransactionDetailModel(TransactionModel):
    """A transaction with all that explains it."""

    revision: int
    tariff: str | None
    price_lines: list[PriceLineModel]
    findings: list[FindingModel] = Field(description="Why it is or was held, with its evidence.")
    decision: DecisionModel | None
    events: list[SourceEventModel]


class PayerBody(Body):
    """Who pays: an organisation or a provider."""

    organisation: str | None = None
    provider: str | None = None


class VoidBody(Body):
    """Why."""

    model_config = ConfigDict(json_schema_extra={"example": {"reason": "Test by the technician"}})

    reason: Annotated[str, Field(min_length=1, max_length=1000)]


class ReleaseBody(VoidBody):
    """Why, and who pays where nobody answers for the token."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"reason": "Energy confirmed by the owner"}}
    )

    payer: PayerBody | None = None


@router.get("", summary="List transactions")
async def list_transactions(
    db: Db,
    caller: Reader,
    station: Annotated[str | None, Query(max_length=200)] = None,
    first: Annotated[
        Since | None, Query(alias="from", description="Started then or later.")
    ] = None,
    last: Annotated[Since | None, Query(alias="to", description="Started before.")] = None,
    state: TransactionState | None = None,
    q: Annotated[
        str | None, Query(max_length=100, description="A part of the station or id token.")
    ] = None,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Page[TransactionModel]:
    """The newest start first. A page may be short although there is a next one."""
    zone = (await directory.organisation(db, caller.principal.organisation)).time_zone
    wanted = _Wanted(
        station=station,
        started_from=None if first is None else moment_of(first, zone),
        started_to=None if last is None else moment_of(last, zone),
        state=state,
        q=q,
    )
    place = paging.decoded(cursor, str, int)
    before = None if place is None else (moment_in_cursor(place[0]), place[1])
    found: list[tuple[Transaction, BilledTransaction | None]] = []
    following = None
    for _ in range(_MOST_CHUNKS):
        size = min(_CHUNK, limit + 1) if state is None else _CHUNK
        chunk = await wanted.chunk(db, caller, before, size)
        known = await books.billed(db, [each.transaction_id for each in chunk])
        billed = masking.billed(caller, chunk, known)
        for each in chunk:
            pair = (each, billed.get(each.transaction_id))
            if state is not None and _state(*pair) is not state:
                continue
            if len(found) == limit:
                following = _cursor(found[-1][0])
                break
            found.append(pair)
        if following is not None or len(chunk) < size:
            break
        before = (chunk[-1].started_at, chunk[-1].transaction_id)
    else:
        assert before is not None
        following = paging.encoded(before[0].isoformat(), before[1])
    return Page(
        items=[
            shown_transaction(masking.transaction(caller, each), billed) for each, billed in found
        ],
        next=following,
    )


@router.get("/{transaction_id}", summary="Get a transaction")
async def get_transaction(db: Db, caller: Reader, transaction_id: str) -> TransactionDetailModel:
    """With its price line by line, and the messages that it was made from."""
    return await _detail(db, caller, number_of(transaction_id))


@router.post("/{transaction_id}/release", summary="Release a held transaction")
async def release_transaction(
    db: Db, now: Now, context: Context, caller: Decider, transaction_id: str, body: ReleaseBody
) -> TransactionDetailModel:
    """It is valid: rated again as of its start, and the next statement has it.

    Only for the party that issues the papers, and only before it is billed.
    """
    number = number_of(transaction_id)
    found = await charging.transaction(db, caller.scope, number)
    payer = None if body.payer is None else await _payer(db, caller, body.payer)
    await validity.set_valid(
        db,
        context.closing,
        number,
        organisation=caller.principal.organisation,
        reason=body.reason,
        by=caller.principal.id,
        now=now,
        payer=payer,
    )
    await caller.note(
        db,
        "transaction.release",
        f"transaction/{number}",
        organisation=found.owner,
        after={"reason": body.reason, "payer": payer},
        now=now,
    )
    return await _detail(db, caller, number)


@router.post("/{transaction_id}/void", summary="Void a transaction")
async def void_transaction(
    db: Db, now: Now, context: Context, caller: Decider, transaction_id: str, body: VoidBody
) -> TransactionDetailModel:
    """It is invalid: nobody is paid for it, and the next statement lists it with the reason.

    Only for the party that issues the papers, and only before it is billed.
    """
    number = number_of(transaction_id)
    found = await charging.transaction(db, caller.scope, number)
    await validity.set_invalid(
        db,
        context.closing,
        number,
        organisation=caller.principal.organisation,
        reason=body.reason,
        by=caller.principal.id,
        now=now,
    )
    await caller.note(
        db,
        "transaction.void",
        f"transaction/{number}",
        organisation=found.owner,
        after={"reason": body.reason},
        now=now,
    )
    return await _detail(db, caller, number)


class _Wanted:
    """What a list is narrowed to."""

    def __init__(
        self,
        *,
        station: str | None,
        started_from: datetime | None,
        started_to: datetime | None,
        state: TransactionState | None,
        q: str | None,
    ) -> None:
        self._station = station
        self._from = started_from
        self._to = started_to
        self._state = state
        self._q = q

    async def chunk(
        self, db: Db, caller: Caller, before: tuple[datetime, int] | None, limit: int
    ) -> list[Transaction]:
        """Return the next transactions among which those of the wanted state are."""
        states: Sequence[str] = ()
        ids: list[int] | None = None
        match self._state:
            case None:
                pass
            case TransactionState.HELD | TransactionState.VOID as state:
                ids = list(
                    await books.transactions_in(db, [BillingState(state.value)], caller.scope)
                )
            case TransactionState.RATED | TransactionState.CLOSED:
                states = ("ended", "ended_waiting_for_queue", "inferred_end")
            case state:
                states = (state.value,)
        return await charging.transactions(
            db,
            caller.scope,
            station=self._station,
            started_from=self._from,
            started_to=self._to,
            states=states,
            ids=ids,
            q=self._q,
            by_token=caller.may(Permission.CRM_READ),
            before=before,
            limit=limit,
        )


def _cursor(transaction: Transaction) -> str:
    return paging.encoded(transaction.started_at.isoformat(), transaction.transaction_id)


async def _payer(db: Db, caller: Caller, body: PayerBody) -> Payer:
    if (body.organisation is None) == (body.provider is None):
        raise InvalidInput("Name either an organisation or a provider.", field="payer")
    if body.organisation is not None:
        owner = await seen_organisation(db, caller, body.organisation, field="payer.organisation")
        return Payer(organisation=owner.key)
    assert body.provider is not None
    try:
        known = await roaming.provider(db, PartyId(body.provider))
    except NotFound as error:
        raise InvalidInput(str(error), field="payer.provider") from error
    return Payer(provider=known.party_id)


async def _detail(db: Db, caller: Caller, number: TransactionId) -> TransactionDetailModel:
    transaction = await charging.transaction(db, caller.scope, number)
    known = await books.billed(db, [number])
    billed = masking.billed(caller, [transaction], known).get(number)
    reports = await charging.reports(db, number)
    with_raw = caller.may(Permission.FRAMES_READ) and caller.scope.covers(transaction.owner)
    decision = None if billed is None else billed.decision
    english = words("en")
    return TransactionDetailModel(
        **dict(shown_transaction(masking.transaction(caller, transaction), billed)),
        revision=transaction.revision,
        tariff=None if billed is None or billed.tariff is None else billed.tariff[0],
        price_lines=[]
        if billed is None
        else [line_model(each, price_line(each, english)) for each in billed.cdr.lines],
        findings=[]
        if billed is None
        else [finding_model(each, caller) for each in await validity.findings_of(db, number)],
        decision=None
        if decision is None
        else DecisionModel(
            decision=decision.decision or "held",
            at=decision.decided_at,
            by=decision.decided_by,
            reason=decision.decided_why,
        ),
        events=[_event(each, caller, with_raw=with_raw) for each in reports],
    )


def _state(transaction: Transaction, billed: BilledTransaction | None) -> TransactionState:
    return TransactionState(transaction.state if billed is None else billed.state.value)


def shown_transaction(
    transaction: Transaction, billed: BilledTransaction | None
) -> TransactionModel:
    """Return a transaction as the API shows it."""
    cdr = None if billed is None else billed.cdr
    return TransactionModel(
        transaction_id=str(transaction.transaction_id),
        state=_state(transaction, billed),
        station=transaction.station,
        evse_id=transaction.evse_id,
        connector_id=transaction.connector_id,
        organisation=transaction.owner,
        location=transaction.location,
        time_zone=transaction.time_zone,
        id_token=transaction.id_token,
        id_token_type=transaction.id_token_type,
        token_organisation=transaction.token_organisation,
        token_provider=transaction.token_provider,
        started_at=transaction.started_at,
        ended_at=transaction.ended_at,
        received_at=transaction.start_received_at,
        offline=transaction.offline,
        meter_start_wh=transaction.meter_start_wh,
        meter_stop_wh=transaction.meter_stop_wh,
        energy_wh=transaction.energy_wh,
        energy_basis=transaction.energy_basis,
        stop_reason=transaction.stop_reason,
        charge_class=None if cdr is None else cdr.charge_class,
        net_amount=None if cdr is None else MoneyModel.of(cdr.net),
        vat_amount=None if cdr is None else MoneyModel.of(cdr.vat),
        gross_amount=None if cdr is None else MoneyModel.of(cdr.gross),
        share_bps=None if cdr is None else cdr.share_bps,
        hold_reason=None if billed is None else billed.hold_reason,
        doubts=list(transaction.doubts),
        statements=[]
        if billed is None
        else [
            SettlementModel(
                statement_id=each.statement_id,
                net=MoneyModel.of(each.net),
                payout=MoneyModel.of(each.payout),
            )
            for each in billed.settlements
        ],
    )


def line_model(line: PricedLine, told: PriceLine) -> PriceLineModel:
    """Return a priced line as the API has it."""
    return PriceLineModel(
        kind=line.kind,
        quantity=format(line.quantity.normalize(), "f"),
        unit=line.unit,
        unit_price=MoneyModel.of_exact(line.unit_price),
        net=MoneyModel.of(line.net),
        vat_rate=None if line.vat_rate is None else format(line.vat_rate.normalize(), "f"),
        vat=MoneyModel.of(line.vat),
        from_at=line.from_at,
        to_at=line.to_at,
        sentence=told.sentence,
        reason=told.why,
    )


def _event(report: StoredReport, caller: Caller, *, with_raw: bool) -> SourceEventModel:
    return SourceEventModel(
        kind=report.kind,
        seq_no=report.seq_no,
        reported_at=report.reported_at,
        received_at=report.received_at,
        skew_s=report.skew_s,
        repairs=list(report.repairs),
        raw=masking.frame(caller, report.raw) if with_raw else None,
    )
