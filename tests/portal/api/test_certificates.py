"""The calls of certificates, security profiles and security events."""

from datetime import UTC, datetime
from typing import Any

import pytest
from httpx import AsyncClient
from sqlalchemy import text

from csms import authorities, certificate_store
from csms.certificates import facts_of
from foundation.clock import SetClock
from foundation.database import Database
from foundation.sealing import Sealer
from tests.pki import Authority
from tests.portal.api.conftest import everything


async def station(client: AsyncClient) -> str:
    [first, *_] = (await client.get("/api/v1/stations", params={"limit": 1})).json()["items"]
    return str(first["identity"])


@pytest.fixture
async def spoken(boss: AsyncClient, works: AsyncClient, filled_database: Database) -> str:
    """A station that has said which version it speaks."""
    identity = await station(works)
    async with filled_database.unit_of_work() as db:
        await db.execute(
            text("update stations set ocpp_version = 'ocpp2.0.1' where identity = :station"),
            {"station": identity},
        )
    return identity


async def test_a_root_is_installed_by_command_and_a_wrong_one_refused_with_its_reason(
    boss: AsyncClient, spoken: str
) -> None:
    path = f"/api/v1/stations/{spoken}/certificates"
    body: dict[str, Any] = {"kind": "CSMSRootCertificate", "certificate": Authority.root().pem}
    for wrong, field in (
        ({"certificate": "no PEM"}, "certificate"),
        ({"kind": "OEMRootCertificate"}, "kind"),
    ):
        refused = await boss.post(path, json=body | wrong)
        assert (refused.status_code, refused.json()["field"]) == (422, field)
    asked = await boss.post(path, json=body)
    assert asked.status_code in (202, 403), asked.text
    if asked.status_code == 202:
        command = (await boss.get(f"/api/v1/commands/{asked.json()['command']}")).json()
        assert command["action"] == "InstallCertificate"
    else:
        assert asked.json()["code"] == "change_order_needed"


async def test_what_a_station_holds_is_listed_and_what_ends_soon_of_all(
    boss: AsyncClient,
    works: AsyncClient,
    parking: AsyncClient,
    spoken: str,
    filled_database: Database,
    clock: SetClock,
) -> None:
    ends = datetime(2026, 12, 1, tzinfo=UTC)
    facts = facts_of(Authority.root().issue("CS", until=ends).certificate)
    async with filled_database.unit_of_work() as db:
        await certificate_store.keep_own(db, spoken, facts, source="shown", at=clock.now())
    path = f"/api/v1/stations/{spoken}/certificates"
    [held] = await everything(works, path)
    assert (held["kind"], held["source"]) == ("ChargingStationCertificate", "shown")
    assert (await parking.get(path)).status_code == 404
    days = {"days": (ends - clock.now()).days + 2}
    told = (await works.get("/api/v1/certificates", params=days)).json()["items"]
    assert [each["station"] for each in told] == [spoken]
    assert (await parking.get("/api/v1/certificates", params=days)).json()["items"] == []
    deleting = await boss.post(f"{path}/{held['certificate_id']}/delete", json={})
    assert (deleting.status_code, deleting.json()["code"]) == (409, "conflict")


async def test_a_profile_that_is_not_higher_is_refused(boss: AsyncClient, spoken: str) -> None:
    path = f"/api/v1/stations/{spoken}/security-profile"
    await boss.patch(f"/api/v1/stations/{spoken}", json={"security_profile": 3})
    refused = await boss.post(path, json={"profile": 2})
    assert (refused.status_code, refused.json()["field"]) == (422, "profile")
    assert (await boss.get(path)).json()["items"] == []
    assert (await boss.get(f"/api/v1/stations/{spoken}/security-events")).json()["items"] == []
    assert (await boss.get(f"/api/v1/stations/{spoken}/certificate-requests")).json()["items"] == []
    gone = await boss.post(f"/api/v1/stations/{spoken}/certificate-requests/7/revoke")
    assert gone.status_code == 404


async def test_authorities_are_the_operators_and_never_show_a_key(
    boss: AsyncClient, parking: AsyncClient, filled_database: Database, clock: SetClock
) -> None:
    async with filled_database.unit_of_work() as db:
        await authorities.create(
            db,
            Sealer(bytes(32)),
            purpose="station",
            name="Stations",
            organisation="Operator",
            days=100,
            by="test",
            now=clock.now(),
        )
    told = await boss.get("/api/v1/certificates/authorities")
    [one] = told.json()["items"]
    assert one["is_ours"]
    assert "sealed" not in told.text
    other = await parking.get("/api/v1/certificates/authorities")
    assert other.status_code == 403 or other.json()["items"] == []
