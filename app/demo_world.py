"""The world of the demo: three owners in two time zones, their stations, tokens and tariffs."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory, passwords
from accounts.directory import OrganisationFacts
from accounts.permissions import Role
from billing import pricing
from billing.pricing import NewAssignment, place_from
from csms import administration
from csms.administration import (
    ConnectorSettings,
    EvseSettings,
    LocationSettings,
    StationSettings,
    TokenSettings,
)
from foundation.identifiers import OrganisationKey
from roaming import administration as partners

PASSWORD: Final = "leitstand-demo"  # noqa: S105 - nobody is kept out by it
"""Of everybody in the demo: it listens on loopback only, and its data is thrown away."""

OPERATOR: Final[OrganisationFacts] = {
    "vat_id": "DE115235681",
    "iban": "DE89370400440532013000",
    "address": "Am Umspannwerk 3\n70565 Stuttgart",
}
"""What the operator's papers need beside its name."""

OWNERS: Final[Mapping[str, OrganisationFacts]] = {
    "stadtwerke-auental": {
        "name": "Stadtwerke Auental GmbH",
        "time_zone": "Europe/Berlin",
        "country": "DE",
        "language": "de",
        "tax_status": "standard",
        "vat_id": "DE136695976",
        "email": "abrechnung@stadtwerke-auental.example",
        "iban": "DE02120300000000202051",
        "address": "Werkstraße 1\n74072 Heilbronn",
    },
    "hotel-seeblick": {
        "name": "Hotel Seeblick, Inh. M. Huber",
        "time_zone": "Europe/Berlin",
        "country": "DE",
        "language": "de",
        "tax_status": "small_business",
        "email": "buero@hotel-seeblick.example",
        "iban": "DE02500105170137075030",
        "address": "Uferweg 12\n88709 Meersburg",
    },
    "porto-verde": {
        "name": "Porto Verde Mobilidade Lda.",
        "time_zone": "Europe/Lisbon",
        "country": "PT",
        "language": "en",
        "tax_status": "reverse_charge",
        "vat_id": "PT501964843",
        "email": "finance@porto-verde.example",
        "iban": "PT50000201231234567890154",
        "address": "Rua das Flores 77\n4050-265 Porto",
    },
}

LOCATIONS: Final = (
    ("heilbronn-zob", "stadtwerke-auental", "Heilbronn ZOB", "Heilbronn", "DE", "Europe/Berlin"),
    ("neckarpark", "stadtwerke-auental", "Neckarpark", "Heilbronn", "DE", "Europe/Berlin"),
    ("seeblick", "hotel-seeblick", "Hotel Seeblick", "Meersburg", "DE", "Europe/Berlin"),
    ("ribeira", "porto-verde", "Cais da Ribeira", "Porto", "PT", "Europe/Lisbon"),
    ("aeroporto", "porto-verde", "Aeroporto P3", "Maia", "PT", "Europe/Lisbon"),
)

PROVIDERS: Final = (
    ("DE*SMX", "Stromix Mobil GmbH", "rechnung@stromix.example"),
    ("NL*VLT", "Voltaire Roaming B.V.", "invoices@voltaire.example"),
)

_MODELS: Final = (
    ("Leuchtkraft", "Saeule 2", 22_000, "cType2", "1.6", 2),
    ("Leuchtkraft", "Wallbox S", 11_000, "cType2", "1.6", 1),
    ("Voltara", "V22 Duo", 22_000, "cType2", "2.0.1", 2),
    ("Hyperion", "HPC 150", 150_000, "cCCS2", "2.0.1", 2),
    ("Voltara", "V11 Next", 11_000, "cType2", "2.1", 1),
    ("Hyperion", "DC 50", 50_000, "cCCS2", "1.6", 1),
)


def _component(kind: str, price: str, vat: str, step: int) -> dict[str, Any]:
    return {"type": kind, "price": Decimal(price), "vat": Decimal(vat), "step_size": step}


def tariffs() -> list[tuple[dict[str, Any], str, str]]:
    """Return OCPI tariffs with the scope and id that they hold at."""
    day_and_night = {
        "country_code": "DE",
        "party_id": "AUE",
        "id": "AUENTAL-AC",
        "currency": "EUR",
        "tariff_alt_text": [
            {"language": "de", "text": "Tags 0,49 €/kWh, nachts 0,39 €/kWh"},
            {"language": "en", "text": "0.49 €/kWh by day, 0.39 €/kWh by night"},
        ],
        "elements": [
            {
                "price_components": [_component("ENERGY", "0.39", "19.0", 1)],
                "restrictions": {"start_time": "22:00", "end_time": "06:00"},
            },
            {
                "price_components": [
                    _component("ENERGY", "0.49", "19.0", 1),
                    _component("PARKING_TIME", "2.40", "19.0", 300),
                ]
            },
        ],
        "last_updated": "2026-01-01T00:00:00Z",
    }
    fast = {
        "country_code": "DE",
        "party_id": "AUE",
        "id": "AUENTAL-DC",
        "currency": "EUR",
        "elements": [
            {
                "price_components": [
                    _component("FLAT", "0.50", "19.0", 1),
                    _component("ENERGY", "0.64", "19.0", 1),
                ]
            },
            {
                "price_components": [_component("TIME", "3.00", "19.0", 60)],
                "restrictions": {"min_duration": 2700},
            },
        ],
        "last_updated": "2026-01-01T00:00:00Z",
    }
    guests = {
        "country_code": "DE",
        "party_id": "SEE",
        "id": "SEEBLICK-GUESTS",
        "currency": "EUR",
        "elements": [{"price_components": [_component("ENERGY", "0.45", "19.0", 1)]}],
        "min_price": {"excl_vat": 1.00, "incl_vat": 1.19},
        "last_updated": "2026-01-01T00:00:00Z",
    }
    porto = {
        "country_code": "PT",
        "party_id": "PVM",
        "id": "PORTO-VERDE",
        "currency": "EUR",
        "elements": [
            {
                "price_components": [_component("ENERGY", "0.32", "23.0", 1)],
                "restrictions": {"day_of_week": ["SATURDAY", "SUNDAY"]},
            },
            {
                "price_components": [
                    _component("FLAT", "0.35", "23.0", 1),
                    _component("ENERGY", "0.41", "23.0", 1),
                ]
            },
        ],
        "last_updated": "2026-01-01T00:00:00Z",
    }
    return [
        (day_and_night, "organisation", "stadtwerke-auental"),
        (fast, "location", "neckarpark"),
        (guests, "organisation", "hotel-seeblick"),
        (porto, "organisation", "porto-verde"),
    ]


