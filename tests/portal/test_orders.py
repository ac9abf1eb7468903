"""Change orders at the doors."""

import pytest

from accounts.directory import WHOLE, Principal, Scope
from accounts.permissions import Permission, Reach
from foundation.identifiers import OrganisationKey
from portal.guard import Caller
from portal.orders import confirmer, mail_answer
from support.orders import Confirmer, WrittenOrder


def caller(*rights: Permission) -> Caller:
    principal = Principal(
        id="person/1",
        name="Helen",
        group="x",
        rights=frozenset(rights),
        reach=Reach.INSTALLATION,
        organisation=OrganisationKey("operator"),
        language="en",
    )
    return Caller(principal, Scope(WHOLE.organisations))


def test_what_a_caller_is_to_an_order_follows_from_his_rights() -> None:
    home = OrganisationKey("operator")
    assert confirmer(caller()) == Confirmer(home, may_confirm=False, may_write=False)
    assert confirmer(caller(Permission.CHANGE_ORDERS_CONFIRM)).may_confirm
    assert confirmer(caller(Permission.CHANGE_ORDERS_WRITE)).may_write


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("order.eml", "order.eml"),
        ('x".html\r\nset-cookie: a=b', "x__html__set_cookie__a_b"),
        ("große Änderung.pdf", "gro_e__nderung.pdf"),
        ("order", "order"),
        ("§.§", "___"),
        ("y" * 300 + ".pdf", "y" * 96 + ".pdf"),
    ],
)
def test_a_mail_is_a_download_whatever_it_is_called(name: str, shown: str) -> None:
    answer = mail_answer(WrittenOrder(name, "text/html", b"<script>", "x"))
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == f'attachment; filename="{shown}"'
