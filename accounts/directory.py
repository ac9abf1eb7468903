"""Who there is: organisations, people, and how much of the installation somebody may see.

The face of this room. Organisations form a tree; its root is the installation's operator. What
belongs to an organisation is seen by its own people and by those above it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NotRequired, Self, TypedDict, cast

from sqlalchemy.ext.asyncio import AsyncSession

from accounts import checks, passwords, shares, store
from accounts import groups as groups_module
from accounts.groups import Group
from accounts.licences import Licence, LicenceFull, most_stations
from accounts.permissions import Permission, Reach, Role
from accounts.shares import Level
from accounts.tables import OrganisationRow, PersonRow
from foundation.errors import Conflict, InvalidInput, NotFound
from foundation.identifiers import OrganisationKey, StationId

TaxStatus = Literal["standard", "small_business", "reverse_charge", "private"]
Language = Literal["en", "de"]


@dataclass(frozen=True, slots=True)
class Organisation:
    """Somebody who owns stations, issues tokens or is paid.

    `parent` is None only for the root. `tax_status` decides the VAT on what it is paid. The time
    zone (IANA) bounds its months; `language` is that of its papers.
    """

    key: OrganisationKey
    name: str
    parent: OrganisationKey | None
    time_zone: str
    currency: str
    country: str
    tax_status: TaxStatus
    vat_id: str | None
    language: Language
    email: str | None
    iban: str | None
    address: str | None
    created_at: datetime
    demands_second_factor: bool = False
    licence: Licence = Licence.BUSINESS_PREMIUM

    @classmethod
    def of(cls, row: OrganisationRow) -> Self:
        """Return what the row says."""
        return cls(
            key=OrganisationKey(row.key),
            name=row.name,
            parent=None if row.parent is None else OrganisationKey(row.parent),
            time_zone=row.time_zone,
            currency=row.currency,
            country=row.country,
            tax_status=cast("TaxStatus", row.tax_status),
            vat_id=row.vat_id,
            language=cast("Language", row.language),
            email=row.email,
            iban=row.iban,
            address=row.address,
            created_at=row.created_at,
            demands_second_factor=row.demands_second_factor,
            licence=Licence(row.licence),
        )


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who may sign in, or might once; he is in exactly one group."""

    id: int
    user_name: str
    email: str | None
    name: str
    group: Group
    organisation: OrganisationKey
    language: Language
    active: bool
    created_at: datetime

    @classmethod
    def of(cls, row: PersonRow, group: Group) -> Self:
        """Return what the row says, without the password."""
        return cls(
            id=row.id,
            user_name=row.user_name,
            email=row.email,
            name=row.name,
            group=group,
            organisation=OrganisationKey(row.organisation),
            language=cast("Language", row.language),
            active=row.active,
            created_at=row.created_at,
        )


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks: a person who signed in, or an API key.

    `id` is stable and unique over both kinds, as in `person/7` or `api_key/3`. `group` is the key
    of the person's group, or of the one that the API key was made from ("" if from none).
    """

    id: str
    name: str
    group: str
    rights: frozenset[Permission]
    reach: Reach
    organisation: OrganisationKey
    language: Language
    person_id: int | None = None
    rate_per_minute: int | None = None
    login_number: int | None = None
    is_commercial: bool = False
    owes_second_factor: bool = False
    """His organisation demands a second factor of people with his rights, and he has none."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Which organisations somebody may see, None means the whole installation; the row scope.

    `shared` are single stations of others that were shared with him and are his to see now;
    `shared_since` tells from when on.
    """

    organisations: frozenset[OrganisationKey] | None
    shared: Mapping[StationId, Level] = field(default_factory=dict)
    shared_since: Mapping[StationId, datetime] = field(default_factory=dict)

    def covers(self, key: OrganisationKey | None) -> bool:
        """Tell whether what belongs to the organisation is seen; None belongs to nobody yet."""
        return self.organisations is None or key in self.organisations

    def covers_station(self, owner: OrganisationKey | None, station: str) -> bool:
        """Tell whether a station is seen: by its owner, or because it is shared."""
        return self.covers(owner) or station in self.shared

    def may_command(self, owner: OrganisationKey | None, station: str) -> bool:
        """Tell whether commands may be asked of a station, given the right to ask for any."""
        return self.covers(owner) or self.shared.get(StationId(station)) == "command"

    @property
    def is_whole(self) -> bool:
        """Tell whether nothing is hidden."""
        return self.organisations is None


WHOLE = Scope(None)
"""The scope of the program itself, and of the operator's own people."""


# ---------------------------------------------------------------------------- organisations


