"""The doors of limits of silence are tried over HTTP; here what is written."""

from datetime import timedelta

from csms.connectivity import SilenceLimits
from portal import silence_doors


def test_the_audit_is_told_limits_in_seconds_and_that_there_are_none() -> None:
    limits = SilenceLimits(timedelta(minutes=10), timedelta(hours=2))
    assert silence_doors._told(limits) == {"pending_after_s": 600, "offline_after_s": 7200}
    assert silence_doors._told(None) == {"pending_after_s": None, "offline_after_s": None}
