"""What shows that a command took effect: a table of data, and the judgement by it.

A station's "Accepted" is a promise. For each action the table says what keeps it: the transaction
that a start led to, the boot after a reset, the value read back. An action without an observable
effect is effective with its answer. What did not show in its time has failed; late evidence may
still turn that.

Sources: OCPP 1.6 edition 2, sections 4 and 5; OCPP 2.0.1 edition 3, part 2, blocks B, E, F, G, H,
J, L, N; OCPP 2.1 edition 1.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from csms.answers import is_same_value, meaning, values_2, values_16, variable_name
from csms.queue import MASK, masked, wanted_availability
from csms.reports import OcppVersion
from foundation.identifiers import TransactionId, normalised_token

# ------------------------------------------------------------------------------------ the table


class Shown(StrEnum):
    """By what an effect shows."""

    ANSWER = "answer"
    START = "start"
    """The transaction that it led to."""
    END = "end"
    """The end of the transaction."""
    BOOT = "boot"
    UNLOCKED = "unlocked"
    AVAILABILITY = "availability"
    RESERVED = "reserved"
    CONFIGURATION = "configuration"
    """The value, read back."""
    LOCAL_LIST = "local_list"
    """The list's version, read back."""
    FIRMWARE = "firmware"
    """Another version at boot, or the station's word that it is installed."""
    UPLOAD = "upload"
    """The station's word that the file is uploaded."""
    REPORT = "report"
    """The last part of the report that was asked for."""
    MESSAGE = "message"
    """The message that was asked for."""


READ_BACK = frozenset({Shown.CONFIGURATION, Shown.LOCAL_LIST})
"""What is seen by asking the station once more."""

BY_FRAMES = frozenset({Shown.FIRMWARE, Shown.UPLOAD, Shown.REPORT, Shown.MESSAGE})
"""What is seen in the messages that came since."""

_16 = (OcppVersion.V16,)
_2 = (OcppVersion.V201, OcppVersion.V21)
_ALL = (*_16, *_2)

_MINUTE = 60.0
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR


@dataclass(frozen=True, slots=True)
class Rule:
    """By what an action's effect shows, and how long that may take after the answer, in seconds.

    `scheduled_s` holds where the station answers that it will do it later (Scheduled,
    RebootRequired).
    """

    action: str
    versions: tuple[OcppVersion, ...]
    shown: Shown
    timeout_s: float
    scheduled_s: float = _DAY


RULES: tuple[Rule, ...] = (
    # A driver who is at the station has yet to plug in: ConnectionTimeOut, EVConnectionTimeOut.
    Rule("RemoteStartTransaction", _16, Shown.START, 5 * _MINUTE),
    Rule("RequestStartTransaction", _2, Shown.START, 5 * _MINUTE),
    Rule("RemoteStopTransaction", _16, Shown.END, 2 * _MINUTE),
    Rule("RequestStopTransaction", _2, Shown.END, 2 * _MINUTE),
    Rule("Reset", _16, Shown.BOOT, 10 * _MINUTE),
    Rule("Reset", _2, Shown.BOOT, 10 * _MINUTE),
    Rule("UnlockConnector", _ALL, Shown.UNLOCKED, _MINUTE),
    Rule("ChangeAvailability", _ALL, Shown.AVAILABILITY, _MINUTE),
    Rule("ReserveNow", _ALL, Shown.RESERVED, _MINUTE),
    Rule("ChangeConfiguration", _16, Shown.CONFIGURATION, 2 * _MINUTE),
    Rule("SetVariables", _2, Shown.CONFIGURATION, 2 * _MINUTE),
    Rule("SendLocalList", _ALL, Shown.LOCAL_LIST, 2 * _MINUTE),
    Rule("UpdateFirmware", _ALL, Shown.FIRMWARE, 2 * _HOUR),
    Rule("SignedUpdateFirmware", _16, Shown.FIRMWARE, 2 * _HOUR),
    Rule("PublishFirmware", _2, Shown.FIRMWARE, 2 * _HOUR),
    Rule("GetDiagnostics", _16, Shown.UPLOAD, 30 * _MINUTE),
    Rule("GetLog", _ALL, Shown.UPLOAD, 30 * _MINUTE),
    Rule("GetBaseReport", _2, Shown.REPORT, 5 * _MINUTE),
    Rule("GetReport", _2, Shown.REPORT, 5 * _MINUTE),
    Rule("GetMonitoringReport", _2, Shown.REPORT, 5 * _MINUTE),
    Rule("GetChargingProfiles", _2, Shown.REPORT, 2 * _MINUTE),
    Rule("GetDisplayMessages", _2, Shown.REPORT, 2 * _MINUTE),
    Rule("CustomerInformation", _2, Shown.REPORT, 5 * _MINUTE),
    Rule("TriggerMessage", _ALL, Shown.MESSAGE, _MINUTE),
    Rule("ExtendedTriggerMessage", _16, Shown.MESSAGE, _MINUTE),
)
"""What is not named shows by its answer alone."""

