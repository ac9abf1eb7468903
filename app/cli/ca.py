"""`ca`: our own certificate authority for stations, and those that are only trusted."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import audit, directory
from app.cli.frame import Json, Opened, group, operator, run, show, show_json
from csms import authorities
from csms.authorities import Authority
from foundation.errors import InvalidInput
from foundation.sealing import Sealer, sealer_of

commands = group("Certificate authorities: ours, which signs for stations, and trusted ones.")

_COLUMNS = ("id", "purpose", "subject", "key", "not_after", "is_ours", "retired_at")

Purpose = Annotated[
    str, typer.Option(help="station: stations' own certificates; v2g: those that vehicles see.")
]
Days = Annotated[int, typer.Option(help="For how many days it is valid.")]


def _sealer(opened: Opened) -> Sealer:
    secret = opened.settings.secret_key
    return sealer_of(opened.settings.data_dir, secret.get_secret_value() if secret else None)


async def _noted(db: AsyncSession, deed: str, made: Authority, now: datetime) -> None:
    root = await directory.root(db)
    await audit.record(
        db,
        operator(),
        deed,
        f"authority/{made.id}",
        organisation=root.key,
        after={"purpose": made.purpose, "subject": made.subject},
        now=now,
    )


@commands.command("create")
def create(
    name: Annotated[str, typer.Option(help="Its common name.")] = "Leitstand Stations",
    organisation: Annotated[
        str | None, typer.Option(help="The organisation in its name; else the root's name.")
    ] = None,
    purpose: Purpose = "station",
    days: Days = 3653,
    json: Json = False,
) -> None:
    """Make an authority; its key is sealed with LEITSTAND_SECRET_KEY or the data folder's."""

    async def work(opened: Opened) -> Authority:
        async with opened.unit_of_work() as (db, now):
            root = await directory.root(db)
            made = await authorities.create(
                db,
                _sealer(opened),
                purpose=purpose,
                name=name,
                organisation=organisation or root.name[:58],
                days=days,
                by=operator().id,
                now=now,
            )
            await _noted(db, "authority.create", made, now)
        return made

    _tell(run(work), json=json)


@commands.command("renew")
def renew(purpose: Purpose = "station", days: Days = 3653, json: Json = False) -> None:
    """Make a fresh authority with a fresh key; what the old one signed stays valid."""

    async def work(opened: Opened) -> Authority:
        async with opened.unit_of_work() as (db, now):
            made = await authorities.renew(
                db, _sealer(opened), purpose=purpose, days=days, by=operator().id, now=now
            )
            await _noted(db, "authority.renew", made, now)
        return made

    _tell(run(work), json=json)


@commands.command("show")
def show_all(json: Json = False) -> None:
    """List the authorities, the newest first."""

    async def work(opened: Opened) -> list[Authority]:
        async with opened.unit_of_work() as (db, _):
            return await authorities.authorities(db)

    show(run(work), _COLUMNS, json=json)


@commands.command("export")
def export(
    number: Annotated[int, typer.Argument(metavar="ID", help="As `ca show` lists it.")],
    output: Annotated[
        Path | None, typer.Option(help="A file; else standard output.", dir_okay=False)
    ] = None,
) -> None:
    """Write an authority's certificate and those above it as PEM: for stations to trust."""

    async def work(opened: Opened) -> str:
        async with opened.unit_of_work() as (db, _):
            return await authorities.exported(db, number)

    pem = run(work)
    if output is None:
        print(pem, end="")
    else:
        output.write_text(pem)


@commands.command("trust")
def trust(
    file: Annotated[Path, typer.Argument(help="PEM, one or several.", exists=True)],
    purpose: Annotated[
        str, typer.Option(help="station: it signs stations' certificates; contract: drivers'.")
    ] = "contract",
    json: Json = False,
) -> None:
    """Trust another's authority."""

    async def work(opened: Opened) -> list[Authority]:
        try:
            pem = file.read_text()
        except UnicodeDecodeError:
            raise InvalidInput("This file is no PEM.") from None
        async with opened.unit_of_work() as (db, now):
            added = await authorities.trust(db, purpose=purpose, pem=pem, by=operator().id, now=now)
            for each in added:
                await _noted(db, "authority.trust", each, now)
        return added

    show(run(work), _COLUMNS, json=json)


@commands.command("distrust")
def distrust(
    number: Annotated[int, typer.Argument(metavar="ID", help="As `ca show` lists it.")],
    json: Json = False,
) -> None:
    """Trust an authority no longer, ours or another's: its key is lost, or it failed.

    Stations that show what it signed are turned away; the key of one of ours is destroyed.
    """

    async def work(opened: Opened) -> Authority:
        async with opened.unit_of_work() as (db, now):
            gone = await authorities.distrust(db, number, now)
            await _noted(db, "authority.distrust", gone, now)
        return gone

    show([run(work)], _COLUMNS, json=json)


def _tell(made: Authority, *, json: bool) -> None:
    if json:
        show_json(made)
        return
    print(f"Authority {made.id} for {made.purpose} certificates: {made.subject}, {made.key},")
    print(f"valid until {made.not_after:%Y-%m-%d}.")
    print(f"Its certificate, for stations to trust: leitstand ca export {made.id}")
