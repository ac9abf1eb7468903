"""Tariffs: OCPI 2.2.1's tariff object, its versions, and where each is assigned."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from fastapi.exceptions import RequestValidationError
from pydantic import ConfigDict, Field, ValidationError
from starlette.requests import Request

from accounts import directory
from accounts.permissions import Permission
from billing import pricing
from billing.assignments import Assignment, TariffScope
from billing.conditions import OpeningState, Side, conditions_json, parse_conditions
from billing.pricing import NewAssignment, TariffVersion
from billing.tariff_json import tariff_json
from foundation.errors import InvalidInput
from foundation.identifiers import OrganisationKey
from portal import paging
from portal.api.models import Answer, Body, Moment, Since, json_object, moment_of
from portal.api.stations import limits
from portal.context import PortalContext
from portal.guard import Caller, require
from portal.paging import Page
from portal.priced_places import zone_of_place
from portal.routes import ApiRoute, Context, Db, Now

router = APIRouter(prefix="/tariffs", tags=["tariffs"], route_class=ApiRoute)

Reader = Annotated[Caller, Depends(require(Permission.TARIFFS_READ))]
Writer = Annotated[Caller, Depends(require(Permission.TARIFFS_WRITE))]


class ConditionsModel(Answer):
    """Whom an assignment is for; what is left out is for all, what is named must all hold."""

    model_config = ConfigDict(
        frozen=True, json_schema_extra={"example": {"token_groups": ["FLEET"], "hours": "open"}}
    )

    customers: list[str] = Field(
        default=[], description="Keys of organisations of tokens; those below are meant as well."
    )
    contacts: list[str] = Field(
        default=[], description="Ids of contacts whose contract covers the token."
    )
    token_groups: list[str] = Field(default=[], description="`group_id` of the tokens.")
    providers: list[str] = Field(default=[], description="Party ids of partners (EMPs).")
    hours: OpeningState | None = Field(
        default=None, description="Only while the place is open, or closed, at the start."
    )


class AssignmentModel(Answer):
    """Where a tariff holds, from `valid_from` (included) to `valid_to` (not included)."""

    scope: TariffScope
    id: str
    valid_from: Moment
    valid_to: Moment | None
    side: Side
    priority: int
    conditions: ConditionsModel


class AssignmentBody(Body):
    """Where and for whom a tariff shall hold.

    The highest priority wins, then the most specific place, then the most conditions. Two of one
    place between which none of this decides are refused (`tariff_assignments_overlap`,
    `tariff_conditions_overlap`).
    """

    scope: TariffScope
    id: Annotated[str, Field(max_length=300)] = Field(
        description="The identity (`STATION/1` for an EVSE, `STATION/1/2` for a connector), the"
        " location's or organisation's key."
    )
    valid_from: Since | None = Field(default=None, description="Now, if it is left out.")
    valid_to: Since | None = None
    side: Side = Field(
        default=Side.SALE,
        description="`sale`: what is paid; `purchase`: what the owner's credit is computed on.",
    )
    priority: int = 0
    conditions: dict[str, Any] = Field(default={}, description="As they are answered.")


class TariffModel(Answer):
    """OCPI's tariff object as it holds now, with our version of it and its assignments."""

    model_config = ConfigDict(frozen=True, extra="allow")

    id: str
    currency: str
    elements: list[dict[str, Any]]
    version: int
    version_valid_from: Moment
    assignments: list[AssignmentModel]


class _Assignments(Body):
    assignments: Annotated[list[AssignmentBody], Field(max_length=1000)] = Field(default=[])
    valid_from: Since | None = None


_EXAMPLE = {
    "id": "daytime",
    "currency": "EUR",
    "elements": [
        {
            "price_components": [{"type": "ENERGY", "price": 0.49, "vat": 19, "step_size": 1}],
            "restrictions": {"start_time": "06:00", "end_time": "22:00"},
        },
        {"price_components": [{"type": "ENERGY", "price": 0.39, "vat": 19, "step_size": 1}]},
    ],
    "leitstand": {
        "free_minutes": 2,
        "caps": [{"type": "ENERGY", "amount": 60}],
        "blocking_fee": {
            "price": 6,
            "vat": 19,
            "step_size": 60,
            "grace_minutes": 30,
            "exempt_from": "22:00",
            "exempt_to": "07:00",
            "max_price": 12,
        },
    },
    "assignments": [
        {
            "scope": "organisation",
            "id": "stadtwerke-nord",
            "valid_from": "2026-01-01",
            "priority": 10,
            "conditions": {"token_groups": ["FLEET"]},
        }
    ],
}


def _body(description: str, example: dict[str, Any]) -> dict[str, Any]:
    return {
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"type": "object", "description": description},
                    "example": example,
                }
            },
        }
    }


@router.get("", summary="List tariffs")
async def list_tariffs(
    db: Db, caller: Reader, limit: paging.Limit = paging.DEFAULT_LIMIT, cursor: paging.Cursor = None
) -> Page[TariffModel]:
    """In the order of their ids."""
    after = paging.decoded(cursor, str)
    found = await pricing.tariffs(
        db, caller.scope, after=after[0] if after else None, limit=limit + 1
    )
    assigned = await _assignments(db, [each.tariff_id for each in found])
    return paging.page(
        found,
        limit,
        shown=lambda each: _shown(each, assigned.get(each.tariff_id, [])),
        key=lambda each: (each.tariff_id,),
    )


