"""Identifiers as distinct types, so that a station is never passed where a token is meant."""

from dataclasses import dataclass
from typing import NewType

StationId = NewType("StationId", str)
"""A station's OCPP identity, 1 to 48 characters, unique in an installation."""

EvseId = NewType("EvseId", int)
"""The number of an EVSE within its station, from 1; 0 is the station itself."""

ConnectorId = NewType("ConnectorId", int)
"""The number of a connector within its EVSE, from 1; 0 where none was said."""

TransactionId = NewType("TransactionId", int)
"""Our number of a transaction: one rising sequence per installation, 1 to 2^31 - 1.

It is also the `transactionId` that an OCPP 1.6 station is given. Outside (API, papers) it is an
opaque string.
"""

OrganisationKey = NewType("OrganisationKey", str)
"""The immutable slug of an organisation: `organisation`, `payee` and the feed's topic level."""

PartyId = NewType("PartyId", str)
"""A provider (EMP) or operator by country and party, as in `DE*XYZ`."""

ID_TOKEN_TYPES = (
    "Central",
    "DirectPayment",
    "eMAID",
    "EVCCID",
    "ISO14443",
    "ISO15693",
    "KeyCode",
    "Local",
    "MacAddress",
    "NoAuthorization",
    "VIN",
)
"""Every `IdTokenType` of OCPP 2.0.1 and the two that 2.1 added."""

_SEPARATORS = str.maketrans("", "", " \t:-.")


@dataclass(frozen=True, slots=True)
class IdToken:
    """What a driver presents (1.6: idTag), as the station wrote it.

    `key` is what tokens are compared by: upper case, without separators, since the same card is
    read as `20:69:c0:21` by one station and `2069C021` by another. The type is not part of it:
    1.6 stations cannot say it.
    """

    value: str
    type: str = "ISO14443"

    @property
    def key(self) -> str:
        """The normalised value; empty only if the value has nothing but separators."""
        return normalised_token(self.value)


def normalised_token(value: str) -> str:
    """Return the value that id tokens are compared by."""
    return value.translate(_SEPARATORS).upper()
