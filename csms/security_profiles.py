"""Security profiles: what a connection must show, and by which commands a station goes higher.

0: nothing. 1: a password. 2: a password, by TLS. 3: a certificate of its own, by TLS. A station
never goes back by connecting: what it once came up to is what it must show from then on.

Sources: OCPP 1.6 security whitepaper edition 3, section 3 and A05; OCPP 2.0.1 part 2, A00.FR.004,
A00.FR.201 to 429 and A05.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

HIGHEST: Final = 3
TLS_FROM: Final = 2
"""From this profile on a station comes by TLS."""

_LONGEST_URL: Final = 512


class Shown(StrEnum):
    """What the certificate is worth that a station showed."""

    FITS = "fits"
    """It names the station, and an authority that we trust signed it (TLS saw to that)."""
    FOREIGN = "foreign"
    """It names another station, or another organisation."""
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Line:
    """What the connection itself shows, before any password."""

    is_tls: bool = False
    certificate: Shown | None = None


PLAIN: Final = Line()

BELOW: Final[Mapping[str, str]] = {
    "below_profile": "ConnectionBelowSecurityProfile",
    "no_certificate": "ConnectionBelowSecurityProfile",
    "no_password_on_file": "ConnectionBelowSecurityProfile",
    "foreign_certificate": "ForeignCertificateShown",
    "revoked_certificate": "RevokedCertificateShown",
}
"""Refusals that are security events of their station, and the events' types: our own words."""


def objection(profile: int, line: Line) -> tuple[str, str] | None:
    """Return why a line is below a station's profile, as (reason, sentence); None if it is not.

    Passwords are not looked at here.
    """
    if line.certificate is Shown.REVOKED:
        return "revoked_certificate", "The certificate of this station was revoked."
    if profile >= TLS_FROM and not line.is_tls:
        return "below_profile", f"This station has security profile {profile}: by TLS only."
    if profile < HIGHEST or line.certificate is Shown.FITS:
        return None
    if line.certificate is Shown.FOREIGN:
        return "foreign_certificate", "The certificate is not this station's."
    return "no_certificate", "This station must show a certificate (security profile 3)."


def names_it(common_name: str | None, names: Collection[str]) -> bool:
    """Tell whether a certificate's common name is one of a station's (A00.FR.405, FR.406)."""
    return common_name is not None and common_name.casefold() in {
        each.casefold() for each in names if each
    }


# ------------------------------------------------------------------------------------ upgrades


@dataclass(frozen=True, slots=True)
class Asked:
    """A command by which a station goes higher."""

    action: str
    payload: dict[str, Any]


def why_not(version: str, present: int, wanted: int, *, has_password: bool) -> str | None:
    """Return why a station cannot be asked for a profile; None if it can.

    Args:
        version: `ocpp1.6` and so on.
        present: What it has.
        wanted: What it shall have.
        has_password: Whether a password is on file.
    """
    if wanted <= present:
        return f"The station has security profile {present}; only a higher one can be asked for."
    if wanted > HIGHEST:
        return f"There is no security profile above {HIGHEST}."
    if wanted < HIGHEST and not has_password:
        return "Set a password for the station first: security profiles 1 and 2 need one."
    return None


def steps(
    version: str, profile: int, *, slot: int, url: str | None, order: str | None
) -> list[tuple[str, Asked]]:
    """Return the commands of an upgrade in their order, each with the name of its step.

    Args:
        version: `ocpp1.6` and so on.
        profile: Where to.
        slot: The place of the new network profile (2.x).
        url: How stations reach us, without the identity (2.x).
        order: What NetworkConfigurationPriority holds now, as in `0,1` (2.x), if it is known.
    """
    if version == "ocpp1.6":
        return [
            (
                "set",
                Asked("ChangeConfiguration", {"key": "SecurityProfile", "value": str(profile)}),
            ),
            ("restart", Asked("Reset", {"type": "Hard"})),
        ]
    assert url is not None, "2.x needs to be told where to connect to"
    connection = {
        "ocppVersion": "OCPP20" if version == "ocpp2.0.1" else "OCPP21",
        "ocppTransport": "JSON",
        "ocppCsmsUrl": url[:_LONGEST_URL],
        "messageTimeout": 30,
        "securityProfile": profile,
        "ocppInterface": "Any" if version == "ocpp2.1" else "Wired0",
    }
    priority = {
        "component": {"name": "OCPPCommCtrlr"},
        "variable": {"name": "NetworkConfigurationPriority"},
        "attributeValue": with_slot_first(order, slot),
    }
    return [
        (
            "set",
            Asked("SetNetworkProfile", {"configurationSlot": slot, "connectionData": connection}),
        ),
        ("order", Asked("SetVariables", {"setVariableData": [priority]})),
        ("restart", Asked("Reset", {"type": "OnIdle"})),
    ]


def with_slot_first(order: str | None, slot: int) -> str:
    """Return an order of slots with one of them first; the others stay behind it as a way back."""
    others = [each.strip() for each in (order or "").split(",") if each.strip()]
    return ",".join([str(slot), *(each for each in others if each != str(slot))])
