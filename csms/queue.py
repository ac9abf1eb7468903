"""The remote-command queue: what a command is, the states it goes through, and its rules.

Pure: what is asked, waiting, sent, answered and effective, whatever stores or sends it. A command
is durable before its frame leaves; it is never sent twice blindly, and it ends in one of the final
states, each transition with its moment.

Sources: OCPP 1.6 edition 2, sections 4.2 and 5; OCPP 2.0.1 edition 3, part 2, B01 to B03; which
command needs a written order is our own rule (`needs_order`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Literal, Protocol

from csms.secrecy import MASK as MASK
from csms.secrecy import without_secrets
from foundation.errors import Conflict, ExpectedError, NotPermitted, Unavailable
from foundation.identifiers import OrganisationKey, StationId, TransactionId

AVAILABILITY_ENDS_AFTER = timedelta(hours=24)
"""When an availability change without a written order is set back by itself, unless said."""

LONGEST_EXPIRY = timedelta(days=7)
"""How far off an expiry may be."""


# ------------------------------------------------------------------------------------- states


class CommandState(StrEnum):
    """Where a command stands; the API's words."""

    QUEUED = "queued"
    """Waits for the station's connection and for the commands before it."""
    SENT = "sent"
    """On the wire, or, if the outcome is unknown, perhaps."""
    ACCEPTED = "accepted"
    """The station said yes; whether it happened, evidence will show."""
    REJECTED = "rejected"
    EFFECTIVE = "effective"
    """It happened."""
    FAILED = "failed"
    EXPIRED = "expired"
    """Was never sent."""
    CANCELLED = "cancelled"
    """Was never sent."""


class Failure(StrEnum):
    """Why a command failed."""

    CALL_ERROR = "call_error"
    """The station answered with a CALLERROR, or with what is no answer."""
    NO_ANSWER = "no_answer"
    NO_EFFECT = "no_effect"
    """The station said yes, and nothing showed that it was done."""
    OUTCOME_UNKNOWN = "outcome_unknown"
    """The connection or our process was lost between sending and answer."""


FINAL = frozenset(
    {
        CommandState.REJECTED,
        CommandState.EFFECTIVE,
        CommandState.FAILED,
        CommandState.EXPIRED,
        CommandState.CANCELLED,
    }
)
"""States in which a command is over; only a failed one may still turn out to be effective."""

NEVER_AFTER_AN_OUTAGE = frozenset(
    {
        "RemoteStartTransaction",
        "RequestStartTransaction",
        "RemoteStopTransaction",
        "RequestStopTransaction",
        "ReserveNow",
    }
)
"""Actions that only the connection gets that stood when they were asked for."""

ANSWERED = FINAL | {CommandState.ACCEPTED}
"""States in which nobody waits for the station's answer any more."""

_NEXT: dict[CommandState, frozenset[CommandState]] = {
    CommandState.QUEUED: frozenset(
        # Effective without having been sent again: the transaction of a stop ended meanwhile.
        {
            CommandState.SENT,
            CommandState.EXPIRED,
            CommandState.CANCELLED,
            CommandState.EFFECTIVE,
        }
    ),
    # Back to the queue: asked again by the rule of its action.
    CommandState.SENT: frozenset(
        {
            CommandState.ACCEPTED,
            CommandState.REJECTED,
            CommandState.EFFECTIVE,
            CommandState.FAILED,
            CommandState.QUEUED,
        }
    ),
    CommandState.ACCEPTED: frozenset(
        {CommandState.EFFECTIVE, CommandState.FAILED, CommandState.QUEUED}
    ),
    CommandState.FAILED: frozenset({CommandState.EFFECTIVE}),
    CommandState.REJECTED: frozenset(),
    CommandState.EFFECTIVE: frozenset(),
    CommandState.EXPIRED: frozenset(),
    CommandState.CANCELLED: frozenset(),
}


def may_become(before: CommandState, after: CommandState) -> bool:
    """Tell whether a command in one state may go on to another."""
    return after in _NEXT[before]


# ------------------------------------------------------------------------------------- values

