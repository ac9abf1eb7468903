"""Who enters addresses, and what a tunnel needs; `test_tunnel.py` goes through all of its doors."""

from dataclasses import replace

import pytest

from accounts.directory import WHOLE, Scope
from accounts.permissions import Permission, Role
from foundation.settings import InvalidSetting, Settings
from portal import tunnel_doors
from portal.guard import Caller
from tests.portal.test_credit_doors import NORTH, owner_of

NETWORKS = ("10.8.0.0/16",)
URL = "https://{}.pages.example.net"


def test_there_is_a_tunnel_where_both_its_name_and_its_networks_are_set() -> None:
    assert tunnel_doors.is_set_up(Settings(tunnel_url=URL, tunnel_networks=NETWORKS))
    assert not tunnel_doors.is_set_up(Settings(tunnel_url=URL))
    assert not tunnel_doors.is_set_up(Settings(tunnel_networks=NETWORKS))


def test_each_opening_has_an_origin_of_its_own() -> None:
    settings = Settings(tunnel_url=URL)
    assert tunnel_doors.origin_of(settings, "abc") == "https://abc.pages.example.net"


@pytest.mark.parametrize(
    ("url", "portal"),
    [
        ("https://{}.example.org", "https://portal.example.org"),
        ("https://{}.pages.example.org", "https://example.org"),
        ("https://{}.pages.example.org/x", "https://portal.example.com"),
        ("https://pages.example.org", "https://portal.example.com"),
    ],
)
def test_a_tunnel_of_the_portals_own_site_or_without_names_is_refused(
    url: str, portal: str
) -> None:
    Settings.read(tunnel_url=URL, public_url=portal)
    with pytest.raises(InvalidSetting):
        Settings.read(tunnel_url=url, public_url=portal)


def test_only_an_administrator_who_sees_everything_enters_addresses() -> None:
    def somebody(role: Role, scope: Scope) -> Caller:
        owner = owner_of("north")
        rights = frozenset(
            {Permission.STATIONS_WRITE, Permission.ORGANISATIONS_WRITE}
            if role is Role.ADMINISTRATOR
            else {Permission.STATIONS_WRITE}
        )
        return replace(owner, principal=replace(owner.principal, rights=rights), scope=scope)

    assert tunnel_doors.may_enter(somebody(Role.ADMINISTRATOR, WHOLE))
    assert not tunnel_doors.may_enter(somebody(Role.ADMINISTRATOR, Scope(frozenset({NORTH}))))
    assert not tunnel_doors.may_enter(somebody(Role.SUPPORT, WHOLE))
