"""Agreements: which share of the proceeds a payee receives, and from when."""

from datetime import datetime
from typing import Annotated, cast

from fastapi import APIRouter, Depends
from pydantic import ConfigDict, Field

from accounts import directory
from accounts.permissions import Permission
from billing.terms import Basis
from foundation.errors import InvalidInput, NotFound
from foundation.identifiers import OrganisationKey
from portal import agreement_doors, paging
from portal.api.models import Answer, Body, Moment, Since, moment_of
from portal.api.organisations import facts_from
from portal.guard import Caller, require
from portal.paging import Page
from portal.routes import ApiRoute, Db, Now
from roaming import administration
from roaming.administration import AgreementFacts
from roaming.agreements import Agreement, ExternalDue, InternalScope

router = APIRouter(prefix="/agreements", tags=["agreements"], route_class=ApiRoute)

Reader = Annotated[Caller, Depends(require(Permission.AGREEMENTS_READ))]
Writer = Annotated[Caller, Depends(require(Permission.AGREEMENTS_WRITE))]


class AgreementModel(Answer):
    """An agreement, valid from `valid_from` (included) to `valid_to` (not included)."""

    agreement_id: str
    payee: OrganisationKey
    internal_bps: int = Field(description="Share of internal revenue in basis points.")
    external_bps: int = Field(description="Share of external revenue in basis points.")
    basis: Basis
    internal_scope: InternalScope = Field(description="Whose tokens count as internal.")
    external_due: ExternalDue = Field(
        description="When the share of external revenue is due: with the statement, or once the"
        " provider's invoice over the session is paid."
    )
    valid_from: Moment
    valid_to: Moment | None


class AgreementTermsBody(Body):
    """What an agreement says."""

    internal_bps: int | None = None
    external_bps: int | None = None
    basis: Basis | None = None
    internal_scope: InternalScope | None = None
    external_due: ExternalDue | None = None


class NewAgreement(AgreementTermsBody):
    """An agreement; terms that are left out are 10000, 9000, net, owner and close."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "payee": "stadtwerke-nord",
                "internal_bps": 10000,
                "external_bps": 9000,
                "basis": "net",
                "internal_scope": "owner",
                "external_due": "close",
                "valid_from": "2026-01-01",
                "valid_to": None,
            }
        }
    )

    payee: str
    valid_from: Since | None = Field(default=None, description="Now, if it is left out.")
    valid_to: Since | None = None


class AgreementChange(AgreementTermsBody):
    """Other terms from `valid_from` on, or an end at `valid_to`; never both."""

    valid_from: Since | None = Field(default=None, description="Now, if it is left out.")
    valid_to: Since | None = None


@router.get("", summary="List agreements")
async def list_agreements(
    db: Db, caller: Reader, limit: paging.Limit = paging.DEFAULT_LIMIT, cursor: paging.Cursor = None
) -> Page[AgreementModel]:
    """By payee, in the order in which they hold: whose share is how much, and since when."""
    after = paging.decoded(cursor, str, int)
    found = sorted(await administration.agreements(db, caller.scope), key=_key)
    if after is not None:
        found = [each for each in found if _key(each) > after]
    return paging.page(found[: limit + 1], limit, shown=_shown, key=_key)


@router.post("", status_code=201, summary="Create an agreement")
async def create_agreement(db: Db, now: Now, caller: Writer, body: NewAgreement) -> AgreementModel:
    """A payee has at most one agreement at any moment; a second one is refused."""
    facts = facts_from(body, clearable=frozenset({"valid_from", "valid_to"}), without="payee")
    zone = await _zone(db, caller, body.payee)
    valid_from = _moment(facts.pop("valid_from", None), zone) or now
    valid_to = _moment(facts.pop("valid_to", None), zone)
    made = await agreement_doors.create(
        db,
        caller,
        OrganisationKey(body.payee),
        cast("AgreementFacts", facts),
        valid_from=valid_from,
        valid_to=valid_to,
        now=now,
    )
    return _shown(made)


@router.get("/{agreement_id}", summary="Get an agreement")
async def get_agreement(db: Db, caller: Reader, agreement_id: str) -> AgreementModel:
    """One dated row; changes make new ones."""
    return _shown(await agreement_doors.found(db, caller, agreement_id))


@router.patch("/{agreement_id}", summary="Change or end an agreement")
async def change_agreement(
    db: Db, now: Now, caller: Writer, agreement_id: str, body: AgreementChange
) -> AgreementModel:
    """Nothing is edited: the agreement ends, and with other terms a new one begins then."""
    old = await agreement_doors.found(db, caller, agreement_id)
    facts = facts_from(body, clearable=frozenset({"valid_from", "valid_to"}))
    zone = await _zone(db, caller, old.payee)
    valid_from = _moment(facts.pop("valid_from", None), zone)
    valid_to = _moment(facts.pop("valid_to", None), zone)
    if valid_to is not None:
        if facts or valid_from is not None:
            raise InvalidInput(
                "Either end the agreement with valid_to, or send other terms with valid_from.",
                field="valid_to",
            )
        return _shown(await agreement_doors.end(db, caller, old, valid_to=valid_to, now=now))
    if not facts:
        raise InvalidInput("Nothing was sent that could change.", field="valid_to")
    changed = await agreement_doors.change(
        db, caller, old, cast("AgreementFacts", facts), valid_from=valid_from or now, now=now
    )
    return _shown(changed)


def _moment(since: datetime | None, zone: str) -> datetime | None:
    return None if since is None else moment_of(since, zone)


async def _zone(db: Db, caller: Caller, payee: str) -> str:
    try:
        caller.must_see(OrganisationKey(payee), "organisation", payee)
        return (await directory.organisation(db, OrganisationKey(payee))).time_zone
    except NotFound as error:
        raise InvalidInput(f"There is no organisation {payee!r}.", field="payee") from error


def _key(agreement: Agreement) -> tuple[str, int]:
    return agreement.payee, agreement.agreement_id


def _shown(agreement: Agreement) -> AgreementModel:
    return AgreementModel(
        agreement_id=str(agreement.agreement_id),
        payee=agreement.payee,
        internal_bps=agreement.terms.internal_bps,
        external_bps=agreement.terms.external_bps,
        basis=agreement.terms.basis,
        internal_scope=agreement.terms.internal_scope,
        external_due=agreement.terms.external_due,
        valid_from=agreement.valid_from,
        valid_to=agreement.valid_to,
    )
