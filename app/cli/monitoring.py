"""`station monitoring`: switch a station's monitoring on and off."""

from datetime import timedelta
from typing import Annotated

import typer

from accounts.directory import WHOLE
from app.cli.frame import Json, Opened, group, operator, run, say, show_json
from csms import registry
from csms.connectivity import SilenceLimits
from portal import monitoring
from portal.monitoring import Monitored

commands = group("Monitoring of a station: on, off, and what it costs.")

Identity = Annotated[str, typer.Argument(help="The station's OCPP identity.")]


@commands.command("on")
def on(identity: Identity, json: Json = False) -> None:
    """Switch monitoring on; prints what it costs. Refused while an EVSE ID is missing."""
    _tell(identity, _done(identity, is_on=True), json=json)


@commands.command("off")
def off(identity: Identity, json: Json = False) -> None:
    """Switch monitoring off, at once."""
    _tell(identity, _done(identity, is_on=False), json=json)


@commands.command("show")
def show_one(identity: Identity, json: Json = False) -> None:
    """Show whether a station is monitored, and what it costs or would cost."""
    _tell(identity, _done(identity, is_on=None), json=json)


def _done(identity: str, *, is_on: bool | None) -> Monitored:
    async def work(opened: Opened) -> Monitored:
        limits = SilenceLimits(
            timedelta(seconds=opened.settings.pending_after_s),
            timedelta(seconds=opened.settings.offline_after_s),
        )
        async with opened.unit_of_work() as (db, now):
            station = await registry.station(db, WHOLE, identity, now, limits=limits)
            if is_on is None:
                return await monitoring.read(db, station, now=now)
            switch = monitoring.switch_on if is_on else monitoring.switch_off
            return await switch(db, station, by=operator(), now=now)

    return run(work)


def _tell(identity: str, found: Monitored, *, json: bool) -> None:
    if json:
        show_json(
            {
                "station": identity,
                "active": found.activation is not None,
                "since": None if found.activation is None else found.activation.active_from,
                "changed": found.changed,
                "waiting_for_second_person": found.waits,
                "cost": found.cost,
                "hints": list(found.hints),
            }
        )
        return
    state = "monitored" if found.activation is not None else "not monitored"
    if found.waits:
        state = "not monitored: a second person has to release the cost"
    print(f"Station {identity} is {state}.")
    cost = found.cost
    if cost.price is None:
        print("No price was agreed: nothing is charged.")
    else:
        print(
            f"{cost.per_month.text} {cost.per_month.currency} a month. This month costs"
            f" {cost.this_month.text} {cost.this_month.currency} if it is active on"
            f" {cost.last_day}."
        )
    for hint in found.hints:
        say(f"Note: {hint.value.replace('_', ' ')}.")
