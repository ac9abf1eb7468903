"""Ends without a start: which session each may belong to, and giving it to one."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import ConfigDict, Field

from accounts.permissions import Permission
from csms import charging
from csms.charging import Transaction
from csms.matching import AGAINST, Sign, Suggestion
from portal import loose_ends
from portal.api.models import Answer, Body, Moment, Quantity
from portal.guard import Caller, require
from portal.routes import ApiRoute, Context, Db, Now
from portal.validity_doors import number_of

router = APIRouter(prefix="/transactions", tags=["transactions"], route_class=ApiRoute)

Reader = Annotated[Caller, Depends(require(Permission.TRANSACTIONS_READ))]
Decider = Annotated[Caller, Depends(require(Permission.TRANSACTIONS_DECIDE))]


class SuggestionModel(Answer):
    """A session that the end may belong to."""

    transaction_id: str
    evse_id: int
    started_at: Moment
    speaks_for: list[Sign]
    speaks_against: list[Sign]
    is_likely: bool = Field(description="Card or register speak for it, and nothing against it.")
    energy_wh: Quantity | None = Field(description="What it would have taken; null: not known.")


class SuggestionsModel(Answer):
    """The sessions that an end without a start may belong to, the likeliest first."""

    items: list[SuggestionModel]


class MatchBody(Body):
    """To which session the end belongs, and why."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"transaction_id": "1042", "reason": "Same card and meter"}}
    )

    transaction_id: str = Field(max_length=18)
    reason: str = Field(max_length=500)


class MatchedModel(Answer):
    """The session that has its end now; the end itself is invalid."""

    transaction_id: str
    ended_at: Moment | None
    energy_wh: Quantity | None


@router.get("/{transaction_id}/suggested-starts", summary="Suggest the session of a loose end")
async def suggested_starts(db: Db, caller: Reader, transaction_id: str) -> SuggestionsModel:
    """Of an end whose start was never seen: sessions of its station that have no end."""
    found = await charging.transaction(db, caller.scope, number_of(transaction_id))
    return SuggestionsModel(
        items=[_shown(*each) for each in await loose_ends.suggested(db, caller, found)]
    )


@router.post("/{transaction_id}/match", summary="Give a loose end to its session")
async def match(
    db: Db, now: Now, context: Context, caller: Decider, transaction_id: str, body: MatchBody
) -> MatchedModel:
    """The session ends as the end says, and is rated again; the end itself becomes invalid.

    Only for the party that issues the papers, and only before either is billed.
    """
    found = await charging.transaction(db, caller.scope, number_of(transaction_id))
    session = await loose_ends.accept(
        db,
        context,
        caller,
        found,
        number_of(body.transaction_id),
        reason=body.reason,
        now=now,
    )
    return MatchedModel(
        transaction_id=str(session.transaction_id),
        ended_at=session.ended_at,
        energy_wh=session.energy_wh,
    )


def _shown(suggestion: Suggestion, session: Transaction) -> SuggestionModel:
    return SuggestionModel(
        transaction_id=str(session.transaction_id),
        evse_id=int(session.evse_id),
        started_at=session.started_at,
        speaks_for=[each for each in suggestion.signs if each not in AGAINST],
        speaks_against=[each for each in suggestion.signs if each in AGAINST],
        is_likely=suggestion.is_likely,
        energy_wh=suggestion.energy_wh,
    )
