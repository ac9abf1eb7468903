"""A reported key stands beside a field for what is on the type plate, and only equals are taken."""

from sqlalchemy import text

from csms.key_comparison import fingerprint, grouped
from csms.meter_signatures import key_from_text
from foundation.database import Database
from tests.csms.meters import EXAMPLES, Meter
from tests.portal.pages.conftest import SignIn, token_in

KEY = key_from_text(EXAMPLES[0]["public_key"])
PATH = "/stations/DE-HN-002/meters"


async def report(database: Database) -> None:
    """Let the station of session 1024 have sent a key with a signed value of it."""
    async with database.unit_of_work() as db:
        await db.execute(
            text(
                "insert into signed_transactions (transaction_id, station, evse_id, status, reason,"
                " checked_at) select id, 'DE-HN-002', 1, 'pending', 'no_key', ended_at"
                " from transactions where id = 1024"
            )
        )
        await db.execute(
            text(
                "insert into signed_values (transaction_id, position, context, digest, original,"
                " format, offered_key, status, reason, checked_at)"
                " select id, 1, 'Transaction.End', 'x', 'OCMF', 'OCMF', :key, 'pending',"
                " 'no_key', ended_at from transactions where id = 1024"
            ),
            {"key": KEY.text},
        )


async def test_a_reported_key_is_compared_before_it_is_taken_over(
    sign_in: SignIn, lively: None, database: Database
) -> None:
    await report(database)
    browser = await sign_in("admin")
    html = (await browser.get(PATH)).text
    digits = fingerprint(KEY)
    assert f'<dd class="mono">{grouped(digits)}</dd>' in html
    assert "Key reported by the station, EVSE 1" in html
    form = {"csrf": token_in(html), "evse_id": "1", "reported": digits}

    async def refused(typed: str) -> str:
        answer = await browser.post(f"{PATH}/take-over", data=form | {"typed": typed})
        assert answer.status_code == 422
        assert f'href="#typed-1-{digits[:8]}"' in answer.text
        return answer.text

    other = "0000" if digits[4:8] != "0000" else "1111"
    shown = await refused(digits[:4] + other + digits[8:])
    assert f"group 2 differs. You typed {other}, the station reported {digits[4:8]}." in shown
    assert f'value="{digits[:4]}{other}' in shown, "what was typed is kept"
    assert "is of curve secp256k1" in await refused(Meter("secp256k1").key.text)
    assert "neither a fingerprint of 64 digits nor a key" in await refused("no key!")
    assert "Type the fingerprint or the key" in await refused(" ")

    taken = await browser.post(f"{PATH}/take-over", data=form | {"typed": grouped(digits).upper()})
    assert taken.headers["location"] == f"{PATH}?done=key-taken-over"
    html = (await browser.get(PATH)).text
    assert "This key is registered." in html
    assert "The meter has a key." in await refused(digits)


async def test_who_may_not_set_the_station_cannot_take_a_key_over(
    sign_in: SignIn, lively: None, database: Database
) -> None:
    await report(database)
    otto = await sign_in("otto")
    token = token_in((await otto.get("/sessions")).text)
    digits = fingerprint(KEY)
    form = {"csrf": token, "evse_id": "1", "reported": digits, "typed": digits}
    assert (await otto.post(f"{PATH}/take-over", data=form)).status_code == 403
    admin = await sign_in("admin")
    form["csrf"] = token_in((await admin.get(PATH)).text)
    for wrong in ({"reported": "00"}, {"evse_id": "2"}):
        answer = await admin.post(f"{PATH}/take-over", data=form | wrong)
        assert answer.status_code == 404
    assert (await admin.post(f"{PATH}/take-over", data=form | {"evse_id": "x"})).status_code == 422
