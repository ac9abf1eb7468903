"""Tests of the pages about people, groups, keys, the audit and sharing, as people use them."""

import re

import pytest
from httpx import AsyncClient, Response

from accounts import directory
from foundation.database import Database
from foundation.identifiers import OrganisationKey
from tests.portal.pages.conftest import SignIn, token_in


async def post(browser: AsyncClient, page: str, path: str, **given: object) -> Response:
    """Send the form of a page."""
    form = await browser.get(page)
    assert form.status_code == 200, form.text
    return await browser.post(path, data={**given, "csrf": token_in(form.text)})


async def invited(admin: AsyncClient, **change: object) -> Response:
    form = await admin.get("/people/new")
    chosen = re.search(r'<option value="(\d+)"[^>]*>Owner<', form.text)
    assert chosen is not None
    given = {
        "user_name": "nora",
        "name": "Nora North",
        "email": "nora@works.example",
        "group": chosen[1],
        "organisation": "stadtwerke",
        "language": "",
        **change,
    }
    return await admin.post("/people/new", data={**given, "csrf": token_in(form.text)})


async def test_somebody_is_invited_changed_and_deactivated(
    sign_in: SignIn, database: Database
) -> None:
    admin = await sign_in("admin")
    made = await invited(admin)
    path = made.headers["location"].partition("?")[0]
    shown = await admin.get(path)
    again = await invited(admin)
    await post(admin, path, f"{path}/active", active="no")
    listed = await admin.get("/people")
    async with database.unit_of_work() as db:
        person = await directory.person(db, int(path.rpartition("/")[2]))

    assert made.status_code == 303
    assert "Nora North" in shown.text
    assert again.status_code == 422
    assert "Somebody has this user name or mail address already." in again.text
    assert 'value="Nora North"' in again.text, "the form comes back filled"
    assert not person.active
    assert "Deactivated" in listed.text


async def test_what_is_wrong_with_a_person_stands_beside_the_field(sign_in: SignIn) -> None:
    admin = await sign_in("admin")
    refused = await invited(admin, email="nobody")

    assert refused.status_code == 422
    assert 'id="email-wrong"' in refused.text


async def test_nobody_shuts_himself_out(sign_in: SignIn, database: Database) -> None:
    admin = await sign_in("admin")
    async with database.unit_of_work() as db:
        [own] = [each.id for each in await directory.people(db) if each.user_name == "admin"]
    refused = await post(admin, f"/people/{own}", f"/people/{own}/active", active="no")

    assert refused.status_code == 409
    assert "Nobody can deactivate himself" in refused.text


async def test_a_group_is_made_of_switches_and_cannot_be_read_by_owners(sign_in: SignIn) -> None:
    admin = await sign_in("admin")
    made = await post(
        admin,
        "/groups/new",
        "/groups/new",
        key="night",
        name="Night shift",
        reach="own",
        right=["stations.read", "commands.read"],
    )
    path = made.headers["location"].partition("?")[0]
    shown = (await admin.get(path)).text
    await post(admin, path, path, name="Night", reach="own_and_below", right=["stations.read"])
    changed = (await admin.get(path)).text
    copy = (await admin.get(f"/groups/new?copy={path.rpartition('/')[2]}")).text
    await post(admin, path, f"{path}/delete")

    assert re.search(r'value="commands.read" checked', shown)
    assert not re.search(r'value="commands.read" checked', changed)
    assert re.search(r'value="stations.read" checked', copy)
    assert (await admin.get(path)).status_code == 404
    otto = await sign_in("otto")
    refused = await otto.get("/groups")
    assert refused.status_code == 403
    assert "The right “See groups” (groups.read) is missing." in refused.text


async def test_a_shipped_group_is_shown_but_not_changed(sign_in: SignIn) -> None:
    admin = await sign_in("admin")
    shown = await admin.get("/groups/1")
    refused = await post(admin, "/groups/new", "/groups/1", name="X", reach="own")

    assert "A shipped group" in shown.text
    assert refused.status_code == 422


