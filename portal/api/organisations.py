"""Organisations: the owners of stations, the payees of statements, and the operator itself."""

from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends
from pydantic import ConfigDict, Field

from accounts import directory, licensing, zones
from accounts.directory import Language, Organisation, OrganisationFacts, TaxStatus
from accounts.licences import Licence
from accounts.permissions import Permission
from foundation.errors import Conflict, InvalidInput, NotPermitted
from foundation.identifiers import OrganisationKey
from portal import paging
from portal.api.models import Answer, Body, Moment
from portal.guard import Caller, require
from portal.paging import Page
from portal.routes import ApiRoute, Db, Now

router = APIRouter(prefix="/organisations", tags=["organisations"], route_class=ApiRoute)

Reader = Annotated[Caller, Depends(require(Permission.ORGANISATIONS_READ))]
Writer = Annotated[Caller, Depends(require(Permission.ORGANISATIONS_WRITE))]


class OrganisationModel(Answer):
    """An organisation."""

    key: OrganisationKey
    name: str
    parent: OrganisationKey | None = Field(description="Null only for the root.")
    time_zone: str = Field(description="IANA; bounds the months of its statements.")
    currency: str
    country: str
    tax_status: TaxStatus = Field(description="Decides the VAT on what it is paid.")
    vat_id: str | None
    language: Language
    email: str | None = Field(description="Where its statements are sent.")
    iban: str | None
    address: str | None
    demands_second_factor: bool = Field(
        description="Whether its people, and those below, need a second factor for weighty rights."
    )
    licence: Licence = Field(description="Which rights exist, and how many stations it holds.")
    created_at: Moment


class OrganisationChange(Body):
    """What of an organisation may change: everything but its key."""

    name: str | None = None
    parent: str | None = None
    time_zone: str | None = None
    currency: str | None = None
    country: str | None = None
    tax_status: TaxStatus | None = None
    vat_id: str | None = None
    language: Language | None = None
    email: str | None = None
    iban: str | None = None
    address: str | None = None
    demands_second_factor: bool | None = None
    licence: Licence | None = Field(
        default=None, description="Set by the operator; else its parent's."
    )


class NewOrganisation(OrganisationChange):
    """An organisation; what is left out is its parent's, and the parent is the root."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "key": "stadtwerke-nord",
                "name": "Stadtwerke Nord GmbH",
                "time_zone": "Europe/Berlin",
                "currency": "EUR",
                "tax_status": "standard",
                "vat_id": "DE123456789",
                "language": "de",
                "email": "abrechnung@stadtwerke-nord.example",
                "iban": "DE89370400440532013000",
            }
        }
    )

    key: str = Field(
        description="Slug of lower-case letters, digits and hyphens; it never changes."
    )


_CLEARABLE = frozenset({"vat_id", "email", "iban", "address"})


class LicenceIsTheOperators(NotPermitted):
    """Only those who see the whole installation set licences."""

    code = "licence_is_the_operators"

    def __init__(self) -> None:
        super().__init__("The licence is set by the operator of the installation.")


def facts_from(body: Body, *, clearable: frozenset[str], without: str = "") -> dict[str, Any]:
    """Return what was sent.

    Raises:
        InvalidInput: If a field that must have a value was sent as null.
    """
    given = body.given()
    given.pop(without, None)
    for name, value in given.items():
        if value is None and name not in clearable:
            raise InvalidInput(f"{name} must not be null; leave it out instead.", field=name)
    return given


@router.get("", summary="List organisations")
async def list_organisations(
    db: Db, caller: Reader, limit: paging.Limit = paging.DEFAULT_LIMIT, cursor: paging.Cursor = None
) -> Page[OrganisationModel]:
    """In the order of their keys: the caller's own and those below it."""
    after = paging.decoded(cursor, str)
    found = await directory.organisations(
        db, caller.scope, after=after[0] if after else None, limit=limit + 1
    )
    return paging.page(
        found, limit, shown=lambda each: _shown(caller, each), key=lambda each: (each.key,)
    )


@router.post("", status_code=201, summary="Create an organisation")
async def create_organisation(
    db: Db, now: Now, caller: Writer, body: NewOrganisation
) -> OrganisationModel:
    """The parent is the caller's own organisation unless the body names one."""
    facts = facts_from(body, clearable=_CLEARABLE, without="key")
    if "licence" in facts and not caller.scope.is_whole:
        raise LicenceIsTheOperators
    facts.setdefault("parent", caller.principal.organisation)
    if not caller.scope.covers(facts["parent"]):
        raise InvalidInput(f"There is no organisation {facts['parent']!r}.", field="parent")
    made = await directory.create_organisation(
        db, body.key, cast("OrganisationFacts", facts), now=now
    )
    await caller.note(
        db,
        "organisation.create",
        f"organisation/{made.key}",
        organisation=made.key,
        after=made,
        now=now,
    )
    return _shown(caller, made)


@router.get("/{key:segment}", summary="Get an organisation")
async def get_organisation(db: Db, caller: Reader, key: str) -> OrganisationModel:
    """With what its papers need."""
    caller.must_see(OrganisationKey(key), "organisation", key)
    return _shown(caller, await directory.organisation(db, OrganisationKey(key)))


@router.patch("/{key:segment}", summary="Change an organisation")
async def change_organisation(
    db: Db, now: Now, caller: Writer, key: str, body: OrganisationChange
) -> OrganisationModel:
    """Changes what is named. Statements that were issued keep what they say."""
    caller.must_see(OrganisationKey(key), "organisation", key)
    facts = facts_from(body, clearable=_CLEARABLE)
    if "licence" in facts and not caller.scope.is_whole:
        raise LicenceIsTheOperators
    if "parent" in facts and not caller.scope.covers(facts["parent"]):
        raise InvalidInput(f"There is no organisation {facts['parent']!r}.", field="parent")
    before = await directory.organisation(db, OrganisationKey(key))
    if facts.get("licence", before.licence) != before.licence and (
        await licensing.entitlement_of(db, before.key, now=now)
    ):
        raise Conflict("The account decides about the licence. Apply for another one.")
    changed = await directory.change_organisation(db, before.key, cast("OrganisationFacts", facts))
    await zones.note_change(
        db, before.key, before=before.time_zone, after=changed.time_zone, now=now
    )
    await caller.note(
        db,
        "organisation.change",
        f"organisation/{key}",
        organisation=before.key,
        before=before,
        after=changed,
        now=now,
    )
    return _shown(caller, changed)


def _shown(caller: Caller, organisation: Organisation) -> OrganisationModel:
    return OrganisationModel(
        key=organisation.key,
        name=organisation.name,
        parent=organisation.parent,
        time_zone=organisation.time_zone,
        currency=organisation.currency,
        country=organisation.country,
        tax_status=organisation.tax_status,
        vat_id=caller.personal(organisation.vat_id),
        language=organisation.language,
        email=caller.personal(organisation.email),
        iban=caller.personal(organisation.iban),
        address=caller.personal(organisation.address),
        demands_second_factor=organisation.demands_second_factor,
        licence=organisation.licence,
        created_at=organisation.created_at,
    )
