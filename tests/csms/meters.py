"""Meters that sign what they read, on every curve of OCMF; and the public examples."""

import hashlib
import json
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from csms import meter_signatures
from csms.meter_signatures import MeterKey
from tests.csms.ocpp.said import NOON

EXAMPLES: list[dict[str, str]] = json.loads(
    (Path(__file__).parents[1] / "spec" / "ocmf.json").read_text()
)["examples"]


@dataclass
class Meter:
    """A meter with a fresh key; its records are numbered from 1."""

    curve: str = "secp256r1"
    serial: str = "M-1"
    page: int = 0
    key: MeterKey = field(init=False)

    def __post_init__(self) -> None:
        if self.curve == meter_signatures.SECP192K1:
            self._secret = secrets.randbelow(meter_signatures._N - 1) + 1
            point = meter_signatures._times(self._secret, meter_signatures._G)
            assert point is not None
            encoded = b"\x04" + point[0].to_bytes(24) + point[1].to_bytes(24)
        else:
            self._private = ec.generate_private_key(meter_signatures._LIBRARY[self.curve])
            encoded = self._private.public_key().public_bytes(
                Encoding.X962, PublicFormat.UncompressedPoint
            )
        self.key = MeterKey(self.curve, encoded)

    def sign(self, signed: bytes) -> bytes:
        """Return the signature in DER."""
        if self.curve != meter_signatures.SECP192K1:
            r, s = decode_dss_signature(self._private.sign(signed, ec.ECDSA(SHA256())))
        else:
            order = meter_signatures._N
            once = secrets.randbelow(order - 1) + 1
            point = meter_signatures._times(once, meter_signatures._G)
            assert point is not None
            r = point[0] % order
            z = int.from_bytes(hashlib.sha256(signed).digest()[:24])
            s = pow(once, -1, order) * (z + r * self._secret) % order
        numbers = [each.to_bytes(each.bit_length() // 8 + 1) for each in (r, s)]
        return meter_signatures._der(
            0x30, b"".join(meter_signatures._der(0x02, each) for each in numbers)
        )

    def record(
        self,
        *readings: tuple[str, ...],
        unit: str = "Wh",
        at: datetime = NOON,
        clock: str = "S",
        **changes: Any,
    ) -> str:
        """Return a signed record of readings, each a letter, a value and maybe its register.

        The first is taken `at` that moment, each other one an hour later; `clock` is OCMF's letter.
        `changes` are fields of the first section, or with a leading `SA`, `SE` of the second.
        """
        self.page += 1
        proof = {"SA": f"ECDSA-{self.curve}-SHA256"}
        proof |= {name: changes.pop(name) for name in ("SA", "SE", "SM") if name in changes}
        extra = "".join(f",{json.dumps(name)}:{json.dumps(v)}" for name, v in changes.items())
        listed = ",".join(
            f'{{"TM":"{_stamp(at, place)} {clock}","TX":"{letter}","RV":{value},'
            f'"RI":"{obis[0] if obis else "1-b:1.8.0"}","RU":"{unit}","ST":"G"}}'
            for place, (letter, value, *obis) in enumerate(readings)
        )
        payload = (
            f'{{"FV":"1.0","GS":"G-1","PG":"T{self.page}","MS":"{self.serial}"{extra},'
            f'"RD":[{listed}]}}'
        )
        signature = self.sign(payload.encode())
        proof["SD"] = signature.hex()
        return f"OCMF|{payload}|{json.dumps(proof)}"


def _stamp(at: datetime, hours: int) -> str:
    return (at + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%S,000%z")
