"""Date-times as stations write them, and as we write them to stations.

OCPP asks for RFC 3339. Stations leave the zone away, write `+02` or a space instead of the `T`,
name a sixtieth second, or send zeros before their clock was set (field notes 21, 22, 25). What can
only mean one moment is read; whether a rule was needed, and which, is told with the result.

Source: OCPP 1.6-J section 3.9 (edition 2), OCPP 2.0.1 part 2 section 2.1.3; RFC 3339 section 5.6.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo

_FORM = re.compile(
    r"""(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})
        (?:[Tt\ ]\s*(?P<hour>\d{1,2}):(?P<minute>\d{2})
            (?::(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,12}))?)?)?
        \s*(?P<zone>[Zz]|(?:UTC|GMT)|(?P<sign>[+-])(?P<zone_hour>\d{1,2}):?(?P<zone_minute>\d{2})?)?""",
    re.VERBOSE | re.ASCII,
)

_LONGEST = 64  # characters; nothing that is a date-time is longer


@dataclass(frozen=True, slots=True)
class ParsedMoment:
    """A moment in UTC, and whether its zone is our assumption rather than the station's word."""

    at: datetime
    zone_assumed: bool


def parse(text: str, *, zone: tzinfo = UTC) -> ParsedMoment | None:
    """Return the moment that a text names, or None if it names none.

    Args:
        text: The text as the station sent it; spaces around it do not matter.
        zone: The zone of a text that names none. A local time that a change of the clocks makes
            ambiguous is the earlier one.

    Fractions are cut after microseconds. A sixtieth second (a leap second) is the next minute's
    first; 24:00 is the next day's midnight. A date alone, and years before 1 or after 9999, name
    no moment.
    """
    if len(text) > _LONGEST:
        return None
    match = _FORM.fullmatch(text.strip())
    if match is None or match["hour"] is None:
        return None
    fraction = (match["fraction"] or "0")[:6].ljust(6, "0")
    hour, second = int(match["hour"]), int(match["second"] or 0)
    carry = timedelta()
    if hour == 24 and int(match["minute"]) == 0 and second == 0 and not int(fraction):
        hour, carry = 0, timedelta(days=1)
    if second == 60:
        second, fraction, carry = 59, "0", timedelta(seconds=1)
    try:
        local = datetime(
            int(match["year"]),
            int(match["month"]),
            int(match["day"]),
            hour,
            int(match["minute"]),
            second,
            int(fraction),
            tzinfo=_zone(match) or zone,
        )
        return ParsedMoment((local + carry).astimezone(UTC), match["zone"] is None)
    except (ValueError, OverflowError):
        return None


def in_utc(moment: datetime, *, zone: tzinfo = UTC) -> datetime:
    """Return the same moment in UTC; one without a zone is taken to be in `zone`.

    At the two ends of the calendar, where the conversion would leave it, the zone is ignored.
    """
    if moment.tzinfo is UTC:
        return moment
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        return moment.replace(tzinfo=UTC)


def whole_seconds(moment: datetime) -> datetime:
    """Return the moment in UTC without its fraction of a second.

    Some stations refuse fractions (field note 24), so that nothing we send has one.
    """
    return in_utc(moment).replace(microsecond=0)


def text(moment: datetime) -> str:
    """Return the moment as `YYYY-MM-DDTHH:MM:SSZ`; a fraction of a second is cut off."""
    return whole_seconds(moment).replace(tzinfo=None).isoformat() + "Z"


def _zone(match: re.Match[str]) -> tzinfo | None:
    """Return the zone that the text names; None if it names none.

    Raises:
        ValueError: For an offset of a day or more, or with more than 59 minutes.
    """
    if match["zone"] is None:
        return None
    if match["sign"] is None:
        return UTC
    hours, minutes = int(match["zone_hour"]), int(match["zone_minute"] or 0)
    if minutes > 59:
        raise ValueError(f"an offset has at most 59 minutes: {minutes}")
    offset = timedelta(hours=hours, minutes=minutes)
    return timezone(-offset if match["sign"] == "-" else offset)
