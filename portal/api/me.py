"""Who am I: what a key or a login may do and see."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Field

from accounts.directory import Language
from accounts.permissions import Permission, Reach
from foundation.identifiers import OrganisationKey
from portal.api.models import Answer
from portal.guard import Caller, signed_in
from portal.routes import ApiRoute

router = APIRouter(prefix="/me", tags=["me"], route_class=ApiRoute)


class MeModel(Answer):
    """Who asks."""

    id: str
    name: str
    roles: list[str] = Field(description="The key of the group, if the rights come from one.")
    reach: Reach = Field(description="How much of the installation the rights hold for.")
    rate_per_minute: int | None = Field(description="How many calls a key may make; null: any.")
    owes_second_factor: bool = Field(description="Nothing is permitted until it is set up.")
    organisation: OrganisationKey
    language: Language
    sees_everything: bool = Field(description="False: only the own organisation and those below.")
    permissions: list[Permission]


@router.get("", summary="Get who I am")
async def get_me(caller: Annotated[Caller, Depends(signed_in)]) -> MeModel:
    """Who the key or the login speaks for, what it may, and how much it sees."""
    return MeModel(
        id=caller.principal.id,
        name=caller.principal.name,
        roles=[caller.principal.group] if caller.principal.group else [],
        reach=caller.principal.reach,
        rate_per_minute=caller.principal.rate_per_minute,
        owes_second_factor=caller.principal.owes_second_factor,
        organisation=caller.principal.organisation,
        language=caller.principal.language,
        sees_everything=caller.scope.is_whole,
        permissions=[each for each in Permission if caller.may(each)],
    )
