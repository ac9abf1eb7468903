"""What people do to people, groups, keys and shares, for API and pages alike.

Each function asks whether the caller may do this to just this thing, does it, and writes it into
the audit. Nobody hands out a right that he lacks, nor changes somebody who has more than he.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from accounts import api_keys, audit, directory, groups, letters, second_factor, shares, sign_in
from accounts.api_keys import ApiKey
from accounts.directory import LastAdministrator, Person, PersonFacts
from accounts.groups import Group
from accounts.permissions import SHIPPED, SHIPPED_REACH, Permission, Reach, Role
from accounts.shares import Share
from foundation.errors import InvalidInput, NotFound, NotPermitted
from foundation.identifiers import OrganisationKey, StationId
from portal.context import PortalContext
from portal.guard import Caller

# ---------------------------------------------------------------------------- people


def _person(person: Person) -> dict[str, Any]:
    return {
        "user_name": person.user_name,
        "name": person.name,
        "email": person.email,
        "group": person.group.key,
        "group_id": person.group.id,
        "organisation": person.organisation,
        "language": person.language,
        "active": person.active,
    }


async def seen_person(db: AsyncSession, caller: Caller, person_id: int) -> Person:
    """Return a person of the caller's scope.

    Raises:
        NotFound: If there is none, or he is not the caller's to see.
    """
    person = await directory.person(db, person_id)
    caller.must_see(person.organisation, "user", person_id)
    return person


async def _manageable(db: AsyncSession, caller: Caller, person_id: int) -> Person:
    person = await seen_person(db, caller, person_id)
    if person.id != caller.principal.person_id:
        caller.must_be_able_to_grant(person.group.rights, person.group.reach)
    return person


async def _check_wanted(db: AsyncSession, caller: Caller, facts: PersonFacts) -> None:
    if "organisation" in facts:
        must_see_organisation(caller, facts["organisation"])
    group: Group | None = None
    if "group_id" in facts:
        try:
            group = await seen_group(db, caller, facts["group_id"])
        except NotFound as error:
            raise InvalidInput(str(error), field="group_id") from None
    elif "roles" in facts:
        group = await groups.shipped(db, facts["roles"])
    if group is not None:
        caller.must_be_able_to_grant(group.rights, group.reach)


def must_see_organisation(caller: Caller, key: str, *, field: str = "organisation") -> None:
    """Refuse an organisation outside the caller's scope, as if there were none.

    Raises:
        InvalidInput: If it is outside.
    """
    if not caller.scope.covers(OrganisationKey(key)):
        raise InvalidInput(f"There is no organisation {key!r}.", field=field)


async def create_person(
    db: AsyncSession,
    context: PortalContext,
    caller: Caller,
    user_name: str,
    facts: PersonFacts,
    *,
    password_hash: str | None,
    invite: bool,
    now: datetime,
) -> Person:
    """Create a person, in the caller's organisation unless said otherwise.

    Args:
        db: The request's unit of work.
        context: What the portal has.
        caller: Who asks; he has Permission.USERS_WRITE.
        user_name: Unique.
        facts: As `directory.create_person` takes them.
        password_hash: Of a password that was given.
        invite: Whether a link is mailed by which he chooses his password.
        now: The moment.
    """
    facts = {**facts}
    facts.setdefault("organisation", caller.principal.organisation)
    await _check_wanted(db, caller, facts)
    person = await directory.create_person(
        db, user_name, facts, password_hash=password_hash, now=now
    )
    await audit.record(
        db,
        caller.actor,
        "user.create",
        f"user/{person.id}",
        organisation=person.organisation,
        after=_person(person),
        now=now,
    )
    if invite:
        await _invite(db, context, caller, person, now)
    return person


async def change_person(
    db: AsyncSession, caller: Caller, person_id: int, facts: PersonFacts, *, now: datetime
) -> Person:
    """Change what is named of a person.

    Raises:
        NotPermitted: If somebody deactivates himself or changes his own group, or the person has
            more rights than the caller.
    """
    before = await _manageable(db, caller, person_id)
    if person_id == caller.principal.person_id and facts.get("active") is False:
        raise NotPermitted("Nobody can deactivate himself. Ask another administrator.")
    if not facts:
        return before
    await _check_wanted(db, caller, facts)
    person = await directory.change_person(db, person_id, facts)
    deed = "user.change"
    if before.active != person.active:
        deed = "user.reactivate" if person.active else "user.deactivate"
    await audit.record(
        db,
        caller.actor,
        deed,
        f"user/{person.id}",
        organisation=person.organisation,
        before=_person(before),
        after=_person(person),
        now=now,
    )
    return person


async def set_password(
    db: AsyncSession, caller: Caller, person_id: int, password_hash: str | None, *, now: datetime
) -> None:
    """Set or take away somebody's password; he is signed out everywhere."""
    person = await _manageable(db, caller, person_id)
    await directory.set_password(db, person.id, password_hash)
    await _note(db, caller, "user.password", person, now)


