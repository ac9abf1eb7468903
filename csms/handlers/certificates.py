"""Certificates: stations that want theirs signed.

A request is checked and answered here; the certificate follows by a call of ours (`csms.signing`),
since an authority may take its time and the answer must come first.

Source: OCPP 1.6 security whitepaper edition 3, section 4.4; OCPP 2.0.1 part 2, A02.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from csms import certificate_store
from csms.certificate_tables import CertificateRequestRow
from csms.certificates import KINDS_SIGNED, purpose_of, wish_in
from csms.handlers.connecting import keep_own_events
from csms.handlers.context import HandlerContext
from csms.reports import CertificateWishAnswer, CertificateWishReport

REFUSED = "CertificateRequestRefused"
"""The security event of a request that was refused: our own word, the standard has none."""

REQUESTS_A_DAY: Final = 50
"""Of a station and a kind: one whose request is never answered to its liking asks for ever."""

_A_DAY: Final = timedelta(days=1)

_CHANNEL = "certificate_requests"
"""Where `csms.signing` hears that a request waits."""


async def certificates_wished(
    db: AsyncSession, context: HandlerContext, reports: Sequence[CertificateWishReport]
) -> list[CertificateWishAnswer]:
    """Take requests in, or refuse them with a security event; an older one of a kind is over."""
    answers = []
    for report in reports:
        why_not = await _refusal(db, context, report)
        if why_not is not None:
            at = report.origin.received_at
            about = f"{report.kind}: {why_not}"
            await keep_own_events(db, context, [(report.origin.station, REFUSED, about, at)])
            answers.append(CertificateWishAnswer(False, f"InvalidCSR: {why_not}"))
            continue
        now = context.clock.now()
        await certificate_store.replace_requests(db, report.origin.station, report.kind, now)
        db.add(
            CertificateRequestRow(
                station=report.origin.station,
                kind=report.kind,
                version=report.origin.version,
                csr=report.csr,
                request_id=report.request_id,
                requested_at=report.origin.received_at,
                state="waiting",
                attempts=0,
                next_at=now,
                changed_at=now,
            )
        )
        await db.flush()
        await db.execute(text("select pg_notify(:channel, '')"), {"channel": _CHANNEL})
        answers.append(CertificateWishAnswer(True))
    return answers


async def _refusal(
    db: AsyncSession, context: HandlerContext, report: CertificateWishReport
) -> str | None:
    if report.kind not in KINDS_SIGNED:
        return f"Certificates of the kind {report.kind} are not signed here."
    station, now = report.origin.station, context.clock.now()
    if not await certificate_store.is_admitted(db, station):
        return "The station was not accepted yet."
    asked = await certificate_store.requests_since(db, station, report.kind, now - _A_DAY)
    if asked >= REQUESTS_A_DAY:
        return f"The station asked {asked} times within a day."
    names = await certificate_store.names_of(db, station)
    wish = wish_in(report.csr, names)
    if isinstance(wish, str):
        return wish
    # The serial number is what the station itself says.
    if await certificate_store.is_anothers_name(db, station, wish.common_name):
        return f"The common name {wish.common_name!r} is another station's."
    if context.signs_elsewhere:
        return None
    purpose = purpose_of(report.kind)
    if await certificate_store.signing_authority(db, purpose, now) is None:
        return "No authority signs such certificates here yet (leitstand ca create)."
    return None
