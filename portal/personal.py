"""What is personal in JSON, by the names of its values: ours and OCPP's."""

from collections.abc import Mapping
from typing import Any

MASK = "****"
"""What personal data reads as for those who may not see it."""

_PERSONAL = frozenset(
    {
        "acceptedby",
        "acceptedbyname",
        "actorname",
        "additionalinfo",
        "address",
        "alternativeaddress",
        "askedbyname",
        "byname",
        "caller",
        "confirmedbyname",
        "contactname",
        "customer",
        "decidedbyname",
        "driver",
        "email",
        "emaid",
        "groupid",
        "groupidtoken",
        "holder",
        "iban",
        "idtag",
        "idtoken",
        "mails",
        "openedbyname",
        "parentidtag",
        "personname",
        "phone",
        "recipient",
        "recipientname",
        "releasedbyname",
        "stoppedbyname",
        "street",
        "taxnumber",
        "tokengroup",
        "username",
        "vatid",
    }
)
"""Names of what is personal, in lower case without underscores: ours and OCPP's."""


_OF_PEOPLE = frozenset({"contact", "technician", "user"})
"""What has a name that is somebody's; the name of a station or tariff is nobody's."""


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


def deed_without_personal(deed: str, facts: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return what was before or after a deed, without what is personal in it.

    Args:
        deed: As in the audit: `contact.change`. It tells whose name `name` is.
        facts: What was, or what is.
    """
    if facts is None:
        return None
    shown: dict[str, Any] = without_personal(facts)
    if deed.partition(".")[0] in _OF_PEOPLE and shown.get("name"):
        shown["name"] = MASK
    return shown


def _is_personal(name: str) -> bool:
    return name.replace("_", "").lower() in _PERSONAL
