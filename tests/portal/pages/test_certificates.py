"""Certificates of all stations, and of one, with what is asked of it."""

from datetime import timedelta

from sqlalchemy import text

from csms import certificate_store
from csms.certificates import facts_of, hash_data_of
from foundation.clock import SetClock
from foundation.database import Database
from tests.pki import Authority
from tests.portal.pages.conftest import SignIn, token_in

STATION = "DE-HN-002"
PATH = f"/stations/{STATION}/certificates"


async def hold(database: Database, clock: SetClock) -> None:
    """Let the station hold a root that ends in three weeks."""
    root = Authority.root().issue("Ending", until=clock.now() + timedelta(days=21))
    facts, hashes = facts_of(root.certificate), hash_data_of(root.certificate)
    async with database.unit_of_work() as db:
        await certificate_store.keep_known(
            db, STATION, "CSMSRootCertificate", facts, hashes, source="installed", at=clock.now()
        )
        await db.execute(
            text(
                "update stations set ocpp_version = coalesce(ocpp_version, 'ocpp1.6')"
                " where identity = :station"
            ),
            {"station": STATION},
        )


async def test_what_ends_soon_is_shown_and_leads_to_the_station(
    sign_in: SignIn, lively: None, database: Database, clock: SetClock
) -> None:
    await hold(database, clock)
    browser = await sign_in("admin")
    html = (await browser.get("/certificates")).text
    assert f'href="{PATH}"' in html
    assert "CN=Ending" in html
    assert "leitstand ca create" in html
    page = (await browser.get(PATH)).text
    assert "Root of our servers" in page
    assert "Delete at the station" in page


async def test_a_wrong_root_comes_back_filled_and_a_good_one_is_asked_of_the_station(
    sign_in: SignIn, lively: None, database: Database, clock: SetClock
) -> None:
    await hold(database, clock)
    browser = await sign_in("admin")
    html = (await browser.get(PATH)).text
    form = {"csrf": token_in(html), "kind": "CSMSRootCertificate", "once": "a"}
    wrong = await browser.post(PATH, data=form | {"certificate": "no certificate"})
    assert wrong.status_code == 422
    assert 'href="#certificate"' in wrong.text
    assert ">no certificate</textarea>" in wrong.text
    pem = Authority.root().pem
    asked = await browser.post(PATH, data=form | {"certificate": pem})
    if asked.status_code == 422:  # an owner's station: the order is missing
        assert "order" in asked.text
    else:
        assert asked.headers["location"].startswith("/commands/")
    low = await browser.post(
        f"{PATH}/profile", data={"csrf": token_in(html), "profile": "9", "once": "b"}
    )
    assert low.status_code == 422