Reason = Literal["call", "ticket", "schedule", "api", "page", "campaign", "system"]
WhenOffline = Literal["refuse", "queue"]
BillingDecision = Literal["token", "free"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """Somebody asks a station for something.

    `action` and `payload` are OCPP's own, of the station's version. `asked_by` is who is counted
    for the limit of commands in flight and for the idempotency key: an API key, a login, a part
    of the program. `is_authorised`: an authorised person acts himself (it counts only at stations
    of `asker_organisation`). `raw` skips the schema. `until_ended` asks a stop again until the
    end of its transaction is known. `ends_in_s` says after how many seconds a change of
    availability is set back; None: by the rule of `AVAILABILITY_ENDS_AFTER`, or never where an
    order or the owner himself decides.
    """

    station: StationId
    action: str
    payload: Mapping[str, Any]
    asked_by: str
    asked_by_name: str
    door: str
    asker_organisation: OrganisationKey
    reason: Reason
    reference: str | None = None
    priority: int = 0
    expires_in_s: int = 300
    when_offline: WhenOffline = "refuse"
    raw: bool = False
    change_order: str | None = None
    idempotency_key: str | None = None
    billing_decision: BillingDecision | None = None
    is_authorised: bool = False
    until_ended: bool = False
    ends_in_s: int | None = None


@dataclass(frozen=True, slots=True)
class Transition:
    """A command came into a state; the note says why where the state does not."""

    state: CommandState
    at: datetime
    note: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """A command with its history.

    `answer` is the station's own, of a CALLERROR `{"error_code", "error_description"}`. Secrets in
    the payload are masked. `owner` is the station's organisation when it was asked.
    """

    id: str
    station: StationId
    owner: OrganisationKey
    action: str
    payload: Mapping[str, Any]
    state: CommandState
    failure: Failure | None
    asked_at: datetime
    asked_by: str
    asked_by_name: str
    door: str
    asker_organisation: OrganisationKey
    reason: str
    reference: str | None
    priority: int
    expires_at: datetime
    when_offline: str
    raw: bool
    change_order: str | None
    billing_decision: str | None
    idempotency_key: str | None
    until_ended: bool
    set_back_at: datetime | None
    version: str
    attempts: int
    sent_at: datetime | None
    answered_at: datetime | None
    answer: dict[str, Any] | None
    transaction_id: TransactionId | None
    remote_start_id: int | None
    transitions: tuple[Transition, ...] = ()

    @property
    def is_final(self) -> bool:
        """Whether it is over."""
        return self.state in FINAL


# ------------------------------------------------------------------------------------- refusals


class StationUnreachable(Unavailable):
    """The station has no connection, or it ended before the answer."""

    code = "station_unreachable"

    def __init__(self, station: str) -> None:
        super().__init__(f"Station {station} is not connected.")


class NoAnswer(Unavailable):
    """The station did not answer our call in time; its answer may still come."""

    code = "no_answer"

    def __init__(self, station: str, action: str) -> None:
        super().__init__(f"Station {station} did not answer {action} in time.")


class CallRefused(Conflict):
    """The station answered our call with a CALLERROR."""

    code = "call_error"

    def __init__(self, station: str, action: str, error: str) -> None:
        super().__init__(f"Station {station} refused {action}: {error}")


class TooManyInFlight(ExpectedError):
    """The asker has as many commands without an answer as one may have."""

    code = "too_many_commands"

    def __init__(self, most: int) -> None:
        self.most = most
        super().__init__(
            f"{most} commands of yours have no answer yet; ask again when one of them has."
        )


class OrderNeeded(NotPermitted):
    """The command changes what only a written order may change."""

    code = "change_order_needed"

    def __init__(self, action: str, reason: str | None = None) -> None:
        super().__init__(
            reason
            or f"{action} needs a written order: name a confirmed change order in change_order."
        )


class HarmfulCommand(Conflict):
    """Stations of this make restart or fail when they are asked for this."""

    code = "harmful_command"

    def __init__(self, action: str, source: str) -> None:
        super().__init__(
            f"{action} is known to do harm at stations of this make and firmware ({source})."
            " An expert may send it all the same, without our checks."
        )


class CommandIsUnderWay(Conflict):
    """Only a command that still waits can be cancelled."""

    code = "command_under_way"

    def __init__(self, state: CommandState) -> None:
        super().__init__(f"The command is {state.value}; only a queued one can be cancelled.")


class KeyUsedForOther(Conflict):
    """The idempotency key came with another command before."""

    code = "idempotency_key_used"

    def __init__(self) -> None:
        super().__init__("This idempotency key came with another command before.")


# ------------------------------------------------------------------------------------- orders


class ChangeOrders(Protocol):
    """Written orders, fulfilled by `support` and joined by the program."""

    async def permits(
        self,
        db: Any,
        order: str,
        *,
        station: StationId,
        action: str,
        payload: Mapping[str, Any],
        now: datetime,
    ) -> str | None:
        """Return None if the order permits this command now, else the sentence why not."""
        ...


STARTS = frozenset({"RemoteStartTransaction", "RequestStartTransaction"})
STOPS = frozenset({"RemoteStopTransaction", "RequestStopTransaction"})
TRIGGERS = frozenset({"TriggerMessage", "ExtendedTriggerMessage"})
AVAILABILITY = "ChangeAvailability"

_NEEDS_NONE = (
    STARTS
    | STOPS
    | TRIGGERS
    | {
        "CancelReservation",
        "ClearCache",
        "CostUpdated",
        "GetBaseReport",
        "GetChargingProfiles",
        "GetCompositeSchedule",
        "GetConfiguration",
        "GetDERControl",
        "GetDiagnostics",
        "GetDisplayMessages",
        "GetInstalledCertificateIds",
        "GetLocalListVersion",
        "GetLog",
        "GetMonitoringReport",
        "GetPeriodicEventStream",
        "GetReport",
        "GetTariffs",
        "GetTransactionStatus",
        "GetVariables",
        "NotifyWebPaymentStarted",
        "RequestBatterySwap",
        "ReserveNow",
        "Reset",
        "UnlockConnector",
    }
)
"""What changes nothing that lasts. Any action that is not named needs an order."""


def needs_order(
    action: str, payload: Mapping[str, Any], *, acts_for_own: bool, has_end: bool = True
) -> bool:
    """Tell whether a command needs a written order.

    Configuration, tariff, access, firmware, profile and network do; reset, unlock, start, stop,
    diagnostics and reading do not. An authorised person who acts for his own station is the order
    himself.

    Args:
        action: OCPP's word.
        payload: OCPP's own.
        acts_for_own: An authorised person of the station's organisation asks.
        has_end: Whether a change of availability is set back by itself.
    """
    if acts_for_own:
        return False
    if action == AVAILABILITY:
        # To put a station back to work takes nothing from anybody.
        return not has_end and wanted_availability(payload) != "Operative"
    if action in STARTS and "chargingProfile" in payload:
        return True
    if action == "CustomerInformation":
        return payload.get("clear") is not False
    return action not in _NEEDS_NONE


def wanted_availability(payload: Mapping[str, Any]) -> str | None:
    """Return Operative or Inoperative from a ChangeAvailability of any version."""
    wanted = payload.get("type", payload.get("operationalStatus"))
    return wanted if wanted in ("Operative", "Inoperative") else None


def set_back(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return the payload that takes a ChangeAvailability back."""
    other = "Operative" if wanted_availability(payload) == "Inoperative" else "Inoperative"
    return {
        name: other if name in ("type", "operationalStatus") else value
        for name, value in payload.items()
    }


# -------------------------------------------------------------------------------- asking again

_ASKED_AGAIN = (
    TRIGGERS
    | {each for each in _NEEDS_NONE if each.startswith("Get")}
    | {
        AVAILABILITY,
        "CancelReservation",
        "ChangeConfiguration",
        "ClearCache",
        "ClearChargingProfile",
        "ClearDisplayMessage",
        "ClearTariffs",
        "ClearVariableMonitoring",
        "CostUpdated",
        "DeleteCertificate",
        "InstallCertificate",
        "SetChargingProfile",
        "SetDefaultTariff",
        "SetDisplayMessage",
        "SetMonitoringBase",
        "SetMonitoringLevel",
        "SetNetworkProfile",
        "SetVariableMonitoring",
        "SetVariables",
        "UpdateDynamicSchedule",
    }
)


def may_be_asked_again(action: str, payload: Mapping[str, Any]) -> bool:
    """Tell whether a command whose outcome is unknown may be sent once more.

    Only what has the same result whether it is done once or twice. Starts, stops, reservations,
    resets, unlocks and updates are never replayed: evidence settles them.
    """
    if action == "SendLocalList":
        return payload.get("updateType") == "Full"
    return action in _ASKED_AGAIN


def is_held(
    action: str,
    *,
    admission: str,
    boot_policy: str,
    has_booted: bool,
) -> bool:
    """Tell whether a command must wait for the station's boot to be accepted.

    Before the first boot and while it is rejected only triggers are sent; while it is pending
    anything but starts and stops. Sources: OCPP 1.6, section 4.2.1; OCPP 2.0.1, B01.FR.09 to
    B03.FR.05.
    """
    if action in TRIGGERS:
        return False
    if not has_booted or admission == "refused" or boot_policy == "reject":
        return True
    if admission == "waiting" or boot_policy == "pending":
        return action in STARTS or action in STOPS
    return False


# ------------------------------------------------------------------------------------ time-outs

_SLOW: dict[str, float] = {
    "GetConfiguration": 2,
    "GetVariables": 2,
    "SetVariables": 2,
    "SendLocalList": 2,
    "CertificateSigned": 2,
    "InstallCertificate": 2,
    "GetInstalledCertificateIds": 2,
    "UpdateFirmware": 2,
    "SignedUpdateFirmware": 2,
    "GetDiagnostics": 2,
    "GetLog": 2,
    "UnlockConnector": 2,
}


def answer_timeout_s(action: str, usual_s: float) -> float:
    """Return how long a station may take to answer, in seconds.

    Twice the usual time where it must turn a motor, write a flash or compute a key first.
    """
    return usual_s * _SLOW.get(action, 1.0)


# -------------------------------------------------------------------------------------- secrets

_BIG: Final = frozenset({"SendLocalList", "SetChargingProfile", "InstallCertificate"})
"""What has no place for a secret, and may be large."""


def masked(action: str, payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return the payload as it may be shown and logged; equal to it if it holds no secret."""
    if action in _BIG:
        return dict(payload)
    shown: dict[str, Any] = without_secrets(payload)
    return shown
