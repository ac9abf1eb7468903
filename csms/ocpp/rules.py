"""The named repair rules for single values, and the tables of what stations say instead.

A rule is asked about a value that does not fit its field, and gives what the station must have
meant, or `NO` where the rule does not apply. Its name is what operators see, so it names the
quirk; the letters and numbers in the docstrings (P11, E45 …) are those of our notes from the
field. `csms.ocpp.repair` applies the rules along a message's type.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import tzinfo
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

import msgspec
from msgspec import inspect

from csms.ocpp import moments
from csms.ocpp.readings import is_sensible, number
from csms.ocpp.statuses import CONNECTOR_STATUSES

LONGEST_TEXT: Final = 65_536
"""Characters that a text field may have where the schema allows fewer."""


class _Nothing:
    """The type of `NO` and `ABSENT`."""


NO: Final = _Nothing()
"""What a rule returns where it does not apply."""

ABSENT: Final = _Nothing()
"""A field that is read as not sent, although the schema requires it."""


@dataclass(slots=True)
class Place:
    """Where a value stands: the field `name` of a struct called `owner`.

    `aside` takes what a rule moves to a neighbouring field, which gets it unless it is in use.
    """

    owner: str
    name: str
    zone: tzinfo
    aside: dict[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The field's name within its struct, as the tables below write it."""
        return f"{self.owner}.{self.name}"


Rule = Callable[[Any, Any, Place], Any]

# ------------------------------------------------------------------------------- the tables

FIELD_NAMES: dict[str, tuple[str, ...]] = {
    # what stations write (plain): what it may stand for, the first that the struct has and misses
    "disconnectreason": ("reason", "stoppedReason"),
    "stopreason": ("reason", "stoppedReason"),
    "reason": ("stoppedReason",),
    "idtoken": ("idTag",),
    "idtag": ("idToken",),
    "connector": ("connectorId",),
    "evse": ("evseId",),
    "metervalues": ("meterValue",),
    "sampledvalues": ("sampledValue",),
    "time": ("timestamp",),
    "datetime": ("timestamp",),
    "vendorname": ("chargePointVendor",),
    "chargepointvendor": ("vendorName",),
    "model": ("chargePointModel",),
    "chargepointmodel": ("model",),
    "status": ("connectorStatus",),
    "connectorstatus": ("status",),
}

WORDS: dict[str, dict[str, str]] = {
    # by field: what stations say (plain), and the standard's word
    "errorCode": {"none": "NoError", "ok": "NoError"},
    "eventType": {
        "start": "Started",
        "begin": "Started",
        "update": "Updated",
        "end": "Ended",
        "stop": "Ended",
        "stopped": "Ended",
    },
    "reason": {
        "evdisconnect": "EVDisconnected",
        "remotestop": "Remote",
        "deauthorised": "DeAuthorized",
    },
    "stoppedReason": {
        "evdisconnect": "EVDisconnected",
        "remotestop": "Remote",
        "hardreset": "ImmediateReset",
        "softreset": "ImmediateReset",
    },
    "chargingState": {
        "preparing": "EVConnected",
        "finishing": "EVConnected",
        "available": "Idle",
    },
    "measurand": {
        "energyactiveimport": "Energy.Active.Import.Register",
        "poweractive": "Power.Active.Import",
        "current": "Current.Import",
        "stateofcharge": "SoC",
    },
    "phase": {"1": "L1", "2": "L2", "3": "L3", "phase1": "L1", "phase2": "L2", "phase3": "L3"},
    "format": {"signed": "SignedData"},
    "type": {"rfid": "ISO14443", "nfc": "ISO14443", "iso14443a": "ISO14443"},
}

KEPT_WORDS: frozenset[str] = frozenset(
    {
        "DiagnosticsStatusNotificationRequest.status",
        "EventDataType.trigger",
        "FirmwareStatusNotificationRequest.status",
        "LogStatusNotificationRequest.status",
        "PublishFirmwareStatusNotificationRequest.status",
        "ReservationStatusUpdateRequest.reservationUpdateStatus",
        "SampledValue.context",
        "SampledValue.location",
        "SampledValue.measurand",
        "SampledValue.phase",
        "SampledValue.unit",
        "SampledValueType.context",
        "SampledValueType.location",
        "SampledValueType.measurand",
        "SampledValueType.phase",
        "SignedFirmwareStatusNotificationRequest.status",
        "TransactionEventRequest.triggerReason",
        "TransactionSampledValue.context",
        "TransactionSampledValue.location",
        "TransactionSampledValue.measurand",
        "TransactionSampledValue.phase",
        "TransactionSampledValue.unit",
    }
)
"""Enumerations whose unknown words are kept: what they name is unknown, not wrong."""