_BY_KEY = {(version, rule.action): rule for rule in RULES for version in rule.versions}

LATE_FOR = timedelta(hours=1)
"""How long after its failure a command may still turn out to be effective."""

_REPORTED_BY = {
    "GetBaseReport": "NotifyReport",
    "GetReport": "NotifyReport",
    "GetMonitoringReport": "NotifyMonitoringReport",
    "GetChargingProfiles": "ReportChargingProfiles",
    "GetDisplayMessages": "NotifyDisplayMessages",
    "CustomerInformation": "NotifyCustomerInformation",
}
_TOLD_BY = {
    "UpdateFirmware": "FirmwareStatusNotification",
    "SignedUpdateFirmware": "SignedFirmwareStatusNotification",
    "PublishFirmware": "PublishFirmwareStatusNotification",
    "GetDiagnostics": "DiagnosticsStatusNotification",
    "GetLog": "LogStatusNotification",
}
_TRIGGERED_BY = {
    "SignChargePointCertificate": "SignCertificate",
    "SignChargingStationCertificate": "SignCertificate",
    "SignV2GCertificate": "SignCertificate",
    "SignV2G20Certificate": "SignCertificate",
    "SignCombinedCertificate": "SignCertificate",
}
_NO_RESET = frozenset({"Triggered", "FirmwareUpdate"})
"""Reasons of a boot message that no reset led to."""
_INSTALLED = frozenset({"Installed", "Published"})
_GIVEN_UP = frozenset(
    {
        "DownloadFailed",
        "InstallationFailed",
        "InstallVerificationFailed",
        "InvalidChecksum",
        "InvalidCertificate",
        "InvalidSignature",
        "PublishFailed",
        "RevokedCertificate",
        # of an upload
        "UploadFailed",
        "UploadFailure",
        "BadMessage",
        "NotSupportedOperation",
        "PermissionDenied",
        "AcceptedCanceled",
    }
)


def rule_of(version: OcppVersion, action: str) -> Rule:
    """Return the rule of an action; one that has no row shows by its answer."""
    found = _BY_KEY.get((version, action))
    return found or Rule(action, (version,), Shown.ANSWER, 0)