class OrganisationKeyTaken(Conflict):
    """An organisation with this key exists; keys are never given twice."""

    code = "organisation_exists"

    def __init__(self, key: str) -> None:
        super().__init__(f"There is an organisation {key!r} already.")


class OrganisationFacts(TypedDict):
    """What may be said of an organisation; what a new one leaves out, its parent decides."""

    name: NotRequired[str]
    parent: NotRequired[str | None]
    time_zone: NotRequired[str]
    currency: NotRequired[str]
    country: NotRequired[str]
    tax_status: NotRequired[str]
    vat_id: NotRequired[str | None]
    language: NotRequired[str]
    email: NotRequired[str | None]
    iban: NotRequired[str | None]
    address: NotRequired[str | None]
    demands_second_factor: NotRequired[bool]
    licence: NotRequired[str]


async def organisations(
    db: AsyncSession,
    scope: Scope = WHOLE,
    *,
    after: str | None = None,
    limit: int | None = None,
) -> list[Organisation]:
    """Return the organisations of a scope by key, from behind `after` and at most `limit`."""
    rows = await store.organisations(db, _keys(scope.organisations), after=after, limit=limit)
    return [Organisation.of(row) for row in rows]


async def organisation(db: AsyncSession, key: OrganisationKey) -> Organisation:
    """Return one organisation.

    Raises:
        NotFound: If there is none with this key.
    """
    row = await store.organisation(db, key)
    if row is None:
        raise NotFound("organisation", key)
    return Organisation.of(row)


async def root(db: AsyncSession) -> Organisation:
    """Return the operator's own organisation.

    Raises:
        NotFound: Before `ensure_root` ran.
    """
    row = await store.root_organisation(db)
    if row is None:
        raise NotFound("organisation", "root")
    return Organisation.of(row)


async def below(db: AsyncSession, key: OrganisationKey) -> frozenset[OrganisationKey]:
    """Return the organisation and all below it; empty if there is none with this key."""
    return frozenset(OrganisationKey(each) for each in await store.keys_below(db, key))


async def ensure_root(
    db: AsyncSession,
    *,
    key: str,
    name: str,
    time_zone: str,
    currency: str,
    country: str,
    language: str,
    now: datetime,
) -> Organisation:
    """Return the root organisation; at set-up it is created with what is given here."""
    row = await store.root_organisation(db)
    if row is None:
        await store.add_organisation(
            db,
            {
                "key": checks.organisation_key(key),
                "parent": None,
                "created_at": now,
                "name": checks.text(name, "name"),
                "time_zone": checks.time_zone(time_zone),
                "currency": checks.currency(currency),
                "country": checks.country(country),
                "language": checks.language(language),
                "tax_status": "standard",
            },
        )
        row = await store.root_organisation(db)
    assert row is not None
    return Organisation.of(row)


async def create_organisation(
    db: AsyncSession, key: str, facts: OrganisationFacts, *, now: datetime
) -> Organisation:
    """Create an organisation below its parent, or below the root if it names none.

    Time zone, currency, country and language are the parent's unless said otherwise; the tax
    status is `standard`.

    Raises:
        InvalidInput: If a fact is malformed, the name is missing, or the parent does not exist.
        OrganisationKeyTaken: If the key is in use.
    """
    key = checks.organisation_key(key)
    if "name" not in facts:
        raise InvalidInput("name is missing.", field="name")
    wanted = facts.get("parent")
    parent = await (
        store.root_organisation(db) if wanted is None else store.organisation(db, wanted)
    )
    if parent is None:
        raise InvalidInput(f"There is no organisation {wanted!r}.", field="parent")
    values: dict[str, object] = {
        "time_zone": parent.time_zone,
        "currency": parent.currency,
        "country": parent.country,
        "language": parent.language,
        "licence": parent.licence,
        "tax_status": "standard",
        **checks.organisation_facts(facts),
        "key": key,
        "parent": parent.key,
        "created_at": now,
    }
    checks.licence_fits(str(values["licence"]), str(values["tax_status"]))
    if not await store.add_organisation(db, values):
        raise OrganisationKeyTaken(key)
    return await organisation(db, OrganisationKey(key))


async def change_organisation(
    db: AsyncSession, key: OrganisationKey, facts: OrganisationFacts
) -> Organisation:
    """Change what is named; the key itself never changes.

    Raises:
        InvalidInput: If a fact is malformed, or the new parent is missing or below this one.
        NotFound: If there is no such organisation.
    """
    if "parent" in facts:
        # One mover at a time: two moves together could close a circle.
        await store.root_organisation(db, locked=True)
    row = await store.organisation(db, key, locked=True)
    if row is None:
        raise NotFound("organisation", key)
    for name, value in checks.organisation_facts(facts).items():
        setattr(row, name, value)
    checks.licence_fits(row.licence, row.tax_status)
    if "parent" in facts and facts["parent"] != row.parent:
        row.parent = await _new_parent(db, row, facts["parent"])
    await db.flush()
    return Organisation.of(row)