@dataclass(slots=True)
class World:
    """What the fleet is told: the plan's stations and tokens."""

    stations: list[dict[str, Any]] = field(default_factory=list)
    tokens: list[dict[str, Any]] = field(default_factory=list)


async def build(db: AsyncSession, *, number_of_stations: int, seed: int, begin: datetime) -> World:
    """Make owners, people, locations, stations, tokens, providers, tariffs and agreements.

    Args:
        db: A unit of work of a fresh installation.
        number_of_stations: How many stations, dealt to the owners' locations in turn.
        seed: Of passwords and cards.
        begin: Before anything happens; from then on tariffs and agreements hold.
    """
    rng = random.Random(seed)  # noqa: S311 - the demo's cards need no secrecy
    world = World()
    await _people(db, begin)
    for key, organisation, name, city, country, zone in LOCATIONS:
        await administration.set_location(
            db,
            LocationSettings(
                key=key,
                organisation=OrganisationKey(organisation),
                name=name,
                city=city,
                country=country,
                time_zone=zone,
            ),
            create=True,
        )
    await _stations(db, world, number_of_stations, rng, begin)
    await _tokens(db, world, rng, begin)
    for document, scope, id_ in tariffs():
        await pricing.create_tariff(
            db,
            document,
            [NewAssignment(place_from(scope, id_), begin)],
            organisation=None,
            now=begin,
        )
    await partners.create_agreement(
        db,
        OrganisationKey("porto-verde"),
        {"external_bps": 8500},
        valid_from=begin + timedelta(days=12),
        now=begin,
    )
    return world


async def _people(db: AsyncSession, now: datetime) -> None:
    hashed = await passwords.hashed(PASSWORD)
    operator = await directory.root(db)
    await directory.change_organisation(db, operator.key, OPERATOR)
    for key, facts in OWNERS.items():
        await directory.create_organisation(db, key, facts, now=now)
        await directory.create_person(
            db,
            key,
            {"name": facts["name"], "organisation": key, "roles": [Role.OWNER]},
            password_hash=hashed,
            now=now,
        )
    await directory.create_person(
        db,
        "support",
        {"name": "Sam Support", "roles": [Role.SUPPORT]},
        password_hash=hashed,
        now=now,
    )
    for party_id, name, email in PROVIDERS:
        await partners.create_provider(db, party_id, {"name": name, "email": email}, now=now)


async def _stations(
    db: AsyncSession, world: World, number: int, rng: random.Random, now: datetime
) -> None:
    for index in range(number):
        location, owner, _, _, country, zone = LOCATIONS[index % len(LOCATIONS)]
        vendor, model, power, plug, version, evses = _MODELS[index % len(_MODELS)]
        identity = f"{country}-{location[:3].upper()}-{index + 1:03d}"
        password = f"{rng.getrandbits(80):020x}"
        await administration.create_station(
            db,
            identity,
            OrganisationKey(owner),
            StationSettings(
                name=f"{location.replace('-', ' ').title()} {index // len(LOCATIONS) + 1}",
                location=location,
                evses=[
                    EvseSettings(
                        evse_id=evse,
                        emi3_id=f"{country}*LST*E{index + 1:03d}{evse}",
                        connectors=[
                            ConnectorSettings(connector_id=1, type=plug, max_power_w=Decimal(power))
                        ],
                    )
                    for evse in range(1, evses + 1)
                ],
            ),
            password=password,
            time_zone=zone,
            now=now,
        )
        world.stations.append(
            {
                "identity": identity,
                "password": password,
                "version": version,
                "owner": owner,
                "time_zone": zone,
                "vendor": vendor,
                "model": model,
                "evses": [{"evse_id": evse, "max_power_w": power} for evse in range(1, evses + 1)],
            }
        )


async def _tokens(db: AsyncSession, world: World, rng: random.Random, now: datetime) -> None:
    made: list[TokenSettings] = []
    for owner in OWNERS:
        for number in range(10):
            token = f"04{rng.getrandbits(48):012X}"
            refused = number == 9
            made.append(
                TokenSettings(
                    id_token=token,
                    status="blocked" if refused else "accepted",
                    organisation=OrganisationKey(owner),
                )
            )
            world.tokens.append({"id_token": token, "owner": owner, "refused": refused})
    for place, (party_id, _, _) in enumerate(PROVIDERS):
        for number in range(14):
            token = f"{'DE' if place == 0 else 'NL'}{rng.getrandbits(44):011X}"
            refused = number == 13
            made.append(
                TokenSettings(
                    id_token=token,
                    status="expired" if refused else "accepted",
                    provider=party_id,
                )
            )
            world.tokens.append({"id_token": token, "provider": party_id, "refused": refused})
    await administration.set_id_tokens(db, made, now=now)


def owner_keys() -> Sequence[OrganisationKey]:
    """Return the payees of the demo."""
    return [OrganisationKey(key) for key in OWNERS]
