"""The demo, run whole: a small fleet lives through a month, and every check holds."""

import csv
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from app.demo import demo, last_month
from foundation.settings import Settings


@pytest.mark.parametrize(
    ("now", "month"),
    [
        (datetime(2026, 11, 22, tzinfo=UTC), "2026-10"),
        (datetime(2026, 1, 1, tzinfo=UTC), "2025-12"),
        (datetime(2024, 3, 31, 23, 59, tzinfo=UTC), "2024-02"),
    ],
)
def test_the_month_lived_through_is_the_one_before(now: datetime, month: str) -> None:
    assert last_month(now) == month


@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_a_small_month_adds_up(tmp_path: Path) -> None:
    status = await demo(
        settings=Settings.read(ocpp_port=0, http_port=0),
        output=tmp_path / "demo",
        stations=9,
        sessions=40,
        exit_after=True,
    )
    summary = json.loads((tmp_path / "demo" / "summary.json").read_text())
    assert [each for each in summary["checks"] if not each["holds"]] == []
    assert status == 0

    with (tmp_path / "demo" / "transactions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    papers = list((tmp_path / "demo" / "statements").glob("*.json"))
    assert len(papers) == len(list((tmp_path / "demo" / "statements").glob("*.pdf"))) == 3
    paid = sum(
        (Decimal(json.loads(paper.read_text())["payout_net"]) for paper in papers), Decimal(0)
    )
    assert paid == sum((Decimal(each["payout_amount"] or "0") for each in rows), Decimal(0))
    assert paid > 0
