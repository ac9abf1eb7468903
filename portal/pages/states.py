"""Which of our states a station, a connector or a session is shown in."""

from collections.abc import Iterable

from billing.books import BilledTransaction
from csms.charging import Transaction
from csms.registry import Connector, Station

_BY_CHARGING_STATE = {
    "Charging": "charging",
    "EVConnected": "ev_connected",
    "SuspendedEV": "suspended_ev",
    "SuspendedEVSE": "suspended_evse",
    "Idle": "idle",
}
_BY_STATUS = {
    "Available": "available",
    "Occupied": "occupied",
    "Reserved": "reserved",
    "Unavailable": "unavailable",
    "Faulted": "faulted",
}
_WORST_FIRST = (
    "faulted",
    "unavailable",
    "unknown",
    "suspended_evse",
    "charging",
    "suspended_ev",
    "ev_connected",
    "idle",
    "occupied",
    "reserved",
    "available",
)


def connector_state(connector: Connector) -> str:
    """The state of a plug: what the vehicle does, where one is connected and it is known."""
    status = _BY_STATUS.get(connector.status or "", "unknown")
    if status == "occupied":
        return _BY_CHARGING_STATE.get(connector.charging_state or "", status)
    return status


def connector_states(station: Station) -> tuple[tuple[str, int], ...]:
    """How many plugs of a station are in which state, the worst first."""
    found: dict[str, int] = {}
    for evse in station.evses:
        if evse.evse_id == 0:
            continue
        for connector in evse.connectors:
            key = connector_state(connector)
            found[key] = found.get(key, 0) + 1
    return tuple((key, found[key]) for key in _WORST_FIRST if key in found)


def shown_station_state(station: Station) -> str:
    """The state of a station: a fault is shown while it is heard of, else that it is silent."""
    if station.is_faulted and station.state.value in {"online", "pending"}:
        return "faulted"
    return station.state.value


def session_state(transaction: Transaction, billed: BilledTransaction | None) -> str:
    """The state of a session: what billing made of it, once it has ended."""
    if billed is not None and transaction.state != "active":
        return billed.state.value
    return transaction.state


def hold_reasons(transaction: Transaction, billed: BilledTransaction | None) -> tuple[str, ...]:
    """Why a session is held, the reason that billing names first; none if it is not held."""
    if billed is None or billed.state.value != "held" or billed.hold_reason is None:
        return ()
    return tuple(_once((billed.hold_reason, *transaction.doubts)))


def _once(reasons: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(reasons))