async def _new_parent(db: AsyncSession, row: OrganisationRow, wanted: str | None) -> str:
    if row.parent is None:
        raise InvalidInput("The root organisation has no parent.", field="parent")
    if wanted is None or await store.organisation(db, wanted) is None:
        raise InvalidInput(f"There is no organisation {wanted!r}.", field="parent")
    if wanted in await store.keys_below(db, row.key):
        raise InvalidInput(
            f"{wanted!r} is {row.key!r} or below it; the tree would become a circle.",
            field="parent",
        )
    return wanted


async def check_room(db: AsyncSession, key: OrganisationKey, *, stations: int) -> None:
    """Refuse more stations than the organisation's licence holds.

    Raises:
        LicenceFull: If so many are too many.
    """
    row = await store.organisation(db, key)
    if row is not None:
        most = most_stations(Licence(row.licence))
        if most is not None and stations > most:
            raise LicenceFull(Licence(row.licence), most)


# ---------------------------------------------------------------------------- scope


async def scope_of(db: AsyncSession, principal: Principal, *, now: datetime) -> Scope:
    """Return what somebody may see now: the one place where row scope is decided.

    His group's reach says how much: his own organisation, that and those below it (for the root:
    everything), or everything. Stations that are shared with these organisations come with it;
    a share that is over is not among them.
    """
    if principal.reach is Reach.INSTALLATION:
        return WHOLE
    if principal.reach is Reach.OWN_AND_BELOW:
        if await store.is_root(db, principal.organisation):
            return WHOLE
        seen = await below(db, principal.organisation)
    else:
        seen = frozenset({principal.organisation})
    shared = await shares.shared_with(db, seen, now)
    return Scope(
        seen,
        {station: each.level for station, each in shared.items()},
        {station: each.valid_from for station, each in shared.items()},
    )


def _keys(organisations: frozenset[OrganisationKey] | None) -> frozenset[str] | None:
    return None if organisations is None else frozenset(str(key) for key in organisations)


# ---------------------------------------------------------------------------- people


class PersonExists(Conflict):
    """Somebody has this user name or mail address; both are unique in an installation."""

    code = "person_exists"

    def __init__(self) -> None:
        super().__init__("Somebody has this user name or mail address already.")


class LastAdministrator(Conflict):
    """Without this person nobody could administer the installation any more."""

    code = "last_administrator"

    def __init__(self) -> None:
        super().__init__("This is the last active administrator of the installation.")


class PersonFacts(TypedDict):
    """What may be said of a person."""

    email: NotRequired[str | None]
    name: NotRequired[str]
    roles: NotRequired[Iterable[str]]
    """Keys of shipped groups; of several, the one that has the rights of all."""
    group_id: NotRequired[int]
    organisation: NotRequired[str]
    language: NotRequired[str]
    active: NotRequired[bool]


async def people(
    db: AsyncSession, scope: Scope = WHOLE, *, after: int = 0, limit: int | None = None
) -> list[Person]:
    """Return the people of a scope by number, from behind `after` and at most `limit`."""
    rows = await store.people(db, _keys(scope.organisations), after=after, limit=limit)
    return [await person_of(db, row) for row in rows]


async def person_of(db: AsyncSession, row: PersonRow) -> Person:
    """Return what a row says, with the group (which a unit of work reads once)."""
    return Person.of(row, await groups_module.group(db, row.group_id))


async def person(db: AsyncSession, person_id: int) -> Person:
    """Return one person.

    Raises:
        NotFound: If there is none with this number.
    """
    row = await store.person(db, person_id)
    if row is None:
        raise NotFound("user", person_id)
    return await person_of(db, row)


async def person_named(db: AsyncSession, user_name: str) -> Person | None:
    """Return who has exactly this user name; None if nobody has."""
    row = await store.person_named(db, user_name)
    return None if row is None else await person_of(db, row)


async def create_person(
    db: AsyncSession,
    user_name: str,
    facts: PersonFacts,
    *,
    password_hash: str | None,
    now: datetime,
) -> Person:
    """Create a person, who may sign in at once if there is a password.

    The organisation is the root unless said otherwise, the language the organisation's.

    Raises:
        InvalidInput: If a fact is malformed, the group is missing, or the organisation is unknown.
        PersonExists: If the user name or the mail address is taken.
    """
    user_name = checks.user_name(user_name)
    if "roles" not in facts and "group_id" not in facts:
        raise InvalidInput("roles is missing.", field="roles")
    checked = await _checked_person(db, facts)
    owner = await (
        organisation(db, OrganisationKey(str(checked["organisation"])))
        if "organisation" in checked
        else root(db)
    )
    values: dict[str, object] = {
        "name": user_name,
        "language": owner.language,
        "active": True,
        "email": None,
        **checked,
        "organisation": owner.key,
        "user_name": user_name,
        "password_hash": password_hash,
        "created_at": now,
    }
    row = await store.add_person(db, values)
    if row is None:
        raise PersonExists
    return await person_of(db, row)


