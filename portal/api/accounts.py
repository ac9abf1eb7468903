"""Accounts: what organisations may use, applications for them, and what licences cost."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import ConfigDict, Field

from accounts import licensing
from accounts.applications import (
    DEFAULT_MONTHS,
    LEAST_DATAPOINTS,
    Application,
    Kind,
    NewAccount,
    OtherDatapoints,
    OtherLicence,
    PointLicences,
    Renewal,
    Sector,
    State,
    Wanted,
    as_json,
)
from accounts.entitlements import AccountState
from accounts.licences import Licence
from accounts.licensing import Account
from accounts.permissions import Permission
from accounts.tiers import (
    LicenceKind,
    LicenceModel,
    Licences,
    Tier,
    needed,
)
from foundation.identifiers import OrganisationKey
from portal import accounts, paging
from portal.api.models import Answer, Body, Moment
from portal.api.users import number_in_path
from portal.guard import Caller, require
from portal.paging import Page
from portal.routes import ApiRoute, Context, Db, Now

router = APIRouter(tags=["accounts"], route_class=ApiRoute)

Reader = Annotated[Caller, Depends(require(Permission.ACCOUNTS_READ))]
Applicant = Annotated[Caller, Depends(require(Permission.ACCOUNTS_WRITE))]
Decider = Annotated[Caller, Depends(require(Permission.ACCOUNTS_DECIDE))]
PointReader = Annotated[Caller, Depends(require(Permission.STATIONS_READ))]


class LicencesModel(Answer):
    """How many licences of each kind."""

    heat_water_gas: int
    all: int

    @classmethod
    def of(cls, found: Licences) -> "LicencesModel":
        """Return what there is."""
        return cls(heat_water_gas=found.heat_water_gas, all=found.all)


class PointLicenceModel(Answer):
    """Licences for metering points, from `starts_on` (included) to `ends_on` (not included)."""

    id: int
    kind: LicenceKind
    model: LicenceModel
    quantity: int
    starts_on: date
    ends_on: date | None


class AccountModel(Answer):
    """An account; it is for its organisation and those below that have none of their own."""

    organisation: OrganisationKey
    name: str
    customer: str | None = Field(description="**** without the right to see personal data.")
    state: AccountState
    licence: Licence
    datapoints: int
    datapoints_used: int
    datapoints_left: int
    sector: Sector
    rtc_lines: int
    mail_domain: str | None = Field(description="The domain that mails to its people leave from.")
    comment: str
    starts_on: date = Field(description="The first day of the newest term.")
    ends_on: date = Field(description="The day of expiry: the first one behind the term.")
    tier: Tier
    archived_at: Moment | None
    created_at: Moment


class AccountSheet(AccountModel):
    """An account with its licences for metering points."""

    metering_points: int
    licences_needed: LicencesModel = Field(description="For the tier Professional.")
    licences_held: LicencesModel
    licences: list[PointLicenceModel]


class _Wanted(Body):
    organisation: Annotated[str, Field(max_length=40)]


class WantedAccount(_Wanted):
    """A new account."""

    kind: Literal["new"]
    name: Annotated[str, Field(max_length=200)]
    customer: Annotated[str, Field(max_length=200)]
    licence: Licence
    datapoints: int = LEAST_DATAPOINTS
    months: int = DEFAULT_MONTHS
    sector: Sector = Sector.CHARGING
    rtc_lines: int = Field(default=0, description="In Spain only.")
    mail_domain: Annotated[str, Field(max_length=253)] | None = None
    comment: Annotated[str, Field(max_length=2000)] = ""


class WantedDatapoints(_Wanted):
    """More datapoints, or fewer: not below 20, nor below those in use."""

    kind: Literal["datapoints"]
    datapoints: int


class WantedLicence(_Wanted):
    """Another licence."""

    kind: Literal["licence"]
    licence: Licence


class WantedRenewal(_Wanted):
    """A further term: it follows the old one, or begins with its approval after the end."""

    kind: Literal["renewal"]
    months: int = DEFAULT_MONTHS


class WantedPointLicences(_Wanted):
    """Licences for metering points: monthly ones for all, multi-year ones of either kind."""

    kind: Literal["point_licences"]
    licence_kind: LicenceKind = LicenceKind.ALL
    model: LicenceModel
    quantity: int
    months: int | None = Field(default=None, description="The term of multi-year ones: 36.")


NewApplication = Annotated[
    WantedAccount | WantedDatapoints | WantedLicence | WantedRenewal | WantedPointLicences,
    Field(
        discriminator="kind",
        examples=[
            {
                "organisation": "stadtwerke-nord",
                "kind": "new",
                "name": "Stadtwerke Nord",
                "customer": "Stadtwerke Nord GmbH",
                "licence": "business",
                "datapoints": 60,
                "months": 12,
            }
        ],
    ),
]


class ApplicationModel(Answer):
    """What somebody applied for; `wanted` depends on its kind."""

    id: int
    organisation: OrganisationKey
    kind: Kind
    state: State
    wanted: dict[str, Any]
    applicant: str
    applied_at: Moment
    decided_by: str | None
    decided_at: Moment | None
    reason: str | None


class Rejection(Body):
    """Why an application is rejected."""

    model_config = ConfigDict(json_schema_extra={"example": {"reason": "The contract is missing."}})

    reason: Annotated[str, Field(max_length=2000)]


# ---------------------------------------------------------------------------- accounts


@router.get("/accounts", summary="List accounts")
async def list_accounts(
    db: Db,
    now: Now,
    caller: Reader,
    state: Annotated[AccountState | None, Query(description="Only those that stand so.")] = None,
) -> Page[AccountModel]:
    """By name, with datapoints used and left as they were counted last."""
    found = await licensing.accounts(db, caller.scope)
    return Page(
        items=[
            AccountModel(**_facts(caller, each, now))
            for each in found
            if state is None or each.state(now) is state
        ]
    )


@router.get("/accounts/{key:segment}", summary="Get an account")
async def get_account(db: Db, now: Now, context: Context, caller: Reader, key: str) -> AccountSheet:
    """With its metering points counted now, and the licences for them."""
    return await _sheet(db, now, context, caller, key)


async def _sheet(db: Db, now: Now, context: Context, caller: Caller, key: str) -> AccountSheet:
    seen = await accounts.seen_account(db, context, caller, key, now=now)
    facts = _facts(caller, seen.account, now)
    facts |= {
        "datapoints_used": seen.metered.datapoints,
        "datapoints_left": max(0, seen.account.datapoints - seen.metered.datapoints),
    }
    return AccountSheet(
        **facts,
        metering_points=len(seen.metered.points),
        licences_needed=LicencesModel.of(needed(seen.metered.points)),
        licences_held=LicencesModel.of(seen.metered.licences),
        licences=[
            PointLicenceModel(
                id=each.id,
                kind=each.kind,
                model=each.model,
                quantity=each.quantity,
                starts_on=each.starts_on,
                ends_on=each.ends_on,
            )
            for each in seen.licences
        ],
    )


@router.post("/accounts/{key:segment}/archive", summary="Archive an account")
async def archive_account(
    db: Db, now: Now, context: Context, caller: Decider, key: str
) -> AccountModel:
    """Only when its grace time is over. Its data stays, and charging goes on."""
    made = await accounts.archive(db, context, caller, key, now=now)
    return AccountModel(**_facts(caller, made, now))


@router.delete("/accounts/{key:segment}/licences/{licence_id}", summary="End monthly licences")
async def end_licences(
    db: Db,
    now: Now,
    context: Context,
    caller: Applicant,
    key: str,
    licence_id: str,
    agree: Annotated[bool, Query(description="Although functions stop.")] = False,
) -> AccountSheet:
    """From today on. If the tier drops by it, the refusal lists what would stop; agree to it."""
    number = number_in_path(licence_id, "licence")
    await accounts.end_licences(db, context, caller, key, number, agrees=agree, now=now)
    return await _sheet(db, now, context, caller, key)


# ---------------------------------------------------------------------------- applications


@router.get("/account-applications", summary="List applications")
async def list_applications(
    db: Db,
    caller: Reader,
    state: State | None = None,
    organisation: Annotated[str | None, Query(max_length=40)] = None,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Page[ApplicationModel]:
    """The newest first."""
    after = paging.decoded(cursor, int)
    found = await licensing.applications(
        db,
        caller.scope,
        state=state,
        organisation_key=organisation,
        before=after[0] if after else None,
        limit=limit + 1,
    )
    return paging.page(
        found, limit, shown=lambda each: _application(caller, each), key=lambda each: (each.id,)
    )


@router.post("/account-applications", status_code=201, summary="Apply for something")
async def apply_for_account(
    db: Db, now: Now, context: Context, caller: Applicant, body: NewApplication
) -> ApplicationModel:
    """Nothing changes until somebody of Customer Success approves it who is not the applicant."""
    made = await accounts.apply(db, context, caller, body.organisation, _wanted(body), now=now)
    return _application(caller, made)


@router.get("/account-applications/{number}", summary="Get an application")
async def get_application(db: Db, caller: Reader, number: str) -> ApplicationModel:
    """With what was decided."""
    found = await accounts.seen_application(db, caller, number_in_path(number, "application"))
    return _application(caller, found)


@router.post("/account-applications/{number}/approve", summary="Approve an application")
async def approve_application(
    db: Db, now: Now, context: Context, caller: Decider, number: str
) -> ApplicationModel:
    """It takes effect at once, and is charged. The applicant cannot do it himself."""
    made = await accounts.approve(
        db, context, caller, number_in_path(number, "application"), now=now
    )
    return _application(caller, made)


@router.post("/account-applications/{number}/reject", summary="Reject an application")
async def reject_application(
    db: Db, now: Now, caller: Decider, number: str, body: Rejection
) -> ApplicationModel:
    """With the reason. The applicant cannot do it himself; he withdraws it."""
    made = await accounts.reject(
        db, caller, number_in_path(number, "application"), body.reason, now=now
    )
    return _application(caller, made)


@router.post("/account-applications/{number}/withdraw", summary="Withdraw an application")
async def withdraw_application(
    db: Db, now: Now, caller: Applicant, number: str
) -> ApplicationModel:
    """While it is pending."""
    made = await accounts.withdraw(db, caller, number_in_path(number, "application"), now=now)
    return _application(caller, made)


def _wanted(
    body: WantedAccount | WantedDatapoints | WantedLicence | WantedRenewal | WantedPointLicences,
) -> Wanted:
    match body:
        case WantedAccount():
            return NewAccount(
                body.name,
                body.customer,
                body.licence,
                body.datapoints,
                body.months,
                body.sector,
                body.rtc_lines,
                body.mail_domain,
                body.comment,
            )
        case WantedDatapoints():
            return OtherDatapoints(body.datapoints)
        case WantedLicence():
            return OtherLicence(body.licence)
        case WantedRenewal():
            return Renewal(body.months)
        case WantedPointLicences():
            return PointLicences(body.licence_kind, body.model, body.quantity, body.months)


def _application(caller: Caller, made: Application) -> ApplicationModel:
    wanted = as_json(made.wanted)
    if "customer" in wanted:
        wanted["customer"] = caller.personal(wanted["customer"])
    return ApplicationModel(
        id=made.id,
        organisation=made.organisation,
        kind=made.kind,
        state=made.state,
        wanted=wanted,
        applicant=made.applicant,
        applied_at=made.applied_at,
        decided_by=made.decided_by,
        decided_at=made.decided_at,
        reason=made.reason,
    )


def _facts(caller: Caller, account: Account, now: datetime) -> dict[str, Any]:
    return {
        "organisation": account.organisation,
        "name": account.name,
        "customer": caller.personal(account.customer),
        "state": account.state(now),
        "licence": account.licence,
        "datapoints": account.datapoints,
        "datapoints_used": account.datapoints_used,
        "datapoints_left": account.datapoints_left,
        "sector": account.sector,
        "rtc_lines": account.rtc_lines,
        "mail_domain": account.mail_domain,
        "comment": account.comment,
        "starts_on": account.term.starts_on,
        "ends_on": account.term.ends_on,
        "tier": account.tier,
        "archived_at": account.archived_at,
        "created_at": account.created_at,
    }
