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


def test_calls_counted_together_are_told_as_if_each_had_been_told_alone() -> None:
    counted = metrics.handled("TestAction", "result")
    seconds = (0.0005, 0.001, 0.0011, 0.3, 60.0)
    for each in seconds:
        counted.add(each)
        metrics.handling_seconds.labels("TestActionAlone").observe(each)
    text = metrics.exposition().decode()
    assert 'leitstand_frames_total{action="TestAction",direction="in",outcome="result"} 5.0' in text

    def told(action: str) -> list[str]:
        mark = f'action="{action}"'
        lines = [line for line in text.splitlines() if "handling_seconds" in line and mark in line]
        return [line.replace(mark, "") for line in lines if "_created" not in line]

    assert told("TestAction") == told("TestActionAlone")
    assert metrics.handled("TestAction", "result") is counted
    assert metrics.exposition().decode().count('action="TestAction",direction="in"') > 0
