"""`tariff`: OCPI's tariff objects, and where each is assigned."""

import json as json_library
from collections.abc import Mapping
from decimal import Decimal
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
    named_organisation,
    note,
    run,
    show,
    show_json,
)
from billing import pricing
from billing.assignments import Assignment, Place, TariffScope
from billing.conditions import Side, conditions_json, parse_conditions
from billing.pricing import NewAssignment, TariffVersion
from billing.tariff_json import tariff_json
from csms import registry
from csms.connectivity import SilenceLimits
from foundation.errors import InvalidInput, NotFound

commands = group("Tariffs, as OCPI 2.2.1 writes them, and where they hold.")

_COLUMNS = ("id", "currency", "version", "assigned_to")
_ASSIGNMENT = {"scope", "id", "valid_from", "valid_to", "side", "priority", "conditions"}


@commands.command("create")
def create(
    file: Annotated[
        Path,
        typer.Argument(
            exists=True,
            dir_okay=False,
            readable=True,
            help="A JSON object: OCPI's tariff, with `assignments` as in the REST API.",
        ),
    ],
    json: Json = False,
) -> None:
    """Create a tariff, and assign it where its file says."""
    document = _document(file)
    wanted = document.pop("assignments", [])

    async def work(opened: Opened) -> dict[str, Any]:
        async with opened.unit_of_work() as (db, now):
            root = await directory.root(db)
            assignments = [await _assignment(db, each) for each in _assignments(wanted)]
            made = await pricing.create_tariff(
                db, document, assignments, organisation=root.key, now=now
            )
            row = _row(made, await pricing.assignments(db, [made.tariff_id]))
            await note(
                db,
                "tariff.create",
                f"tariff/{made.tariff_id}",
                organisation=root.key,
                after=row,
                now=now,
            )
            return row

    made = run(work)
    if json:
        show_json(made)
    else:
        print(f"Tariff {made['id']} was created; assigned to: {_places(made) or 'nothing yet'}.")


@commands.command("list")
def list_tariffs(json: Json = False) -> None:
    """List all tariffs as they hold now, with where they are assigned."""

    async def work(opened: Opened) -> list[dict[str, Any]]:
        async with opened.unit_of_work() as (db, _):
            found = await pricing.tariffs(db)
            assigned = await pricing.assignments(db, [each.tariff_id for each in found])
        return [
            _row(each, [one for one in assigned if one.tariff_id == each.tariff_id])
            for each in found
        ]

    rows = run(work)
    if not json:
        rows = [row | {"assigned_to": _places(row)} for row in rows]
    show(rows, _COLUMNS, json=json)


@commands.command("assign")
def assign(
    tariff_id: Annotated[str, typer.Argument(help="The tariff's id.")],
    scope: Annotated[TariffScope, typer.Option(help="What kind of place; the smallest wins.")],
    place_id: Annotated[
        str,
        typer.Option(
            "--id", help="The identity (STATION/1 for an EVSE), the location's or owner's key."
        ),
    ],
    valid_from: Annotated[
        str | None, typer.Option(help="A day in the place's zone, or a moment. [default: now]")
    ] = None,
    valid_to: Annotated[str | None, typer.Option(help="Not included. [default: no end]")] = None,
    side: Annotated[Side, typer.Option(help="What is paid, or what the owner is credited by.")] = (
        Side.SALE
    ),
    priority: Annotated[int, typer.Option(help="The highest goes first.")] = 0,
    conditions: Annotated[
        str, typer.Option(help='Whom it is for, as JSON: {"token_groups": ["FLEET"]}.')
    ] = "{}",
    json: Json = False,
) -> None:
    """Let a tariff hold at a place from a moment on."""
    wanted = {
        "scope": scope,
        "id": place_id,
        "valid_from": valid_from,
        "valid_to": valid_to,
        "side": side,
        "priority": priority,
        "conditions": _conditions(conditions),
    }

    async def work(opened: Opened) -> Assignment:
        async with opened.unit_of_work() as (db, now):
            made = await pricing.assign(db, tariff_id, await _assignment(db, wanted), now=now)
            await note(
                db,
                "tariff.assign",
                f"tariff/{tariff_id}",
                organisation=(await directory.root(db)).key,
                after=_assignment_row(made),
                now=now,
            )
            return made

    made = run(work)
    if json:
        show_json(_assignment_row(made))
    else:
        print(f"Tariff {tariff_id} holds at {made.place} from {made.valid_from.isoformat()} on.")


