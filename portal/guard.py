"""Who asks, and may they: the one place where permissions and row scope are decided.

What somebody may not see does not exist for him: it is `NotFound`, exactly as a thing that is
not there. `NotPermitted` is only said of whole functions, never of single things.
"""

from collections.abc import Awaitable, Callable, Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import Depends, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request

from accounts import api_keys, audit, directory, licensing, sign_in
from accounts.audit import Actor, Door
from accounts.directory import Principal, Scope
from accounts.entitlements import Entitlement
from accounts.permissions import (
    RIGHTS,
    WHOLE_INSTALLATION,
    Permission,
    Reach,
    allows,
    is_no_wider,
)
from foundation.errors import NotFound, NotPermitted
from foundation.identifiers import OrganisationKey
from portal import logins
from portal.context import context_of
from portal.personal import MASK as MASK
from portal.problems import NotSignedIn, WrongApiKey


class PermissionMissing(NotPermitted):
    """The asker's group lacks this right; `permission` is the one."""

    def __init__(self, permission: Permission) -> None:
        self.permission = permission
        super().__init__(
            f"This needs the permission {permission.value!r} ({RIGHTS[permission].label})."
        )


class MoreThanOwnRights(NotPermitted):
    """Nobody gives rights that he lacks himself, nor takes on somebody who has more."""

    code = "more_than_own_rights"

    def __init__(self, missing: Sequence[Permission]) -> None:
        self.missing = tuple(missing)
        named = ", ".join(f"{each.value!r} ({RIGHTS[each].label})" for each in missing)
        super().__init__(
            f"You would need these permissions yourself: {named}."
            if missing
            else "You would need to see as much as that yourself."
        )


class SecondFactorDue(NotPermitted):
    """The asker's organisation demands a second factor of people with his rights."""

    code = "second_factor_due"

    def __init__(self) -> None:
        super().__init__("Your organisation demands a second factor. Set it up first.")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, through which door and from where, and how much exists for him."""

    principal: Principal
    scope: Scope
    door: Door = "api"
    address: str | None = None
    granted: Entitlement | None = None
    """What his organisation's account grants; None: nothing limits him."""
    left: frozenset[Permission] | None = None
    """What he may do while his portal use is not paid; None: all that he may."""

    @property
    def actor(self) -> Actor:
        """Who the audit names."""
        return Actor(self.principal.id, self.principal.name, self.door, self.address)

    def may(self, permission: Permission, *, ends_costs: bool = False) -> bool:
        """Tell whether the caller may use a function; for pages that show what one may do.

        What only ends costs neither an account nor what he owes keeps him from.
        """
        if self.principal.owes_second_factor:
            return False
        if self.left is not None and not ends_costs and permission not in self.left:
            return False
        granted = None if ends_costs else self.granted
        if granted is not None and granted.refusal(permission) is not None:
            return False
        return allows(self.principal.rights, permission, sees_all=self.scope.is_whole)

    def must_have(self, permission: Permission, *, ends_costs: bool = False) -> None:
        """Refuse who lacks the permission.

        Args:
            permission: Which.
            ends_costs: What is done only ends costs: it is not for his account to hinder that.

        Raises:
            PermissionMissing: If he does.
            SecondFactorDue: If he would have it with a second factor, which he has to set up.
            AccountExpired, TierTooLow: If he would have it but for his organisation's account.
        """
        if self.principal.owes_second_factor:
            raise SecondFactorDue
        if self.granted is not None and not ends_costs and permission in self.principal.rights:
            refusal = self.granted.refusal(permission)
            if refusal is not None:
                raise refusal
        if not self.may(permission, ends_costs=ends_costs):
            raise PermissionMissing(permission)

    def must_be_able_to_export(self) -> None:
        """Refuse exports to those whose account has expired; what is on a page stays readable.

        Raises:
            AccountExpired: If it has.
        """
        refusal = None if self.granted is None else self.granted.refusal_of_exports()
        if refusal is not None:
            raise refusal

    def must_see(self, owner: OrganisationKey | None, what: str, key: object) -> None:
        """Hide what belongs to an organisation outside the caller's scope.

        Raises:
            NotFound: As if the thing were not there.
        """
        if not self.scope.covers(owner):
            raise NotFound(what, key)

    def must_be_able_to_grant(self, rights: Set[Permission], reach: Reach) -> None:
        """Refuse whoever would hand out more than he has himself.

        Raises:
            MoreThanOwnRights: If he lacks one of the rights, or sees less than the reach shows.
        """
        own_reach = Reach.INSTALLATION if self.scope.is_whole else self.principal.reach
        held = frozenset(each for each in self.principal.rights if self.may(each))
        # What needs the whole installation lies dormant in a narrow reach: it may be passed on.
        held |= self.principal.rights & WHOLE_INSTALLATION
        if not is_no_wider(rights, reach, than=held, than_reach=own_reach):
            raise MoreThanOwnRights(sorted(rights - held))

    def personal(self, value: str | None, owner: OrganisationKey | None = None) -> str | None:
        """Return personal data, or **** for those who may not see it.

        Args:
            value: A name, a mail address, an id token.
            owner: Whose station's session it belongs to, if any: of a station that is only
                shared, drivers are never shown.
        """
        if not value:
            return value
        is_shown = self.may(Permission.CRM_READ) and (owner is None or self.scope.covers(owner))
        return value if is_shown else MASK

    async def note(
        self,
        db: AsyncSession,
        deed: str,
        subject: str,
        *,
        organisation: OrganisationKey | None,
        before: object = None,
        after: object = None,
        now: datetime,
    ) -> None:
        """Write into the audit what the caller did, in the unit of work of the deed."""
        await audit.record(
            db,
            self.actor,
            deed,
            subject,
            organisation=organisation,
            before=before,
            after=after,
            now=now,
        )

    def must_see_station(self, owner: OrganisationKey | None, station: str) -> None:
        """Hide a station that is neither of the caller's organisations nor shared with them.

        Raises:
            NotFound: As if the station were not there.
        """
        if not self.scope.covers_station(owner, station):
            raise NotFound("station", station)


