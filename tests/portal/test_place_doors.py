"""The doors of hours and access are tried over HTTP; here what is written."""

from billing.access import AccessControl
from billing.assignments import Place, TariffScope
from billing.conditions import Conditions
from portal import place_doors


def test_the_audit_is_told_whose_cards_may_charge_where() -> None:
    control = AccessControl(
        key="fleet",
        organisation=None,
        conditions=Conditions(token_groups=("FLEET",)),
        allowed=(Place(TariffScope.STATION, "A"),),
        is_on=True,
    )
    assert place_doors._told(control) == {
        "key": "fleet",
        "is_on": True,
        "conditions": {"token_groups": ("FLEET",)},
        "allowed": [{"scope": "station", "id": "A"}],
    }
