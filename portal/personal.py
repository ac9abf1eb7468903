"""What is personal in JSON, by the names of its values: ours and OCPP's."""

from collections.abc import Mapping
from typing import Any

MASK = "****"
"""What personal data reads as for those who may not see it."""

_PERSONAL = frozenset(
    {
        "additionalinfo",
        "address",
        "driver",
        "email",
        "emaid",
        "groupid",
        "groupidtoken",
        "holder",
        "iban",
        "idtag",
        "idtoken",
        "parentidtag",
        "personname",
        "phone",
        "recipient",
        "username",
        "vatid",
    }
)
"""Names of what is personal, in lower case without underscores: ours and OCPP's."""


def without_personal(value: Any, name: str = "") -> Any:
    """Return JSON with the values of whatever is named as personal replaced."""
    if isinstance(value, Mapping):
        # All that is in something personal is: an id token of ours is an object.
        outer = name if _is_personal(name) else None
        return {each: without_personal(inner, outer or str(each)) for each, inner in value.items()}
    if isinstance(value, list):
        return [without_personal(each, name) for each in value]
    if isinstance(value, str) and value and _is_personal(name):
        return MASK
    return value


def _is_personal(name: str) -> bool:
    return name.replace("_", "").lower() in _PERSONAL
