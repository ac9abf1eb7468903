"""What accounts, licences, tiers and applications are called on pages."""

from collections.abc import Mapping

from accounts.applications import Kind, Sector
from accounts.licence_costs import SHIPPED_PRICES
from accounts.licences import Licence
from accounts.tiers import Energy, LicenceKind, LicenceModel, PointKind
from portal.vocabulary import Mark
from portal.words import Words, marked

ACCOUNT_STATES: dict[str, Mark] = {
    "active": Mark("dot", "ok", marked("Active")),
    "expired": Mark("ring", "warning", marked("Expired")),
    "archived": Mark("cross", "off", marked("Archived")),
}
APPLICATION_STATES: dict[str, Mark] = {
    "pending": Mark("half", "info", marked("Waits for a decision")),
    "approved": Mark("tick", "ok", marked("Approved")),
    "rejected": Mark("cross", "fault", marked("Rejected")),
    "withdrawn": Mark("ring", "off", marked("Withdrawn")),
}
APPLICATION_KINDS: dict[str, str] = {
    Kind.NEW.value: marked("New account"),
    Kind.DATAPOINTS.value: marked("Other datapoints"),
    Kind.LICENCE.value: marked("Other licence"),
    Kind.RENEWAL.value: marked("Renewal"),
    Kind.POINT_LICENCES.value: marked("Licences for metering points"),
}
LICENCES: dict[str, str] = {
    Licence.MONITORING.value: marked("Monitoring"),
    Licence.BUSINESS.value: marked("Business"),
    Licence.BUSINESS_PREMIUM.value: marked("Business Premium"),
}
SECTORS: dict[str, str] = {
    Sector.CHARGING.value: marked("Electric mobility"),
    Sector.HOUSING.value: marked("Housing"),
    Sector.OFFICES.value: marked("Offices"),
    Sector.RETAIL.value: marked("Retail"),
    Sector.INDUSTRY.value: marked("Industry"),
    Sector.HOTELS.value: marked("Hotels"),
    Sector.PUBLIC.value: marked("Public sector"),
    Sector.OTHER.value: marked("Other"),
}
POINT_KINDS: dict[str, str] = {
    PointKind.OCPP_POINT.value: marked("Charging connector (OCPP)"),
    PointKind.DIRECT_STATION.value: marked("Directly connected charging station"),
    PointKind.API_METER.value: marked("Meter by the API"),
    PointKind.MBUS_METER.value: marked("M-Bus meter"),
    PointKind.MBUS_GATEWAY.value: marked("M-Bus gateway"),
    PointKind.SINGLE_PHASE_METER.value: marked("Single-phase meter"),
    PointKind.THREE_PHASE_METER.value: marked("Three-phase meter"),
    PointKind.TRANSFORMER_METER.value: marked("Transformer meter"),
    PointKind.HEAT_MODULE.value: marked("Heat meter module"),
    PointKind.VIRTUAL_METER.value: marked("Virtual meter"),
}
ENERGIES: dict[str, str] = {
    Energy.ELECTRICITY.value: marked("Electricity"),
    Energy.HEAT.value: marked("Heat"),
    Energy.COLD.value: marked("Cold"),
    Energy.HOT_WATER.value: marked("Hot water"),
    Energy.COLD_WATER.value: marked("Cold water"),
    Energy.GAS.value: marked("Gas"),
}
LICENCE_KINDS: dict[str, str] = {
    LicenceKind.ALL.value: marked("All kinds of energy"),
    LicenceKind.HEAT_WATER_GAS.value: marked("Heat, water and gas"),
}
LICENCE_MODELS: dict[str, str] = {
    LicenceModel.MONTHLY.value: marked("Monthly subscription"),
    LicenceModel.MULTI_YEAR.value: marked("Multi-year"),
}


def options(table: Mapping[str, str], said: Words) -> list[tuple[str, str]]:
    """Return the choices of a form: key and word."""
    return [(key, said.gettext(word)) for key, word in table.items()]


def price_name(item: str, said: Words) -> str:
    """Return what a price of the list is for."""
    first, _, rest = item.partition("/")
    if first == "edition":
        return said.gettext("Licence %(name)s") % {"name": said.gettext(LICENCES[rest])}
    if first == "datapoint":
        return said.gettext("Datapoint with %(name)s") % {"name": said.gettext(LICENCES[rest])}
    kind, _, model = rest.partition("/")
    return f"{said.gettext(LICENCE_KINDS[kind])}, {said.gettext(LICENCE_MODELS[model])}"


PRICE_ITEMS = tuple(SHIPPED_PRICES)
"""The names of the price list, in its order."""
