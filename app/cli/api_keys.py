"""`api-key`: keys with which programs use the REST API."""

from datetime import timedelta
from typing import Annotated

import typer

from accounts import api_keys
from accounts.api_keys import ApiKey
from accounts.permissions import Permission, Reach, Role
from app.cli.frame import (
    Json,
    Opened,
    group,
    named_organisation,
    note,
    operator,
    run,
    say,
    show,
    show_json,
)

commands = group("Keys with which programs use the REST API.")

_COLUMNS = (
    "id",
    "name",
    "role",
    "reach",
    "organisation",
    "created_at",
    "expires_at",
    "last_used_at",
    "revoked_at",
)


@commands.command("create")
def create(
    name: Annotated[str, typer.Option(help="What it is for.")],
    role: Annotated[
        Role | None, typer.Option(help="What whoever holds the key may do: a shipped group.")
    ] = None,
    right: Annotated[
        list[Permission] | None,
        typer.Option(help="A single right instead; may be given several times."),
    ] = None,
    reach: Annotated[
        Reach | None,
        typer.Option(help="How much it shows. [default: the role's; with --right, own]"),
    ] = None,
    rate: Annotated[
        int | None, typer.Option(min=1, help="Calls a minute at most. [default: as any]")
    ] = None,
    days: Annotated[
        int | None, typer.Option(min=1, max=36500, help="When it ends. [default: never]")
    ] = None,
    organisation: Annotated[
        str | None, typer.Option(metavar="KEY", help="Whose it is. [default: the root]")
    ] = None,
    json: Json = False,
) -> None:
    """Create a key. It is printed now and can never be shown again."""
    if (role is None) == (not right):
        raise typer.BadParameter("Give either --role or --right.")

    async def work(opened: Opened) -> str:
        async with opened.unit_of_work() as (db, now):
            owner = await named_organisation(db, organisation)
            made, key = await api_keys.create_api_key(
                db,
                role=role,
                rights=right or None,
                reach=reach,
                name=name,
                now=now,
                organisation_key=owner.key,
                rate_per_minute=rate,
                expires_at=None if days is None else now + timedelta(days=days),
                created_by=operator().id,
            )
            await note(
                db,
                "api_key.create",
                f"api_key/{made.id}",
                organisation=owner.key,
                after={"name": name, "role": role, "rights": made.rights, "reach": made.reach},
                now=now,
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
            key = await api_keys.api_key(db, key_id)
            await note(
                db,
                "api_key.revoke",
                f"api_key/{key_id}",
                organisation=key.organisation,
                before={"name": key.name},
                now=now,
            )

    run(work)
    print(f"API key {key_id} is revoked.")