def _conditions(text: str) -> dict[str, Any]:
    """Read conditions.

    Raises:
        InvalidInput: If they are no JSON object.
    """
    try:
        found = json_library.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"conditions are no JSON: {error}.", field="conditions") from None
    if not isinstance(found, dict):
        raise InvalidInput("conditions are a JSON object.", field="conditions")
    return found


def _document(file: Path) -> dict[str, Any]:
    """Read a JSON object; numbers stay exact.

    Raises:
        InvalidInput: If it is none.
    """
    try:
        found = json_library.loads(file.read_text(encoding="utf-8-sig"), parse_float=Decimal)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{file} is no JSON: {error}.") from None
    if not isinstance(found, dict):
        raise InvalidInput(f"{file} must hold one JSON object.")
    return found


def _assignments(wanted: Any) -> list[Mapping[str, Any]]:
    if not isinstance(wanted, list) or not all(
        isinstance(each, dict) and each.keys() <= _ASSIGNMENT and {"scope", "id"} <= each.keys()
        for each in wanted
    ):
        raise InvalidInput(
            "assignments is a list of objects with scope and id.",
            field="assignments",
        )
    return wanted


async def _assignment(db: AsyncSession, wanted: Mapping[str, Any]) -> NewAssignment:
    """Return the assignment that was written; a day begins in the zone of the place.

    Raises:
        InvalidInput: If there is no such place, or a moment is none.
    """
    place = pricing.place_from(str(wanted["scope"]), str(wanted["id"]))
    zone = await _zone(db, place)
    begins, ends = wanted.get("valid_from"), wanted.get("valid_to")
    return NewAssignment(
        place,
        None if begins is None else moment_from(str(begins), zone, field="valid_from"),
        None if ends is None else moment_from(str(ends), zone, field="valid_to"),
        _side(wanted.get("side", Side.SALE)),
        _priority(wanted.get("priority", 0)),
        parse_conditions(wanted.get("conditions")),
    )


def _side(given: object) -> Side:
    if given not in list(Side):
        raise InvalidInput("side is sale or purchase.", field="side")
    return Side(str(given))


def _priority(given: object) -> int:
    if isinstance(given, bool) or not isinstance(given, int):
        raise InvalidInput("priority is a whole number.", field="priority")
    return given


async def _zone(db: AsyncSession, place: Place) -> str:
    """Return the time zone of a place.

    Raises:
        InvalidInput: If there is no such place.
    """
    match place.scope:
        case TariffScope.ORGANISATION:
            return (await named_organisation(db, place.id)).time_zone
        case TariffScope.LOCATION:
            found = await registry.locations(db, WHOLE, key=place.id, limit=1)
            if not found:
                raise InvalidInput(f"There is no location {place.id!r}.", field="id")
            return found[0].time_zone
        case TariffScope.STATION | TariffScope.EVSE | TariffScope.CONNECTOR:
            identity = place.station
            assert identity is not None
            now = pricing.ALWAYS  # only the zone is of interest, not who was silent for how long
            try:
                station = await registry.station(db, WHOLE, identity, now, limits=SilenceLimits())
            except NotFound as error:
                raise InvalidInput(str(error), field="id") from None
            return station.time_zone


def _row(version: TariffVersion, assigned: list[Assignment]) -> dict[str, Any]:
    """Return the tariff as the REST API writes it."""
    return {
        **tariff_json(version.tariff),
        "version": version.version,
        "version_valid_from": version.valid_from,
        "assignments": [_assignment_row(each) for each in assigned],
    }


def _assignment_row(assignment: Assignment) -> dict[str, Any]:
    return {
        "scope": assignment.place.scope,
        "id": assignment.place.id,
        "valid_from": assignment.valid_from,
        "valid_to": assignment.valid_to,
        "side": assignment.side,
        "priority": assignment.priority,
        "conditions": conditions_json(assignment.conditions),
    }


def _places(row: Mapping[str, Any]) -> str:
    return ", ".join(f"{each['scope']} {each['id']}" for each in row["assignments"])