# --------------------------------------------------------------------------------------- facts


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A command that was sent: what is judged. `firmware` is the version when it was asked."""

    version: OcppVersion
    action: str
    payload: Mapping[str, Any]
    sent_at: datetime
    answered_at: datetime | None
    answer: Mapping[str, Any] | None
    firmware: str | None
    remote_start_id: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ConnectorFact:
    """A connector's live status, when it was last reported, and when it last became available."""

    evse_id: int
    connector_id: int
    status: str | None
    reported_at: datetime | None
    freed_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class BootFact:
    """A boot message: when it came, and why it was sent, if that is known."""

    at: datetime
    reason: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class TransactionFact:
    """A transaction; `ref` is a 2.x station's own id, `number` the one that a 1.6 station uses."""

    id: TransactionId
    ref: str | None
    number: int | None
    evse_id: int
    token_key: str | None
    remote_start_id: int | None
    started_at: datetime
    start_received_at: datetime
    is_over: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Came:
    """A message of the station that came since the command was sent."""

    action: str
    at: datetime
    payload: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What is known of the station now. `taken` are transactions that other starts led to."""

    booted_at: datetime | None = None
    boots: Sequence[BootFact] = ()
    firmware: str | None = None
    connectors: Sequence[ConnectorFact] = ()
    transactions: Sequence[TransactionFact] = ()
    taken: frozenset[TransactionId] = frozenset()
    came: Sequence[Came] = ()
    cancelled: Mapping[str, datetime] = field(default_factory=dict)
    """By action: when the newest request was sent that was taken in place of those before it."""
    read_back: Mapping[str, Any] | None = None
    read_back_at: datetime | None = None


class Effect(StrEnum):
    """The judgement."""

    SHOWN = "shown"
    NOT_YET = "not_yet"
    NEVER = "never"
    """The station itself says that it failed."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the effect shows; by which transaction, or why not."""

    effect: Effect
    note: str | None = None
    transaction_id: TransactionId | None = None


_NOT_YET = Verdict(Effect.NOT_YET)
_CANCELLED = Verdict(Effect.NEVER, "AcceptedCanceled")
_SHOWN = Verdict(Effect.SHOWN)


def deadline(rule: Rule, asked: Asked, *, now: datetime, most_s: float | None = None) -> datetime:
    """Return until when the effect may show.

    Args:
        rule: The action's.
        asked: The command, with its answer if it has one.
        now: What it counts from where there was no answer.
        most_s: A limit to what the table says, in seconds.
    """
    begins = asked.answered_at or now
    seconds = rule.timeout_s
    if asked.answer is not None and meaning(asked.action, asked.answer).is_later:
        seconds = rule.scheduled_s
    if rule.shown is Shown.FIRMWARE:
        begins = max(begins, _retrieved_at(asked.payload) or begins)
    return begins + timedelta(seconds=seconds if most_s is None else min(seconds, most_s))


def _retrieved_at(payload: Mapping[str, Any]) -> datetime | None:
    """Return when an update shall begin, if the payload says so."""
    inner = payload.get("firmware")
    for holder in (payload, inner if isinstance(inner, Mapping) else {}):
        for name in ("installDateTime", "retrieveDate", "retrieveDateTime"):
            written = holder.get(name)
            if isinstance(written, str):
                try:
                    at = datetime.fromisoformat(written)
                except ValueError:
                    continue
                return at if at.tzinfo is not None else None
    return None


def judge(rule: Rule, asked: Asked, facts: Facts) -> Verdict:
    """Tell whether a command's effect shows in the facts."""
    match rule.shown:
        case Shown.ANSWER:
            return _SHOWN if asked.answer is not None else _NOT_YET
        case Shown.START:
            return _started(asked, facts)
        case Shown.END:
            return _stopped(asked, facts)
        case Shown.BOOT:
            return _restarted(asked, facts)
        case Shown.UNLOCKED:
            return _unlocked(asked, facts)
        case Shown.AVAILABILITY:
            return _availability(asked, facts)
        case Shown.RESERVED:
            return _reserved(asked, facts)
        case Shown.CONFIGURATION:
            return _configured(asked, facts)
        case Shown.LOCAL_LIST:
            return _list_version(asked, facts)
        case Shown.FIRMWARE:
            return _updated(asked, facts)
        case Shown.UPLOAD:
            return _uploaded(asked, facts)
        case Shown.REPORT:
            return _reported(asked, facts)
        case Shown.MESSAGE:
            return _sent_message(asked, facts)


def _since(at: datetime | None, asked: Asked) -> bool:
    return at is not None and at >= asked.sent_at