REPLACED_WORDS: dict[str, tuple[str, str | None]] = {
    # the word for all unknown ones, and the field that keeps the station's own word
    "BootNotificationRequest.reason": ("Unknown", None),
    "IdTokenType.type": ("ISO14443", None),
    "StatusNotificationRequest.errorCode": ("OtherError", "vendorErrorCode"),
    "StopTransactionRequest.reason": ("Other", None),
    "TransactionType.stoppedReason": ("Other", None),
}

_MISSING_16: dict[str, Any] = {
    "AuthorizeRequest.idTag": ABSENT,
    "BootNotificationRequest.chargePointModel": "",
    "BootNotificationRequest.chargePointVendor": "",
    "MeterValue.sampledValue": [],
    "MeterValue.timestamp": ABSENT,
    "MeterValuesRequest.connectorId": 0,
    "MeterValuesRequest.meterValue": [],
    "SecurityEventNotificationRequest.timestamp": ABSENT,
    "StartTransactionRequest.connectorId": ABSENT,
    "StartTransactionRequest.idTag": ABSENT,
    "StartTransactionRequest.meterStart": ABSENT,
    "StartTransactionRequest.timestamp": ABSENT,
    "StatusNotificationRequest.connectorId": 0,
    "StatusNotificationRequest.errorCode": "NoError",
    "StopTransactionRequest.meterStop": ABSENT,
    "StopTransactionRequest.timestamp": ABSENT,
    "StopTransactionRequest.transactionId": -1,  # is resolved by connector and time, as a sent -1
    "TransactionData.sampledValue": [],
    "TransactionData.timestamp": ABSENT,
}
_MISSING_2: dict[str, Any] = {
    "AuthorizeRequest.idToken": ABSENT,
    "BootNotificationRequest.chargingStation": {},
    "BootNotificationRequest.reason": "Unknown",
    "ChargingStationType.model": "",
    "ChargingStationType.vendorName": "",
    "EventDataType.eventNotificationType": ABSENT,
    "EventDataType.timestamp": ABSENT,
    "IdTokenType.idToken": "",
    "IdTokenType.type": "ISO14443",
    "MeterValueType.sampledValue": [],
    "MeterValueType.timestamp": ABSENT,
    "MeterValuesRequest.evseId": 0,
    "MeterValuesRequest.meterValue": [],
    "NotifyEventRequest.generatedAt": ABSENT,
    "NotifyEventRequest.seqNo": ABSENT,
    "NotifyReportRequest.generatedAt": ABSENT,
    "SecurityEventNotificationRequest.timestamp": ABSENT,
    "SignedMeterValueType.encodingMethod": "",
    "SignedMeterValueType.publicKey": "",
    "SignedMeterValueType.signingMethod": "",
    "StatusNotificationRequest.connectorId": 1,
    "StatusNotificationRequest.timestamp": ABSENT,
    "TransactionEventRequest.seqNo": ABSENT,
    "TransactionEventRequest.timestamp": ABSENT,
    "TransactionEventRequest.triggerReason": ABSENT,
}


def missing_value(key: str, *, is_16: bool) -> Any:
    """Return what a missing or unreadable required field is read as; `NO` if it cannot be missed.

    The translation knows every field that may be ABSENT here (T28, I31, X43, X44).
    """
    return (_MISSING_16 if is_16 else _MISSING_2).get(key, NO)


def plain(word: str) -> str:
    """Return the letters and digits of a word in one case: what spellings have in common."""
    return "".join(character for character in word.casefold() if character.isalnum())


# ------------------------------------------------------------------------------------ texts

_as_json = msgspec.json.Encoder(decimal_format="number").encode


def text_of_number(value: Any, kind: inspect.StrType, place: Place) -> Any:
    """P11: a number where a text is due, such as an idTag of digits; the digits are the text."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return NO
    if isinstance(value, Decimal) and not is_sensible(value):
        return NO
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def text_of_truth(value: Any, kind: inspect.StrType, place: Place) -> Any:
    """P11: true or false where a text is due."""
    return ("true" if value else "false") if isinstance(value, bool) else NO


def text_of_object(value: Any, kind: inspect.StrType, place: Place) -> Any:
    """P13: an object as 1.6's DataTransfer data, which is a text; it becomes its JSON."""
    if place.name != "data" or not isinstance(value, dict | list):
        return NO
    return _as_json(value).decode()


def over_long_text(value: Any, kind: inspect.StrType, place: Place) -> Any:
    """P15, I30, E55: more characters than the schema allows; nothing is cut off."""
    return value if isinstance(value, str) and len(value) <= LONGEST_TEXT else NO


# ---------------------------------------------------------------------------------- numbers