async def invite(
    db: AsyncSession, context: PortalContext, caller: Caller, person_id: int, *, now: datetime
) -> None:
    """Mail a link by which somebody chooses his password.

    Raises:
        NoAddress: If he has no mail address.
        NotPermitted: If he is deactivated.
    """
    person = await _manageable(db, caller, person_id)
    if not person.active:
        raise NotPermitted("The user is deactivated.")
    await _invite(db, context, caller, person, now)


async def _invite(
    db: AsyncSession, context: PortalContext, caller: Caller, person: Person, now: datetime
) -> None:
    await letters.send(
        db,
        context.mails_or_refuse(),
        person,
        "invitation",
        public_url=context.public_url,
        now=now,
    )
    await _note(db, caller, "user.invite", person, now)


async def remove_second_factor(
    db: AsyncSession, caller: Caller, person_id: int, *, now: datetime
) -> None:
    """Take away the second factor of somebody who lost it.

    Raises:
        NotFound: If he has none.
    """
    person = await _manageable(db, caller, person_id)
    if not await second_factor.remove(db, person.id):
        raise NotFound("second factor", person_id)
    await _note(db, caller, "user.second_factor.remove", person, now)


async def revoke_login(
    db: AsyncSession, caller: Caller, person_id: int, number: int, *, now: datetime
) -> None:
    """Sign somebody out of one browser.

    Raises:
        NotFound: If he has no such login.
    """
    person = await _manageable(db, caller, person_id)
    await sign_in.revoke_login(db, person.id, number, now=now)
    await _note(db, caller, "login.revoke", person, now, {"login": number})


async def _note(
    db: AsyncSession,
    caller: Caller,
    deed: str,
    person: Person,
    now: datetime,
    after: Mapping[str, Any] | None = None,
) -> None:
    await audit.record(
        db,
        caller.actor,
        deed,
        f"user/{person.id}",
        organisation=person.organisation,
        after={"user_name": person.user_name, **(after or {})},
        now=now,
    )


# ---------------------------------------------------------------------------- groups


def _group(group: Group) -> dict[str, Any]:
    return {
        "key": group.key,
        "name": group.name,
        "reach": group.reach,
        "rights": group.rights,
        "organisation": group.organisation,
    }


async def seen_group(db: AsyncSession, caller: Caller, group_id: int) -> Group:
    """Return a shipped group, or one of the caller's scope.

    Raises:
        NotFound: If there is none, or it is not the caller's to see.
    """
    group = await groups.group(db, group_id)
    if not group.is_shipped:
        caller.must_see(group.organisation, "group", group_id)
    return group


