"""Setting up error detection: only by who may, for what is his, and it is in the audit."""

from httpx import AsyncClient

from alerts import detecting, raising
from csms.job_facts import Charging
from csms.whereabouts import Registered
from foundation.database import Database
from tests.portal.api.test_commands import made

JOB = {"name": "Morning", "execute_at": "10:00", "hours": 4, "checks": ["no_message"]}
PATH = "/api/v1/detection-jobs"


async def test_what_is_set_up_stands_in_the_audit(
    administrator: AsyncClient, database: Database
) -> None:
    raising.join_sites(database, Registered())
    detecting.join(database, Charging())
    await made(administrator, "CS-1", "north")
    group = {"organisation": "north", "name": "Roof", "points": ["CS-1"]}
    number = (await administrator.post("/api/v1/detection-groups", json=group)).json()["id"]
    job = (await administrator.post(PATH, json={**JOB, "organisation": "north"})).json()
    assert (await administrator.put(f"{PATH}/{job['id']}", json={**JOB, "hours": 8})).is_success
    assert (await administrator.delete(f"{PATH}/{job['id']}")).status_code == 204
    assert (await administrator.delete(f"/api/v1/detection-groups/{number}")).status_code == 204
    listed = (await administrator.get("/api/v1/audit")).json()["items"]
    assert [each["deed"] for each in listed][:5] == [
        "detection_group.remove",
        "detection_job.remove",
        "detection_job.change",
        "detection_job.create",
        "detection_group.create",
    ]
