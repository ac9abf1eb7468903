"""The plausibility monitor, its settings, and the correction of a session by hand."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Form, Query
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from accounts import directory
from accounts.permissions import Permission
from billing import validity
from billing.plausibility import DEFAULT_LIMITS, Check, HoldReason, Limits
from billing.validity import NotTheIssuer
from csms import charging
from csms.charging import Transaction
from csms.correcting import Corrected
from foundation.database import savepoint
from foundation.errors import InvalidInput, NotFound
from foundation.identifiers import OrganisationKey
from portal import decimals
from portal.context import context_of
from portal.guard import Caller, require
from portal.pages import findings
from portal.pages.counts import forget_counts
from portal.pages.refusals import form_errors
from portal.pages.surroundings import frame_of, page, went
from portal.rendering import FormErrors, Turn, link
from portal.routes import Db, Now, PageRoute
from portal.validity_doors import corrected, number_of, set_limits, transparency_file
from portal.words import marked

router = APIRouter(route_class=PageRoute)

PER_PAGE = 50

Reader = Annotated[Caller, Depends(require(Permission.TRANSACTIONS_READ))]
Decider = Annotated[Caller, Depends(require(Permission.TRANSACTIONS_DECIDE))]
Text = Annotated[str, Form(max_length=40)]


# ------------------------------------------------------------------------------- the monitor


@router.get("/monitor")
async def monitor(
    request: Request,
    db: Db,
    caller: Reader,
    reason: Annotated[str, Query(max_length=40)] = "",
    after: Annotated[int, Query(ge=0, le=10**18)] = 0,
    n: Annotated[int, Query(ge=1, le=10**9)] = 1,
) -> Response:
    """List what waits for a person, or what somebody set invalid, with the evidence."""
    frame = await frame_of(request, db, caller)
    said = frame.words
    chosen = HoldReason(reason) if reason in {*HoldReason} else None
    invalid = reason == "invalid"
    found = await validity.suspects(
        db, caller.scope, reason=chosen, invalid=invalid, after=after, limit=PER_PAGE + 1
    )
    kept = found[:PER_PAGE]
    on = None
    if len(found) > PER_PAGE:
        query = {"reason": reason, "after": kept[-1].transaction_id, "n": n + len(kept)}
        on = link("/monitor", query)
    counts = await validity.reason_counts(db, caller.scope)
    values = {
        "rows": [
            {
                "suspect": each,
                "is_loose": each.decided_by is None
                and any(one.reason is HoldReason.MISSING_START for one in each.findings),
                "why": [
                    (
                        findings.reason_name(finding, said),
                        findings.evidence(finding, caller, said),
                    )
                    for finding in each.findings
                ],
            }
            for each in kept
        ],
        "turn": Turn(
            n, n + len(kept) - 1, None, link("/monitor", {"reason": reason}) if n > 1 else None, on
        ),
        "filters": [
            (each.value, findings.name_of(each, said), count, link("/monitor", {"reason": each}))
            for each, count in counts.items()
        ],
        "reason": reason if chosen or invalid else "",
        "may_decide": await _is_issuer(db, caller),
    }
    return page(frame, "monitor.html", values)


async def _is_issuer(db: AsyncSession, caller: Caller) -> bool:
    """Tell whether the caller may set sessions valid or invalid."""
    if not caller.may(Permission.TRANSACTIONS_DECIDE):
        return False
    try:
        await validity.must_be_issuer(db, caller.principal.organisation)
    except NotTheIssuer:
        return False
    return True


# ---------------------------------------------------------------------------------- settings

_NUMBERS: Mapping[str, tuple[str, str, Decimal]] = {
    "max_duration_min": (marked("Longest duration (min)"), "", Decimal(1)),
    "max_energy_wh": (marked("Most energy (kWh)"), "", Decimal(1000)),
    "max_rise_wh": (marked("Most that a register may rise (kWh)"), "", Decimal(1000)),
    "tolerance": (
        marked("Tolerance of the power (%)"),
        marked("How much more than its nominal power a connector may give."),
        Decimal("0.01"),
    ),
    "slack_wh": (
        marked("Slack of the energy (Wh)"),
        marked("For meters that count in steps and clocks that count in seconds."),
        Decimal(1),
    ),
    "unknown_max_power_w": (
        marked("Power where a connector's is not known (kW)"),
        "",
        Decimal(1000),
    ),
    "overlap_s": (marked("Overlap that is a matter of clocks (s)"), "", Decimal(1)),
    "ghost_min": (
        marked("Minutes without energy"),
        marked("After so long without energy nothing is charged. Empty: it is charged."),
        Decimal(1),
    ),
    "ghost_wh": (marked("Energy that counts as none (Wh)"), "", Decimal(1)),
}
"""The limits as a form has them: label, hint, and what one unit of the form is worth."""


@router.get("/monitor/settings")
async def settings(
    request: Request,
    db: Db,
    caller: Reader,
    organisation: Annotated[str, Query(max_length=40)] = "",
) -> Response:
    """Show what the monitor of an organisation is set to."""
    return await _show_settings(request, db, caller, organisation or _own(caller))


@router.post("/monitor/settings")
async def change_settings(request: Request, db: Db, now: Now, caller: Decider) -> Response:
    """Set the monitor of an organisation, or take its settings back."""
    form = await request.form()
    given = {name: str(form.get(name, "")).strip()[:20] for name in _NUMBERS}
    checks = {str(each) for each in form.getlist("check")}
    key = str(form.get("organisation", "")) or _own(caller)
    caller.must_see(OrganisationKey(key), "organisation", key)
    try:
        async with await savepoint(db):
            limits = None if form.get("inherit") else _limits(given, checks)
            await set_limits(db, now, caller, OrganisationKey(key), limits)
    except (InvalidInput, NotTheIssuer) as error:
        said = (await frame_of(request, db, caller)).words
        errors = form_errors(error, said, otherwise="max_duration_min")
        return await _show_settings(request, db, caller, key, errors, given, checks)
    return went("/monitor/settings", organisation=key, done="monitor-set")


def _own(caller: Caller) -> str:
    return str(caller.principal.organisation)


_MOST = 10**9
"""What is too much, and why less than nothing is, the rooms below say better."""


def _limits(given: Mapping[str, str], checks: set[str]) -> Limits:
    values: dict[str, Any] = {"checks": frozenset(Check(each) for each in checks & {*Check})}
    for name, (_, _, worth) in _NUMBERS.items():
        text = given[name]
        if name == "ghost_min" and not text:
            values[name] = None
            continue
        number = worth * decimals.written(
            text, name, least=-_MOST, most=_MOST, otherwise=f"{name} is no number."
        )
        is_whole = isinstance(getattr(DEFAULT_LIMITS, name), int)
        values[name] = int(number) if is_whole else number
    return Limits(**values)


async def _show_settings(
    request: Request,
    db: AsyncSession,
    caller: Caller,
    key: str,
    errors: FormErrors | None = None,
    given: Mapping[str, str] | None = None,
    checks: set[str] | None = None,
) -> Response:
    caller.must_see(OrganisationKey(key), "organisation", key)
    frame = await frame_of(request, db, caller)
    said = frame.words
    held = await validity.settings(db, OrganisationKey(key))
    on = {each.value for each in held.limits.checks} if checks is None else checks
    organisations = await directory.organisations(db, caller.scope)
    names = {each.key: each.name for each in await directory.organisations(db)}
    values = {
        "organisation": key,
        "organisations": [(each.key, each.name) for each in organisations],
        "is_own": held.is_own,
        "inherited": ""
        if held.inherited_from is None
        else names.get(held.inherited_from, held.inherited_from),
        "checks": [
            (check.value, said.gettext(name), said.gettext(what), check.value in on)
            for check, (name, what) in findings.CHECKS.items()
        ],
        "numbers": [
            (
                name,
                said.gettext(label),
                said.gettext(hint) if hint else "",
                _in_form(held.limits, name, worth) if given is None else given[name],
            )
            for name, (label, hint, worth) in _NUMBERS.items()
        ],
        "errors": errors or FormErrors(),
        "may_set": await _is_issuer(db, caller),
    }
    return page(frame, "monitor_settings.html", values, status=422 if errors else 200)


def _in_form(limits: Limits, name: str, worth: Decimal) -> str:
    value = getattr(limits, name)
    return "" if value is None else format((Decimal(value) / worth).normalize(), "f")


# -------------------------------------------------------------------------------- corrections


@router.get("/sessions/{number:segment}/correct")
async def correction(request: Request, db: Db, caller: Decider, number: str) -> Response:
    """Ask for the times and the energy of a session as they were."""
    found = await charging.transaction(db, caller.scope, number_of(number))
    return await _ask(request, db, caller, found, _given(found))


@router.post("/sessions/{number:segment}/correct")
async def correct(
    request: Request,
    db: Db,
    now: Now,
    caller: Decider,
    number: str,
    started: Text = "",
    ended: Text = "",
    energy: Text = "",
    reason: Annotated[str, Form(max_length=500)] = "",
    confirmed: Annotated[str, Form(max_length=3)] = "",
) -> Response:
    """Show the difference that a correction makes; once that is confirmed, book it."""
    found = await charging.transaction(db, caller.scope, number_of(number))
    given = {"started": started, "ended": ended, "energy": energy, "reason": reason.strip()}
    said = (await frame_of(request, db, caller)).words
    is_sure = confirmed == "yes"
    try:
        if not given["reason"]:
            raise InvalidInput("Say why.", field="reason")
        wanted = _wanted(found, given)
        async with await savepoint(db):
            made, shown = await corrected(
                db,
                context_of(request),
                caller,
                found,
                wanted,
                reason=given["reason"],
                now=now,
                dry_run=not is_sure,
            )
    except (InvalidInput, NotTheIssuer) as error:
        if isinstance(error, InvalidInput):
            field = {"started_at": "started", "ended_at": "ended", "energy_wh": "energy"}
            error.field = field.get(error.field or "", error.field)
        errors = form_errors(error, said, otherwise="reason")
        return await _ask(request, db, caller, found, given, errors)
    if is_sure:
        forget_counts(request)
        return went(f"/sessions/{found.transaction_id}", done="corrected")
    frame = await frame_of(request, db, caller)
    values = {
        "number": str(found.transaction_id),
        "zone": ZoneInfo(found.time_zone),
        "given": given,
        "before": made.before,
        "after": made.after,
        "now": shown.now,
        "rating": shown.rating,
        "net_difference": shown.net_difference,
        "gross_difference": shown.gross_difference,
        "why": [
            (findings.reason_name(each, said), findings.evidence(each, caller, said))
            for each in shown.findings
        ],
    }
    return page(frame, "correction_preview.html", values)


def _given(found: Transaction) -> dict[str, str]:
    zone = ZoneInfo(found.time_zone)
    return {
        "started": _local(found.started_at, zone),
        "ended": "" if found.ended_at is None else _local(found.ended_at, zone),
        "energy": "" if found.energy_wh is None else _kwh(found.energy_wh),
        "reason": "",
    }


def _local(at: datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).replace(tzinfo=None).isoformat(timespec="seconds")


def _kwh(energy_wh: Decimal) -> str:
    return format((energy_wh / 1000).normalize(), "f")


def _wanted(found: Transaction, given: Mapping[str, str]) -> Corrected:
    """Return what the form changes; what it leaves as it was is not corrected."""
    before = _given(found)
    zone = ZoneInfo(found.time_zone)
    changed = {name: given[name].strip() for name in before if given[name].strip() != before[name]}
    energy = None
    if text := changed.get("energy", ""):
        energy = 1000 * decimals.written(
            text, "energy_wh", least=-_MOST, most=_MOST, otherwise="The energy is no number."
        )
    return Corrected(
        started_at=_moment(changed.get("started", ""), zone, "started_at"),
        ended_at=_moment(changed.get("ended", ""), zone, "ended_at"),
        energy_wh=energy,
    )


def _moment(text: str, zone: ZoneInfo, field: str) -> datetime | None:
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput("This is no moment.", field=field) from None
    return at if at.tzinfo is not None else at.replace(tzinfo=zone)


async def _ask(
    request: Request,
    db: AsyncSession,
    caller: Caller,
    found: Transaction,
    given: Mapping[str, str],
    errors: FormErrors | None = None,
) -> Response:
    if not await _is_issuer(db, caller):
        raise NotFound("correction", str(found.transaction_id))
    frame = await frame_of(request, db, caller)
    values = {
        "number": str(found.transaction_id),
        "zone": found.time_zone,
        "given": given,
        "errors": errors or FormErrors(),
    }
    return page(frame, "correction.html", values, status=422 if errors else 200)


# ------------------------------------------------------------------------------ signed values


@router.get("/sessions/{number:segment}/signed-values.xml")
async def signed_values(db: Db, caller: Reader, number: str) -> Response:
    """Give the file for the transparency software."""
    found = await charging.transaction(db, caller.scope, number_of(number))
    return await transparency_file(db, caller, found)
