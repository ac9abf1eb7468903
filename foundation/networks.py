"""Which addresses are of the public internet, and which are of somebody's own network.

Source: RFC 6890 (special-purpose addresses), RFC 6598 (shared address space), RFC 6052 (IPv4 in
IPv6), RFC 3056 (6to4).
"""

from collections.abc import Collection, Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_INNER = tuple(
    ip_network(each)
    for each in (
        "168.63.129.16/32",  # a cloud's own channel to its machines, by a public address
        "192.0.0.0/24",  # protocols' own; a cloud's metadata
        "192.88.99.0/24",  # 6to4 relays
        "::/96",  # IPv4 in IPv6 as it once was
        "fec0::/10",  # site-local
    )
)
"""What `is_global` takes for somebody else's."""
_NAT64 = (ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48"))


def networks(written: Iterable[str]) -> tuple[Network, ...]:
    """Return networks as in `10.0.0.0/8`.

    Raises:
        ValueError: If one is none.
    """
    return tuple(ip_network(each) for each in written)


def is_inner(address: Address) -> bool:
    """Tell whether an address is not one of the public internet, in whatever disguise."""
    if isinstance(address, IPv6Address):
        inside = address.ipv4_mapped or address.sixtofour
        if inside is None and any(address in each for each in _NAT64):
            inside = IPv4Address(int(address) & 0xFFFFFFFF)
        if inside is not None:
            return is_inner(inside)
        if address.teredo is not None:
            return True
    return (
        not address.is_global
        or address.is_multicast
        or any(address.version == each.version and address in each for each in _INNER)
    )


def is_allowed(address: Address, allowed: Collection[Network]) -> bool:
    """Tell whether an address may be called: a public one, or one of a network that is allowed."""
    if not is_inner(address):
        return True
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address.version == each.version and address in each for each in allowed)


def is_reachable_within(
    address: Address, allowed: Collection[Network], *, is_own: bool = False
) -> bool:
    """Tell whether an address lies in a network that is named, for what is in one's own network.

    Loopback, link-local, multicast and unspecified addresses are never meant by a wider network:
    whoever wants one of them names it, or a part of their range. One's own machine is meant only
    by that very address.

    Args:
        address: Where a connection would go.
        allowed: The networks that are named; none: nothing is reachable.
        is_own: Whether it is an address of this machine.
    """
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    meant = [each for each in allowed if each.version == address.version and address in each]
    if is_own and not address.is_loopback:
        meant = [each for each in meant if each.num_addresses == 1]
    if address.is_multicast or address.is_unspecified:
        return False
    for is_special in (address.is_loopback, address.is_link_local):
        if is_special:
            meant = [each for each in meant if each.is_loopback or each.is_link_local]
    return bool(meant)
