"""Signed meter values: what was sent, what it says, and whether it may be trusted.

A meter signs its registers so that a driver can check a bill with the transparency software. Only
OCMF is read; of other formats the original is kept and exported, and their status stays PENDING.
What is signed is the text between the two separators, byte by byte; nothing here changes it.

Source: Open Charge Metering Format 1.2; OCPP 1.6 section 7.43 (format SignedData); OCPP 2.0.1
part 2, SignedMeterValueType.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from hashlib import blake2b
from typing import Any, Final

import msgspec
from msgspec import Struct

from csms.meter_signatures import MeterKey, curve_named, holds

BEGIN: Final = "Transaction.Begin"
END: Final = "Transaction.End"

_DEFAULT_ALGORITHM: Final = "ECDSA-secp256r1-SHA256"
_ALGORITHM: Final = re.compile(r"ECDSA-(\w+)-SHA256", re.IGNORECASE)
_PAGE: Final = re.compile(r"([A-Z])(\d{1,18})")
_DER: Final = "application/x-der"
_FACTORS: Final = {"kwh": Decimal(1000), "wh": Decimal(1)}
_ENDS: Final = frozenset("ELRAP")
_ZERO: Final = Decimal(0)

TIME_TOLERANCE: Final = timedelta(minutes=15)
"""How far before its start or after its end a transaction's meter may have signed."""

_SYNCHRONISED: Final = "S"
_TELLING: Final = frozenset("SIR")
"""States of a meter's clock in which its time says something: synchronised; informative; relative,
which counts exactly from an informative start. Unknown (U) says nothing."""


class SignedStatus(StrEnum):
    """Whether a signed value, or all of a transaction's, may be trusted."""

    VERIFIED = "verified"
    PENDING = "pending"
    """Nobody can say yet: the meter's key is not registered, or the format is not read here."""
    FAILED = "failed"


class Trouble(StrEnum):
    """Why a value, or a transaction, is not verified."""

    NO_KEY = "no_key"
    OTHER_FORMAT = "other_format"
    UNREADABLE = "unreadable"
    UNKNOWN_ALGORITHM = "unknown_algorithm"
    OTHER_CURVE = "other_curve"
    WRONG_SIGNATURE = "wrong_signature"
    METER_ERROR = "meter_error"
    """The meter itself says that its energy is not to be used."""
    NO_BEGIN = "no_begin"
    NO_END = "no_end"
    OTHER_METER = "other_meter"
    """Its values come from two meters."""
    PAGE_MISSING = "page_missing"
    """The meter counted a record that is not there."""
    OTHER_ENERGY = "other_energy"
    """The signed registers do not come to the energy that is billed."""
    OTHER_TIME = "other_time"
    """By a clock that was synchronised it was signed at another time than the transaction's."""
    DOUBTFUL_TIME = "doubtful_time"
    """It was signed at another time, by a clock that is for information, or the transaction's own
    time is not sure."""


_DOUBTS: Final = frozenset({Trouble.NO_KEY, Trouble.OTHER_FORMAT, Trouble.DOUBTFUL_TIME})
"""What makes a transaction wait instead of failing."""


# --------------------------------------------------------------------------- what was sent


class Claimed(Struct, frozen=True):
    """A signed value as a station sent it.

    `original` is its text as it stood in the message; `offered_key` the public key beside it.
    """

    context: str
    original: str
    format: str
    offered_key: str | None = None

    @property
    def digest(self) -> bytes:
        """Tells originals apart; the same value is often sent twice."""
        return blake2b(as_bytes(self.original), digest_size=16).digest()


def as_bytes(original: str) -> bytes:
    """Return the bytes of an original, also where it is no proper text."""
    return original.encode("utf-8", "surrogatepass")


def claims_in(raw: str) -> list[Claimed]:
    """Return the signed values of a raw message, in their order; none where it is unreadable."""
    try:
        message = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return []
    if not isinstance(message, list) or len(message) < 4 or not isinstance(message[3], dict):
        return []
    payload = message[3]
    found: list[Claimed] = []
    for meter_value in _listed(payload, "meterValue", "transactionData"):
        for sampled in _listed(meter_value, "sampledValue"):
            context = sampled.get("context")
            claimed = _claimed(sampled, context if isinstance(context, str) else "Sample.Periodic")
            if claimed is not None:
                found.append(claimed)
    return found


def _listed(owner: dict[str, Any], *names: str) -> Iterator[dict[str, Any]]:
    for name in names:
        values = owner.get(name)
        if isinstance(values, list):
            yield from (each for each in values if isinstance(each, dict))


