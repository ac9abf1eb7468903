"""A correction is laid over what was reported; what was not corrected stays as it was."""

from datetime import timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from csms.assembly import Claims, RegisterReading, assemble
from csms.corrections import Correction, as_text, from_text, laid_over
from foundation.events import Doubt
from tests.csms.central import NOON, moment


def claims(**changes: object) -> Claims:
    values: dict[str, object] = {
        "started_at": NOON,
        "ended_at": moment(60),
        "start_wh": Decimal(1000),
        "stop_wh": Decimal(5000),
        "start_seen": True,
        "inferred": False,
        "clock_wrong": False,
        "station_waiting": True,
        "readings": [
            RegisterReading(moment(20), "Sample.Periodic", Decimal(2000)),
            RegisterReading(moment(40), "Sample.Periodic", Decimal(4000)),
        ],
    }
    return Claims(**(values | changes))  # type: ignore[arg-type]


def test_a_correction_comes_back_as_it_was_kept() -> None:
    whole = Correction(by="person/7", started_at=NOON, energy_wh=Decimal("1.5"))
    assert from_text(as_text(whole)) == whole
    assert "ended_at" not in as_text(whole)


@given(st.decimals(0, 10**6, places=1))
def test_corrected_energy_is_reached_along_the_same_shape(energy: Decimal) -> None:
    whole = assemble(claims())
    corrected = laid_over(whole, Correction(by="x", energy_wh=energy))
    assert corrected.energy_wh == corrected.usage[-1].energy_wh == energy
    assert [each.at for each in corrected.usage] == [each.at for each in whole.usage]
    shares = [each.energy_wh for each in corrected.usage]
    assert shares == sorted(shares)
    assert shares[1] == (energy / 4).quantize(Decimal("0.001"))
    assert corrected.meter_stop_wh == whole.meter_stop_wh


def test_energy_that_no_reading_shows_was_used_evenly() -> None:
    nothing = assemble(claims(stop_wh=Decimal(1000), readings=[]))
    first, last = laid_over(nothing, Correction(by="x", energy_wh=Decimal(700))).usage
    assert (first.energy_wh, first.charging, last.energy_wh) == (Decimal(0), True, Decimal(700))


def test_only_a_doubt_about_what_was_corrected_is_resolved() -> None:
    doubtful = assemble(claims(stop_wh=Decimal(500), clock_wrong=True, readings=[]))
    assert set(doubtful.doubts) == {
        Doubt.CLOCK_WRONG,
        Doubt.NEGATIVE_ENERGY,
        Doubt.STATION_WAITING,
    }
    energy = laid_over(doubtful, Correction(by="x", energy_wh=Decimal(4000)))
    assert set(energy.doubts) == {Doubt.CLOCK_WRONG, Doubt.STATION_WAITING}
    times = laid_over(doubtful, Correction(by="x", ended_at=NOON + timedelta(hours=1)))
    assert set(times.doubts) == {Doubt.NEGATIVE_ENERGY, Doubt.STATION_WAITING}
