"""Raw OCPP messages as lines of a log."""

import json
from datetime import timedelta

from csms.charging import StoredReport
from csms.registry import StoredFrame
from portal.pages.views import Frame

LONGEST_TEXT = 600
"""Characters of a message that a page shows; the export has all of it."""

_CALL, _RESULT, _ERROR = 2, 3, 4


def action_of(raw: str) -> str:
    """The action of a call, or what kind of answer a message is; its kind if it is no OCPP-J.

    Source: OCPP-J 1.6, section 4.2; 2.0.1 part 4, section 4.2.
    """
    try:
        message = json.loads(raw)
    except (ValueError, RecursionError):
        return "?"
    if not isinstance(message, list) or not message:
        return "?"
    if message[0] == _CALL and len(message) > 2 and isinstance(message[2], str):
        return message[2][:60]
    if message[0] == _RESULT:
        return "CALLRESULT"
    if message[0] == _ERROR and len(message) > 2:
        return f"CALLERROR {str(message[2])[:40]}"
    return "?"


def shortened(raw: str, longest: int) -> str:
    """The text of a message, cut where a page would become too long."""
    return raw if len(raw) <= longest else raw[:longest] + " …"


def frame_of_report(report: StoredReport, *, longest: int) -> Frame:
    """A message that made or changed a session."""
    notes = list(report.repairs)
    if abs(report.skew_s) >= timedelta(minutes=1).total_seconds():
        notes.append(f"clock {report.skew_s:+d} s")
    return Frame(
        at=report.received_at,
        sent=False,
        action=action_of(report.raw),
        text=shortened(report.raw, longest),
        note=", ".join(notes),
    )


def frame_of_log(frame: StoredFrame, *, longest: int) -> Frame:
    """A line of the OCPP log."""
    return Frame(
        at=frame.at,
        sent=frame.direction != "in",
        action=action_of(frame.raw),
        text=shortened(frame.raw, longest),
        note=frame.note or "",
    )
