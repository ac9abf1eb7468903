"""What the hotline may do for a station: decided here, for pages, API and MQTT alike.

Pure decisions. They rest on two facts: whether the station is monitored, and what its service
package includes. A station without a package has whatever its monitoring brings.
"""

from dataclasses import dataclass
from enum import StrEnum

from foundation.errors import Conflict


class Bar(StrEnum):
    """Why the hotline may not do something; the value is the code of the refusal."""

    NOT_MONITORED = "station_not_monitored"
    NO_HOTLINE = "package_without_hotline"
    NO_DISPATCH = "package_without_dispatch"


@dataclass(frozen=True, slots=True)
class Service:
    """What a station is given at a moment.

    Args:
        is_monitored: Whether its monitoring is on.
        package: The name of its service package; None: it has none.
        hotline: Whether the package lets the hotline act; true where there is no package.
        dispatch: Whether the package has somebody sent; true where there is no package.
    """

    is_monitored: bool
    package: str | None
    hotline: bool = True
    dispatch: bool = True


class Barred(Conflict):
    """The hotline does not do it; `bar` says why."""

    bar: Bar

    def __init__(self, bar: Bar, text: str) -> None:
        self.bar = bar
        super().__init__(text)


class NotMonitored(Barred):
    """The station's monitoring is not on."""

    code = Bar.NOT_MONITORED.value


class NoHotline(Barred):
    """The station's package has no hotline."""

    code = Bar.NO_HOTLINE.value


class NoDispatch(Barred):
    """The station's package sends nobody."""

    code = Bar.NO_DISPATCH.value


def refusal(bar: Bar, station: str, service: Service) -> Barred:
    """Return how a bar is told: with what to do about it."""
    package = f"The service package {service.package} of {station}"
    match bar:
        case Bar.NOT_MONITORED:
            return NotMonitored(
                bar,
                f"The hotline acts for {station}, and technicians are sent there, only while it is"
                " monitored: its operator switches the monitoring on, or acts himself.",
            )
        case Bar.NO_HOTLINE:
            return NoHotline(
                bar,
                f"{package} has no hotline: its operator acts himself, or takes another package.",
            )
        case Bar.NO_DISPATCH:
            return NoDispatch(
                bar,
                f"{package} sends nobody: say who of its operator agreed to the visit, and how.",
            )


def bar_to_act(service: Service, *, by_phone: bool, is_own: bool) -> Bar | None:
    """Return why a station is not to be asked for something; None: it may be.

    Args:
        service: What the station is given.
        by_phone: Whether it is done on a call.
        is_own: Whether somebody of the organisation does it to which the station belongs.
    """
    if not by_phone or is_own:
        return None
    if not service.is_monitored:
        return Bar.NOT_MONITORED
    return None if service.hotline else Bar.NO_HOTLINE


def bar_to_dispatch(
    service: Service, *, is_maintenance: bool, is_own: bool, word: str
) -> Bar | None:
    """Return why nobody may be sent to a station; None: somebody may.

    Args:
        service: What the station is given.
        is_maintenance: Whether it is the yearly one, which rests on the package by itself.
        is_own: Whether somebody of the organisation sends him to which the station belongs.
        word: Who of that organisation agreed, and how; empty: nobody did.
    """
    if is_maintenance:
        return None
    if not service.is_monitored:
        return Bar.NOT_MONITORED
    return None if service.dispatch or is_own or word.strip() else Bar.NO_DISPATCH
