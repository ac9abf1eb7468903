"""`token`: what drivers present, and who answers for it. One by one, or a file of many."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from accounts.directory import WHOLE
from app.cli.frame import (
    Json,
    Opened,
    group,
    moment_from,
    note,
    progress,
    run,
    show,
    show_json,
)
from csms import administration, registry
from csms.administration import TokenSettings, token_problems
from csms.registry import StoredToken
from foundation.errors import InvalidInput
from foundation.events import TokenStatus
from foundation.identifiers import OrganisationKey, normalised_token
from roaming import administration as roaming

commands = group("Id tokens: what drivers present, and who answers for it.")

_SHOWN = (
    "id_token",
    "type",
    "status",
    "group_id",
    "organisation",
    "provider",
    "valid_until",
    "language1",
    "language2",
)
_PAGE = 1000
_AT_ONCE = 500
_PROBLEMS_SHOWN = 20


class InvalidFile(InvalidInput):
    """Nothing of the file was taken; each problem names its line."""

    code = "invalid_file"

    def __init__(self, file: Path, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        shown = "".join(f"\n  {each}" for each in self.problems[:_PROBLEMS_SHOWN])
        more = len(self.problems) - _PROBLEMS_SHOWN
        shown += f"\n  … and {more} more" if more > 0 else ""
        super().__init__(f"Nothing of {file} was taken, since this is wrong with it:{shown}")


@commands.command("set")
def set_token(
    id_token: Annotated[str, typer.Argument(help="As the station reads it.")],
    token_type: Annotated[
        str | None, typer.Option("--type", help="OCPP's word. [default: ISO14443]")
    ] = None,
    status: Annotated[TokenStatus | None, typer.Option(help="[default: accepted]")] = None,
    group_id: Annotated[str | None, typer.Option(help="Its parent, as OCPP groups.")] = None,
    organisation: Annotated[
        str | None, typer.Option(metavar="KEY", help="Who answers for it. [default: the root]")
    ] = None,
    provider: Annotated[
        str | None, typer.Option(metavar="PARTY_ID", help="The EMP that answers for it: external.")
    ] = None,
    valid_until: Annotated[
        str | None, typer.Option(help="A day in the root's zone, or a moment. [default: no end]")
    ] = None,
    language1: Annotated[
        str | None, typer.Option(help="In which the driver wants to be spoken to, as in de.")
    ] = None,
    language2: Annotated[
        str | None, typer.Option(help="Where a station does not speak the first.")
    ] = None,
    json: Json = False,
) -> None:
    """Create a token, or change what is named of one; a new holder counts from now on."""
    if organisation is not None and provider is not None:
        raise typer.BadParameter("Name one of --organisation and --provider.")

    async def work(opened: Opened) -> StoredToken:
        async with opened.unit_of_work() as (db, now):
            root = await directory.root(db)
            known = await _stored(db, id_token)
            holder: tuple[str | None, str | None] = (organisation, provider)
            if holder == (None, None):
                holder = (known.organisation, known.provider) if known else (root.key, None)
            until = known.valid_until if known else None
            if valid_until is not None:
                until = moment_from(valid_until, root.time_zone, field="valid_until")
            settings = _settings(
                {
                    "id_token": id_token,
                    "type": token_type or (known.type if known else "ISO14443"),
                    "status": status or (known.status if known else TokenStatus.ACCEPTED),
                    "group_id": group_id or (known.group_id if known else None),
                    "organisation": holder[0],
                    "provider": holder[1],
                    "language1": language1 or (known.language1 if known else None),
                    "language2": language2 or (known.language2 if known else None),
                },
                valid_until=until,
            )
            parties = await _Parties.read(db)
            for problem in parties.problems(settings):
                raise InvalidInput(problem)
            await administration.set_id_tokens(db, [settings], now=now)
            db.expire_all()
            stored = await _stored(db, id_token)
            assert stored is not None
            await note(
                db,
                "id_token.create" if known is None else "id_token.change",
                f"id_token/{stored.key}",
                organisation=None
                if stored.organisation is None
                else OrganisationKey(stored.organisation),
                before=known,
                after=stored,
                now=now,
            )
            return stored

    made = run(work)
    if json:
        show_json(_row(made))
    else:
        holder = made.organisation or made.provider
        print(f"Token {made.id_token} is {made.status}; {holder} answers for it.")


@commands.command("list")
def list_tokens(
    query: Annotated[str | None, typer.Option(help="A part of the token.")] = None,
    json: Json = False,
) -> None:
    """List tokens by their value."""

    async def work(opened: Opened) -> list[StoredToken]:
        found: list[StoredToken] = []
        async with opened.unit_of_work() as (db, _):
            while True:
                after = found[-1].key if found else None
                page = await registry.id_tokens(db, WHOLE, q=query, after=after, limit=_PAGE)
                found += page
                if len(page) < _PAGE:
                    return found

    show([_row(each) for each in run(work)], _SHOWN, json=json)


@commands.command("import")
def import_tokens(
    file: Annotated[
        Path,
        typer.Argument(
            exists=True,
            dir_okay=False,
            readable=True,
            help="CSV in UTF-8 with a head; columns as `list --json` names them.",
        ),
    ],
    json: Json = False,
) -> None:
    """Create or change all tokens of a file, or none if anything is wrong with it."""
    rows = list(_rows(file))

    async def work(opened: Opened) -> int:
        async with opened.unit_of_work() as (db, now):
            zone = (await directory.root(db)).time_zone
            parties = await _Parties.read(db)
            tokens = _checked(file, rows, zone, parties)
            with progress("Importing tokens", len(tokens)) as step:
                for start in range(0, len(tokens), _AT_ONCE):
                    part = tokens[start : start + _AT_ONCE]
                    await administration.set_id_tokens(db, part, now=now)
                    for _ in part:
                        step()
            await note(
                db,
                "id_token.import",
                "id_tokens",
                organisation=OrganisationKey(parties.root),
                after={"imported": len(tokens), "id_token": [each.id_token for each in tokens]},
                now=now,
            )
        return len(tokens)

    count = run(work)
    if json:
        show_json({"imported": count})
    else:
        print(f"{count} tokens were created or changed.")


def _rows(file: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield each row that is not empty with its line; comma or semicolon between the cells.

    Raises:
        InvalidFile: If it is no such file at all.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            head = lines.readline()
            lines.seek(0)
            delimiter = ";" if head.count(";") > head.count(",") else ","
            reader = csv.DictReader(lines, delimiter=delimiter, strict=True)
            columns = reader.fieldnames or []
            unknown = [name for name in columns if name not in _SHOWN]
            if unknown or "id_token" not in columns or len(set(columns)) != len(columns):
                raise InvalidFile(
                    file,
                    [f"line 1: the columns are id_token and any of {', '.join(_SHOWN[1:])}"],
                )
            for row in reader:
                if None in row or None in row.values():
                    raise InvalidFile(
                        file, [f"line {reader.line_num}: not as many cells as the head has"]
                    )
                cells = {name: cell.strip() for name, cell in row.items() if cell.strip()}
                if cells:
                    yield reader.line_num, cells
    except (UnicodeDecodeError, csv.Error) as error:
        raise InvalidFile(file, [f"it is no CSV in UTF-8 ({error})"]) from None


@dataclass(frozen=True, slots=True)
class _Parties:
    """Who can answer for a token."""

    root: str
    organisations: frozenset[str]
    providers: frozenset[str]

    @classmethod
    async def read(cls, db: AsyncSession) -> "_Parties":
        return cls(
            (await directory.root(db)).key,
            frozenset(each.key for each in await directory.organisations(db)),
            frozenset(each.party_id for each in await roaming.providers(db)),
        )

    def problems(self, settings: TokenSettings) -> list[str]:
        """Return what is wrong with a token; empty if nothing is."""
        found = [text for _, text in token_problems(settings)]
        if settings.organisation is not None and settings.organisation not in self.organisations:
            found.append(f"There is no organisation {settings.organisation!r}.")
        if settings.provider is not None and settings.provider not in self.providers:
            found.append(f"There is no provider {settings.provider!r}.")
        return found


def _checked(
    file: Path, rows: Sequence[tuple[int, Mapping[str, str]]], zone: str, parties: _Parties
) -> list[TokenSettings]:
    """Return the tokens of the rows.

    Raises:
        InvalidFile: With everything that is wrong with any of them.
    """
    tokens: list[TokenSettings] = []
    problems = [] if rows else ["it has no rows"]
    first_line: dict[str, int] = {}
    for line, row in rows:
        try:
            until = _moment(row.get("valid_until"), zone)
            settings = _settings(row, valid_until=until, default_holder=parties.root)
        except InvalidInput as error:
            problems.append(f"line {line}: {error}")
            continue
        problems += [f"line {line}: {text}" for text in parties.problems(settings)]
        key = normalised_token(settings.id_token)
        if key in first_line:
            problems.append(f"line {line}: this token stands in line {first_line[key]} already")
        first_line.setdefault(key, line)
        tokens.append(settings)
    if problems:
        raise InvalidFile(file, problems)
    return tokens


def _moment(written: str | None, zone: str) -> datetime | None:
    return None if written is None else moment_from(written, zone, field="valid_until")


def _settings(
    facts: Mapping[str, str | None],
    *,
    valid_until: datetime | None,
    default_holder: str | None = None,
) -> TokenSettings:
    provider = facts.get("provider")
    organisation = facts.get("organisation") or (None if provider else default_holder)
    return TokenSettings(
        id_token=facts.get("id_token") or "",
        type=facts.get("type") or "ISO14443",
        status=facts.get("status") or TokenStatus.ACCEPTED,
        group_id=facts.get("group_id"),
        organisation=None if organisation is None else OrganisationKey(organisation),
        provider=None if provider is None else _party(provider),
        valid_until=valid_until,
        language1=facts.get("language1"),
        language2=facts.get("language2"),
    )


def _party(written: str) -> str:
    """Return a party id as we keep it; what is none is left, and then not found."""
    try:
        return roaming.party_id_from(written)
    except InvalidInput:
        return written


async def _stored(db: AsyncSession, id_token: str) -> StoredToken | None:
    found = await registry.id_tokens(db, WHOLE, key=normalised_token(id_token), limit=1)
    return found[0] if found else None


def _row(token: StoredToken) -> dict[str, Any]:
    """Return the token as the REST API writes it."""
    return {name: getattr(token, name) for name in (*_SHOWN, "changed_at")}
