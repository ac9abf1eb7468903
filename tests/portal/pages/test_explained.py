"""Prices and tokens in a caller's words."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from accounts.directory import WHOLE
from csms import registry
from csms.connectivity import SilenceLimits
from csms.registry import StoredToken
from foundation.clock import SetClock
from foundation.database import Database
from portal.pages.explained import price_at, status_of, token_told
from portal.words import words

NOW = datetime(2026, 10, 15, 12, tzinfo=UTC)


def token(**said: Any) -> StoredToken:
    given: dict[str, Any] = {
        "id_token": "04A2",
        "type": "ISO14443",
        "status": "accepted",
        "group_id": None,
        "valid_until": None,
        "organisation": "works",
        "provider": None,
        "changed_at": NOW,
        "key": "04A2",
        **said,
    }
    return StoredToken(**given)


@pytest.mark.parametrize(
    ("found", "key"),
    [
        (None, "unknown"),
        (token(), "accepted"),
        (token(valid_until=NOW + timedelta(seconds=1)), "accepted"),
        (token(valid_until=NOW), "expired"),
        (token(status="blocked", valid_until=NOW), "blocked"),
        (token(status="no_credit"), "no_credit"),
        (token(status="something"), "unknown"),
    ],
)
def test_a_token_is_told_by_what_keeps_it_from_charging(
    found: StoredToken | None, key: str
) -> None:
    assert status_of(found, NOW) == key


async def test_the_price_is_told_as_sentences_with_an_example(
    database: Database, lively: None, clock: SetClock
) -> None:
    async with database.unit_of_work() as db:
        station = await registry.station(
            db, WHOLE, "DE-HN-002", clock.now(), limits=SilenceLimits()
        )
        told = await price_at(db, station, 1, words("en"), clock.now())
        german = await price_at(db, station, 1, words("de"), clock.now())
        known = await token_told(db, WHOLE, "zz zz", {}, words("en"), clock.now())
    assert told.tariff == "DAY-NIGHT"
    assert any("/kWh plus 19 % VAT" in each.sentence for each in told.rules)
    assert any("06:00" in each.when for each in told.rules)
    assert told.example is not None
    assert told.example.gross.amount > told.example.net.amount > 9
    assert any("zzgl. 19 % USt." in each.sentence for each in german.rules)
    assert (known.key, known.holder, known.is_external) == ("unknown", "", False)
