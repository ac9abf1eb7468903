"""Prepaid cards: what is on each; issued, blocked, topped up, and their rest paid out."""

from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Field

from accounts.permissions import Permission
from billing import prepaid
from portal import masking, paging, prepaid_doors
from portal.api.models import Answer, Body, Moment, MoneyModel
from portal.guard import Caller, require
from portal.paging import Page
from portal.prepaid_doors import ShownCard
from portal.routes import ApiRoute, Context, Db, Now

router = APIRouter(prefix="/prepaid-cards", tags=["payments"], route_class=ApiRoute)

Reader = Annotated[Caller, Depends(require(prepaid_doors.READ))]
Blocker = Annotated[Caller, Depends(require(prepaid_doors.BLOCK))]
Booker = Annotated[Caller, Depends(require(Permission.PREPAID_BOOK))]

Receipt = Annotated[
    str,
    Field(
        min_length=1,
        max_length=100,
        description="The receipt's number: the same again books nothing more.",
    ),
]


class PrepaidCardModel(Answer):
    """A card with money on it."""

    id_token: str = Field(description="`****` for who may not see personal data.")
    status: str = Field(description="As of an id token: accepted, no_credit or blocked.")
    balance: MoneyModel


class PrepaidBookingModel(Answer):
    """Money that came onto a card, or went off it (below 0)."""

    kind: str = Field(description="top_up, charged or paid_out.")
    amount: MoneyModel
    balance: MoneyModel = Field(description="What is on the card after it.")
    transaction_id: str | None
    booked_at: Moment


class NewCardBody(Body):
    """A card whose token nobody has yet."""

    id_token: str = Field(min_length=1, max_length=255)
    currency: str = Field(pattern="^[A-Z]{3}$", description="Of ISO 4217; it stays.")


class CardChange(Body):
    """Whether a card may charge."""

    is_blocked: bool = Field(strict=True)


class TopUpBody(Body):
    """Money that was taken for a card."""

    amount: Decimal = Field(gt=0, le=prepaid.MOST_TOP_UP, description="In the card's currency.")
    receipt: Receipt


class PayOutBody(Body):
    """All that is left on a card."""

    receipt: Receipt


@router.get("", summary="List prepaid cards")
async def list_prepaid_cards(
    db: Db,
    context: Context,
    caller: Reader,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Page[PrepaidCardModel]:
    """By their tokens, with what is on them; for who sees the whole installation."""
    after = paging.decoded(cursor, str)
    found = await prepaid_doors.cards(
        db,
        caller,
        after=masking.key_in_cursor(caller, context.sealer, after[0]) if after else None,
        limit=limit + 1,
    )
    return paging.page(
        found,
        limit,
        shown=_card,
        key=lambda each: (masking.cursor_of(caller, context.sealer, each.key),),
    )


@router.post("", status_code=201, summary="Issue a prepaid card")
async def issue_prepaid_card(
    db: Db, now: Now, caller: Booker, body: NewCardBody
) -> PrepaidCardModel:
    """Its token is made with it, without credit; one that is known already is refused."""
    return _card(await prepaid_doors.issue(db, caller, body.id_token, body.currency, now=now))


@router.patch("/{id_token:segment}", summary="Block a prepaid card")
async def change_prepaid_card(
    db: Db, now: Now, caller: Blocker, id_token: str, body: CardChange
) -> PrepaidCardModel:
    """It keeps its money; one that is let charge again without money has no credit."""
    await prepaid_doors.block(db, caller, id_token, is_blocked=body.is_blocked, now=now)
    return _card(await prepaid_doors.card(db, caller, id_token))


@router.get("/{id_token:segment}/bookings", summary="List bookings of a prepaid card")
async def list_prepaid_bookings(
    db: Db, caller: Reader, id_token: str, limit: paging.Limit = paging.DEFAULT_LIMIT
) -> Page[PrepaidBookingModel]:
    """The newest first."""
    found = await prepaid_doors.bookings(db, caller, id_token, limit=limit)
    return Page(items=[_booking(each) for each in found])


@router.post("/{id_token:segment}/top-ups", summary="Put money on a prepaid card")
async def top_up_prepaid_card(
    db: Db, now: Now, caller: Booker, id_token: str, body: TopUpBody
) -> PrepaidCardModel:
    """Once by its receipt's number; that of other money is refused."""
    return _card(
        await prepaid_doors.top_up(db, caller, id_token, body.amount, body.receipt, now=now)
    )


@router.post("/{id_token:segment}/pay-outs", summary="Pay out what is left on a prepaid card")
async def pay_out_prepaid_card(
    db: Db, now: Now, caller: Booker, id_token: str, body: PayOutBody
) -> PrepaidBookingModel:
    """When all that it charged is billed, so that the rest is known."""
    return _booking(await prepaid_doors.pay_out(db, caller, id_token, body.receipt, now=now))


def _card(found: ShownCard) -> PrepaidCardModel:
    return PrepaidCardModel(
        id_token=found.token, status=found.status.value, balance=MoneyModel.of(found.balance)
    )


def _booking(found: prepaid.Booking) -> PrepaidBookingModel:
    number = found.transaction_id
    return PrepaidBookingModel(
        kind=found.kind,
        amount=MoneyModel.of(found.amount),
        balance=MoneyModel.of(found.balance),
        transaction_id=None if number is None else str(number),
        booked_at=found.booked_at,
    )
