"""The calls of the plausibility monitor: listing with evidence, settings, corrections."""

from decimal import Decimal

from httpx import AsyncClient

from foundation.database import Database
from tests.portal.api.conftest import everything

PATH = "/api/v1/transactions"
MONITOR = "/api/v1/plausibility"


async def test_the_monitor_lists_what_waits_with_its_evidence(
    boss: AsyncClient, works: AsyncClient
) -> None:
    held = await everything(boss, PATH, state="held", limit=200)
    listed = await everything(boss, MONITOR, limit=2)
    assert {each["transaction_id"] for each in listed} == {each["transaction_id"] for each in held}
    impossible = await everything(boss, MONITOR, reason="impossible_energy")
    [first, *_] = impossible
    [finding] = [each for each in first["findings"] if each["reason"] == "impossible_energy"]
    assert Decimal(finding["facts"]["energy_wh"]) == Decimal(str(first["energy_wh"]))
    assert finding["sentence"].endswith("in that time.")
    own = await everything(works, MONITOR)
    assert {each["organisation"] for each in own} <= {"stadtwerke"}
    detail = (await boss.get(f"{PATH}/{first['transaction_id']}")).json()
    assert detail["findings"] == first["findings"]
    await boss.post(f"{PATH}/{first['transaction_id']}/void", json={"reason": "Cannot be"})
    [invalid] = await everything(boss, MONITOR, invalid="true")
    assert (invalid["transaction_id"], invalid["decided_why"]) == (
        first["transaction_id"],
        "Cannot be",
    )


async def test_settings_are_the_issuers_to_make_and_the_owners_to_see(
    boss: AsyncClient, works: AsyncClient
) -> None:
    path = f"{MONITOR}/settings/stadtwerke"
    shipped = (await works.get(path)).json()
    assert (shipped["inherited_from"], shipped["ghost_min"]) == (None, 15)
    assert (await works.put(path, json={})).status_code == 403
    assert (await works.get(f"{MONITOR}/settings/parkhaus")).status_code == 404
    wanted = {"checks": ["duration", "power"], "max_duration_min": 600, "ghost_min": None}
    made = (await boss.put(f"{MONITOR}/settings/root", json=wanted)).json()
    assert (made["checks"], made["inherited_from"]) == (["duration", "power"], "root")
    seen = (await works.get(path)).json()
    assert (seen["max_duration_min"], seen["ghost_min"]) == (600, None)
    wrong = await boss.put(path, json={"ghost_wh": 5000})
    assert (wrong.status_code, wrong.json()["field"]) == (422, "ghost_wh")
    assert (await boss.put(path, json={"checks": ["luck"]})).status_code == 422
    back = (await boss.delete(f"{MONITOR}/settings/root")).json()
    assert back["inherited_from"] is None


async def test_a_correction_shows_its_difference_before_it_is_booked(
    boss: AsyncClient, works: AsyncClient, filled_database: Database
) -> None:
    [rated, *_] = await everything(boss, PATH, state="rated")
    path = f"{PATH}/{rated['transaction_id']}/corrections"
    body = {"energy_wh": rated["energy_wh"] / 2, "reason": "Read at the meter"}
    assert (await works.post(path, json=body)).status_code == 403
    assert (await boss.post(path, json={"reason": "x"})).json()["field"] == "energy_wh"

    shown = (await boss.post(path, json=body | {"dry_run": True})).json()

    assert shown.get("code") is None, shown
    assert shown["before"]["net_amount"] == rated["net_amount"]
    difference = Decimal(shown["net_difference"]["amount"])
    assert difference < 0
    assert Decimal(shown["after"]["net_amount"]["amount"]) == (
        Decimal(rated["net_amount"]["amount"]) + difference
    )
    unchanged = (await boss.get(f"{PATH}/{rated['transaction_id']}")).json()
    assert (unchanged["revision"], unchanged["energy_wh"]) == (1, rated["energy_wh"])
    booked = (await boss.post(path, json=body)).json()
    assert booked | {"dry_run": True} == shown
    corrected = (await boss.get(f"{PATH}/{rated['transaction_id']}")).json()
    assert corrected["revision"] == 2
    deeds = (await boss.get("/api/v1/audit", params={"deed": "transaction.correct"})).json()
    assert deeds["items"][0]["after"]["reason"] == "Read at the meter"


async def test_signed_values_are_empty_where_the_meter_signed_nothing(
    boss: AsyncClient, works: AsyncClient
) -> None:
    path = f"{PATH}/1024/signed-values"
    assert (await boss.get(path)).json() == {
        "status": None,
        "reason": None,
        "begin_wh": None,
        "end_wh": None,
        "values": [],
    }
    file = await boss.get(f"{path}.xml")
    assert file.headers["content-type"] == "application/xml"
    assert "<values>" in file.text
    assert (await works.get(f"{path}.xml")).status_code == 200
    assert (await boss.get(f"{PATH}/0/signed-values")).status_code == 404
