"""Firmware that is kept for stations: put here by a form, listed, and refused where it must be."""

import hashlib

import httpx
import pytest
from sqlalchemy import text

from accounts import directory, passwords
from foundation.database import Database
from tests.portal.pages.conftest import NOON, SignIn, token_in
from tests.portal.pages.world import PASSWORD

CONTENT = b"version=9.1.0\n" + bytes(600_000)


async def sent(
    browser: httpx.AsyncClient, content: bytes, name: str = "box.bin", csrf: str | None = None
) -> httpx.Response:
    token = token_in((await browser.get("/firmware")).text) if csrf is None else csrf
    return await browser.post(
        "/firmware",
        data={"csrf": token, "back": "/firmware"},
        files={"file": (name, content, "application/octet-stream")},
    )


async def test_firmware_is_kept_with_its_checksum_and_who_put_it_there(
    sign_in: SignIn, database: Database
) -> None:
    browser = await sign_in("admin")
    assert "No firmware yet" in (await browser.get("/firmware")).text
    answer = await sent(browser, CONTENT)
    assert answer.status_code == 303, answer.text
    html = (await browser.get("/firmware")).text
    assert "box.bin" in html
    assert hashlib.sha256(CONTENT).hexdigest() in html
    assert "leitstand:file/" in html
    async with database.unit_of_work() as db:
        parts = await db.scalars(text("select content from station_file_parts order by number"))
        assert b"".join(parts) == CONTENT
        deeds = await db.scalars(
            text("select count(*) from audit_entries where deed = 'firmware_file.add'")
        )
        assert deeds.one() == 1


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [(b"", "box.bin", "The file is empty."), (b"x", "", "Choose a file.")],
)
async def test_what_is_no_file_is_said_beside_the_field_and_leaves_nothing(
    sign_in: SignIn, database: Database, content: bytes, name: str, said: str
) -> None:
    browser = await sign_in("admin")
    answer = await sent(browser, content, name)
    assert answer.status_code == 422
    assert said in answer.text
    async with database.unit_of_work() as db:
        assert await db.scalar(text("select count(*) from station_files")) == 0


async def test_another_site_s_form_brings_nothing(sign_in: SignIn, database: Database) -> None:
    browser = await sign_in("admin")
    for foreign in ("", "0" * 64):
        assert (await sent(browser, CONTENT, csrf=foreign)).status_code == 403
    async with database.unit_of_work() as db:
        assert await db.scalar(text("select count(*) from station_files")) == 0


async def test_who_may_not_change_stations_sees_no_form_and_sends_none(
    sign_in: SignIn, database: Database
) -> None:
    hashed = await passwords.hashed(PASSWORD)
    async with database.unit_of_work() as db:
        home = (await directory.root(db)).key
        await directory.create_person(
            db,
            "fiona",
            {"roles": ["finance"], "organisation": home, "name": "Fiona"},
            password_hash=hashed,
            now=NOON,
        )
    browser = await sign_in("fiona")
    html = (await browser.get("/firmware")).text
    assert 'type="file"' not in html
    assert (await sent(browser, CONTENT)).status_code == 403
