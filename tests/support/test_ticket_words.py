"""What tickets say that nobody typed, in both languages."""

import pytest

from alerts.detections import Detection
from support.ticket_words import said


@pytest.mark.parametrize("detection", list(Detection))
def test_every_detection_has_its_words(detection: Detection) -> None:
    assert said(f"detection_{detection}", "en")
    assert said(f"detection_{detection}", "de")


def test_a_language_that_we_do_not_write_is_english() -> None:
    assert said("missed", "fr") == said("missed", "en") != said("missed", "de")
