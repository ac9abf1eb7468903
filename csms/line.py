"""What a connection shows of its station before any password, asked in the station's lane."""

from ipaddress import ip_address
from ssl import SSLObject
from typing import Final

from csms.admission import Admitted, Refusal
from csms.certificates import UnusableCertificate, facts_in_der
from csms.dispatch import CertificateShown, Dispatch, MetHigher, TurnedAway
from csms.security_profiles import BELOW, PLAIN, Line
from csms.store import Access
from foundation.clock import Clock
from foundation.networks import networks
from foundation.settings import Settings

BY_PROXY: Final = Line(is_tls=True)


def by_proxy(settings: Settings, remote: str, forwarded: str | None) -> bool:
    """Tell whether a proxy of ours ended the TLS of a plain connection, and says so."""
    if not settings.ocpp_tls_proxies or (forwarded or "").strip().lower() not in ("https", "wss"):
        return False
    address = ip_address(remote.partition("%")[0])
    return any(address in each for each in networks(settings.ocpp_tls_proxies))


async def line_of(
    secured: SSLObject | None,
    access: Access,
    dispatch: Dispatch,
    settings: Settings,
    clock: Clock,
) -> Line:
    """Return what a connection shows; the handshake of TLS checked its certificate already."""
    if secured is None:
        return PLAIN
    der = secured.getpeercert(binary_form=True)
    if der is None:
        return Line(is_tls=True)
    try:
        facts = facts_in_der(der)
    except UnusableCertificate:  # OpenSSL could read it, so that this is rare
        return Line(is_tls=True)
    wanted = settings.ocpp_tls_client_organisation
    is_ours = wanted is None or facts.organisation == wanted  # A00.FR.404
    shown = CertificateShown(access.station, facts, is_ours, clock.now())
    return Line(is_tls=True, certificate=await dispatch.ask(access.station, shown))


async def note_below(
    refusal: Refusal, access: Access, remote: str, dispatch: Dispatch, clock: Clock
) -> None:
    """Keep a security event of a connection that was refused for its station's profile."""
    kind = BELOW.get(refusal.reason)
    if kind is not None:
        about = f"{refusal.text} From {remote}."
        await dispatch.ask(access.station, TurnedAway(access.station, kind, about, clock.now()))


async def note_above(admitted: Admitted, line: Line, dispatch: Dispatch, clock: Clock) -> None:
    """Note that a station came by TLS up to a higher profile than it must."""
    station, profile = admitted.access.station, admitted.profile
    if line.is_tls and profile > admitted.access.security_profile:
        await dispatch.ask(station, MetHigher(station, profile, clock.now()))
