"""Tests of the figures that the installation tells of itself."""

from foundation import metrics


def test_every_figure_bears_the_products_name() -> None:
    names = [family.name for family in metrics.REGISTRY.collect()]

    assert len(names) >= 18
    assert all(name.startswith("leitstand_") for name in names)


def test_no_figure_is_kept_per_station() -> None:
    for family in metrics.REGISTRY.collect():
        for sample in family.samples:
            assert not sample.labels.keys() & {"station", "identity", "evse", "transaction"}


def test_what_was_counted_is_told() -> None:
    metrics.repairs.labels(rule="test_rule").inc()

    assert b'leitstand_repairs_total{rule="test_rule"} 1.0' in metrics.exposition()