async def create_group(
    db: AsyncSession,
    caller: Caller,
    key: str,
    *,
    name: str,
    rights: Sequence[str],
    reach: str,
    organisation: str | None,
    now: datetime,
) -> Group:
    """Make a group in the caller's organisation, unless it names another of his scope."""
    owner = OrganisationKey(organisation or caller.principal.organisation)
    must_see_organisation(caller, owner)
    await directory.organisation(db, owner)
    group = await groups.create_group(
        db, key, name=name, rights=rights, reach=reach, organisation=owner, now=now
    )
    caller.must_be_able_to_grant(group.rights, group.reach)
    await audit.record(
        db,
        caller.actor,
        "group.create",
        f"group/{group.id}",
        organisation=owner,
        after=_group(group),
        now=now,
    )
    return group


async def change_group(
    db: AsyncSession,
    caller: Caller,
    group_id: int,
    *,
    name: str | None = None,
    rights: Sequence[str] | None = None,
    reach: str | None = None,
    now: datetime,
) -> Group:
    """Change a group; neither what it was nor what it becomes may go beyond the caller's rights.

    Raises:
        LastAdministrator: If nobody could administer the installation afterwards.
    """
    before = await seen_group(db, caller, group_id)
    caller.must_be_able_to_grant(before.rights, before.reach)
    # As for people: two changes together must not lock everybody out.
    had_administrator = await directory.has_administrator(db, locked=True)
    group = await groups.change_group(db, group_id, name=name, rights=rights, reach=reach)
    caller.must_be_able_to_grant(group.rights, group.reach)
    if had_administrator and not await directory.has_administrator(db):
        raise LastAdministrator
    await audit.record(
        db,
        caller.actor,
        "group.change",
        f"group/{group.id}",
        organisation=group.organisation,
        before=_group(before),
        after=_group(group),
        now=now,
    )
    return group


async def delete_group(db: AsyncSession, caller: Caller, group_id: int, *, now: datetime) -> None:
    """Remove a group that nobody is in."""
    group = await seen_group(db, caller, group_id)
    caller.must_be_able_to_grant(group.rights, group.reach)
    await groups.delete_group(db, group_id)
    await audit.record(
        db,
        caller.actor,
        "group.delete",
        f"group/{group.id}",
        organisation=group.organisation,
        before=_group(group),
        now=now,
    )


# ---------------------------------------------------------------------------- API keys


def _key(key: ApiKey) -> dict[str, Any]:
    return {
        "name": key.name,
        "role": key.role,
        "rights": key.rights,
        "reach": key.reach,
        "organisation": key.organisation,
        "rate_per_minute": key.rate_per_minute,
        "commercial": key.is_commercial,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
    }


async def create_api_key(
    db: AsyncSession,
    caller: Caller,
    *,
    name: str,
    role: str | None,
    rights: Sequence[str] | None,
    reach: str | None,
    organisation: str | None,
    rate_per_minute: int | None,
    expires_at: datetime | None,
    now: datetime,
    commercial: bool = False,
) -> tuple[ApiKey, str]:
    """Make a key with no more rights than the caller's; the second value is shown once."""
    owner = OrganisationKey(organisation or caller.principal.organisation)
    must_see_organisation(caller, owner)
    made, secret = await api_keys.create_api_key(
        db,
        name=name,
        role=role,
        rights=rights,
        reach=reach,
        organisation_key=owner,
        rate_per_minute=rate_per_minute,
        expires_at=expires_at,
        created_by=caller.principal.id,
        commercial=commercial,
        now=now,
    )
    caller.must_be_able_to_grant(made.rights, made.reach)
    limit = caller.principal.rate_per_minute
    if limit is not None and (rate_per_minute is None or rate_per_minute > limit):
        raise NotPermitted(f"A key made with this one may make at most {limit} calls a minute.")
    await audit.record(
        db,
        caller.actor,
        "api_key.create",
        f"api_key/{made.id}",
        organisation=owner,
        after=_key(made),
        now=now,
    )
    return made, secret


async def seen_api_key(db: AsyncSession, caller: Caller, key_id: int) -> ApiKey:
    """Return a key of the caller's scope.

    Raises:
        NotFound: If there is none, or it is not the caller's to see.
    """
    key = await api_keys.api_key(db, key_id)
    caller.must_see(key.organisation, "API key", key_id)
    return key