def _restarted(asked: Asked, facts: Facts) -> Verdict:
    """A reset by a boot that came by itself: one that was asked for shows nothing.

    An EVSE that is reset alone boots without a word (2.0.1, B11): its status tells, or the answer
    where it was done at once.
    """
    evse_id = asked.payload.get("evseId")
    if asked.version is not OcppVersion.V16 and evse_id is not None:
        return _restarted_evse(asked, facts, evse_id)
    came = any(_since(each.at, asked) and each.reason not in _NO_RESET for each in facts.boots)
    return _SHOWN if came else _NOT_YET


def _restarted_evse(asked: Asked, facts: Facts, evse_id: object) -> Verdict:
    if asked.answer is None:
        return _NOT_YET
    own = [each for each in facts.connectors if each.evse_id == evse_id]
    if any(_since(each.reported_at, asked) for each in own):
        return _SHOWN
    if meaning(asked.action, asked.answer).is_later:
        return _NOT_YET
    return Verdict(Effect.SHOWN, "an EVSE boots without a word")


# -------------------------------------------------------------------------------- transactions

_CLOCK_DIFFERS_BY = timedelta(minutes=10)
"""A start that the station dates further back was kept for us while it was offline."""


def _started(asked: Asked, facts: Facts) -> Verdict:
    """A start by its transaction: 2.x names the command in it, 1.6 has the token and the EVSE."""
    for each in sorted(facts.transactions, key=lambda each: each.id):
        if each.id not in facts.taken and _is_led_to(each, asked):
            return Verdict(Effect.SHOWN, transaction_id=each.id)
    return _NOT_YET


def _is_led_to(each: TransactionFact, asked: Asked) -> bool:
    if asked.version is not OcppVersion.V16:
        if asked.remote_start_id is not None and each.remote_start_id == asked.remote_start_id:
            return True
        named = (asked.answer or {}).get("transactionId")
        return named is not None and each.ref == named
    token, evse_id = asked.payload.get("idTag"), asked.payload.get("connectorId")
    return (
        each.start_received_at >= asked.sent_at
        and each.started_at >= asked.sent_at - _CLOCK_DIFFERS_BY
        and each.token_key == normalised_token(str(token))
        and evse_id in (None, each.evse_id)
    )


def _stopped(asked: Asked, facts: Facts) -> Verdict:
    found = transaction_of_stop(asked.version, asked.payload, facts.transactions)
    if found is None:
        return _NOT_YET
    effect = Effect.SHOWN if found.is_over else Effect.NOT_YET
    return Verdict(effect, transaction_id=found.id)


def transaction_of_stop(
    version: OcppVersion, payload: Mapping[str, Any], transactions: Iterable[TransactionFact]
) -> TransactionFact | None:
    """Return the transaction that a stop names, if it is known."""
    named = payload.get("transactionId")
    known = list(transactions)
    if version is OcppVersion.V16:
        by_id = [each for each in known if each.id == named]
        return next(iter(by_id or [each for each in known if each.number == named]), None)
    return next((each for each in known if each.ref is not None and each.ref == named), None)


# ---------------------------------------------------------------------------------- connectors


def _concerned(asked: Asked, facts: Facts) -> list[ConnectorFact]:
    """Return the connectors that a command is about; the station itself stands for all of them."""
    if asked.version is OcppVersion.V16:
        evse_id, connector_id = asked.payload.get("connectorId"), None
    else:
        evse = asked.payload.get("evse")
        holder = evse if isinstance(evse, Mapping) else {}
        evse_id = holder.get("id", asked.payload.get("evseId"))
        connector_id = holder.get("connectorId", asked.payload.get("connectorId"))
    if not evse_id:
        return list(facts.connectors)
    return [
        each
        for each in facts.connectors
        if each.evse_id == evse_id and connector_id in (None, each.connector_id)
    ]


