"""Requests for certificates, worked off: signed here or elsewhere, sent, and sent again.

A request is claimed before anybody signs it, so that an authority that takes a minute holds
nothing up, and a process that dies in between only delays it.

Source: OCPP 1.6 security whitepaper edition 3, A02; OCPP 2.0.1 part 2, A02.FR.02 to FR.20.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final, Protocol

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from accounts.directory import WHOLE
from csms import certificate_authority, certificate_store, equipment, outcomes, remote
from csms.certificate_authority import KEY_PURPOSE
from csms.certificate_tables import CertificateRequestRow
from csms.certificates import (
    UnusableCertificate,
    certificates_in,
    facts_of,
    is_for,
    purpose_of,
    wish_in,
)
from csms.queue import CommandState, Request
from csms.reports import OcppVersion
from foundation.clock import Clock
from foundation.database import Database, DatabaseAway
from foundation.errors import ExpectedError
from foundation.identifiers import StationId
from foundation.sealing import Sealer

log = structlog.get_logger(__name__)

CHANNEL: Final = "certificate_requests"
"""Where it is told that a request waits."""

_LOOK_EVERY_S: Final = 30.0
_BATCH: Final = 20
_CLAIMED_FOR: Final = timedelta(minutes=5)
_LOOK_AGAIN_AFTER: Final = timedelta(minutes=2)
"""How soon after it was sent a certificate is looked after."""
_MOST_ATTEMPTS: Final = 5
_LONGEST_CHAIN: Final = 10_000
"""Characters that OCPP's field holds."""
_WAITS_FOR_STATION_S: Final = 7 * 24 * 3600


class Signer(Protocol):
    """Another's authority: the way to sign that is not ours."""

    async def sign(self, csr: str, kind: str, station: str) -> str:
        """Return the chain for a request as PEM, the station's certificate first.

        Raises:
            ExpectedError: It does not, or not now.
        """
        ...


