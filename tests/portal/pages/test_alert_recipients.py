"""Who hears of alerts, on pages: entered, shown with names and costs, changed, removed."""

import re

import pytest

from alerts import purse
from billing import credit_store
from billing.sms_purse import SmsPurse
from foundation.clock import SetClock
from foundation.database import Database
from foundation.identifiers import OrganisationKey
from tests.portal.pages.conftest import SignIn, token_in

PATH = "/alerts/recipients"


async def test_an_entry_is_made_changed_and_removed_and_its_maker_is_named(
    sign_in: SignIn, lively: None
) -> None:
    browser = await sign_in("otto")
    assert PATH in (await browser.get("/alerts")).text
    assert "Nobody hears of alerts yet" in (await browser.get(PATH)).text
    form = (await browser.get(f"{PATH}/new")).text
    sent = {
        "csrf": token_in(form),
        "channel": "mail",
        "target": "nobody",
        "least": "fault",
        "quiet_from": "22:00",
        "quiet_until": "06:00",
        "weekdays": ["0", "1"],
        "begins": "08:00",
        "until": "17:00",
        "detections": ["offline"],
        "tells_end": "yes",
    }
    refused = await browser.post(f"{PATH}/new", data=sent)
    assert refused.status_code == 422
    assert "This is no mail address." in refused.text
    for wrong, said in (
        ({"quiet_until": "25:00"}, "A time of day is from 00:00 to 23:59"),
        ({"after_minutes": "soon"}, "Write whole minutes."),
        ({"weekdays": ["0"], "begins": "23:00", "until": "05:00"}, "nothing would ever be told"),
        ({"channel": "sms", "target": "+491701111111"}, "This installation sends no SMS"),
        ({"channel": "pigeon"}, "Choose one of the list."),
    ):
        answer = await browser.post(
            f"{PATH}/new", data={**sent, "target": "otto@example.org", **wrong}
        )
        assert (answer.status_code, said in answer.text) == (422, True), answer.text
    made = await browser.post(f"{PATH}/new", data={**sent, "target": "otto@example.org"})
    assert made.status_code == 303
    listed = (await browser.get(PATH)).text
    assert "otto@example.org" in listed
    assert "quiet 22:00–06:00, on call" in listed
    [path] = set(re.findall(rf'href="({PATH}/\d+)"', listed))
    shown = (await browser.get(path)).text
    assert 'value="08:00"' in shown
    assert "checked" in shown
    again = await browser.post(
        path, data={**sent, "target": "otto@example.org", "label": "Otto's mail"}
    )
    assert again.status_code == 303
    assert "Otto&#39;s mail" in (await browser.get(PATH)).text
    gone = await browser.post(f"{path}/remove", data={"csrf": sent["csrf"]})
    assert gone.status_code == 303
    assert (await browser.get(path)).status_code == 404


@pytest.mark.usefixtures("lively")
async def test_the_cost_of_numbers_is_shown_to_who_pays_and_nobody_else_changes_an_entry(
    sign_in: SignIn, database: Database, clock: SetClock
) -> None:
    from sqlalchemy import text

    purse.join(database, SmsPurse())
    browser = await sign_in("otto")
    async with database.unit_of_work() as db:
        await db.execute(
            text(
                "insert into alert_recipients (organisation, account, person, entered_by,"
                " entered_by_name, entered_at, channel, target, language, zone, detections,"
                " stations, locations, least, monitored_only, after_s, tells_end, shifts, bundles)"
                " select organisation, organisation, id, 'person/0', 'Somebody', :now, 'sms',"
                " '+491701111111', 'de', 'Europe/Berlin', '{}', '{}', '{}', 'warning', false, 0,"
                " false, '[]', false from people where user_name = 'otto'"
            ),
            {"now": clock.now()},
        )
        found = await db.scalar(text("select account from alert_recipients"))
        await credit_store.add(
            db, OrganisationKey(str(found)), 7, reference="order/1", by="test", now=clock.now()
        )
    listed = (await browser.get(PATH)).text
    assert "Somebody" in listed
    assert "What your SMS will cost" in listed
    [path] = set(re.findall(rf'href="({PATH}/\d+)"', listed))
    shown = (await browser.get(path)).text
    assert "Only who made an entry may change it" in shown
    refused = await browser.post(
        path, data={"csrf": token_in(shown), "least": "fault", "target": "+491702222222"}
    )
    assert refused.status_code == 403