@router.post(
    "",
    status_code=201,
    summary="Create a tariff",
    openapi_extra=_body(
        "An OCPI 2.2.1 tariff object with `assignments`; `leitstand` holds what OCPI has no field"
        " for.",
        _EXAMPLE,
    ),
)
async def create_tariff(
    db: Db, now: Now, context: Context, caller: Writer, request: Request
) -> TariffModel:
    """What OCPI would not allow is refused, with every problem and its place in `errors`."""
    document = await json_object(request)
    given = _own_part(document)
    if given.valid_from is not None:
        raise InvalidInput("Say valid_from with each assignment.", field="valid_from")
    made = await pricing.create_tariff(
        db, document, organisation=caller.principal.organisation, now=now
    )
    await _assign(db, now, context, caller, made.tariff_id, given.assignments)
    shown = await _read(db, caller, made.tariff_id)
    await _note(db, now, caller, "tariff.create", made.tariff_id, None, shown)
    return shown


@router.get("/{tariff_id:segment}", summary="Get a tariff")
async def get_tariff(db: Db, caller: Reader, tariff_id: str) -> TariffModel:
    """As OCPI has it, with what it is assigned to."""
    return await _read(db, caller, tariff_id)


@router.patch(
    "/{tariff_id:segment}",
    summary="Change or assign a tariff",
    openapi_extra=_body(
        "The whole OCPI tariff object as it shall hold from `valid_from` on (now, if it is left "
        "out), further `assignments`, or both.",
        {"assignments": _EXAMPLE["assignments"]},
    ),
)
async def change_tariff(
    db: Db, now: Now, context: Context, caller: Writer, request: Request, tariff_id: str
) -> TariffModel:
    """Nothing is edited: the tariff gets a further version. What started before keeps its own."""
    before = await _read(db, caller, tariff_id)
    document = await json_object(request)
    given = _own_part(document)
    if document:
        zone = (await directory.organisation(db, caller.principal.organisation)).time_zone
        begins = given.valid_from
        await pricing.change_tariff(
            db,
            tariff_id,
            document,
            valid_from=None if begins is None else moment_of(begins, zone),
            now=now,
        )
    elif given.valid_from is not None:
        raise InvalidInput("valid_from belongs to a tariff object.", field="valid_from")
    await _assign(db, now, context, caller, tariff_id, given.assignments)
    shown = await _read(db, caller, tariff_id)
    await _note(db, now, caller, "tariff.change", tariff_id, before, shown)
    return shown


async def _note(
    db: Db,
    now: Now,
    caller: Caller,
    deed: str,
    tariff_id: str,
    before: TariffModel | None,
    after: TariffModel,
) -> None:
    await caller.note(
        db,
        deed,
        f"tariff/{tariff_id}",
        organisation=caller.principal.organisation,
        before=None if before is None else before.model_dump(mode="json"),
        after=after.model_dump(mode="json"),
        now=now,
    )


def _own_part(document: dict[str, Any]) -> _Assignments:
    """Take what is not OCPI's out of the document."""
    given = {name: document.pop(name) for name in _Assignments.model_fields if name in document}
    try:
        return _Assignments.model_validate(given)
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from None


async def _assign(
    db: Db,
    now: Now,
    context: PortalContext,
    caller: Caller,
    tariff_id: str,
    assignments: Sequence[AssignmentBody],
) -> None:
    for number, each in enumerate(assignments):
        try:
            place = pricing.place_from(each.scope, each.id)
            zone = await zone_of_place(db, caller, place, now, limits=limits(context))
            await pricing.assign(
                db,
                tariff_id,
                NewAssignment(
                    place,
                    None if each.valid_from is None else moment_of(each.valid_from, zone),
                    None if each.valid_to is None else moment_of(each.valid_to, zone),
                    each.side,
                    each.priority,
                    parse_conditions(each.conditions),
                ),
                now=now,
            )
        except InvalidInput as error:
            raise InvalidInput(
                str(error), field=f"assignments.{number}.{error.field or 'id'}"
            ) from error


async def _read(db: Db, caller: Caller, tariff_id: str) -> TariffModel:
    newest = (await pricing.tariff_versions(db, tariff_id))[-1]
    if newest.organisation is not None:
        caller.must_see(OrganisationKey(newest.organisation), "tariff", tariff_id)
    assigned = await _assignments(db, [tariff_id])
    return _shown(newest, assigned.get(tariff_id, []))


async def _assignments(db: Db, tariff_ids: Sequence[str]) -> dict[str, list[Assignment]]:
    found: dict[str, list[Assignment]] = {}
    for each in await pricing.assignments(db, tariff_ids):
        found.setdefault(each.tariff_id, []).append(each)
    return found


def _shown(version: TariffVersion, assigned: Sequence[Assignment]) -> TariffModel:
    return TariffModel.model_validate(
        {
            **tariff_json(version.tariff),
            "version": version.version,
            "version_valid_from": version.valid_from,
            "assignments": [assignment_shown(each) for each in assigned],
        }
    )


def assignment_shown(assignment: Assignment) -> AssignmentModel:
    """Return an assignment as the API has it."""
    return AssignmentModel(
        scope=assignment.place.scope,
        id=assignment.place.id,
        valid_from=assignment.valid_from,
        valid_to=assignment.valid_to,
        side=assignment.side,
        priority=assignment.priority,
        conditions=ConditionsModel.model_validate(conditions_json(assignment.conditions)),
    )
