"""Tests of which addresses are somebody's own network."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundation.networks import is_allowed, is_inner, is_reachable_within, networks


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.255.255.254",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "100.100.100.200",
        "192.0.0.192",
        "198.18.0.1",
        "168.63.129.16",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::7f00:1",
        "64:ff9b:1::a00:1",
        "2002:7f00:1::1",
        "2002:a00:1::1",
        "2001:0:1::1",
        "fe80::1",
        "fc00::1",
        "fd00:ec2::254",
        "fec0::1",
        "ff02::1",
        "2001:db8::1",
    ],
)
def test_our_own_networks_are_known_in_every_disguise(address: str) -> None:
    assert is_inner(ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        "8.8.8.8",
        "172.15.255.255",
        "172.32.0.1",
        "100.63.255.255",
        "100.128.0.1",
        "169.253.255.255",
        "168.63.129.17",
        "::ffff:8.8.8.8",
        "64:ff9b::808:808",
        "2606:4700::1111",
    ],
)
def test_the_nearest_public_addresses_are_not_ours(address: str) -> None:
    assert not is_inner(ip_address(address))
    assert is_allowed(ip_address(address), ())


@given(st.ip_addresses(v=4))
def test_an_address_is_judged_alike_in_ipv6(address: object) -> None:
    assert is_inner(ip_address(f"::ffff:{address}")) == is_inner(ip_address(str(address)))


@pytest.mark.parametrize(
    ("address", "allowed", "is_good"),
    [
        ("10.1.2.3", ["10.1.0.0/16"], True),
        ("::ffff:10.1.2.3", ["10.1.0.0/16"], True),
        ("10.2.0.1", ["10.1.0.0/16"], False),
        ("127.0.0.1", ["10.1.0.0/16"], False),
        ("fd00::1", ["10.1.0.0/16", "fd00::/8"], True),
    ],
)
def test_only_what_is_allowed_of_them_may_be_called(
    address: str, allowed: list[str], is_good: bool
) -> None:
    assert is_allowed(ip_address(address), networks(allowed)) is is_good


def test_what_is_no_network_is_refused() -> None:
    with pytest.raises(ValueError, match=r"10\.0\.0\.1"):
        networks(["10.0.0.1/8"])


@pytest.mark.parametrize(
    ("address", "named", "is_own", "is_reachable"),
    [
        ("10.8.0.5", ["10.8.0.0/16"], False, True),
        ("10.9.0.5", ["10.8.0.0/16"], False, False),
        ("10.8.0.5", [], False, False),
        ("::ffff:10.8.0.5", ["10.8.0.0/16"], False, True),
        ("fd00::5", ["fd00::/8"], False, True),
        ("8.8.8.8", ["8.8.8.0/24"], False, True),
        # Loopback and link-local are meant only by a network of their own.
        ("127.0.0.1", ["0.0.0.0/0"], True, False),
        ("::1", ["::/0"], True, False),
        ("127.0.0.1", ["127.0.0.0/8"], True, True),
        ("127.0.0.1", ["127.0.0.1/32"], True, True),
        ("::ffff:127.0.0.1", ["0.0.0.0/0", "::/0"], True, False),
        ("169.254.169.254", ["0.0.0.0/0"], False, False),
        ("169.254.169.254", ["169.254.0.0/16"], False, True),
        ("fe80::1", ["::/0"], False, False),
        ("0.0.0.0", ["0.0.0.0/0"], False, False),
        ("224.0.0.1", ["0.0.0.0/0"], False, False),
        # This machine is meant only by its very address.
        ("10.8.0.5", ["10.8.0.0/16"], True, False),
        ("10.8.0.5", ["10.8.0.0/16", "10.8.0.5/32"], True, True),
    ],
)
def test_what_is_reachable_is_named_and_what_is_special_is_named_as_such(
    address: str, named: list[str], is_own: bool, is_reachable: bool
) -> None:
    found = is_reachable_within(ip_address(address), networks(named), is_own=is_own)
    assert found is is_reachable