async def change_api_key(
    db: AsyncSession, caller: Caller, key_id: int, facts: api_keys.KeyFacts, *, now: datetime
) -> ApiKey:
    """Change a key's name, rate or end."""
    before = await seen_api_key(db, caller, key_id)
    caller.must_be_able_to_grant(before.rights, before.reach)
    key = await api_keys.change_api_key(db, key_id, facts, now=now)
    await audit.record(
        db,
        caller.actor,
        "api_key.change",
        f"api_key/{key.id}",
        organisation=key.organisation,
        before=_key(before),
        after=_key(key),
        now=now,
    )
    return key


async def revoke_api_key(db: AsyncSession, caller: Caller, key_id: int, *, now: datetime) -> None:
    """End a key for good; whoever may manage keys may end any of his scope."""
    key = await seen_api_key(db, caller, key_id)
    await api_keys.revoke_api_key(db, key_id, now=now)
    if key.revoked_at is None:
        await audit.record(
            db,
            caller.actor,
            "api_key.revoke",
            f"api_key/{key.id}",
            organisation=key.organisation,
            before={"name": key.name, "revoked_at": None},
            after={"name": key.name, "revoked_at": now},
            now=now,
        )


# ---------------------------------------------------------------------------- shares


async def share_station(
    db: AsyncSession,
    caller: Caller,
    station: StationId,
    owner: OrganisationKey,
    *,
    organisation: str,
    level: str,
    valid_from: datetime | None,
    valid_to: datetime | None,
    now: datetime,
) -> Share:
    """Share a station with another organisation: by the owner's side only.

    Raises:
        NotFound: If the caller sees the station only because it is shared with him.
    """
    caller.must_see(owner, "station", station)
    made = await shares.share(
        db,
        station,
        owner=owner,
        organisation=organisation,
        level=level,
        valid_from=valid_from,
        valid_to=valid_to,
        created_by=caller.principal.id,
        now=now,
    )
    await audit.record(
        db,
        caller.actor,
        "station.share",
        f"station/{station}",
        organisation=owner,
        after={
            "shared_with": made.organisation,
            "level": made.level,
            "valid_from": made.valid_from,
            "valid_to": made.valid_to,
        },
        now=now,
    )
    return made


async def end_share(
    db: AsyncSession,
    caller: Caller,
    station: StationId,
    owner: OrganisationKey,
    organisation: str,
    *,
    now: datetime,
) -> None:
    """End what is shared with an organisation, at once.

    Raises:
        NotFound: If nothing is shared with it, or the caller is not on the owner's side.
    """
    caller.must_see(owner, "station", station)
    ended = await shares.end_share(db, station, organisation, owner=owner, now=now)
    await audit.record(
        db,
        caller.actor,
        "station.unshare",
        f"station/{station}",
        organisation=owner,
        before={"shared_with": organisation, "level": ended[0].level},
        now=now,
    )


# ---------------------------------------------------------------------------- choices


def grantable_roles(caller: Caller) -> list[Role]:
    """Return the shipped groups whose rights the caller could hand out."""
    found = []
    for role in Role:
        try:
            caller.must_be_able_to_grant(SHIPPED[role], SHIPPED_REACH[role])
        except NotPermitted:
            continue
        found.append(role)
    return found


def grantable_rights(caller: Caller) -> frozenset[Permission]:
    """Return the rights that the caller could put into a group or key."""
    return frozenset(caller.principal.rights)


def grantable_reaches(caller: Caller) -> list[Reach]:
    """Return the reaches that the caller could give, the narrowest first."""
    widest = Reach.INSTALLATION if caller.scope.is_whole else caller.principal.reach
    order = [Reach.OWN, Reach.OWN_AND_BELOW, Reach.INSTALLATION]
    return order[: order.index(widest) + 1]
