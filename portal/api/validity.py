"""Valid or not: the plausibility monitor with its settings, signed values, corrections by hand."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response
from pydantic import ConfigDict, Field

from accounts.permissions import Permission
from billing import validity
from billing.plausibility import DEFAULT_LIMITS, Check, Finding, HoldReason, Limits
from billing.validity import Settings
from csms import charging, meters
from csms.correcting import Corrected
from csms.meters import SignedStatus, Trouble
from foundation.identifiers import OrganisationKey
from portal import paging
from portal.api.models import Answer, Body, Moment, MoneyModel, Quantity
from portal.decimals import Bounded
from portal.guard import Caller, require
from portal.pages import findings
from portal.paging import Page
from portal.routes import ApiRoute, Context, Db, Now
from portal.validity_doors import corrected, number_of, set_limits, transparency_file
from portal.words import words

router = APIRouter(tags=["transactions"], route_class=ApiRoute)

Reader = Annotated[Caller, Depends(require(Permission.TRANSACTIONS_READ))]
Decider = Annotated[Caller, Depends(require(Permission.TRANSACTIONS_DECIDE))]


# ------------------------------------------------------------------------------- the monitor


class FindingModel(Answer):
    """Why a transaction is held, with its evidence."""

    reason: HoldReason
    sentence: str = Field(description="The evidence in words; empty where the reason says it all.")
    facts: dict[str, Any] = Field(description="Numbers as texts, in Wh, W and s.")


class SuspectModel(Answer):
    """A transaction in the plausibility monitor."""

    transaction_id: str
    organisation: OrganisationKey
    station: str
    evse_id: int
    started_at: Moment
    ended_at: Moment
    energy_wh: Quantity
    net_amount: MoneyModel
    held_at: Moment
    findings: list[FindingModel]
    decided_by: str | None = Field(description="Who set it invalid; null while it waits.")
    decided_why: str | None


def finding_model(finding: Finding, caller: Caller) -> FindingModel:
    """Return a finding as far as it is the caller's to see."""
    return FindingModel(
        reason=finding.reason,
        sentence=findings.evidence(finding, caller, words("en")),
        facts=findings.shown_facts(finding, caller),
    )


