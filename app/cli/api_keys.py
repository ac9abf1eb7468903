"""`api-key`: keys with which programs use the REST API."""

from typing import Annotated

import typer

from accounts import api_keys
from accounts.api_keys import ApiKey
from accounts.permissions import Role
from app.cli.frame import (
    Json,
    Opened,
    group,
    named_organisation,
    run,
    say,
    show,
    show_json,
)

commands = group("Keys with which programs use the REST API.")

_COLUMNS = ("id", "name", "role", "organisation", "created_at", "last_used_at", "revoked_at")


@commands.command("create")
def create(
    role: Annotated[Role, typer.Option(help="What whoever holds the key may do.")],
    name: Annotated[str, typer.Option(help="What it is for.")],
    organisation: Annotated[
        str | None, typer.Option(metavar="KEY", help="Whose it is. [default: the root]")
    ] = None,
    json: Json = False,
) -> None:
    """Create a key. It is printed now and can never be shown again."""

    async def work(opened: Opened) -> str:
        async with opened.unit_of_work() as (db, now):
            owner = await named_organisation(db, organisation)
            _, key = await api_keys.create_api_key(
                db, role=role, name=name, now=now, organisation_key=owner.key
            )
            return key

    key = run(work)
    if json:
        show_json({"api_key": key})
    else:
        say("The key is shown only once; send it as `Authorization: Bearer KEY`:")
        print(key)


@commands.command("list")
def list_keys(json: Json = False) -> None:
    """List all keys, revoked ones included; never the keys themselves."""

    async def work(opened: Opened) -> list[ApiKey]:
        async with opened.unit_of_work() as (db, _):
            return await api_keys.api_keys(db)

    show(run(work), _COLUMNS, json=json)


@commands.command("revoke")
def revoke(
    key_id: Annotated[int, typer.Argument(metavar="ID", help="As `list` shows it.")],
) -> None:
    """End a key's use, at once and for good."""

    async def work(opened: Opened) -> None:
        async with opened.unit_of_work() as (db, now):
            await api_keys.revoke_api_key(db, key_id, now=now)

    run(work)
    print(f"API key {key_id} is revoked.")
