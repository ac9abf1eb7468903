"""The id token in a line is personal."""

from accounts.directory import WHOLE, Principal
from accounts.permissions import Permission, Reach
from foundation.identifiers import OrganisationKey
from portal.guard import Caller
from portal.papers_shown import shown_line


def caller(*rights: Permission) -> Caller:
    principal = Principal(
        id="person/1",
        name="x",
        group="",
        rights=frozenset(rights),
        reach=Reach.INSTALLATION,
        organisation=OrganisationKey("root"),
        language="en",
    )
    return Caller(principal, WHOLE)


def test_a_token_in_a_line_is_masked_for_who_may_not_see_personal_data() -> None:
    text = "Charging, 04A2: 1 session"
    assert shown_line(caller(Permission.CRM_READ), text, "04A2") == text
    assert shown_line(caller(), text, "04A2") == "Charging, ****: 1 session"
    assert shown_line(caller(), text, None) == text