def _unlocked(asked: Asked, facts: Facts) -> Verdict:
    """An unlock by the answer, or by a connector that became free since.

    Unlocked is what the station did, not what it will do (OCPP 1.6, 5.18; 2.0.1, F05); the cable
    may stay in for long after. A status that is only told anew shows nothing.
    """
    if asked.answer is not None and asked.answer.get("status") == "Unlocked":
        return _SHOWN
    is_free = any(_since(each.freed_at, asked) for each in _concerned(asked, facts))
    return _SHOWN if is_free else _NOT_YET


def _availability(asked: Asked, facts: Facts) -> Verdict:
    """Unavailable where that was asked, anything else where it shall work again.

    About the whole station its own status (EVSE 0) suffices, or that of all its connectors.
    """
    is_unavailable = wanted_availability(asked.payload) == "Inoperative"

    def fits(each: ConnectorFact) -> bool:
        return each.status is not None and (each.status == "Unavailable") is is_unavailable

    concerned = _concerned(asked, facts)
    own = [each for each in concerned if each.evse_id == 0 and _since(each.reported_at, asked)]
    if any(fits(each) for each in own):
        return _SHOWN
    plugs = [each for each in concerned if each.evse_id != 0]
    if is_unavailable and plugs and not any(_since(each.reported_at, asked) for each in plugs):
        # It was so before; an answer of yes then changes nothing that could be seen.
        return _SHOWN if asked.answer is not None and all(map(fits, plugs)) else _NOT_YET
    return _SHOWN if plugs and all(map(fits, plugs)) else _NOT_YET


def _reserved(asked: Asked, facts: Facts) -> Verdict:
    """A reservation of an EVSE by its status; one of any EVSE by the answer."""
    of_16 = asked.version is OcppVersion.V16
    place = asked.payload.get("connectorId" if of_16 else "evseId")
    if not place:
        return _SHOWN if asked.answer is not None else _NOT_YET
    for each in facts.connectors:
        if each.evse_id == place and each.status == "Reserved" and _since(each.reported_at, asked):
            return _SHOWN
    return _NOT_YET


# ---------------------------------------------------------------------------------- reading back


def read_back_of(asked: Asked) -> tuple[str, dict[str, Any]] | None:
    """Return what to ask a station to see what it has now; None if that shows by itself."""
    shown = rule_of(asked.version, asked.action).shown
    if shown is Shown.LOCAL_LIST:
        return "GetLocalListVersion", {}
    if shown is not Shown.CONFIGURATION:
        return None
    if asked.version is OcppVersion.V16:
        return "GetConfiguration", {"key": [asked.payload.get("key")]}
    wanted = [
        {name: each[name] for name in ("component", "variable", "attributeType") if name in each}
        for each in _set_variables(asked)
    ]
    return "GetVariables", {"getVariableData": wanted}


def _set_variables(asked: Asked) -> list[Mapping[str, Any]]:
    entries = asked.payload.get("setVariableData")
    return [e for e in entries if isinstance(e, Mapping)] if isinstance(entries, list) else []


def _configured(asked: Asked, facts: Facts) -> Verdict:
    """A setting by its value, read back; one that cannot be read, by the answer."""
    if facts.read_back is None:
        return _NOT_YET
    wanted: list[tuple[str, str | None]] = []
    if asked.version is OcppVersion.V16:
        shown = masked(asked.action, asked.payload)
        wanted = [(str(shown.get("key")), str(shown.get("value")))]
        has = values_16(facts.read_back)
    else:
        shown = masked(asked.action, asked.payload)
        wanted = [
            (variable_name(each), str(each.get("attributeValue")))
            for each in shown.get("setVariableData", ())
        ]
        has = values_2(facts.read_back)
    unreadable = [name for name, value in wanted if value == MASK or has.get(name.lower()) is None]
    for name, value in wanted:
        found = has.get(name.lower())
        if name not in unreadable and not is_same_value(str(value), str(found)):
            return Verdict(Effect.NOT_YET, f"{name} is {found!r}")
    if not unreadable:
        return _SHOWN
    if asked.answer is None:
        return _NOT_YET
    return Verdict(Effect.SHOWN, f"{', '.join(unreadable)} cannot be read back")