def _claimed(sampled: dict[str, Any], context: str) -> Claimed | None:
    signed = sampled.get("signedMeterValue")
    if isinstance(signed, dict):
        original, key = signed.get("signedMeterData"), signed.get("publicKey")
        if not isinstance(original, str) or not original:
            return None
        method = signed.get("encodingMethod")
        named = method if isinstance(method, str) and method else None
        offered = key if isinstance(key, str) and key else None
        return Claimed(context, original, _format(original, named), offered)
    value = sampled.get("value")
    if not isinstance(value, str) or not value:
        return None
    kind = _format(value, None)
    if sampled.get("format") == "SignedData" or kind == "OCMF" or value.startswith(("AP;", "<")):
        return Claimed(context, value, kind)
    return None


def _format(original: str, named: str | None) -> str:
    if _ocmf_text(original) is not None:
        return "OCMF"
    if original.startswith("AP;"):
        return "ALFEN"
    if "<signedMeterValue" in original:
        return "EDL"
    return named or "unknown"


def _ocmf_text(original: str) -> str | None:
    """Return the OCMF record that an original is, plain, as hexadecimal digits or in Base64."""
    plain = original.strip()
    if plain.startswith("OCMF|"):
        return plain
    for decode in (bytes.fromhex, _from_base64):
        try:
            text = decode(plain).decode()
        except (ValueError, binascii.Error):
            continue
        if text.lstrip().startswith("OCMF|"):
            return text.strip()
    return None


def _from_base64(plain: str) -> bytes:
    return base64.b64decode(plain, validate=True)


# --------------------------------------------------------------------------- what it says


class SignedReading(Struct, frozen=True):
    """One reading of a record: why it was taken (OCMF's letter), when, and the register.

    `obis` says which of the meter's registers it is, in capitals: one record may hold several, as
    the one of the meter and the one of the transaction alone. `resolution_wh` is the worth of the
    register's last digit. `is_usable` is False where the meter reports an error of the energy.
    """

    letter: str | None
    at: datetime | None
    clock: str | None
    obis: str | None
    register_wh: Decimal | None
    resolution_wh: Decimal
    is_usable: bool


class Record(Struct, frozen=True):
    """An OCMF record: what was signed, how, and what it says."""

    signed: str
    algorithm: str
    encoding: str
    mime: str
    signature: str
    page: str | None
    gateway_serial: str | None
    meter_serial: str | None
    readings: tuple[SignedReading, ...]


class NotOcmf(ValueError):
    """The text is no record in OCMF."""


def parse(original: str) -> Record:
    """Return the record that an original holds.

    Raises:
        NotOcmf: If it holds none.
    """
    text = _ocmf_text(original)
    if text is None:
        raise NotOcmf("it does not begin with OCMF|")
    body = text.removeprefix("OCMF|")
    payload, end = _object_at(body, 0)
    separator = body.find("|", end)
    if separator < 0 or body[end:separator].strip():
        raise NotOcmf("its sections are not separated by |")
    proof, _ = _object_at(body, separator + 1)
    signature = proof.get("SD")
    if not isinstance(signature, str):
        raise NotOcmf("it has no signature")
    return Record(
        signed=body[:separator],
        algorithm=_word(proof, "SA") or _DEFAULT_ALGORITHM,
        encoding=_word(proof, "SE") or "hex",
        mime=_word(proof, "SM") or _DER,
        signature=signature,
        page=_word(payload, "PG"),
        gateway_serial=_word(payload, "GS"),
        meter_serial=_word(payload, "MS"),
        readings=tuple(_readings(payload.get("RD"))),
    )


def _object_at(text: str, at: int) -> tuple[dict[str, Any], int]:
    begin = text.find("{", at)
    if begin < 0 or text[at:begin].strip():
        raise NotOcmf("a section is missing")
    try:
        found, end = _JSON.raw_decode(text, begin)
    except (ValueError, RecursionError, InvalidOperation):
        raise NotOcmf("a section is no JSON") from None
    assert isinstance(found, dict)
    return found, end


_JSON: Final = json.JSONDecoder(parse_float=Decimal, parse_int=Decimal)
"""Keeps every digit: the last one tells how exact a register is."""


def _word(section: dict[str, Any], name: str) -> str | None:
    value = section.get(name)
    return value if isinstance(value, str) and value else None


