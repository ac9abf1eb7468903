"""`audit`: who did what to what; check the chains, export them."""

import json as json_library
from typing import Annotated

import typer

from accounts import audit
from accounts.audit import Broken
from app.cli.frame import (
    Json,
    Opened,
    as_json,
    group,
    named_organisation,
    run,
    show_json,
)
from foundation.errors import Conflict
from foundation.identifiers import OrganisationKey

commands = group("The audit: who did what to what.")

_PAGE = 500


class ChainBroken(Conflict):
    """An entry of the audit is not as it was written."""

    code = "chain_broken"

    def __init__(self, broken: list[Broken]) -> None:
        lines = "".join(
            f"\n  chain {each.chain!r}, entry {each.number}: {each.reason}" for each in broken
        )
        super().__init__(f"The audit was tampered with:{lines}")


@commands.command("verify")
def verify(
    organisation: Annotated[
        str | None, typer.Option(metavar="KEY", help="Only its chain. [default: all]")
    ] = None,
    json: Json = False,
) -> None:
    """Walk the chains from their beginning; status 1 if an entry is not as it was written."""

    async def work(opened: Opened) -> tuple[dict[str, tuple[int, str] | None], list[Broken]]:
        async with opened.unit_of_work() as (db, _):
            chains = (
                await audit.chains(db)
                if organisation is None
                else [(await named_organisation(db, organisation)).key]
            )
            heads = {chain: await audit.head(db, chain) for chain in chains}
            found = [await audit.verify_chain(db, chain) for chain in chains]
        return heads, [each for each in found if each is not None]

    heads, broken = run(work)
    if json:
        show_json(
            {
                "chains": [
                    {
                        "chain": chain,
                        "entries": head[0] if head else 0,
                        "hash": head[1] if head else "",
                    }
                    for chain, head in heads.items()
                ],
                "broken": broken,
            }
        )
    elif not broken:
        entries = sum(head[0] for head in heads.values() if head)
        print(f"{entries} entries in {len(heads)} chains are as they were written.")
    if broken:
        raise ChainBroken(broken)


@commands.command("export")
def export(
    organisation: Annotated[
        str | None, typer.Option(metavar="KEY", help="Only its chain. [default: all]")
    ] = None,
) -> None:
    """Print entries as lines of JSON, the newest first; the first line tells the scope."""

    async def work(opened: Opened) -> None:
        async with opened.unit_of_work() as (db, now):
            wanted: frozenset[OrganisationKey] | None = None
            if organisation is not None:
                wanted = frozenset({(await named_organisation(db, organisation)).key})
            made = {
                "made_at": now,
                "scope": "installation" if wanted is None else sorted(wanted),
            }
            print(json_library.dumps(as_json(made), ensure_ascii=False))
            before: int | None = None
            while True:
                page = await audit.entries(db, wanted, before=before, limit=_PAGE)
                for each in page:
                    print(json_library.dumps(as_json(each), ensure_ascii=False))
                if len(page) < _PAGE:
                    return
                before = page[-1].id

    run(work)