@router.get("/plausibility", summary="List what the plausibility monitor holds")
async def list_suspects(
    db: Db,
    caller: Reader,
    reason: HoldReason | None = None,
    invalid: Annotated[
        bool, Query(description="Those that somebody set invalid, instead of those that wait.")
    ] = False,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Page[SuspectModel]:
    """By number. Release or void them by `/transactions/{transaction_id}`."""
    place = paging.decoded(cursor, int)
    found = await validity.suspects(
        db,
        caller.scope,
        reason=reason,
        invalid=invalid,
        after=0 if place is None else place[0],
        limit=limit + 1,
    )
    kept = found[:limit]
    return Page(
        items=[
            SuspectModel(
                transaction_id=str(each.transaction_id),
                organisation=each.payee,
                station=each.station,
                evse_id=each.evse_id,
                started_at=each.started_at,
                ended_at=each.ended_at,
                energy_wh=each.energy_wh,
                net_amount=MoneyModel.of(each.net),
                held_at=each.held_at,
                findings=[finding_model(finding, caller) for finding in each.findings],
                decided_by=each.decided_by,
                decided_why=each.decided_why,
            )
            for each in kept
        ],
        next=paging.encoded(kept[-1].transaction_id) if len(found) > limit else None,
    )


# ---------------------------------------------------------------------------------- settings


class LimitsBody(Body):
    """What the monitor is set to; what is left out is as shipped."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "checks": ["times", "meter", "power", "overlap", "two_places", "duration"],
                "max_duration_min": 720,
                "ghost_min": 15,
            }
        }
    )

    checks: list[Check] = Field(
        default_factory=lambda: sorted(DEFAULT_LIMITS.checks), description="Those that are on."
    )
    max_duration_min: int = DEFAULT_LIMITS.max_duration_min
    max_energy_wh: Bounded = DEFAULT_LIMITS.max_energy_wh
    max_rise_wh: Bounded = DEFAULT_LIMITS.max_rise_wh
    tolerance: Bounded = Field(
        default=DEFAULT_LIMITS.tolerance, description="Share of the possible energy on top."
    )
    slack_wh: Bounded = DEFAULT_LIMITS.slack_wh
    unknown_max_power_w: Bounded = DEFAULT_LIMITS.unknown_max_power_w
    overlap_s: int = DEFAULT_LIMITS.overlap_s
    ghost_min: int | None = Field(
        default=DEFAULT_LIMITS.ghost_min,
        description="After so many minutes without energy nothing is charged; null: never.",
    )
    ghost_wh: Bounded = DEFAULT_LIMITS.ghost_wh

    def limits(self) -> Limits:
        """Return the settings."""
        return Limits(**(self.model_dump() | {"checks": frozenset(self.checks)}))


class SettingsModel(Answer):
    """What the monitor of an organisation is set to."""

    organisation: OrganisationKey
    inherited_from: OrganisationKey | None = Field(
        description="Whose settings these are; null: as shipped."
    )
    checks: list[Check]
    max_duration_min: int
    max_energy_wh: Quantity
    max_rise_wh: Quantity
    tolerance: Quantity
    slack_wh: Quantity
    unknown_max_power_w: Quantity
    overlap_s: int
    ghost_min: int | None
    ghost_wh: Quantity


@router.get("/plausibility/settings/{key}", summary="Get the plausibility monitor's settings")
async def get_settings(db: Db, caller: Reader, key: str) -> SettingsModel:
    """Those of the organisation, or of the next one above it that has any."""
    organisation = _seen(caller, key)
    return _settings(organisation, await validity.settings(db, organisation))


@router.put("/plausibility/settings/{key}", summary="Set the plausibility monitor")
async def put_settings(
    db: Db, now: Now, caller: Decider, key: str, body: LimitsBody
) -> SettingsModel:
    """For the organisation and those below it that have none of their own."""
    return await _set(db, now, caller, key, body.limits())


@router.delete(
    "/plausibility/settings/{key}", summary="Take the plausibility monitor's settings back"
)
async def delete_settings(db: Db, now: Now, caller: Decider, key: str) -> SettingsModel:
    """It is then set as the next organisation above has it."""
    return await _set(db, now, caller, key, None)


def _seen(caller: Caller, key: str) -> OrganisationKey:
    caller.must_see(OrganisationKey(key), "organisation", key)
    return OrganisationKey(key)


async def _set(db: Db, now: Now, caller: Caller, key: str, limits: Limits | None) -> SettingsModel:
    organisation = _seen(caller, key)
    await set_limits(db, now, caller, organisation, limits)
    return _settings(organisation, await validity.settings(db, organisation))


def _settings(organisation: OrganisationKey, found: Settings) -> SettingsModel:
    plain = validity.as_json(found.limits)
    return SettingsModel(organisation=organisation, inherited_from=found.inherited_from, **plain)


# ------------------------------------------------------------------------------ signed values


class SignedValueModel(Answer):
    """A value that the meter signed."""

    position: int
    context: str
    format: str
    status: SignedStatus
    reason: Trouble | None
    original: str | None = Field(
        description="Byte by byte as the station sent it; null for whoever may not see the"
        " driver's data in it."
    )
    public_key: str | None = Field(description="The registered key that it was checked with.")
    offered_key: str | None = Field(description="What the station sent; it proves nothing.")


class SignedValuesModel(Answer):
    """What the meter signed of a transaction."""

    status: SignedStatus | None = Field(
        description="Of the whole transaction; null where that is not checked."
    )
    reason: Trouble | None
    begin_wh: Quantity | None
    end_wh: Quantity | None
    values: list[SignedValueModel]


@router.get("/transactions/{transaction_id}/signed-values.xml", summary="Export signed values")
async def export_signed_values(db: Db, caller: Reader, transaction_id: str) -> Response:
    """The file that the transparency software reads: a driver checks his bill with it."""
    found = await charging.transaction(db, caller.scope, number_of(transaction_id))
    return await transparency_file(db, caller, found)


@router.get("/transactions/{transaction_id}/signed-values", summary="Get signed values")
async def get_signed_values(db: Db, caller: Reader, transaction_id: str) -> SignedValuesModel:
    """Empty where the meter signed nothing, and while the transaction runs."""
    found = await charging.transaction(db, caller.scope, number_of(transaction_id))
    signed = await meters.signed(db, found.transaction_id)
    with_original = caller.may(Permission.CRM_READ) and caller.scope.covers(found.owner)
    limits = (await validity.settings(db, found.owner)).limits
    as_a_whole = signed is not None and validity.is_signature_checked(limits)
    return SignedValuesModel(
        status=signed.status if signed is not None and as_a_whole else None,
        reason=signed.trouble if signed is not None and as_a_whole else None,
        begin_wh=None if signed is None else signed.begin_wh,
        end_wh=None if signed is None else signed.end_wh,
        values=[]
        if signed is None
        else [
            SignedValueModel(
                position=each.position,
                context=each.context,
                format=each.format,
                status=each.status,
                reason=each.trouble,
                original=each.original.decode("utf-8", "replace") if with_original else None,
                public_key=each.public_key,
                offered_key=each.offered_key,
            )
            for each in signed.values
        ],
    )


# -------------------------------------------------------------------------------- corrections


class CorrectionBody(Body):
    """What shall count instead of what was reported; what is left out stays."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "ended_at": "2026-10-15T13:30:00Z",
                "energy_wh": 11250,
                "reason": "Read at the meter; the station lost the end",
                "dry_run": True,
            }
        }
    )

    started_at: Moment | None = None
    ended_at: Moment | None = None
    energy_wh: Bounded | None = None
    reason: Annotated[str, Field(min_length=1, max_length=1000)]
    dry_run: bool = Field(default=False, description="Show the difference, and book nothing.")


