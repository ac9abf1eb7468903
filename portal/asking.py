"""Commands as people ask for them by a page: may they, the command itself, and the audit of it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from accounts import audit
from accounts.permissions import Permission
from csms import remote
from csms.queue import BillingDecision, Command, Reason, Request, WhenOffline, masked, needs_order
from foundation.errors import NotPermitted
from foundation.identifiers import OrganisationKey, StationId
from portal import hotline_doors
from portal.guard import Caller


class Addressee(Protocol):
    """What must be known of a station before it is asked; `Station` and others have it."""

    @property
    def identity(self) -> StationId: ...

    @property
    def organisation(self) -> OrganisationKey: ...


class SharedForReading(NotPermitted):
    """The station is shared with the asker, but not for commands."""

    code = "shared_for_reading"

    def __init__(self, station: str) -> None:
        super().__init__(f"Station {station} is shared with you for reading, not for commands.")


def may_ask(caller: Caller, station: Addressee) -> bool:
    """Tell whether somebody may ask this station for anything at all."""
    return caller.may(Permission.COMMANDS_SEND) and caller.scope.may_command(
        station.organisation, station.identity
    )


def is_authorised(caller: Caller) -> bool:
    """Tell whether somebody's own wish is the order, at stations of his own organisation."""
    return caller.may(Permission.CHANGE_ORDERS_CONFIRM)


def acts_for_own(caller: Caller, station: Addressee) -> bool:
    """Tell whether an authorised person of the station's own organisation asks himself."""
    return is_authorised(caller) and caller.principal.organisation == station.organisation


def order_is_needed(
    caller: Caller, station: Addressee, action: str, payload: Mapping[str, Any], **ends: bool
) -> bool:
    """Tell whether this command of this person needs a written order."""
    return needs_order(action, payload, acts_for_own=acts_for_own(caller, station), **ends)


async def ask(
    db: AsyncSession,
    caller: Caller,
    station: Addressee,
    action: str,
    payload: Mapping[str, Any],
    *,
    now: datetime,
    reason: Reason = "page",
    reference: str | None = None,
    once: str | None = None,
    when_offline: WhenOffline = "refuse",
    expires_in_s: int = 300,
    billing_decision: BillingDecision | None = None,
    change_order: str | None = None,
    ends_in_s: int | None = None,
    raw: bool = False,
    priority: int = 0,
    until_ended: bool = False,
) -> Command:
    """Ask a station for something in somebody's name, and write it into the audit.

    The caller has checked the right that this kind of command needs. `once` is a fresh text for
    each time that a button is shown: pressed twice, it asks once.

    Raises:
        SharedForReading: He sees the station, but may not command it.
        Barred: He acts by phone, and the hotline may not act for it.
        ExpectedError: As `csms.remote.ask` says.
    """
    if not caller.scope.may_command(station.organisation, station.identity):
        raise SharedForReading(station.identity)
    await hotline_doors.must_be_able_to_act(db, caller, station, is_call=reason == "call", now=now)
    command = await remote.ask(
        db,
        Request(
            station=station.identity,
            action=action,
            payload=payload,
            asked_by=caller.principal.id,
            asked_by_name=caller.principal.name,
            door=caller.door,
            asker_organisation=caller.principal.organisation,
            reason=reason,
            reference=reference,
            expires_in_s=expires_in_s,
            when_offline=when_offline,
            raw=raw,
            change_order=change_order,
            idempotency_key=once,
            billing_decision=billing_decision,
            is_authorised=is_authorised(caller),
            ends_in_s=ends_in_s,
            priority=priority,
            until_ended=until_ended,
        ),
        now=now,
    )
    await audit.record(
        db,
        caller.actor,
        "command.ask",
        f"station/{station.identity}",
        organisation=station.organisation,
        after={"command": command.id, "action": action, "payload": masked(action, payload)},
        order=change_order,
        now=now,
    )
    return command


async def cancel(db: AsyncSession, caller: Caller, command: Command, *, now: datetime) -> None:
    """Cancel a command that still waits, in somebody's name.

    Raises:
        SharedForReading: He sees the station, but may not command it.
        CommandIsUnderWay: It was sent already, or is over.
    """
    if not caller.scope.may_command(command.owner, command.station):
        raise SharedForReading(command.station)
    await remote.cancel(db, command.id, now=now, note=caller.principal.name)
    await audit.record(
        db,
        caller.actor,
        "command.cancel",
        f"station/{command.station}",
        organisation=command.owner,
        after={"command": command.id},
        now=now,
    )