_BEARER = HTTPBearer(
    auto_error=False, description="An API key, as `leitstand api-key create` prints it."
)


async def identify(request: Request, db: AsyncSession, now: datetime) -> Caller | None:
    """Find out who asks, by API key or by login; None if neither was sent.

    Raises:
        WrongApiKey: If an API key was sent that is not valid. (A login that is over is no error:
            the browser simply is not signed in.)
    """
    principal = await _principal(request, db, now)
    if principal is None:
        return None
    return await caller_of(
        db,
        principal,
        door="portal" if is_by_browser(request) else "api",
        address=None if request.client is None else request.client.host,
        now=now,
    )


async def caller_of(
    db: AsyncSession,
    principal: Principal,
    *,
    door: Door,
    address: str | None,
    now: datetime,
) -> Caller:
    """Return somebody who is known, with how much exists for him and what limits him.

    Raises:
        TierTooLow: As `granted_to` says.
    """
    granted = await granted_to(db, principal, now=now)
    return Caller(
        principal,
        await directory.scope_of(db, principal, now=now),
        door=door,
        address=address,
        granted=granted,
    )


async def granted_to(
    db: AsyncSession, principal: Principal, *, now: datetime
) -> Entitlement | None:
    """Return what the account of somebody's organisation grants now; None: nothing limits him.

    Raises:
        TierTooLow: If he is an API key in commercial use, and the account's tier has none.
    """
    granted = await licensing.entitlement_of(db, principal.organisation, now=now)
    if granted is not None and principal.is_commercial:
        refusal = granted.refusal_of_function("commercial")
        if refusal is not None:
            raise refusal
    return granted


async def _principal(request: Request, db: AsyncSession, now: datetime) -> Principal | None:
    header = request.headers.get("authorization")
    if header is not None:
        scheme, _, credentials = header.partition(" ")
        principal = None
        if scheme.lower() == "bearer":
            principal = await api_keys.principal_of(db, credentials.strip(), now=now)
        if principal is None:
            raise WrongApiKey
        return principal
    secret = logins.login_secret(request)
    if secret is None:
        return None
    idle_ends = timedelta(seconds=context_of(request).settings.login_idle_s)
    return await sign_in.principal_of(db, secret, now=now, idle_ends=idle_ends)


def is_by_browser(request: Request) -> bool:
    """Tell whether the request speaks by a cookie, which a browser sends by itself."""
    return "authorization" not in request.headers


def caller_or_none(request: Request) -> Caller | None:
    """Return who asks, as the route found out; None if nobody signed in."""
    caller = getattr(request.state, "caller", None)
    assert caller is None or isinstance(caller, Caller)
    return caller


async def signed_in(
    request: Request,
    _credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)] = None,
) -> Caller:
    """Return who asks: a dependency for what everybody may who is somebody.

    Raises:
        NotSignedIn: If nobody did.
    """
    caller = caller_or_none(request)
    if caller is None:
        raise NotSignedIn
    return caller


def require(
    permission: Permission, *, ends_costs: bool = False
) -> Callable[..., Awaitable[Caller]]:
    """Return a dependency that lets only those pass who have the permission.

    With `ends_costs` also those whose account has expired: of doors that end costs.

    Usage: `caller: Annotated[Caller, Depends(require(Permission.STATIONS_READ))]`.
    """

    async def permitted(caller: Annotated[Caller, Depends(signed_in)]) -> Caller:
        caller.must_have(permission, ends_costs=ends_costs)
        return caller

    return permitted
