"""Rights, groups and reaches as people read them."""

from collections.abc import Collection
from dataclasses import dataclass

from accounts.groups import Group
from accounts.permissions import RIGHTS, WHOLE_INSTALLATION, Area, Permission, Reach
from portal.words import Words, marked

AREAS = {
    Area.DASHBOARD: marked("Dashboard"),
    Area.INFRASTRUCTURE: marked("Infrastructure"),
    Area.COMMANDS: marked("Commands"),
    Area.SUPPORT: marked("Support"),
    Area.CRM: marked("CRM"),
    Area.FINANCE: marked("Finance"),
    Area.USERS: marked("User management"),
    Area.INTERFACES: marked("Interfaces"),
}
REACHES = {
    Reach.OWN: marked("Own organisation"),
    Reach.OWN_AND_BELOW: marked("Own organisation and those below"),
    Reach.INSTALLATION: marked("Whole installation"),
}
GROUPS = {
    "super_admin": marked("SuperAdmin"),
    "administrator": marked("Administrator"),
    "support": marked("Support"),
    "customer_success": marked("Customer success"),
    "finance": marked("Finance"),
    "technician": marked("Technician"),
    "owner": marked("Owner"),
}
"""The shipped groups' names."""


@dataclass(frozen=True, slots=True)
class Switch:
    """A right as a switch; one that the reader lacks himself cannot be moved."""

    key: str
    label: str
    description: str
    is_on: bool
    is_movable: bool
    needs_everything: bool


@dataclass(frozen=True, slots=True)
class SwitchArea:
    """The switches of an area."""

    key: str
    title: str
    switches: tuple[Switch, ...]

    @property
    def on(self) -> int:
        """How many are on."""
        return sum(each.is_on for each in self.switches)


def switches(
    chosen: Collection[Permission], movable: Collection[Permission], said: Words
) -> tuple[SwitchArea, ...]:
    """All rights by area, in the order of the table."""
    return tuple(
        SwitchArea(
            area.value,
            said.gettext(title),
            tuple(
                Switch(
                    permission.value,
                    said.gettext(right.label),
                    said.gettext(right.description),
                    permission in chosen,
                    permission in movable,
                    permission in WHOLE_INSTALLATION,
                )
                for permission, right in RIGHTS.items()
                if right.area is area
            ),
        )
        for area, title in AREAS.items()
    )


def group_name(group: Group, said: Words) -> str:
    """The name of a group; of a shipped one in the reader's language."""
    return said.gettext(GROUPS[group.key]) if group.is_shipped else group.name


def label(permission: Permission, said: Words) -> str:
    """The name of a right."""
    return said.gettext(RIGHTS[permission].label)