def _readings(listed: object) -> Iterator[SignedReading]:
    """Yield the import readings; what a reading leaves out is as in the one before."""
    if not isinstance(listed, list):
        raise NotOcmf("it has no readings")
    whole: dict[str, Any] = {}
    for each in listed:
        if not isinstance(each, dict):
            raise NotOcmf("a reading is no object")
        whole = {**whole, **each}
        obis = _word(whole, "RI")
        if obis is not None and not _is_import(obis):
            continue
        at, clock = _moment(whole.get("TM"))
        register, resolution = _register(whole.get("RV"), whole.get("RU"))
        flags = whole.get("EF")
        yield SignedReading(
            letter=_word(whole, "TX"),
            at=at,
            clock=clock,
            obis=None if obis is None else obis.strip().upper(),
            register_wh=register,
            resolution_wh=resolution,
            is_usable=whole.get("ST") == "G" and not (isinstance(flags, str) and "E" in flags),
        )


def _is_import(obis: str) -> bool:
    """Tell whether an OBIS code is not one of exported energy."""
    quantity = obis.rpartition(":")[2].upper()
    return not quantity.startswith(("2.8", "C", "98."))


def _register(value: object, unit: object) -> tuple[Decimal | None, Decimal]:
    factor = _FACTORS.get(unit.lower()) if isinstance(unit, str) else None
    if not isinstance(value, Decimal) or not value.is_finite() or factor is None:
        return None, _ZERO
    if abs(value.adjusted()) > 30:  # no meter shows that; arithmetic would be slow
        return None, _ZERO
    exponent = value.as_tuple().exponent
    assert isinstance(exponent, int)
    return value * factor, Decimal(1).scaleb(exponent) * factor


def _moment(text: object) -> tuple[datetime | None, str | None]:
    """Return a moment with its zone, and the letter of the clock's state."""
    if not isinstance(text, str):
        return None, None
    plain, _, clock = text.partition(" ")
    try:
        at = datetime.fromisoformat(plain.replace(",", "."))
    except ValueError:
        return None, clock or None
    return (at if at.tzinfo is not None else None), clock or None


# ------------------------------------------------------------------- whether it may be trusted


class Checked(Struct, frozen=True):
    """A signed value with what became of it."""

    claimed: Claimed
    status: SignedStatus
    trouble: Trouble | None
    record: Record | None


def check(claimed: Claimed, key: MeterKey | None) -> Checked:
    """Return whether a value's signature holds, by the registered key of its meter.

    The key that the station itself sends proves nothing: whoever forges a value would send his own.
    """
    if claimed.format != "OCMF":
        return Checked(claimed, SignedStatus.PENDING, Trouble.OTHER_FORMAT, None)
    try:
        record = parse(claimed.original)
    except NotOcmf:
        return Checked(claimed, SignedStatus.FAILED, Trouble.UNREADABLE, None)
    trouble = Trouble.NO_KEY if key is None else _trouble_of(record, key)
    if trouble is None:
        status = SignedStatus.VERIFIED
    else:
        status = SignedStatus.PENDING if trouble is Trouble.NO_KEY else SignedStatus.FAILED
    return Checked(claimed, status, trouble, record)


def _trouble_of(record: Record, key: MeterKey) -> Trouble | None:
    match = _ALGORITHM.fullmatch(record.algorithm.strip())
    curve = curve_named(match[1]) if match else None
    if curve is None or record.mime != _DER:
        return Trouble.UNKNOWN_ALGORITHM
    if curve != key.curve:
        return Trouble.OTHER_CURVE
    encoding = record.encoding.lower()
    if encoding not in ("hex", "base64"):
        return Trouble.UNKNOWN_ALGORITHM
    try:
        signature = (
            bytes.fromhex(record.signature)
            if encoding == "hex"
            else base64.b64decode(record.signature, validate=True)
        )
    except (ValueError, binascii.Error):
        return Trouble.WRONG_SIGNATURE
    if not holds(key, signature, as_bytes(record.signed)):
        return Trouble.WRONG_SIGNATURE
    return None if all(each.is_usable for each in record.readings) else Trouble.METER_ERROR


class SignedTransaction(Struct, frozen=True):
    """What a transaction's signed values come to: status, why, and the signed registers in Wh."""

    status: SignedStatus
    trouble: Trouble | None
    begin_wh: Decimal | None
    end_wh: Decimal | None


class During(Struct, frozen=True):
    """When a transaction was; `is_sure` is False where its own clock or one of its ends is not."""

    started_at: datetime
    ended_at: datetime
    is_sure: bool = True


