"""What people want shown on a station's display, as the payload of SetDisplayMessage.

Pure. A station of OCPP 2.0.1 takes one language for a message, one of 2.1 up to five; of a driver
whose token names languages the first of them comes first.

Source: OCPP 2.0.1 part 2, O01 and O02; OCPP 2.1 part 2, MessageInfoType.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from foundation.errors import InvalidInput
from foundation.languages import first_of, language_from
from portal.words import marked

PRIORITIES: Final[dict[str, str]] = {
    "NormalCycle": marked("In turn with the others"),
    "InFront": marked("Before the others"),
    "AlwaysFront": marked("Alone, before all others"),
}
STATES: Final[dict[str, str]] = {
    "": marked("Always"),
    "Idle": marked("While nobody charges"),
    "Charging": marked("While somebody charges"),
    "Faulted": marked("While it is faulted"),
    "Unavailable": marked("While it is out of service"),
}
ANSWERS: Final[dict[str, str]] = {
    "LanguageNotSupported": marked("The display does not have this language."),
    "NotSupportedMessageFormat": marked("The display cannot show texts of this format."),
    "NotSupportedPriority": marked("The display does not know this priority."),
    "NotSupportedState": marked("The display cannot tell this state."),
    "Unknown": marked("The station holds no such message."),
    "UnknownTransaction": marked("The station does not know this session."),
    "Rejected": marked("The station refused it without a reason."),
}
"""What a station says no with; `Unknown` is no harm where a message was to be cleared."""

_LONGEST: Final = 512
_TEXTS: Final = 2


def message_of(
    sent: Mapping[str, str],
    *,
    new_id: int,
    version: str,
    zone: ZoneInfo,
    session: str | None = None,
    preferred: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Return the payload of what was filled in.

    Args:
        sent: number, priority, state, language1 and text1 and so on, starts_at and ends_at as a
            browser writes local time.
        new_id: The number of a message that is none of those held.
        version: The station's OCPP version.
        zone: The station's.
        session: The station's own name of the session that it belongs to.
        preferred: The languages of that session's driver, the first one first.

    Raises:
        InvalidInput: A field is wrong; it names it.
    """
    texts = _texts(sent, preferred)
    if version == "1.6":
        raise InvalidInput(marked("Displays are known from OCPP 2.0.1 on."), field="text1")
    if len(texts) > 1 and version == "2.0.1":
        raise InvalidInput(
            marked("A station of OCPP 2.0.1 takes one language for a message."), field="text2"
        )
    message: dict[str, Any] = {
        "id": _number(sent.get("number", ""), new_id),
        "priority": _one_of(sent.get("priority", ""), PRIORITIES, "priority"),
        "message": texts[0],
    }
    if texts[1:]:
        message["messageExtra"] = list(texts[1:])
    state = _one_of(sent.get("state", ""), STATES, "state")
    starts, ends = (_moment(sent.get(name, ""), zone, name) for name in ("starts_at", "ends_at"))
    if starts is not None and ends is not None and ends <= starts:
        raise InvalidInput(marked("It must end after it begins."), field="ends_at")
    facts = {
        "state": state or None,
        "startDateTime": None if starts is None else starts.isoformat(),
        "endDateTime": None if ends is None else ends.isoformat(),
        "transactionId": session,
    }
    message |= {name: value for name, value in facts.items() if value is not None}
    return {"message": message}


def _texts(sent: Mapping[str, str], preferred: tuple[str, ...]) -> Sequence[dict[str, str]]:
    found: dict[str, str] = {}
    for number in range(1, _TEXTS + 1):
        content = sent.get(f"text{number}", "").strip()
        if not content:
            continue
        if len(content) > _LONGEST:
            raise InvalidInput(marked("A text has at most 512 characters."), field=f"text{number}")
        language = language_from(sent.get(f"language{number}", ""))
        if language is None:
            raise InvalidInput(
                marked("A language is two letters, as in de, or with a country, as in de-CH."),
                field=f"language{number}",
            )
        if language in found:
            raise InvalidInput(
                marked("Each text has a language of its own."), field=f"language{number}"
            )
        found[language] = content
    if not found:
        raise InvalidInput(marked("Write what shall be shown."), field="text1")
    first = first_of(preferred, tuple(found)) or next(iter(found))
    ordered = [first, *(each for each in found if each != first)]
    return [{"format": "UTF8", "language": each, "content": found[each]} for each in ordered]


def _number(text: str, otherwise: int) -> int:
    if not text.strip():
        return otherwise
    if not (text.strip().isascii() and text.strip().isdecimal() and len(text.strip()) < 10):
        raise InvalidInput(marked("A number has up to nine digits."), field="number")
    return int(text)


def _one_of(text: str, known: Mapping[str, str], field: str) -> str:
    if text not in known:
        raise InvalidInput(marked("Choose one of the list."), field=field)
    return text


def _moment(text: str, zone: ZoneInfo, field: str) -> datetime | None:
    if not text.strip():
        return None
    try:
        return datetime.fromisoformat(text.strip()).replace(tzinfo=zone)
    except ValueError:
        raise InvalidInput(marked("Write day and time."), field=field) from None
