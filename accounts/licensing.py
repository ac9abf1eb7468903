"""Accounts: applied for, approved, changed, renewed, archived; and what each grants now.

The shell around `accounts.applications`, `accounts.periods` and `accounts.licence_costs`. What an
approval costs is told by an event: billing books it. Nobody here knows who may do what: the doors
ask for rights, and only that nobody decides about his own application is decided here.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Self

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import applications as rules
from accounts import checks, metering
from accounts.account_tables import (
    AccountApplicationRow,
    AccountRow,
)
from accounts.applications import (
    AlreadyApplied,
    Application,
    Kind,
    NewAccount,
    OtherLicence,
    ReasonMissing,
    Renewal,
    State,
    Wanted,
    kind_of,
)
from accounts.audit import Actor
from accounts.directory import WHOLE, Organisation, Scope, organisation
from accounts.entitlements import AccountState, Entitlement
from accounts.licences import Licence, LicenceFull, most_stations
from accounts.metering import Metered, MeteringPoints, locked_account, metered
from accounts.periods import Term, begins_at, today
from accounts.tables import ApiKeyRow, OrganisationRow
from accounts.tiers import Tier
from foundation.errors import Conflict, InvalidInput, NotFound
from foundation.identifiers import OrganisationKey
from foundation.statements import tuples


class AccountExists(Conflict):
    """The organisation has an account that is not archived."""

    code = "account_exists"

    def __init__(self, key: str) -> None:
        super().__init__(f"The organisation {key!r} has an account. Change or renew that one.")


class OperatorsOwn(InvalidInput):
    """The operator's own organisation has no account: nothing limits it."""

    code = "operators_own"

    def __init__(self) -> None:
        super().__init__("The operator's own organisation needs no account.", field="organisation")


class AccountOver(Conflict):
    """The account has expired; only its renewal is possible."""

    code = "account_over"

    def __init__(self) -> None:
        super().__init__("The account has expired. Renew it first.")


class GraceRuns(Conflict):
    """An account is archived only when its grace time is over."""

    code = "grace_runs"

    def __init__(self, until: date) -> None:
        self.until = until
        super().__init__(f"The account can be archived from {until.isoformat()} on.")


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """An account as it stands; `zone` (IANA) is its organisation's."""

    organisation: OrganisationKey
    name: str
    customer: str
    licence: Licence
    datapoints: int
    datapoints_used: int
    sector: str
    rtc_lines: int
    mail_domain: str | None
    comment: str
    term: Term
    zone: str
    tier: Tier
    counted_at: datetime
    archived_at: datetime | None
    created_at: datetime

    @property
    def datapoints_left(self) -> int:
        """How many are left; never negative."""
        return max(0, self.datapoints - self.datapoints_used)

    def state(self, now: datetime) -> AccountState:
        """Where the account stands at a moment."""
        if self.archived_at is not None:
            return AccountState.ARCHIVED
        over = now >= begins_at(self.term.ends_on, self.zone)
        return AccountState.EXPIRED if over else AccountState.ACTIVE

    @classmethod
    def of(cls, row: AccountRow, zone: str) -> Self:
        """Return what the row says."""
        return cls(
            organisation=OrganisationKey(row.organisation),
            name=row.name,
            customer=row.customer,
            licence=Licence(row.licence),
            datapoints=row.datapoints,
            datapoints_used=row.datapoints_used,
            sector=row.sector,
            rtc_lines=row.rtc_lines,
            mail_domain=row.mail_domain,
            comment=row.comment,
            term=Term(row.anchor_on, row.months, row.starts_on, row.ends_on),
            zone=zone,
            tier=Tier(row.tier),
            counted_at=row.counted_at,
            archived_at=row.archived_at,
            created_at=row.created_at,
        )


# ---------------------------------------------------------------------------- reading


async def accounts(db: AsyncSession, scope: Scope = WHOLE) -> list[Account]:
    """Return the accounts of a scope by name, archived ones included."""
    query = (
        select(AccountRow, OrganisationRow.time_zone)
        .join(OrganisationRow, OrganisationRow.key == AccountRow.organisation)
        .order_by(AccountRow.name, AccountRow.organisation)
        .execution_options(populate_existing=True)
    )
    if scope.organisations is not None:
        query = query.where(AccountRow.organisation.in_([*map(str, scope.organisations)]))
    return [Account.of(row, zone) for row, zone in await db.execute(query)]