async def test_a_key_is_shown_once_and_revoked(sign_in: SignIn) -> None:
    admin = await sign_in("admin")
    made = await post(
        admin,
        "/api-keys/new",
        "/api-keys/new",
        name="Reports",
        right=["stations.read"],
        reach="own",
        organisation="stadtwerke",
        days="30",
        rate="60",
    )
    secret = re.search(r"lst_\w+", made.text)
    assert secret is not None
    listed = (await admin.get("/api-keys")).text
    wrong = await post(admin, "/api-keys/new", "/api-keys/new", name="X", role="owner", rate="x")
    number = re.search(r"/api-keys/(\d+)/revoke", listed)
    assert number is not None
    await post(admin, "/api-keys/new", f"/api-keys/{number[1]}/revoke")
    ended = (await admin.get("/api-keys")).text

    assert made.headers["cache-control"] == "no-store"
    assert secret[0] not in listed
    assert (wrong.status_code, 'id="rate-wrong"' in wrong.text) == (422, True)
    assert "Revoked" in ended


async def test_the_audit_is_read_searched_and_exported(sign_in: SignIn) -> None:
    admin = await sign_in("admin")
    await invited(admin, name="=SUM(1)", email="")
    page = (await admin.get("/audit")).text
    found = (await admin.get("/audit?who=admin&what=nora&door=portal")).text
    none = (await admin.get("/audit?who=nobody-such")).text
    table = await admin.get("/audit.csv?who=admin")
    document = (await admin.get("/audit.json?what=nora")).json()

    assert "User added" in page
    assert "nora" in found
    assert "Nothing matches" in none
    assert table.text.startswith('# {"made_at"')
    assert '"scope": "installation"' in table.text.splitlines()[0]
    assert document["search"] == {"what": "nora"}
    assert [each["deed"] for each in document["entries"]] == ["user.create"]


@pytest.mark.usefixtures("lively")
async def test_a_station_is_shared_and_the_share_ended(sign_in: SignIn) -> None:
    otto = await sign_in("otto")
    path = "/stations/DE-HN-002/sharing"
    assert "Shared with nobody" in (await otto.get(path)).text
    wrong = await post(otto, path, path, organisation="parkhaus", level="read", to="2020-01-01")
    shared = await post(otto, path, path, organisation="parkhaus", level="command")
    petra = await sign_in("petra")
    seen = await petra.get("/stations/DE-HN-002")
    tab = await petra.get(path)
    otto = await sign_in("otto")
    await post(otto, path, f"{path}/end", organisation="parkhaus")
    petra = await sign_in("petra")
    gone = await petra.get("/stations/DE-HN-002")

    assert (wrong.status_code, shared.status_code) == (422, 303)
    assert seen.status_code == 200
    assert (tab.status_code, gone.status_code) == (404, 404)


async def test_another_organisations_people_are_not_there(
    sign_in: SignIn, database: Database
) -> None:
    admin = await sign_in("admin")
    group = await post(
        admin,
        "/groups/new",
        "/groups/new",
        key="heads",
        name="Heads",
        reach="own_and_below",
        organisation="stadtwerke",
        right=["users.read", "users.write", "groups.read", "organisations.read", "crm.read"],
    )
    number = int(group.headers["location"].partition("?")[0].rpartition("/")[2])
    async with database.unit_of_work() as db:
        everybody = {each.user_name: each for each in await directory.people(db)}
        await directory.change_person(db, everybody["otto"].id, {"group_id": number})
    otto = await sign_in("otto")
    listed = (await otto.get("/people")).text

    assert "otto" in listed
    assert "petra" not in listed
    assert (await otto.get(f"/people/{everybody['petra'].id}")).status_code == 404
    assert OrganisationKey("parkhaus") not in (await otto.get("/people/new")).text
