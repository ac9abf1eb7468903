"""What a station's answer to a command says: yes, no, or later.

Sources: the response messages of OCPP 1.6 edition 2, section 6, of its security whitepaper, and of
OCPP 2.0.1 and 2.1, part 2.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

_YES = frozenset(
    {"Accepted", "AcceptedCanceled", "RebootRequired", "Scheduled", "Unlocked", "Unpublished"}
)
_LATER = frozenset({"RebootRequired", "Scheduled"})
_LISTS = {
    "SetVariables": ("setVariableResult", "attributeStatus"),
    "SetVariableMonitoring": ("setMonitoringResult", "status"),
    "ClearVariableMonitoring": ("clearMonitoringResult", "status"),
    "ClearTariffs": ("clearTariffsResult", "status"),
}
_READING = frozenset(
    {"GetInstalledCertificateIds", "GetConfiguration", "GetVariables", "GetTransactionStatus"}
)


@dataclass(frozen=True, slots=True)
class AnswerMeaning:
    """What a station's answer says: yes, no or later, with its own words where that is unclear."""

    is_yes: bool
    is_later: bool = False
    note: str | None = None


def meaning(action: str, answer: Mapping[str, Any]) -> AnswerMeaning:
    """Return what an answer says to the action; an answer without a status is a yes."""
    where = _LISTS.get(action)
    if where is not None:
        found = answer.get(where[0])
        entries = [each for each in found if isinstance(each, Mapping)] if found else []
        said = [str(each.get(where[1])) for each in entries]
        no = sorted({each for each in said if each not in _YES})
        if no:
            some = "" if len(no) == len(set(said)) else "in part "
            return AnswerMeaning(False, note=f"{some}{', '.join(no)}")
        return AnswerMeaning(True, any(each in _LATER for each in said))
    if action in _READING or "status" not in answer:
        return AnswerMeaning(True)
    status = str(answer["status"])
    note = None if status in ("Accepted", "Rejected") else status
    return AnswerMeaning(status in _YES, status in _LATER, _with_reason(note, answer))


def _with_reason(note: str | None, answer: Mapping[str, Any]) -> str | None:
    why = answer.get("statusInfo")
    if not isinstance(why, Mapping):
        return note
    words = " ".join(str(why[name]) for name in ("reasonCode", "additionalInfo") if name in why)
    return ": ".join(each for each in (note, words) if each) or None


# ----------------------------------------------------------------------------- what was read


def values_16(read_back: Mapping[str, Any]) -> dict[str, str | None]:
    """Return the values in an answer to GetConfiguration by their keys in lower case."""
    entries = read_back.get("configurationKey")
    return {
        str(each.get("key")).lower(): each.get("value")
        for each in (entries if isinstance(entries, list) else [])
        if isinstance(each, Mapping)
    }


def values_2(read_back: Mapping[str, Any]) -> dict[str, str | None]:
    """Return the values in an answer to GetVariables by their names in lower case."""
    entries = read_back.get("getVariableResult")
    return {
        variable_name(each).lower(): each.get("attributeValue")
        for each in (entries if isinstance(entries, list) else [])
        if isinstance(each, Mapping) and each.get("attributeStatus") == "Accepted"
    }


def variable_name(entry: Mapping[str, Any]) -> str:
    """Return component, its EVSE and instance, variable, instance and attribute as one text."""
    component, variable = entry.get("component") or {}, entry.get("variable") or {}
    parts = [component.get("name"), component.get("instance")]
    evse = component.get("evse") or {}
    parts += [evse.get("id"), evse.get("connectorId")]
    parts += [variable.get("name"), variable.get("instance")]
    if entry.get("attributeType", "Actual") != "Actual":
        parts.append(entry["attributeType"])
    return "/".join(str(part) for part in parts if part is not None)


def is_same_value(wanted: str, found: str) -> bool:
    """Tell whether two values mean the same: stations respell booleans, numbers and lists."""
    one, other = ("".join(value.split()).lower() for value in (wanted, found))
    if one == other:
        return True
    try:
        return Decimal(one) == Decimal(other)
    except InvalidOperation:
        return False
