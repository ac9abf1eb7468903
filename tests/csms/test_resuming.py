"""Which profiles are sent again when transactions resume."""

from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from csms import records
from csms.queue import Request
from csms.records import Held
from csms.reports import OcppVersion, Origin, TransactionUpdateReport
from csms.resuming import tell_again
from foundation.errors import Conflict
from foundation.identifiers import EvseId, StationId
from tests.csms.central import moment
from tests.csms.handlers.work import Work


class Asked:
    """Takes what is asked for; refuses the profile that is named."""

    def __init__(self, refused: int = 0) -> None:
        self.requests: list[Request] = []
        self.refused = refused

    async def __call__(self, db: AsyncSession, request: Request, *, now: datetime) -> None:
        if request.payload["chargingProfile"]["id"] == self.refused:
            raise Conflict("The station is away.")
        self.requests.append(request)

    @property
    def profiles(self) -> list[tuple[int, int]]:
        return [
            (each.payload["evseId"], each.payload["chargingProfile"]["id"])
            for each in self.requests
        ]


def update(trigger: str, ref: str = "t-1", seq_no: int = 4) -> TransactionUpdateReport:
    origin = Origin(
        StationId("CS-1"), OcppVersion.V21, 1, moment(5), "m-1", "TransactionEvent", "{}"
    )
    return TransactionUpdateReport(
        origin, ref, None, EvseId(1), None, moment(5), seq_no, None, (), False, trigger, None
    )


async def keep(
    work: Work, number: int, ref: str | None, *, state: str | None = None, **more: Any
) -> None:
    profile = {"id": number, "chargingProfilePurpose": "TxProfile", "transactionId": ref} | more
    content = {"evseId": 1, "chargingProfile": profile}
    await records.keep(
        work.db, "CS-1", Held.CHARGING_PROFILE, str(number), content, state=state, at=moment(0)
    )


async def test_only_profiles_of_the_transaction_that_still_hold_are_sent_again(work: Work) -> None:
    await keep(work, 1, "t-1")
    await keep(work, 2, "t-2")
    await keep(work, 3, None, chargingProfilePurpose="TxDefaultProfile")
    await keep(work, 4, "t-1", validTo="2020-01-01T00:00:00Z")
    await keep(work, 5, "t-1", validTo="2100-01-01T00:00:00Z")
    await keep(work, 6, "t-1", validTo="whenever")
    await keep(work, 7, "t-1", state="EMS")
    await keep(work, 8, "t-1", state="CSO")
    asked = Asked()
    await tell_again(work.db, [update("MeterValuePeriodic")], asked, now=moment(5))
    assert asked.requests == []
    await tell_again(work.db, [update("TxResumed")], asked, now=moment(5))
    assert asked.profiles == [(1, 1), (1, 5), (1, 6), (1, 8)]
    keys = {each.idempotency_key for each in asked.requests}
    await tell_again(work.db, [update("TxResumed")], asked, now=moment(5))
    assert {each.idempotency_key for each in asked.requests} == keys, "the same event"
    await tell_again(work.db, [update("TxResumed", seq_no=2**40)], asked, now=moment(9))
    assert len({each.idempotency_key for each in asked.requests}) == 8


async def test_one_that_cannot_be_asked_for_does_not_keep_the_others(work: Work) -> None:
    await keep(work, 1, "t-1")
    await keep(work, 2, "t-1")
    asked = Asked(refused=1)
    await tell_again(work.db, [update("TxResumed")], asked, now=moment(5))
    assert asked.profiles == [(1, 2)]
    await tell_again(work.db, [update("TxResumed")], None, now=moment(5))
