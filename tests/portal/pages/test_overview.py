"""The overview."""

import re

from tests.portal.pages.conftest import SignIn


def needs(html: str) -> dict[str, str]:
    found = re.findall(
        r'<a href="([^"]+)"><span class="how-many \w+">(\d+)</span>', html.partition('"needs"')[2]
    )
    return dict(found)


async def test_what_needs_an_administrator_is_counted_and_linked(
    sign_in: SignIn, lively: None
) -> None:
    html = (await (await sign_in("admin")).get("/")).text
    assert needs(html) == {
        "/stations?state=faulted": "2",
        "/stations?state=offline": "2",
        "/sessions?state=held": "3",
        "/new-stations": "2",
        "/statements": "1",
    }


async def test_an_owner_sees_his_month_and_his_last_statement(
    sign_in: SignIn, lively: None
) -> None:
    html = (await (await sign_in("otto")).get("/")).text
    assert "Revenue in October 2026 so far" in html
    assert 'href="/statements/stadtwerke-2026-09-EUR"' in html
    assert needs(html) == {
        "/stations?state=faulted": "1",
        "/stations?state=offline": "1",
        "/sessions?state=held": "3",
    }


async def test_energy_and_revenue_stand_in_the_table_of_the_chart(
    sign_in: SignIn, lively: None
) -> None:
    html = (await (await sign_in("admin")).get("/")).text
    table = html.partition("The same as a table")[2].partition("</table>")[0]
    assert table.count("<tr>") == 31
    assert "16 Sept 2026" in table
    assert "15 Oct 2026" in table


async def test_nothing_to_do_is_said_and_not_left_empty(sign_in: SignIn) -> None:
    html = (await (await sign_in("admin")).get("/")).text
    assert "All is well" in html
    assert "No station has connected yet." in html
