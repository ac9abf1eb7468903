"""The load's words: calls as prebuilt websocket frames, by version.

A frame is masked, as a client's must be, with the key zero: so its bytes stand in the template as
they are, and only ids, moments and registers are filled in.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

ID_LENGTH: Final = 36
READINGS: Final = 5
"""Meter messages of one cycle."""
CALLS: Final = READINGS + 4
"""Calls of one cycle: Authorize, start, readings, end, Heartbeat."""

_MASKED = 0x80
_TEXT = 0x81
_KEY = b"\0\0\0\0"


def frame(text: bytes) -> bytes:
    """Return a text message as one masked frame; at most 65,535 bytes."""
    size = len(text)
    if size < 126:
        return bytes((_TEXT, _MASKED | size)) + _KEY + text
    return bytes((_TEXT, _MASKED | 126)) + size.to_bytes(2, "big") + _KEY + text


@dataclass(slots=True)
class Round:
    """One cycle of one station: what its messages have in common.

    `began` is the second at which the session began; `transaction` is the CSMS's number in 1.6,
    the station's own id in 2.x. Registers in Wh.
    """

    token: bytes
    transaction: bytes
    began: int
    register: int


SESSION_S: Final = 110
"""How long a cycle's session pretends to have lasted: short of what counts as a wrong clock."""
STEP_WH: Final = 60
"""How much the register rises between two messages: 330 Wh in 110 s are 11 kW."""

Build = Callable[[bytes, Round, Callable[[int], bytes]], bytes]
"""Takes message id, round, and what writes a second as a moment; returns the call's text."""


@dataclass(frozen=True, slots=True)
class Words:
    """One version's messages; `cycle` has name and text of each call."""

    version: str
    boot: bytes
    status: bytes
    cycle: tuple[tuple[str, Build], ...]


# ---------------------------------------------------------------------------------------- 1.6

_BOOT_16 = (
    b'[2,"%s","BootNotification",{"chargePointVendor":"Bench","chargePointModel":"Load",'
    b'"chargePointSerialNumber":"0123456789","firmwareVersion":"1.0.0"}]'
)
_STATUS_16 = (
    b'[2,"%s","StatusNotification",{"connectorId":1,"errorCode":"NoError","status":"Available",'
    b'"timestamp":"%s"}]'
)
_METER_16 = (
    b'[2,"%s","MeterValues",{"connectorId":1,"transactionId":%s,"meterValue":[{"timestamp":"%s",'
    b'"sampledValue":['
    b'{"value":"%d","context":"Sample.Periodic","measurand":"Energy.Active.Import.Register",'
    b'"location":"Outlet","unit":"Wh"},'
    b'{"value":"10800","context":"Sample.Periodic","measurand":"Power.Active.Import","unit":"W"},'
    b'{"value":"15.7","context":"Sample.Periodic","measurand":"Current.Import","unit":"A"},'
    b'{"value":"230.1","context":"Sample.Periodic","measurand":"Voltage","phase":"L1-N",'
    b'"unit":"V"},'
    b'{"value":"57.0","context":"Sample.Periodic","measurand":"SoC","unit":"Percent"}'
    b"]}]}]"
)


def _authorize_16(message: bytes, round_: Round, moment: Callable[[int], bytes]) -> bytes:
    return b'[2,"%s","Authorize",{"idTag":"%s"}]' % (message, round_.token)


def _start_16(message: bytes, round_: Round, moment: Callable[[int], bytes]) -> bytes:
    return (
        b'[2,"%s","StartTransaction",{"connectorId":1,"idTag":"%s","meterStart":%d,'
        b'"timestamp":"%s"}]' % (message, round_.token, round_.register, moment(round_.began))
    )


def _meter_16(place: int) -> Build:
    def build(message: bytes, round_: Round, moment: Callable[[int], bytes]) -> bytes:
        at = round_.began + place * SESSION_S // (READINGS + 1)
        register = round_.register + place * STEP_WH
        return _METER_16 % (message, round_.transaction, moment(at), register)

    return build