class Signing:
    """Works off what stations asked for.

    Args:
        database: Where the requests are.
        clock: By which certificates begin and end.
        sealer: Opens the keys of our own authorities.
        days: How long a certificate of ours is valid.
        signer: Signs instead of our own authority.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        sealer: Sealer,
        *,
        days: int,
        signer: Signer | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._sealer = sealer
        self._days = days
        self._signer = signer
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Look at once."""
        self._woken.set()

    async def run(self) -> None:
        """Work off what is due; runs for ever."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_EVERY_S):
                    await self._woken.wait()
            self._woken.clear()
            try:
                while await self.work_off():
                    pass
            except DatabaseAway as error:
                log.warning("signing.database_away", reason=str(error))

    async def work_off(self) -> int:
        """Take what is due one step further; return how many requests there were."""
        now = self._clock.now()
        async with self._database.unit_of_work() as db:
            due = await certificate_store.due_requests(db, now, limit=_BATCH)
            waiting = []
            for row in due:
                if row.state == "waiting":
                    row.next_at, row.attempts = now + _CLAIMED_FOR, row.attempts + 1
                    waiting.append((row.id, row.csr, row.kind, row.station))
                elif row.state == "signed":
                    await self._send(db, row, now)
                else:
                    await self._look_after(db, row, now)
        for number, csr, kind, station in waiting:
            await self._sign(number, csr, kind, station)
        return len(due)

    # --------------------------------------------------------------------------------- signing

    async def _sign(self, number: int, csr: str, kind: str, station: str) -> None:
        try:
            if self._signer is not None:
                chain = await self._signer.sign(csr, kind, station)
            else:
                chain = await self._signed_here(csr, kind, station)
            certificate = certificates_in(chain)[0]
            if not is_for(certificate, csr):
                raise UnusableCertificate("The authority signed another key.")
            facts = facts_of(certificate)
        except DatabaseAway:
            raise
        except ExpectedError as error:
            log.warning("certificate.not_signed", station_id=station, reason=str(error))
            await self._not_signed(number, str(error))
            return
        # A boundary: others' requests wait behind this one, and it would come round for ever.
        except Exception:
            log.exception("certificate.signing_failed", station_id=station)
            await self._not_signed(number, "It could not be signed; the log says why.")
            return
        now = self._clock.now()
        async with self._database.unit_of_work() as db:
            row = await db.get(CertificateRequestRow, number, with_for_update=True)
            if row is None or row.state != "waiting":
                return  # the station asked anew meanwhile
            row.state, row.changed_at, row.reason = "signed", now, None
            row.chain, row.fingerprint, row.not_after = chain, facts.fingerprint, facts.not_after
            row.attempts = 0
            await self._send(db, row, now)

    async def _signed_here(self, csr: str, kind: str, station: str) -> str:
        now = self._clock.now()
        async with self._database.unit_of_work() as db:
            row = await certificate_store.signing_authority(db, purpose_of(kind), now)
            names = await certificate_store.names_of(db, station)
            root = await directory.root(db)
        wish = wish_in(csr, names)
        if isinstance(wish, str):
            raise UnusableCertificate(wish)
        if row is None or row.sealed_key is None:
            raise UnusableCertificate("No authority signs such certificates here.")
        key = self._sealer.unseal(row.sealed_key, KEY_PURPOSE)
        authority = certificate_authority.opened(row.certificate, key)
        return certificate_authority.sign(
            authority, wish, kind, root.name[:64], days=self._days, now=now
        )

    async def _not_signed(self, number: int, reason: str) -> None:
        now = self._clock.now()
        async with self._database.unit_of_work() as db:
            row = await db.get(CertificateRequestRow, number, with_for_update=True)
            if row is None or row.state != "waiting":
                return
            row.reason, row.changed_at = reason[:500], now
            row.next_at = now + _pause(row.attempts)
            if row.attempts >= _MOST_ATTEMPTS:
                row.state, row.next_at = "failed", None

    # --------------------------------------------------------------------------------- sending

    async def _send(self, db: AsyncSession, row: CertificateRequestRow, now: datetime) -> None:
        """Ask the station, through the queue, to take its certificate."""
        assert row.chain is not None
        most = min(await certificate_store.longest_chain(db, row.station) or _LONGEST_CHAIN, 10_000)
        if len(row.chain.encode()) > most:
            row.state, row.next_at, row.changed_at = "failed", None, now
            row.reason = f"The chain has {len(row.chain.encode())} bytes, the station takes {most}."
            return
        payload: dict[str, object] = {"certificateChain": row.chain}
        if row.version != OcppVersion.V16:
            payload["certificateType"] = row.kind
        if row.version == OcppVersion.V21 and row.request_id is not None:
            payload["requestId"] = row.request_id
        owner = await equipment.owner_seen(db, WHOLE, row.station)
        try:
            command = await remote.ask(
                db,
                Request(
                    station=StationId(row.station),
                    action="CertificateSigned",
                    payload=payload,
                    asked_by="system",
                    asked_by_name="Leitstand",
                    door="system",
                    asker_organisation=owner,
                    reason="system",
                    reference=f"certificate-request/{row.id}",
                    expires_in_s=_WAITS_FOR_STATION_S,
                    when_offline="queue",
                ),
                now=now,
            )
        except ExpectedError as error:
            row.state, row.next_at, row.changed_at = "failed", None, now
            row.reason = str(error)[:500]
            return
        row.state, row.changed_at, row.command_id = "sent", now, int(command.id)
        row.attempts += 1
        row.next_at = now + _LOOK_AGAIN_AFTER

    async def _look_after(
        self, db: AsyncSession, row: CertificateRequestRow, now: datetime
    ) -> None:
        """Send a certificate again whose command failed; what was refused is not."""
        assert row.command_id is not None
        command = await outcomes.command(db, str(row.command_id), WHOLE)
        row.changed_at = now
        if command.state is CommandState.EFFECTIVE:
            row.state, row.next_at = "installed", None
        elif command.state is CommandState.REJECTED:
            row.state, row.next_at, row.reason = "rejected", None, "The station refused it."
        elif not command.is_final:
            row.next_at = now + _LOOK_AGAIN_AFTER
        elif row.attempts < _MOST_ATTEMPTS:
            await self._send(db, row, now)
            if row.state == "sent":
                row.next_at = now + _pause(row.attempts)
        else:
            why = command.failure or command.state
            row.state, row.next_at, row.reason = "failed", None, f"Not taken: {why.value}."


def _pause(attempts: int) -> timedelta:
    return min(timedelta(minutes=2 << min(attempts, 8)), timedelta(hours=6))


def waking(signing: Signing) -> Callable[[str], None]:
    """Return what is done when somebody tells of a request."""
    return lambda _: signing.wake()
