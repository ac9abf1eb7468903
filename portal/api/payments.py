"""Payments without a contract: what became of them at stations' terminals, and what is still owed;
what drivers paid by code; the tariffs that stations hold."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from pydantic import Field

from accounts.permissions import Permission
from billing import direct_payments
from billing.direct_payments import Payment
from csms import equipment, held_tariffs, payments
from csms.held_tariffs import HeldTariff
from csms.payments import Settlement
from foundation.identifiers import OrganisationKey
from portal import paging, payment_doors
from portal.api.models import Answer, Body, Moment, MoneyModel
from portal.guard import Caller, require
from portal.paging import Page
from portal.routes import ApiRoute, Db, Now

router = APIRouter(tags=["payments"], route_class=ApiRoute)

Reader = Annotated[Caller, Depends(require(Permission.TRANSACTIONS_READ))]
Decider = Annotated[Caller, Depends(require(Permission.TRANSACTIONS_DECIDE))]
Number = Annotated[int, Path(ge=1, le=2**62)]


class SettlementModel(Answer):
    """What became of a payment at a station's terminal, by its own word (OCPP 2.1, C18 to C21)."""

    settlement_id: str
    station: str
    transaction_id: str | None = Field(description="Null: it named none that we know.")
    psp_ref: str = Field(description="How the payment provider calls it.")
    status: str = Field(description="Settled, Canceled, Rejected or Failed.")
    note: str | None
    amount: str
    currency: str
    settled_at: Moment
    receipt_id: str | None
    claim: str = Field(description="none; open: the amount is still owed; closed.")
    closed_at: Moment | None
    closed_by: str | None
    closing_note: str | None


class DirectPaymentModel(Answer):
    """A payment by the code on a station; its own name lets a driver in, and is not told."""

    evse_id: int
    state: str = Field(
        description="begun, authorised, starting, paid, released (nothing was taken) or failed."
    )
    reason: str | None = Field(description="Why nothing came of it.")
    wanted: MoneyModel = Field(description="What the driver was asked to set aside.")
    captured: MoneyModel
    released: MoneyModel
    due: MoneyModel | None = Field(description="What the session came to; null: not known yet.")
    missing: MoneyModel | None = Field(description="What it cost beyond what could be taken.")
    transaction_id: str | None
    begun_at: Moment


class HeldTariffModel(Answer):
    """A tariff that a station was asked to hold (OCPP 2.1, I07 to I12)."""

    tariff_id: str
    evse_id: int = Field(description="0: the whole station.")
    transaction_ref: str | None = Field(description="Where it is for one session alone.")
    state: str = Field(
        description="preparing, sent, held, central (we count the cost), replaced or cleared."
    )
    outcome: str | None = Field(description="The station's word.")
    tariff: dict[str, Any] = Field(description="In OCPP's words, as it was sent.")
    asked_at: Moment
    changed_at: Moment


class ClosingBody(Body):
    """Why a claim is closed."""

    note: str = Field(max_length=500, description="It was paid in another way, or is given up.")


@router.get("/settlements", summary="List settlements of terminals, the newest first")
async def list_settlements(
    db: Db,
    caller: Reader,
    station: Annotated[str | None, Query(max_length=200)] = None,
    open_claims: Annotated[bool, Query(description="Only what is still owed.")] = False,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Page[SettlementModel]:
    """Those of the caller's stations."""
    after = paging.decoded(cursor, int)
    found = await payments.settlements(
        db,
        station=station,
        scope=caller.scope,
        only_claims=open_claims,
        after=None if after is None else after[0],
        limit=limit + 1,
    )
    return paging.page(found, limit, shown=_settlement, key=lambda each: [each.settlement_id])


@router.post("/settlements/{settlement_id}/close", summary="Close a claim")
async def close_claim(
    db: Db, now: Now, caller: Decider, settlement_id: Number, body: ClosingBody
) -> SettlementModel:
    """With a word about why; a closed claim stays closed, and it is noted who closed it."""
    found = await payments.settlement(db, settlement_id)
    owner = await equipment.owner_seen(db, caller.scope, found.station)
    caller.must_see(owner, "settlement", settlement_id)
    closed = await payment_doors.close_claim(db, caller, found, owner, note=body.note, now=now)
    return _settlement(closed)


@router.get("/stations/{identity:segment}/direct-payments", summary="List payments by code")
async def list_direct_payments(
    db: Db, caller: Reader, identity: str, limit: paging.Limit = paging.DEFAULT_LIMIT
) -> Page[DirectPaymentModel]:
    """The newest payments at a station."""
    await _own(db, caller, identity)
    found = await direct_payments.at_station(db, identity, limit=limit)
    return Page(items=[_direct(each) for each in found])


@router.get("/stations/{identity:segment}/held-tariffs", summary="List tariffs that it holds")
async def list_held_tariffs(
    db: Db, caller: Reader, identity: str, limit: paging.Limit = paging.DEFAULT_LIMIT
) -> Page[HeldTariffModel]:
    """What the station was asked to hold, the newest first, and what it answered."""
    await _own(db, caller, identity)
    found = await held_tariffs.held(db, identity, limit=limit)
    return Page(items=[_tariff(each) for each in found])


async def _own(db: Db, caller: Caller, identity: str) -> OrganisationKey:
    owner = await equipment.owner_seen(db, caller.scope, identity)
    caller.must_see(owner, "station", identity)
    return owner


def _settlement(found: Settlement) -> SettlementModel:
    number = found.transaction_id
    return SettlementModel(
        settlement_id=str(found.settlement_id),
        station=found.station,
        transaction_id=None if number is None else str(number),
        psp_ref=found.psp_ref,
        status=found.status,
        note=found.note,
        amount=f"{found.amount:f}",
        currency=found.currency,
        settled_at=found.settled_at,
        receipt_id=found.receipt_id,
        claim=found.claim,
        closed_at=found.closed_at,
        closed_by=found.closed_by,
        closing_note=found.closing_note,
    )


def _direct(found: Payment) -> DirectPaymentModel:
    number = found.transaction_id
    return DirectPaymentModel(
        evse_id=found.evse_id,
        state=found.state,
        reason=found.reason,
        wanted=MoneyModel.of(found.wanted),
        captured=MoneyModel.of(found.captured),
        released=MoneyModel.of(found.released),
        due=None if found.due is None else MoneyModel.of(found.due),
        missing=None if found.missing is None else MoneyModel.of(found.missing),
        transaction_id=None if number is None else str(number),
        begun_at=found.begun_at,
    )


def _tariff(found: HeldTariff) -> HeldTariffModel:
    return HeldTariffModel(
        tariff_id=found.tariff_id,
        evse_id=found.evse_id,
        transaction_ref=found.transaction_ref,
        state=found.state,
        outcome=found.outcome,
        tariff=dict(found.tariff),
        asked_at=found.asked_at,
        changed_at=found.changed_at,
    )