async def account(db: AsyncSession, key: OrganisationKey) -> Account:
    """Return the account of an organisation, archived or not.

    Raises:
        NotFound: If it has none.
    """
    row = await db.get(AccountRow, key, populate_existing=True)
    if row is None:
        raise NotFound("account", key)
    return Account.of(row, await metering.zone_of(db, key))


_ENTITLEMENT = """
with recursive up as (
    select key, parent, 0 as depth from organisations where key = %b::text
    union all
    select o.key, o.parent, up.depth + 1 from organisations o join up on o.key = up.parent
)
select a.organisation, a.licence, a.tier, a.ends_on, a.archived_at is not null, o.time_zone
from up
join accounts a on a.organisation = up.key
join organisations o on o.key = a.organisation
order by up.depth limit 1
"""


async def entitlement_of(
    db: AsyncSession, key: OrganisationKey, *, now: datetime
) -> Entitlement | None:
    """Return what an organisation's account grants now: its own, or the nearest above it.

    None if there is none: the operator's own organisations are not limited.
    """
    found = await tuples(db, _ENTITLEMENT, [key])
    if not found:
        return None
    owner, licence, tier, ends_on, is_archived, zone = found[0]
    return Entitlement(
        OrganisationKey(owner),
        Licence(licence),
        Tier(tier),
        ends_on,
        begins_at(ends_on, zone),
        bool(is_archived),
        now,
    )


async def applications(
    db: AsyncSession,
    scope: Scope = WHOLE,
    *,
    state: State | None = None,
    organisation_key: str | None = None,
    before: int | None = None,
    limit: int = 100,
) -> list[Application]:
    """Return applications, the newest first, those below the number `before` if one is given."""
    query = select(AccountApplicationRow).order_by(AccountApplicationRow.id.desc()).limit(limit)
    if scope.organisations is not None:
        query = query.where(
            AccountApplicationRow.organisation.in_([*map(str, scope.organisations)])
        )
    if state is not None:
        query = query.where(AccountApplicationRow.state == state.value)
    if organisation_key is not None:
        query = query.where(AccountApplicationRow.organisation == organisation_key)
    if before is not None:
        query = query.where(AccountApplicationRow.id < before)
    return [application_of(row) for row in await db.scalars(query)]


async def application(db: AsyncSession, number: int) -> Application:
    """Return one application.

    Raises:
        NotFound: If there is none with this number.
    """
    return application_of(await _row(db, number))


async def _row(db: AsyncSession, number: int, *, locked: bool = False) -> AccountApplicationRow:
    row = await db.get(
        AccountApplicationRow, number, with_for_update=locked, populate_existing=True
    )
    if row is None:
        raise NotFound("application", number)
    return row


def application_of(row: AccountApplicationRow) -> Application:
    """Return what the row says."""
    return Application(
        id=row.id,
        organisation=OrganisationKey(row.organisation),
        wanted=rules.from_json(Kind(row.kind), row.wanted),
        state=State(row.state),
        applicant=row.applicant,
        applicant_name=row.applicant_name,
        applied_at=row.applied_at,
        decided_by=row.decided_by,
        decided_by_name=row.decided_by_name,
        decided_at=row.decided_at,
        reason=row.reason,
    )


# ---------------------------------------------------------------------------- applying


async def apply(
    db: AsyncSession,
    source: MeteringPoints,
    key: OrganisationKey,
    wanted: Wanted,
    *,
    by: Actor,
    now: datetime,
) -> Application:
    """Apply for something; nothing changes until somebody else approves it.

    Raises:
        InvalidInput: If it cannot be had; `field` names what is wrong.
        AccountExists, NotFound, AccountOver: If there is an account already, or none to change.
        AlreadyApplied: If one of this kind is pending.
    """
    home = await organisation(db, key)
    wanted = await checked(db, source, home, wanted, now)
    kind = kind_of(wanted)
    number = await db.scalar(
        insert(AccountApplicationRow)
        .values(
            organisation=key,
            kind=kind.value,
            state=State.PENDING.value,
            wanted=rules.as_json(wanted),
            applicant=by.id,
            applicant_name=by.name,
            applied_at=now,
        )
        .on_conflict_do_nothing(
            index_elements=["organisation", "kind"],
            index_where=AccountApplicationRow.state == State.PENDING.value,
        )
        .returning(AccountApplicationRow.id)
    )
    if number is None:
        raise AlreadyApplied(kind)
    return await application(db, number)


