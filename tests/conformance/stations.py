"""A station on the `ocpp` package that answers as a case wants it to, and says what it is told."""

import ssl
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from simulators.link import Address, Link, LinkLost, Reply, open_ocpp
from tests.csms.central import Central, eventually
from tests.pki import Authority, Holder

__all__ = ["LinkLost", "Station", "trusting"]


def trusting(
    root: Authority, shows: Holder | None = None, folder: Path | None = None, **limits: Any
) -> ssl.SSLContext:
    """The TLS of a station that trusts a root, and shows a certificate if it has one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=root.pem)
    if shows is not None:
        assert folder is not None
        context.load_cert_chain(*shows.write(folder, f"shown-{id(shows)}"))
    for setting, value in limits.items():
        setattr(context, setting, value)
    return context


class Station:
    """A station that one case speaks as; `answers` holds what it says to each action."""

    def __init__(self, central: Central, identity: str, version: str = "ocpp1.6") -> None:
        self.central = central
        self.identity = identity
        self.version = version
        self.answers: dict[str, dict[str, Any]] = {}
        self.asked: list[tuple[str, Mapping[str, Any]]] = []
        self.link: Link | None = None
        # Whatever becomes of the case, nothing of it is left when the central system stops.
        central.stations.append(self)  # type: ignore[arg-type]

    # ------------------------------------------------------------------- as the answerer

    def answer(self, action: str, payload: Mapping[str, Any], message_id: str) -> Reply:
        """Answer as the case wants it; what it says nothing of is not implemented."""
        self.asked.append((action, dict(payload)))
        return Reply(self.answers.get(action))

    def answered(self, message_id: str) -> None:
        """Nothing follows by itself: the case does it."""

    # ------------------------------------------------------------------- as the case's hand

    async def connect(
        self, *, password: str | None = None, tls: ssl.SSLContext | None = None
    ) -> "Station":
        """Connect anew.

        Raises:
            LinkLost: If we are refused.
        """
        await self.leave()
        port = self.central.system.listener.port
        url = f"ws://127.0.0.1:{port}/ocpp"
        if tls is not None:
            url = f"wss://localhost:{self.central.system.listener.doors.tls_port}/ocpp"
        self.link = await open_ocpp(
            Address(
                url=url,
                identity=self.identity,
                password=password,
                subprotocol=self.version,
                tls=tls,
            ),
            self,
        )
        return self

    def secured_by(self) -> tuple[str, str]:
        """The cipher suite and version of TLS."""
        secured: Any = self.link._socket.transport.get_extra_info("ssl_object")  # type: ignore[union-attr]
        return secured.cipher()[0], secured.version()

    async def leave(self) -> None:
        """Say goodbye, if connected."""
        if self.link is not None:
            with suppress(LinkLost):
                await self.link.close()
            self.link = None

    close = leave

    def drop(self) -> None:
        """Be gone at once."""
        if self.link is not None:
            self.link.cut()

    async def call(self, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        """Ask the central system."""
        assert self.link is not None
        return await self.link.call(action, payload)

    async def boot(self) -> dict[str, Any]:
        """Boot, and report the state of the first connector."""
        if self.version == "ocpp1.6":
            booted = await self.call(
                "BootNotification",
                {"chargePointVendor": "Test", "chargePointModel": "Case"},
            )
            await self.call(
                "StatusNotification",
                {"connectorId": 1, "errorCode": "NoError", "status": "Available"},
            )
        else:
            booted = await self.call(
                "BootNotification",
                {
                    "reason": "PowerUp",
                    "chargingStation": {"vendorName": "Test", "model": "Case"},
                },
            )
            await self.call(
                "StatusNotification",
                {
                    "timestamp": self.central.clock.now().isoformat(),
                    "connectorStatus": "Available",
                    "evseId": 1,
                    "connectorId": 1,
                },
            )
        return booted

    async def was_asked(self, action: str, times: int = 1) -> Mapping[str, Any]:
        """Wait until it was asked for an action so often; return the last payload."""

        async def there() -> list[Mapping[str, Any]]:
            found = [payload for name, payload in self.asked if name == action]
            return found if len(found) >= times else []

        return (await eventually(there))[-1]

    async def events(self) -> list[dict[str, Any]]:
        """The security events kept of it, the first one first."""
        rows = await self.central.rows(
            "select details from station_events where station = :station and kind = 'security'"
            " order by id",
            station=self.identity,
        )
        return [row["details"] for row in rows]

    async def profile(self) -> int:
        """The security profile that it must come up to."""
        [row] = await self.central.rows(
            "select security_profile from stations where identity = :station",
            station=self.identity,
        )
        return int(row["security_profile"])
