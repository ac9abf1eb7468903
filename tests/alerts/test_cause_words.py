"""What causes are called: the same ones in both languages."""

from alerts.cause_words import ENGLISH, GERMAN, NUMBERED
from alerts.sightings import SILENCE


def test_every_cause_has_its_words_in_both_languages() -> None:
    assert set(ENGLISH) == set(GERMAN)
    assert set(NUMBERED["en"]) == set(NUMBERED["de"])
    assert [key for key, said in ENGLISH.items() if not said or not GERMAN[key]] == [SILENCE]
