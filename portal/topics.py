"""The topics of the event feed: how they are written and read.

`leitstand/v1/{organisation}/stations/{identity}/…`; each level that holds a name is
percent-encoded, so that `/ + # %` in an identity make no level and no wildcard. What concerns no
station stands at `leitstand/v1/{organisation}/events/{kind}`.
"""

from urllib.parse import quote, unquote

BASE = "leitstand/v1"
REQUESTS = f"{BASE}/+/stations/+/commands/request"
"""The filter for all requests for commands."""


def _level(name: str) -> str:
    # quote() leaves letters, digits and "_.-~" as they are: none of them means anything in MQTT.
    return quote(name, safe="")


def station(organisation: str, identity: str) -> str:
    """Return what the topics of a station begin with."""
    return f"{BASE}/{_level(organisation)}/stations/{_level(identity)}"


def state(organisation: str, identity: str) -> str:
    """The station as it is now; retained."""
    return f"{station(organisation, identity)}/state"


def evse_status(organisation: str, identity: str, evse_id: int) -> str:
    """The EVSE and its connectors as they are now; retained."""
    return f"{station(organisation, identity)}/evses/{evse_id}/status"


def transaction(organisation: str, identity: str, transaction_id: int) -> str:
    """A transaction as it is now; retained until it ended."""
    return f"{station(organisation, identity)}/transactions/{transaction_id}"


def readings(organisation: str, identity: str, evse_id: int) -> str:
    """The newest reading of an EVSE."""
    return f"{station(organisation, identity)}/readings/{evse_id}"


def event(organisation: str, identity: str | None, kind: str) -> str:
    """Something that happened, of a station or only of an organisation."""
    if identity is None:
        return f"{BASE}/{_level(organisation)}/events/{kind}"
    return f"{station(organisation, identity)}/events/{kind}"


def command(organisation: str, identity: str, command_id: str) -> str:
    """A command as it is now, or the answer to a request for one."""
    return f"{station(organisation, identity)}/commands/{_level(command_id)}"


def of_request(topic: str) -> tuple[str, str] | None:
    """Return organisation and identity of a request's topic; None if it is none."""
    levels = topic.split("/")
    if len(levels) != 7 or "/".join((*levels[:2], "+", levels[3], "+", *levels[5:])) != REQUESTS:
        return None
    organisation, identity = unquote(levels[2]), unquote(levels[4])
    if not organisation or not identity or "\x00" in organisation + identity:
        return None
    return organisation, identity