def signed_transaction(
    values: Sequence[Checked], energy_wh: Decimal, during: During
) -> SignedTransaction | None:
    """Return what the values of a transaction come to as a whole; None if there are none.

    They must hold a begin and an end of one register of one meter without a gap in its count, and
    what lies between them must be the energy that is billed, as far as the last digits go. Of
    several registers with both, one has to come to it. They must have been signed while it ran, as
    far as the meter's clock can tell: an old value holds as well as a fresh one.

    Args:
        values: All of them, in any order, each once.
        energy_wh: What is billed.
        during: When it was.
    """
    if not values:
        return None
    readings = [
        (reading, each.claimed.context)
        for each in values
        if each.record is not None
        for reading in each.record.readings
        if reading.register_wh is not None
    ]
    begin, end = _begin_and_end(readings, energy_wh)
    trouble = _trouble_of_all(values) or _trouble_between(values, begin, end, energy_wh, during)
    if trouble is None:
        status = SignedStatus.VERIFIED
    else:
        status = SignedStatus.PENDING if trouble in _DOUBTS else SignedStatus.FAILED
    return SignedTransaction(
        status,
        trouble,
        None if begin is None else begin.register_wh,
        None if end is None else end.register_wh,
    )


def _begin_and_end(
    readings: Sequence[tuple[SignedReading, str]], energy_wh: Decimal
) -> tuple[SignedReading | None, SignedReading | None]:
    """Return the begin and the end that count: of one register, never of two.

    The one whose registers come to the energy goes first, else the one that is named first.
    """
    begins: dict[str | None, SignedReading] = {}
    ends: dict[str | None, SignedReading] = {}
    for each, context in readings:
        if _begins(each, context):
            begins.setdefault(each.obis, each)
        if _ends(each, context):
            ends[each.obis] = each
    both = [(begin, ends[obis]) for obis, begin in begins.items() if obis in ends]
    if both:
        return next((each for each in both if _comes_to(*each, energy_wh)), both[0])
    if begins:
        return next(iter(begins.values())), None
    return None, next(reversed(ends.values()), None)


def _comes_to(begin: SignedReading, end: SignedReading, energy_wh: Decimal) -> bool:
    """Tell whether an energy lies between two registers, as far as their last digits go."""
    assert begin.register_wh is not None
    assert end.register_wh is not None
    # Either end is cut off after its last digit, and the billed registers after whole Wh.
    tolerance = begin.resolution_wh + end.resolution_wh + 1
    return abs(end.register_wh - begin.register_wh - energy_wh) <= tolerance


def _begins(reading: SignedReading, context: str) -> bool:
    return reading.letter == "B" or (reading.letter is None and context == BEGIN)


def _ends(reading: SignedReading, context: str) -> bool:
    if reading.letter is None:
        return context == END
    return reading.letter in _ENDS


def _trouble_of_all(values: Sequence[Checked]) -> Trouble | None:
    """Return the worst that is wrong with one of the values: a failure comes before a doubt."""
    troubles = [each.trouble for each in values if each.status is SignedStatus.FAILED]
    troubles += [each.trouble for each in values if each.status is SignedStatus.PENDING]
    return troubles[0] if troubles else None


def _trouble_between(
    values: Sequence[Checked],
    begin: SignedReading | None,
    end: SignedReading | None,
    energy_wh: Decimal,
    during: During,
) -> Trouble | None:
    if begin is None:
        return Trouble.NO_BEGIN
    if end is None:
        return Trouble.NO_END
    records = [each.record for each in values if each.record is not None]
    meters = {(each.gateway_serial, each.meter_serial) for each in records}
    if len(meters) > 1:
        return Trouble.OTHER_METER
    if _lacks_page([each.page for each in records]):
        return Trouble.PAGE_MISSING
    times = [_trouble_of_time(each, during) for each in (begin, end)]
    if Trouble.OTHER_TIME in times:
        return Trouble.OTHER_TIME
    if not _comes_to(begin, end, energy_wh):
        return Trouble.OTHER_ENERGY
    return Trouble.DOUBTFUL_TIME if any(times) else None


def _trouble_of_time(reading: SignedReading, during: During) -> Trouble | None:
    """Tell whether a reading was signed while the transaction ran, as far as its clock says."""
    if reading.at is None or reading.clock not in _TELLING:
        return None
    since, until = during.started_at - TIME_TOLERANCE, during.ended_at + TIME_TOLERANCE
    if since <= reading.at <= until:
        return None
    is_certain = reading.clock == _SYNCHRONISED and during.is_sure
    return Trouble.OTHER_TIME if is_certain else Trouble.DOUBTFUL_TIME


def _lacks_page(pages: Sequence[str | None]) -> bool:
    """Tell whether the records of a transaction are not numbered one after the other."""
    numbers = {
        int(match[2]) for page in pages if page and (match := _PAGE.fullmatch(page)) is not None
    }
    return bool(numbers) and max(numbers) - min(numbers) + 1 != len(numbers)