def _stop_16(message: bytes, round_: Round, moment: Callable[[int], bytes]) -> bytes:
    return (
        b'[2,"%s","StopTransaction",{"transactionId":%s,"idTag":"%s","meterStop":%d,'
        b'"timestamp":"%s","reason":"EVDisconnected"}]'
        % (
            message,
            round_.transaction,
            round_.token,
            round_.register + (READINGS + 1) * STEP_WH - STEP_WH // 2,
            moment(round_.began + SESSION_S),
        )
    )


def _heartbeat(message: bytes, round_: Round, moment: Callable[[int], bytes]) -> bytes:
    return b'[2,"%s","Heartbeat",{}]' % message


# -------------------------------------------------------------------------------------- 2.0.1

_BOOT_201 = (
    b'[2,"%s","BootNotification",{"reason":"PowerUp","chargingStation":{"vendorName":"Bench",'
    b'"model":"Load","serialNumber":"0123456789","firmwareVersion":"1.0.0"}}]'
)
_STATUS_201 = (
    b'[2,"%s","StatusNotification",{"timestamp":"%s","connectorStatus":"Available","evseId":1,'
    b'"connectorId":1}]'
)
_EVENT_201 = (
    b'[2,"%s","TransactionEvent",{"eventType":"%s","timestamp":"%s","triggerReason":"%s",'
    b'"seqNo":%d,"transactionInfo":{"transactionId":"%s","chargingState":"%s"},'
    b'"evse":{"id":1,"connectorId":1}%s}]'
)
_METER_201 = (
    b',"meterValue":[{"timestamp":"%s","sampledValue":['
    b'{"value":%d.5,"context":"%s","measurand":"Energy.Active.Import.Register",'
    b'"location":"Outlet","unitOfMeasure":{"unit":"Wh"}},'
    b'{"value":10800.0,"context":"%s","measurand":"Power.Active.Import",'
    b'"unitOfMeasure":{"unit":"W"}},'
    b'{"value":15.72,"context":"%s","measurand":"Current.Import","unitOfMeasure":{"unit":"A"}},'
    b'{"value":230.1,"context":"%s","measurand":"Voltage","phase":"L1-N",'
    b'"unitOfMeasure":{"unit":"V"}},'
    b'{"value":57.0,"context":"%s","measurand":"SoC","unitOfMeasure":{"unit":"Percent"}}]}]'
)


def _authorize_201(message: bytes, round_: Round, moment: Callable[[int], bytes]) -> bytes:
    return b'[2,"%s","Authorize",{"idToken":{"idToken":"%s","type":"ISO14443"}}]' % (
        message,
        round_.token,
    )


def _samples_201(at: bytes, register: int, context: bytes) -> bytes:
    return _METER_201 % (at, register, context, context, context, context, context)


def _event_201(place: int) -> Build:
    last = READINGS + 1

    def build(message: bytes, round_: Round, moment: Callable[[int], bytes]) -> bytes:
        at = moment(round_.began + place * SESSION_S // last)
        register = round_.register + place * STEP_WH
        token = b',"idToken":{"idToken":"%s","type":"ISO14443"}' % round_.token
        if place == 0:
            kind, why, state = b"Started", b"Authorized", b"Charging"
            rest = token + _samples_201(at, register, b"Transaction.Begin")
        elif place == last:
            kind, why, state = b"Ended", b"EVDeparted", b"Idle"
            rest = token + _samples_201(at, register, b"Transaction.End")
        else:
            kind, why, state = b"Updated", b"MeterValuePeriodic", b"Charging"
            rest = _samples_201(at, register, b"Sample.Periodic")
        return _EVENT_201 % (message, kind, at, why, place, round_.transaction, state, rest)

    return build


WORDS: Final[dict[str, Words]] = {
    "1.6": Words(
        "ocpp1.6",
        _BOOT_16,
        _STATUS_16,
        (
            ("authorize", _authorize_16),
            ("start", _start_16),
            *(("meter", _meter_16(place)) for place in range(1, READINGS + 1)),
            ("end", _stop_16),
            ("heartbeat", _heartbeat),
        ),
    ),
    "2.0.1": Words(
        "ocpp2.0.1",
        _BOOT_201,
        _STATUS_201,
        (
            ("authorize", _authorize_201),
            ("start", _event_201(0)),
            *(("meter", _event_201(place)) for place in range(1, READINGS + 1)),
            ("end", _event_201(READINGS + 1)),
            ("heartbeat", _heartbeat),
        ),
    ),
}
