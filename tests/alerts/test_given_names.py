"""What jobs and rules are called."""

from datetime import time

from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from alerts import job_store
from alerts.detection_jobs import Check, Job
from alerts.given_names import names_of
from foundation.identifiers import OrganisationKey
from tests.alerts.watch import T0


async def test_a_job_keeps_its_name_when_it_is_gone_and_other_causes_have_none(
    db: AsyncSession,
) -> None:
    await directory.ensure_root(
        db,
        key="root",
        name="Operator",
        time_zone="Europe/Berlin",
        currency="EUR",
        country="DE",
        language="en",
        now=T0,
    )
    job = Job(
        organisation=OrganisationKey("root"),
        name="Silent since the night",
        execute_at=time(10),
        hours=4,
        checks=frozenset({Check.NO_MESSAGE}),
    )
    number = await job_store.save_job(db, job, by="test", now=T0)
    await job_store.remove_job(db, number, by="test", now=T0)
    named = await names_of(db, [f"job/{number}", "rule/999", "silence", "job/x", "GroundFailure"])
    assert named == {f"job/{number}": "Silent since the night"}
    assert await names_of(db, []) == {}
