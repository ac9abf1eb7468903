"""Commands in any state, and a station, for what shows them."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from csms.connectivity import StationState
from csms.queue import Command, CommandState, Failure, Transition
from csms.registry import Station
from foundation.identifiers import OrganisationKey, StationId

NOON = datetime(2026, 10, 15, 12, tzinfo=UTC)

_PATHS = {
    CommandState.QUEUED: (CommandState.QUEUED,),
    CommandState.EXPIRED: (CommandState.QUEUED, CommandState.EXPIRED),
    CommandState.CANCELLED: (CommandState.QUEUED, CommandState.CANCELLED),
    CommandState.SENT: (CommandState.QUEUED, CommandState.SENT),
}


def a_command(
    state: CommandState,
    action: str = "Reset",
    payload: Mapping[str, Any] | None = None,
    *,
    failure: Failure | None = None,
    answer: dict[str, Any] | None = None,
    number: int = 7,
    asked_at: datetime = NOON,
    when_offline: str = "refuse",
    version: str = "1.6",
) -> Command:
    """A command that came into a state, a second for each step."""
    path = _PATHS.get(state)
    if path is None:
        path = (CommandState.QUEUED, CommandState.SENT, CommandState.ACCEPTED, state)
        path = path[:3] if state is CommandState.ACCEPTED else path
    return Command(
        id=str(number),
        station=StationId("CS-1"),
        owner=OrganisationKey("north"),
        action=action,
        payload=payload if payload is not None else {"type": "Soft"},
        state=state,
        failure=failure,
        asked_at=asked_at,
        asked_by="person/3",
        asked_by_name="Helen",
        door="portal",
        asker_organisation=OrganisationKey("root"),
        reason="page",
        reference=None,
        priority=0,
        expires_at=asked_at + timedelta(minutes=5),
        when_offline=when_offline,
        raw=False,
        change_order=None,
        billing_decision=None,
        idempotency_key=None,
        until_ended=False,
        set_back_at=None,
        version=version,
        attempts=1,
        sent_at=None,
        answered_at=None,
        answer=answer,
        transaction_id=None,
        remote_start_id=None,
        transitions=tuple(
            Transition(each, asked_at + timedelta(seconds=place)) for place, each in enumerate(path)
        ),
    )


def a_station(owner: str) -> Station:
    """The station CS-1 of an owner, connected."""
    return Station(
        identity=StationId("CS-1"),
        name=None,
        vendor="Leuchtkraft",
        model="Saeule 2",
        serial_number=None,
        firmware="1.4.2",
        iccid=None,
        imsi=None,
        ocpp_version="1.6",
        state=StationState.ONLINE,
        connected=True,
        connected_at=NOON,
        last_heard_at=NOON,
        booted_at=NOON,
        admission="accepted",
        organisation=OrganisationKey(owner),
        location=None,
        time_zone="Europe/Berlin",
        security_profile=1,
        has_password=True,
        boot_policy="accept",
        aliases=(),
        items_per_message={},
        free_vend=False,
        created_at=NOON,
        evses=(),
    )
