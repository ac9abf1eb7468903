"""Ends without a start by the API: suggested, given to a session, refused."""

from httpx import AsyncClient

from foundation.clock import SetClock
from foundation.database import Database
from tests.portal.some_loose_ends import LOOSE, SESSION, add_loose_end

PATH = f"/api/v1/transactions/{LOOSE}"


async def test_a_loose_end_is_offered_its_session_and_given_to_it_once(
    boss: AsyncClient,
    works: AsyncClient,
    parking: AsyncClient,
    filled_database: Database,
    clock: SetClock,
) -> None:
    async with filled_database.unit_of_work() as db:
        await add_loose_end(db, clock.now())
    [item] = (await works.get(f"{PATH}/suggested-starts")).json()["items"]
    assert (item["transaction_id"], item["is_likely"], item["energy_wh"]) == (
        str(SESSION),
        True,
        4000,
    )
    assert "register_continues" in item["speaks_for"]
    assert item["speaks_against"] == []
    assert (await parking.get(f"{PATH}/suggested-starts")).status_code == 404
    of_a_session = await boss.get(f"/api/v1/transactions/{SESSION}/suggested-starts")
    assert (of_a_session.status_code, of_a_session.json()["code"]) == (409, "no_loose_end")

    body = {"transaction_id": str(SESSION), "reason": "Same card and meter"}
    assert (await works.post(f"{PATH}/match", json=body)).status_code == 403
    other = await boss.post(f"{PATH}/match", json=body | {"transaction_id": "5001"})
    assert (other.status_code, other.json()["code"]) == (409, "not_suggested")
    matched = await boss.post(f"{PATH}/match", json=body)
    assert matched.status_code == 200, matched.text
    assert (matched.json()["transaction_id"], matched.json()["energy_wh"]) == (str(SESSION), 4000)
    audit = (await boss.get("/api/v1/audit", params={"limit": 5})).json()["items"]
    assert {"transaction.match", "transaction.correct"} <= {each["deed"] for each in audit}
    assert (await boss.post(f"{PATH}/match", json=body)).status_code == 409
