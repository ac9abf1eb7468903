"""`user`: the people who may sign in to the portal."""

from datetime import datetime
from typing import Annotated, Any, cast

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory, passwords, second_factor
from accounts.directory import Person, PersonFacts
from accounts.permissions import Role
from app.cli.frame import (
    Json,
    Opened,
    PasswordFromInput,
    as_json,
    chosen,
    group,
    note,
    read_password,
    run,
    show,
    show_json,
)
from app.cli.organisations import Language
from foundation.errors import NotFound

commands = group("People who may sign in to the portal.")

_COLUMNS = ("user_name", "name", "email", "group", "organisation", "language", "active")


@commands.command("create")
def create(
    user_name: Annotated[str, typer.Argument(help="Unique; it never changes.")],
    role: Annotated[list[Role], typer.Option(help="What they are; may be given several times.")],
    name: Annotated[str | None, typer.Option(help="[default: the user name]")] = None,
    email: Annotated[str | None, typer.Option(help="Unique, if given.")] = None,
    organisation: Annotated[
        str | None, typer.Option(metavar="KEY", help="[default: the root]")
    ] = None,
    language: Annotated[
        Language | None, typer.Option(help="Of their pages. [default: the organisation's]")
    ] = None,
    password_stdin: PasswordFromInput = False,
    json: Json = False,
) -> None:
    """Create a user. Unless a password is read from standard input, a fresh one is shown once."""
    given = read_password() if password_stdin else None
    facts = chosen(
        {
            "roles": list(role),
            "name": name,
            "email": email,
            "organisation": organisation,
            "language": None if language is None else str(language),
        }
    )
    password = passwords.generated() if given is None else given

    async def work(opened: Opened) -> Person:
        password_hash = await passwords.hashed(password)
        async with opened.unit_of_work() as (db, now):
            made = await directory.create_person(
                db, user_name, cast("PersonFacts", facts), password_hash=password_hash, now=now
            )
            await _note(db, "user.create", made, now, after=_facts(made))
            return made

    made = run(work)
    if json:
        show_json(as_json(_row(made)) | {"password": password if given is None else None})
        return
    print(f"User {made.user_name} was created.")
    if given is None:
        print(f"Password, shown only once: {password}")


@commands.command("list")
def list_users(json: Json = False) -> None:
    """List all users."""

    async def work(opened: Opened) -> list[Person]:
        async with opened.unit_of_work() as (db, _):
            return await directory.people(db)

    show([_row(each) for each in run(work)], _COLUMNS, json=json)


@commands.command("deactivate")
def deactivate(
    user_name: Annotated[str, typer.Argument(help="Who may no longer sign in.")],
) -> None:
    """Sign a user out and let them sign in no more."""

    async def work(opened: Opened) -> None:
        async with opened.unit_of_work() as (db, now):
            person = await _named(db, user_name)
            changed = await directory.change_person(db, person.id, {"active": False})
            await _note(
                db, "user.deactivate", changed, now, before=_facts(person), after=_facts(changed)
            )

    run(work)
    print(f"User {user_name} can no longer sign in.")


@commands.command("password")
def set_password(
    user_name: Annotated[str, typer.Argument(help="Whose password.")],
    password_stdin: PasswordFromInput = False,
    json: Json = False,
) -> None:
    """Set a user's password and sign them out; a fresh one is shown once."""
    given = read_password() if password_stdin else None
    password = passwords.generated() if given is None else given

    async def work(opened: Opened) -> None:
        password_hash = await passwords.hashed(password)
        async with opened.unit_of_work() as (db, now):
            person = await _named(db, user_name)
            await directory.set_password(db, person.id, password_hash)
            await _note(db, "user.password", person, now)

    run(work)
    shown = password if given is None else None
    if json:
        show_json({"user_name": user_name, "password": shown})
        return
    print(f"The password of {user_name} was set.")
    if shown is not None:
        print(f"Password, shown only once: {shown}")


@commands.command("second-factor-off")
def second_factor_off(
    user_name: Annotated[str, typer.Argument(help="Who lost their second factor.")],
) -> None:
    """Take a user's second factor away; the next sign-in needs the password only."""

    async def work(opened: Opened) -> None:
        async with opened.unit_of_work() as (db, now):
            person = await _named(db, user_name)
            if not await second_factor.remove(db, person.id):
                raise NotFound("second factor", user_name)
            await _note(db, "user.second_factor.remove", person, now)

    run(work)
    print(f"The second factor of {user_name} is gone.")


def _row(person: Person) -> dict[str, Any]:
    """Return the person as lists show him: the group by its key."""
    return {**as_json(person), "group": person.group.key}


def _facts(person: Person) -> dict[str, object]:
    return {
        "user_name": person.user_name,
        "name": person.name,
        "email": person.email,
        "group": person.group.key,
        "organisation": person.organisation,
        "active": person.active,
    }


async def _note(
    db: AsyncSession,
    deed: str,
    person: Person,
    now: datetime,
    *,
    before: object = None,
    after: object = None,
) -> None:
    await note(
        db,
        deed,
        f"user/{person.id}",
        organisation=person.organisation,
        before=before,
        after=after,
        now=now,
    )


async def _named(db: AsyncSession, user_name: str) -> Person:
    for person in await directory.people(db):
        if person.user_name == user_name:
            return person
    raise NotFound("user", user_name)