class RecalculatedModel(Answer):
    """What a transaction comes to; amounts are null where it was never rated."""

    started_at: Moment
    ended_at: Moment
    energy_wh: Quantity
    net_amount: MoneyModel | None
    gross_amount: MoneyModel | None


class CorrectionModel(Answer):
    """A correction with its difference; it is booked once `dry_run` is false."""

    transaction_id: str
    dry_run: bool
    before: RecalculatedModel | None
    after: RecalculatedModel
    net_difference: MoneyModel | None
    gross_difference: MoneyModel | None
    findings: list[FindingModel] = Field(description="What would hold it after the correction.")


@router.post("/transactions/{transaction_id}/corrections", summary="Correct a transaction")
async def correct_transaction(
    db: Db,
    now: Now,
    context: Context,
    caller: Decider,
    transaction_id: str,
    body: CorrectionBody,
) -> CorrectionModel:
    """Times and energy by hand, with a reason.

    What the station reported is kept. The earlier price is booked back and the new one booked; if
    a statement or an invoice has it already, the next one shows both.
    """
    number = number_of(transaction_id)
    found = await charging.transaction(db, caller.scope, number)
    wanted = Corrected(started_at=body.started_at, ended_at=body.ended_at, energy_wh=body.energy_wh)
    made, shown = await corrected(
        db,
        context,
        caller,
        found,
        wanted,
        reason=body.reason,
        now=now,
        dry_run=body.dry_run,
    )
    before = None
    if made.before is not None:
        before = RecalculatedModel(
            started_at=made.before.started_at,
            ended_at=made.before.ended_at,
            energy_wh=made.before.energy_wh,
            net_amount=None if shown.now is None else MoneyModel.of(shown.now.net),
            gross_amount=None if shown.now is None else MoneyModel.of(shown.now.gross),
        )
    return CorrectionModel(
        transaction_id=str(number),
        dry_run=body.dry_run,
        before=before,
        after=RecalculatedModel(
            started_at=made.after.started_at,
            ended_at=made.after.ended_at,
            energy_wh=made.after.energy_wh,
            net_amount=MoneyModel.of(shown.rating.net),
            gross_amount=MoneyModel.of(shown.rating.gross),
        ),
        net_difference=None
        if shown.net_difference is None
        else MoneyModel.of(shown.net_difference),
        gross_difference=None
        if shown.gross_difference is None
        else MoneyModel.of(shown.gross_difference),
        findings=[finding_model(each, caller) for each in shown.findings],
    )
