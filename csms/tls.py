"""The TLS that stations are met with: ours, and theirs where an authority for it is known.

Certificates are files that their owner renews when he likes: who listens asks now and then whether
they changed (`Keys.changed`), and begins anew with a fresh context. Handshakes that fail are told
of in the log, since neither the loop nor the websocket library does.

Sources: OCPP 1.6 security whitepaper edition 3, section 3.5, and OCPP 2.0.1 part 2, A00.FR.306 to
326: TLS 1.2 or newer, four suites of TLS 1.2 that must be there, no compression.
"""

import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import structlog

from foundation import metrics
from foundation.settings import Settings

log = structlog.get_logger(__name__)

SUITES: Final = (
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "AES128-GCM-SHA256",
    "AES256-GCM-SHA384",
)
"""Of TLS 1.2, the best first. The standard demands the two without ECDHE for simple stations."""


class _Telling(ssl.SSLObject):
    """One connection's TLS; a handshake that fails says why."""

    def do_handshake(self) -> None:
        try:
            super().do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except ssl.SSLError as error:
            metrics.connections_refused.labels("tls_failed").inc()
            why = getattr(error, "verify_message", None) or error.reason or str(error)
            log.info("tls.failed", reason=str(why)[:200])
            raise


def server_context(settings: Settings, authorities: Sequence[str] = ()) -> ssl.SSLContext:
    """TLS 1.2 or newer; client certificates where an authority for them is known (profile 3).

    Args:
        settings: Name the files.
        authorities: Further ones for stations' certificates, as PEM.

    Raises:
        OSError: A file cannot be read, or holds something else.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(":".join(SUITES))
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.sslobject_class = _Telling
    assert settings.ocpp_tls_cert is not None
    context.load_cert_chain(settings.ocpp_tls_cert, settings.ocpp_tls_key, _no_password)
    if settings.ocpp_tls_second_cert is not None:
        context.load_cert_chain(
            settings.ocpp_tls_second_cert, settings.ocpp_tls_second_key, _no_password
        )
    if settings.ocpp_tls_client_ca is not None:
        context.load_verify_locations(settings.ocpp_tls_client_ca)
    for each in authorities:
        context.load_verify_locations(cadata=each)
    if settings.ocpp_tls_client_ca is not None or authorities:
        # Not required: whether a station must have one is decided by its profile.
        context.verify_mode = ssl.CERT_OPTIONAL
        # An authority below a root may be all that an operator trusts.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def _no_password() -> str:
    """A key that is encrypted is refused: OpenSSL would ask the terminal, and everything wait."""
    return ""


class Keys:
    """What the TLS listener was begun with, so that a change of it can be seen."""

    def __init__(self, settings: Settings) -> None:
        self._files = [
            path
            for path in (
                settings.ocpp_tls_cert,
                settings.ocpp_tls_key,
                settings.ocpp_tls_second_cert,
                settings.ocpp_tls_second_key,
                settings.ocpp_tls_client_ca,
            )
            if path is not None
        ]
        self._seen: object = None

    def changed(self, authorities: Sequence[str]) -> bool:
        """Tell whether a file or an authority changed since this was asked last.

        A file that is away for a moment, while it is being renewed, has not changed yet.
        """
        try:
            seen = ([_stamp(each) for each in self._files], tuple(authorities))
        except OSError as error:
            log.warning("tls.file_away", reason=str(error))
            return False
        before, self._seen = self._seen, seen
        return before != seen

    def not_taken(self) -> None:
        """What was seen could not be taken into use: it counts as changed once more."""
        self._seen = None


def _stamp(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_mtime_ns, found.st_size, found.st_ino
