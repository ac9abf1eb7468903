"""A tariff without restrictions is plain, one with any is not."""

from decimal import Decimal

from billing.tariffs import Dimension, PriceComponent, Restrictions, Tariff, TariffElement

ENERGY = PriceComponent(type=Dimension.ENERGY, price=Decimal(1), vat=None, step_size=1)


def test_a_tariff_is_plain_if_no_element_is_restricted() -> None:
    free = TariffElement(price_components=(ENERGY,))
    bound = TariffElement(price_components=(ENERGY,), restrictions=Restrictions(max_kwh=Decimal(5)))
    assert Tariff(id="T", currency="EUR", elements=(free, free)).of_charging.is_plain
    assert not Tariff(id="T", currency="EUR", elements=(free, bound)).of_charging.is_plain