def number_in_text(value: Any, kind: Any, place: Place) -> Any:
    """P11, P17: a number as text, perhaps with spaces or a decimal comma."""
    if not isinstance(value, str):
        return NO
    found = number(value)
    if found is None:
        return NO
    if isinstance(kind, inspect.IntType) and found == found.to_integral():
        return int(found)
    return found


def integer_with_decimals(value: Any, kind: inspect.IntType, place: Place) -> Any:
    """P11: 12.0 where an integer is due."""
    if not isinstance(value, Decimal) or not is_sensible(value) or value != value.to_integral():
        return NO
    return int(value)


def integer_rounded(value: Any, kind: inspect.IntType, place: Place) -> Any:
    """P11: a register with decimals where 1.6 has whole Wh; rounded half up."""
    if not isinstance(value, Decimal) or not is_sensible(value):
        return NO
    return int(value.to_integral_value(ROUND_HALF_UP))


_TRUTHS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


def truth_in_other_form(value: Any, kind: inspect.BoolType, place: Place) -> Any:
    """P11: "true", 1 and the like where a truth value is due."""
    if isinstance(value, str | int):
        return _TRUTHS.get(str(value).strip().lower(), NO)
    return NO


# ------------------------------------------------------------------------------- date-times


def date_time_without_zone(value: Any, kind: inspect.DateTimeType, place: Place) -> Any:
    """T21: no zone; the place's zone is assumed (UTC, or the site's)."""
    parsed = moments.parse(value, zone=place.zone) if isinstance(value, str) else None
    return parsed.at if parsed is not None and parsed.zone_assumed else NO


def date_time_in_other_form(value: Any, kind: inspect.DateTimeType, place: Place) -> Any:
    """T22: `+02`, spaces, no seconds: not RFC 3339, but only one moment can be meant."""
    parsed = moments.parse(value) if isinstance(value, str) else None
    return parsed.at if parsed is not None and not parsed.zone_assumed else NO


# ------------------------------------------------------------------------------------ words


def word_spelled_differently(value: Any, kind: inspect.LiteralType, place: Place) -> Any:
    """P14, P16: a word of the list in other letters: case, spaces, dots, hyphens."""
    if not isinstance(value, str):
        return NO
    wanted = plain(value)
    return next((word for word in kind.values if plain(str(word)) == wanted), NO)


def word_by_another_name(value: Any, kind: inspect.LiteralType, place: Place) -> Any:
    """P14: another word for one of the list, by the table WORDS."""
    if value in kind.values or not isinstance(value, str):
        return NO
    word = WORDS.get(place.name, {}).get(plain(value))
    return word if word in kind.values else NO


def status_of_another_version(value: Any, kind: inspect.LiteralType, place: Place) -> Any:
    """P3, P14: "Occupied" in 1.6, "Charging" in 2.x; the translation knows them all."""
    if place.key not in (
        "StatusNotificationRequest.status",
        "StatusNotificationRequest.connectorStatus",
    ):
        return NO
    if value in kind.values or not isinstance(value, str):
        return NO
    wanted = plain(value)
    return next((word for word in CONNECTOR_STATUSES if plain(word) == wanted), NO)


def unknown_word_kept(value: Any, kind: inspect.LiteralType, place: Place) -> Any:
    """P14, P16: a measurand, unit, phase … that no list has; kept as the station wrote it."""
    if place.key not in KEPT_WORDS or value in kind.values or not isinstance(value, str):
        return NO
    return value.replace("\0", "").strip()


def unknown_word_replaced(value: Any, kind: inspect.LiteralType, place: Place) -> Any:
    """P14: free text as an error code or reason is Other; a free field beside it keeps it."""
    if place.key not in REPLACED_WORDS or value in kind.values or not isinstance(value, str):
        return NO
    word, neighbour = REPLACED_WORDS[place.key]
    if neighbour is not None:
        place.aside[neighbour] = value
    return word


RULES: dict[type[inspect.Type], tuple[Rule, ...]] = {
    inspect.StrType: (text_of_number, text_of_truth, text_of_object, over_long_text),
    inspect.IntType: (number_in_text, integer_with_decimals, integer_rounded),
    inspect.CustomType: (number_in_text,),
    inspect.BoolType: (truth_in_other_form,),
    inspect.DateTimeType: (date_time_without_zone, date_time_in_other_form),
    inspect.LiteralType: (
        text_of_number,
        word_spelled_differently,
        word_by_another_name,
        status_of_another_version,
        unknown_word_kept,
        unknown_word_replaced,
    ),
}
"""The rules for values of each kind, in the order in which they are asked; each may go on with
what the one before it made."""

WITHOUT_FIT: frozenset[Rule] = frozenset(
    {over_long_text, status_of_another_version, unknown_word_kept}
)
"""The rules that accept what the schema still would not."""
