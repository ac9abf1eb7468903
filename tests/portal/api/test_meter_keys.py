"""The calls of meters' keys and of the ghost guard."""

from httpx import AsyncClient
from sqlalchemy import text

from foundation.database import Database
from tests.csms.meters import EXAMPLES
from tests.portal.api.conftest import everything

KEY = EXAMPLES[0]["public_key"]


async def station(client: AsyncClient) -> str:
    [first, *_] = (await client.get("/api/v1/stations", params={"limit": 1})).json()["items"]
    return str(first["identity"])


async def test_a_key_is_registered_listed_and_ended(boss: AsyncClient, works: AsyncClient) -> None:
    path = f"/api/v1/stations/{await station(works)}/meter-keys"
    body = {"evse_id": 1, "public_key": KEY, "valid_from": "2026-10-01T00:00:00Z"}

    made = await boss.post(path, json=body)

    assert (made.status_code, made.json()["curve"]) == (201, "secp256r1")
    assert made.json()["public_key"] == KEY.lower()
    twice = await boss.post(path, json=body)
    assert (twice.status_code, twice.json()["code"]) == (409, "meter_keys_overlap")
    wrong = await boss.post(path, json=body | {"public_key": "0000"})
    assert (wrong.status_code, wrong.json()["field"]) == (422, "public_key")
    assert await everything(works, path) == [made.json()]
    end = f"{path}/{made.json()['key_id']}/end"
    ended = await boss.post(end, json={"at": "2026-10-10T00:00:00Z"})
    assert ended.json()["valid_to"] == "2026-10-10T00:00:00Z"
    assert (await boss.post(end, json={})).status_code == 404
    deeds = (await boss.get("/api/v1/audit", params={"deed": "meter_key.register"})).json()
    assert deeds["items"][0]["after"]["curve"] == "secp256r1"


async def test_the_ghost_guard_is_off_until_it_is_set(
    boss: AsyncClient, parking: AsyncClient, works: AsyncClient
) -> None:
    path = f"/api/v1/stations/{await station(works)}/ghost-guard"
    assert (await works.get(path)).json() == {"minutes": None}
    assert (await boss.put(path, json={"minutes": 20})).json() == {"minutes": 20}
    assert (await works.get(path)).json() == {"minutes": 20}
    wrong = await boss.put(path, json={"minutes": 1})
    assert (wrong.status_code, wrong.json()["field"]) == (422, "minutes")
    assert (await parking.get(path)).status_code == 404
    assert (await parking.put(path, json={"minutes": 20})).status_code in (403, 404)
    assert (await boss.put(path, json={"minutes": None})).json() == {"minutes": None}


async def test_a_reported_key_is_taken_over_after_it_was_compared(
    boss: AsyncClient, works: AsyncClient, parking: AsyncClient, filled_database: Database
) -> None:
    identity = await station(works)
    path = f"/api/v1/stations/{identity}/meter-keys"
    async with filled_database.unit_of_work() as db:
        await db.execute(
            text(
                "insert into station_variables (station, component, variable, attribute, value,"
                " is_known, changed_at, read_at) values (:s, '', 'MeterPublicKey[1]', 'Actual',"
                " :key, true, '2026-10-01Z', '2026-10-02Z')"
            ),
            {"s": identity, "key": KEY},
        )
    [reported] = await everything(works, f"{path}/reported")
    assert (reported["evse_id"], reported["is_registered"], reported["values"]) == (1, False, 0)
    assert (await parking.get(f"{path}/reported")).status_code == 404
    body = {"evse_id": 1, "fingerprint": reported["fingerprint"], "typed": "00" * 32}

    refused = await boss.post(f"{path}/take-over", json=body)

    assert (refused.status_code, refused.json()["code"]) == (422, "meter_key_differs")
    assert refused.json()["field"] == "typed"
    assert await everything(works, path) == []
    taken = await boss.post(f"{path}/take-over", json=body | {"typed": KEY})
    assert (taken.status_code, taken.json()["valid_from"]) == (201, "2026-10-01T00:00:00Z")
    again = await boss.post(f"{path}/take-over", json=body | {"typed": KEY})
    assert (again.status_code, again.json()["code"]) == (409, "meter_keys_overlap")
    other = await boss.post(f"{path}/take-over", json=body | {"evse_id": 2})
    assert other.status_code == 404
    [deed] = (await boss.get("/api/v1/audit", params={"deed": "meter_key.take_over"})).json()[
        "items"
    ]
    assert deed["after"]["compared_by"] == "key"
    assert deed["after"]["fingerprint"] == reported["fingerprint"]
