"""The one-time codes in the QR codes that stations show, and what else their addresses say.

A code is a keyed digest of the number of the interval that a moment lies in: it shows that a
driver stands before the station's own display, and not before a sticker that somebody put there.

Source: OCPP 2.1 part 2, C25 ("TOTP algorithm, version 1") and WebPaymentsCtrlr.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from hashlib import sha256
from typing import Final

VERSION: Final = "v1"
_ALPHABET: Final = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

MOST_COST: Final = Decimal(1000)
MOST_ENERGY_WH: Final = Decimal(1_000_000)
MOST_TIME_S: Final = 7 * 24 * 3600
_LONGEST_NUMBER: Final = 12


def code_at(secret: str, at: datetime, *, length: int, lasts_s: int) -> str:
    """Return the code of a moment: so many characters of letters and digits."""
    return _code(secret, int(at.timestamp()) // lasts_s, length)


def _code(secret: str, interval: int, length: int) -> str:
    digest = hmac.digest(secret.encode(), interval.to_bytes(8, "big"), sha256)
    begin = digest[-1] & 0x0F
    return "".join(
        _ALPHABET[digest[(begin + place) % len(digest)] % len(_ALPHABET)] for place in range(length)
    )


def is_current(code: str, secret: str, at: datetime, *, length: int, lasts_s: int) -> bool:
    """Tell whether a code is that of now, or of the interval before or after.

    The neighbours count for clocks that are a little off, and for the time that reading takes.
    """
    now = int(at.timestamp()) // lasts_s
    expected = [_code(secret, now + step, length).encode() for step in (-1, 0, 1)]
    found = code.encode()
    same = [hmac.compare_digest(found, each) for each in expected]  # all: the time tells nothing
    return any(same)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a driver limits his charging to, by the address; None: he does not."""

    max_cost: Decimal | None = None
    max_energy_wh: Decimal | None = None
    max_time_s: int | None = None


_NAMES: Final = {"maxcost": "max_cost", "maxenergy": "max_energy_wh", "maxtime": "max_time_s"}
"""OCPP's parameters, in lower case; energy in Wh, time in s, cost with tax."""

_MOST: Final = {
    "max_cost": MOST_COST,
    "max_energy_wh": MOST_ENERGY_WH,
    "max_time_s": Decimal(MOST_TIME_S),
}


def wanted(parameters: Mapping[str, list[str]]) -> tuple[Wanted, list[str]]:
    """Return what an address's parameters limit, and the names of those that cannot be.

    A limit is a plain number above zero, at most 1,000 in money with whole cents, 1,000 kWh, or a
    week in whole seconds, and stands there once; other parameters are none of ours.
    """
    found: dict[str, Decimal] = {}
    wrong: list[str] = []
    for name, values in parameters.items():
        field = _NAMES.get(name.lower())
        if field is None:
            continue
        value = _number(values[0]) if len(values) == 1 and field not in found else None
        if value is None or not 0 < value <= _MOST[field] or not _is_whole(field, value):
            wrong.append(name)
        else:
            found[field] = value
    if wrong:
        return Wanted(), wrong
    time_s = found.get("max_time_s")
    return (
        Wanted(
            found.get("max_cost"),
            found.get("max_energy_wh"),
            None if time_s is None else int(time_s),
        ),
        [],
    )


def _number(text: str) -> Decimal | None:
    if len(text) > _LONGEST_NUMBER or not text.isascii() or not text.replace(".", "", 1).isdigit():
        return None
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def _is_whole(field: str, value: Decimal) -> bool:
    unit = {"max_cost": Decimal("0.01"), "max_energy_wh": Decimal(1), "max_time_s": Decimal(1)}
    return value % unit[field] == 0
