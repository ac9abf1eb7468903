"""Reservations that end by themselves: told once, whoever made them."""

from datetime import timedelta

from csms import equipment_store
from csms.equipment_store import NewReservation
from csms.handlers.reservations import reservations_ended
from csms.reports import Acknowledged, OcppVersion, ReservationReport
from foundation.events import ReservationEnded
from tests.csms.handlers.work import Work


def ended(work: Work, number: int, word: str = "Expired") -> ReservationReport:
    payload = {"reservationId": number, "reservationUpdateStatus": word}
    return work.report(OcppVersion.V201, "ReservationStatusUpdate", payload, ReservationReport)


async def made(work: Work, number: int) -> None:
    now = work.clock.now()
    new = NewReservation("CS-1", number, 1, None, "GOOD", None, now, now + timedelta(minutes=10))
    await equipment_store.save_reservation(work.db, new)


async def test_a_reservation_ends_once_however_often_it_is_told(work: Work) -> None:
    await made(work, 5)
    for _ in range(2):
        reports = [ended(work, 5), ended(work, 5)]
        answers = await reservations_ended(work.db, work.context, reports)
        assert answers == [Acknowledged()] * 2

    [event] = await work.told(ReservationEnded)
    assert (event.station, event.reservation_id, event.ending) == ("CS-1", 5, "Expired")
    [row] = await work.rows("select ending, ended_at from reservations")
    assert (row["ending"], row["ended_at"]) == ("Expired", work.clock.now())


async def test_a_number_that_is_used_again_is_another_reservation(work: Work) -> None:
    for word in ("Expired", "Removed"):
        await made(work, 5)
        await reservations_ended(work.db, work.context, [ended(work, 5, word)])

    assert [each.ending for each in await work.told(ReservationEnded)] == ["Expired", "Removed"]


async def test_a_reservation_that_nobody_here_made_is_kept_as_ended(work: Work) -> None:
    for _ in range(2):
        await reservations_ended(work.db, work.context, [ended(work, 6, "NoTransaction")])

    [row] = await work.rows("select reservation_id, ending, id_token from reservations")
    assert (row["reservation_id"], row["ending"], row["id_token"]) == (6, "NoTransaction", None)
    assert len(await work.told(ReservationEnded)) == 1