async def change_person(db: AsyncSession, person_id: int, facts: PersonFacts) -> Person:
    """Change what is named; who is deactivated, or gets other rights, is signed out.

    Raises:
        InvalidInput: If a fact is malformed.
        NotFound: If there is no such person.
        PersonExists: If the mail address is somebody else's.
        LastAdministrator: If nobody could administer the installation afterwards.
    """
    had_administrator = await has_administrator(db, locked=True)
    row = await store.person(db, person_id, locked=True)
    if row is None:
        raise NotFound("user", person_id)
    checked = await _checked_person(db, facts)
    email = checked.get("email")
    if isinstance(email, str) and await store.is_taken(db, email=email, except_person=row.id):
        raise PersonExists
    for name, value in checked.items():
        setattr(row, name, value)
    await db.flush()
    if checked.keys() & {"active", "group_id", "organisation"}:
        if had_administrator and not await has_administrator(db):
            raise LastAdministrator
        await store.end_logins_of(db, row.id)
    return await person_of(db, row)


async def set_password(
    db: AsyncSession,
    person_id: int,
    password_hash: str | None,
    *,
    keep_login: int | None = None,
) -> None:
    """Set what `accounts.passwords` hashed, or take the password away; ends all logins.

    `keep_login` is the number of the one by which somebody changes his own.

    Raises:
        NotFound: If there is no such person.
    """
    row = await store.person(db, person_id, locked=True)
    if row is None:
        raise NotFound("user", person_id)
    row.password_hash = password_hash
    await store.end_logins_of(db, row.id, keep=keep_login)


async def has_administrator(db: AsyncSession, *, locked: bool = False) -> bool:
    """Tell whether somebody active may manage users and groups everywhere.

    `locked` lets one at a time change who administers, until the unit of work ends: two
    administrators who deactivate each other must not both succeed.
    """
    top = await store.root_organisation(db, locked=locked)
    assert top is not None
    wanted = {Permission.USERS_WRITE, Permission.GROUPS_WRITE}
    for row in await store.people(db, None):
        if row.active:
            group = await groups_module.group(db, row.group_id)
            sees_all = group.reach is Reach.INSTALLATION or (
                group.reach is Reach.OWN_AND_BELOW and row.organisation == top.key
            )
            if sees_all and wanted <= group.rights:
                return True
    return False


async def _checked_person(db: AsyncSession, facts: PersonFacts) -> dict[str, object]:
    checked: dict[str, object] = {}
    if "name" in facts:
        checked["name"] = checks.text(facts["name"], "name")
    if "email" in facts:
        email = facts["email"]
        checked["email"] = None if email is None else checks.email(email)
    if "language" in facts:
        checked["language"] = checks.language(facts["language"])
    if "active" in facts:
        checked["active"] = facts["active"]
    if "roles" in facts:
        checked["group_id"] = (await groups_module.shipped(db, facts["roles"])).id
    if "group_id" in facts:
        try:
            checked["group_id"] = (await groups_module.group(db, facts["group_id"])).id
        except NotFound as error:
            raise InvalidInput(str(error), field="group_id") from None
    if "organisation" in facts:
        if await store.organisation(db, facts["organisation"]) is None:
            raise InvalidInput(
                f"There is no organisation {facts['organisation']!r}.", field="organisation"
            )
        checked["organisation"] = facts["organisation"]
    return checked


FIRST_USER_NAME = "admin"


async def ensure_first_administrator(
    db: AsyncSession, *, email: str | None, password: str | None, now: datetime
) -> str | None:
    """Create an administrator if there are no people at all; return a password made for him.

    The root organisation exists already. Without a `password` a fresh one is made and returned, to
    be printed once; None if one was given, or if there were people already.
    """
    await store.root_organisation(db, locked=True)  # two programs may start at once
    if await store.has_people(db):
        return None
    generated = passwords.generated() if password is None else None
    password_hash = await passwords.hashed_as_given(password or generated or "")
    facts: PersonFacts = {"roles": [Role.ADMINISTRATOR], "name": "Administrator"}
    if email is not None:
        facts["email"] = email
    await create_person(db, FIRST_USER_NAME, facts, password_hash=password_hash, now=now)
    return generated