async def checked(
    db: AsyncSession, source: MeteringPoints, home: Organisation, wanted: Wanted, now: datetime
) -> Wanted:
    """Return what is wanted in the form we keep, held against the account as it is now."""
    if home.parent is None:
        raise OperatorsOwn
    row = await db.get(AccountRow, home.key, populate_existing=True)
    on = today(now, home.time_zone)
    if isinstance(wanted, NewAccount):
        if row is not None and row.archived_at is None:
            raise AccountExists(home.key)
    else:
        if row is None or row.archived_at is not None:
            raise NotFound("account", home.key)
        if row.ends_on <= on and not isinstance(wanted, Renewal):
            raise AccountOver
    found = await metered(db, source, home.key, on=on)
    if isinstance(wanted, NewAccount | OtherLicence):
        checks.licence_fits(wanted.licence.value, home.tax_status)
        _must_hold(wanted.licence, found)
    return rules.checked(wanted, country=home.country, used=found.datapoints)


def _must_hold(licence: Licence, found: Metered) -> None:
    most = most_stations(licence)
    stations = {each.key.rsplit("/", 2)[0] for each in found.points}
    if most is not None and len(stations) > most:
        raise LicenceFull(licence, most)


# ---------------------------------------------------------------------------- deciding


async def names_behind(db: AsyncSession, actor_id: str) -> frozenset[str]:
    """Return somebody's names: of an API key also who made it, and who made that one."""
    names = {actor_id}
    kind, _, number = actor_id.partition("/")
    while kind == "api_key" and number.isdecimal():
        maker = await db.scalar(select(ApiKeyRow.created_by).where(ApiKeyRow.id == int(number)))
        if maker is None or maker in names:
            break
        names.add(maker)
        kind, _, number = maker.partition("/")
    return frozenset(names)


async def decidable(
    db: AsyncSession, number: int, by: Actor
) -> tuple[AccountApplicationRow, Application]:
    """Return an application, locked, that somebody may decide about.

    Raises:
        NotFound, ApplicationDecided, OwnApplication: If he may not.
    """
    row = await _row(db, number, locked=True)
    asked = application_of(row)
    asked.must_be_decidable_by(
        await names_behind(db, by.id), await names_behind(db, asked.applicant)
    )
    return row, asked


def decide(
    row: AccountApplicationRow, state: State, by: Actor, now: datetime, reason: str | None = None
) -> None:
    """Write down what was decided."""
    row.state, row.reason = state.value, reason
    row.decided_by, row.decided_by_name, row.decided_at = by.id, by.name, now


async def reject(
    db: AsyncSession, number: int, reason: str, *, by: Actor, now: datetime
) -> Application:
    """Reject an application, with the reason.

    Raises:
        NotFound, ApplicationDecided, OwnApplication: If he cannot decide about it.
        ReasonMissing: If there is no reason.
    """
    row, _ = await decidable(db, number, by)
    if not reason.strip():
        raise ReasonMissing
    decide(row, State.REJECTED, by, now, reason.strip()[:2000])
    await db.flush()
    return application_of(row)


async def withdraw(db: AsyncSession, number: int, *, by: Actor, now: datetime) -> Application:
    """Take an application back.

    Raises:
        NotFound: If there is none with this number.
        ApplicationDecided: If it was decided meanwhile.
    """
    row = await _row(db, number, locked=True)
    application_of(row).must_be_pending()
    decide(row, State.WITHDRAWN, by, now)
    await db.flush()
    return application_of(row)


# ---------------------------------------------------------------------------- the end


async def archive(
    db: AsyncSession, key: OrganisationKey, *, grace_days: int, now: datetime
) -> Account:
    """Archive an account whose grace time is over; its data stays.

    Raises:
        NotFound: If there is none, or it is archived.
        GraceRuns: If it has not expired for so long.
    """
    row = await locked_account(db, key)
    if row.archived_at is not None:
        raise NotFound("account", key)
    zone = await metering.zone_of(db, key)
    until = row.ends_on + timedelta(days=grace_days)
    if today(now, zone) < until:
        raise GraceRuns(until)
    row.archived_at = now
    await db.flush()
    return Account.of(row, zone)
