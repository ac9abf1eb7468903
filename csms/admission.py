"""Who may connect: identity from the path, subprotocol, password; decided from values alone.

Source: OCPP-J 1.6, section 3; OCPP 2.0.1 part 4, section 3 and part 2, A00; security whitepaper,
section 3.
"""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from csms import passwords
from csms.reports import OcppVersion
from csms.security_profiles import HIGHEST, PLAIN, TLS_FROM, Line, Shown, objection
from csms.store import Access

_VERSIONS = {version.value: version for version in OcppVersion}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an upgrade is refused; `status` is HTTP's, `reason` a short name for the metrics."""

    status: int
    reason: str
    text: str


def identity_of(path: str) -> str | Refusal:
    """Return the station's identity: the last non-empty segment of a raw path, decoded once.

    1 to 48 characters, no control characters, not `.` or `..`; a double slash and a trailing one
    are overlooked.
    """
    segments = [segment for segment in path.partition("?")[0].split("/") if segment]
    if not segments:
        return Refusal(404, "no_identity", "The path must end with the station's identity.")
    try:
        identity = unquote_to_bytes(segments[-1]).decode()
    except UnicodeDecodeError:
        return Refusal(400, "bad_identity", "The identity in the path is not valid UTF-8.")
    if not 1 <= len(identity) <= 48:
        return Refusal(404, "bad_identity", "An identity has 1 to 48 characters.")
    if identity in (".", "..") or not identity.isprintable():
        return Refusal(400, "bad_identity", "This is no identity of a station.")
    return identity


def version_of(offered: Sequence[str]) -> tuple[str, OcppVersion] | None:
    """Return the station's first offer that we speak, as it wrote it, and the version.

    Compared without regard to case and space; None if there is none.
    """
    for text in offered:
        version = _VERSIONS.get(text.strip().lower())
        if version is not None:
            return text, version
    return None


def credentials_of(header: str | None) -> tuple[str, bytes] | Refusal | None:
    """Return user name and password of an Authorization header; None if there is none."""
    if header is None:
        return None
    scheme, _, text = header.strip().partition(" ")
    if scheme.lower() != "basic":
        return Refusal(401, "bad_credentials", "Only Basic authentication is understood.")
    try:
        user, colon, password = base64.b64decode(text.strip(), validate=True).partition(b":")
        name = user.decode()
    except (binascii.Error, UnicodeDecodeError):
        return Refusal(401, "bad_credentials", "The Authorization header cannot be read.")
    if not colon:
        return Refusal(401, "bad_credentials", "The Authorization header has no password.")
    return name, password


@dataclass(frozen=True, slots=True)
class Admitted:
    """The station may connect; `in_hex` if its password was recognised only as hex text.

    `by_next`: with the password that it was told over the wire, which is the only one from now on.
    `profile`: the security profile that it came up to.
    """

    access: Access
    in_hex: bool = False
    by_next: bool = False
    profile: int = 0


def admit(
    access: Access, identity: str, credentials: tuple[str, bytes] | None, line: Line = PLAIN
) -> Admitted | Refusal:
    """Decide on a known station: admission, security profile, then password where one is on file.

    A certificate that fits stands in the place of the password. The user name must be the
    identity, or another that is the station's own: a 2.1 station that was told one for a network
    profile may keep its old one in the path. Refusals do not tell a wrong password from a wrong
    name.
    """
    if access.admission == "refused":
        return Refusal(403, "refused", "This station is not admitted here.")
    below = objection(access.security_profile, line)
    if below is not None:
        return Refusal(403, *below)
    if line.certificate is Shown.FITS:
        return Admitted(access, profile=HIGHEST)
    records = [record for record in (access.password, access.next_password) if record]
    if not records and access.security_profile:
        why = f"Security profile {access.security_profile} needs a password; none is on file."
        return Refusal(403, "no_password_on_file", why)
    if not records:
        return Admitted(access)
    if credentials is None:
        if access.password is None and not access.security_profile:
            # It was told its first one, and has not taken it yet.
            return Admitted(access)
        return Refusal(401, "no_credentials", "This station must authenticate.")
    user, password = credentials
    right = [record for record in records if passwords.matches(record, password)]
    found = right or [each for each in records if passwords.matches_in_hex(each, password)]
    if user not in (identity, access.station, *access.names) or not found:
        return Refusal(401, "wrong_credentials", "Name or password is wrong.")
    by_next = access.next_password is not None and access.next_password in found
    profile = TLS_FROM if line.is_tls else 1
    return Admitted(access, in_hex=not right, by_next=by_next, profile=profile)