def _list_version(asked: Asked, facts: Facts) -> Verdict:
    if facts.read_back is None:
        return _NOT_YET
    of_16 = asked.version is OcppVersion.V16
    wanted = asked.payload.get("listVersion" if of_16 else "versionNumber")
    found = facts.read_back.get("listVersion" if of_16 else "versionNumber")
    # An empty list has version 0 (1.6, 5.10; 2.0.1, D02), whatever was sent.
    is_emptied = found == 0 and asked.payload.get("updateType") == "Full"
    if wanted == found or (is_emptied and not asked.payload.get("localAuthorizationList")):
        return _SHOWN
    return Verdict(Effect.NOT_YET, f"the station's list has version {found}")


# -------------------------------------------------------------------------------------- messages


def messages_of(action: str, payload: Mapping[str, Any]) -> frozenset[str]:
    """Return the actions of the messages that an action's effect shows in."""
    if action in _TOLD_BY:
        also = {"FirmwareStatusNotification"} if action == "SignedUpdateFirmware" else set()
        return frozenset({_TOLD_BY[action]} | also)
    if action in _REPORTED_BY:
        return frozenset({_REPORTED_BY[action]})
    wanted = payload.get("requestedMessage")
    if isinstance(wanted, str):
        return frozenset({_TRIGGERED_BY.get(wanted, wanted)})
    return frozenset()


def _relevant(asked: Asked, facts: Facts) -> list[Came]:
    """Return the messages about this request; older stations leave its number out."""
    kinds = messages_of(asked.action, asked.payload)
    number = asked.payload.get("requestId")
    return [
        each
        for each in facts.came
        if each.action in kinds
        and each.at >= asked.sent_at
        and (number is None or each.payload.get("requestId", number) == number)
    ]


def _updated(asked: Asked, facts: Facts) -> Verdict:
    """An update by another version at boot, or by the station's own word."""
    for each in _relevant(asked, facts):
        status = str(each.payload.get("status"))
        if status in _INSTALLED:
            return _SHOWN
        if status in _GIVEN_UP:
            return Verdict(Effect.NEVER, status)
    if _is_cancelled(asked, facts):
        return _CANCELLED
    has_booted = _since(facts.booted_at, asked)
    if has_booted and facts.firmware is not None and facts.firmware != asked.firmware:
        return Verdict(Effect.SHOWN, f"it booted with {facts.firmware}")
    return _NOT_YET


def _uploaded(asked: Asked, facts: Facts) -> Verdict:
    has_none = asked.answer is not None and not asked.answer.get("fileName")
    if asked.action == "GetDiagnostics" and has_none:
        return Verdict(Effect.SHOWN, "the station has nothing to upload")
    for each in _relevant(asked, facts):
        status = str(each.payload.get("status"))
        if status == "Uploaded":
            return _SHOWN
        if status in _GIVEN_UP:
            return Verdict(Effect.NEVER, status)
    return _CANCELLED if _is_cancelled(asked, facts) else _NOT_YET


def _is_cancelled(asked: Asked, facts: Facts) -> bool:
    """Tell whether the station gave it up for a later request (2.0.1, L01 and N01)."""
    at = facts.cancelled.get(asked.action)
    return at is not None and at > asked.sent_at


def _reported(asked: Asked, facts: Facts) -> Verdict:
    """A report by its last part; nothing to report is told by the answer."""
    if asked.action == "CustomerInformation" and asked.payload.get("report") is False:
        return _SHOWN if asked.answer is not None else _NOT_YET
    if any(each.payload.get("tbc", False) is False for each in _relevant(asked, facts)):
        return _SHOWN
    return _NOT_YET


def _sent_message(asked: Asked, facts: Facts) -> Verdict:
    if (
        asked.action == "TriggerMessage"
        and asked.payload.get("requestedMessage") == "CustomTrigger"
    ):
        return _SHOWN if asked.answer is not None else _NOT_YET
    return _SHOWN if _relevant(asked, facts) else _NOT_YET
