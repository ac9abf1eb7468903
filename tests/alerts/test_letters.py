"""The confirmations, as they are read."""

from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from alerts.letters import confirmation
from foundation.events import MonitoringActivated, MonitoringDeactivated
from foundation.identifiers import OrganisationKey, StationId
from foundation.mail import Mail
from foundation.money import Money

AT = datetime(2026, 10, 15, 12, tzinfo=UTC)


def written(event: MonitoringActivated | MonitoringDeactivated, language: str) -> Mail:
    return confirmation(
        event,
        recipient="lea@example.org",
        name="Lea",
        language=language,
        zone=ZoneInfo("Europe/Berlin"),
        signature="Operator",
    )


def activated(per_month: Money | None) -> MonitoringActivated:
    return MonitoringActivated(
        happened_at=AT,
        station=StationId("CS-1"),
        organisation=OrganisationKey("north"),
        by="person/1",
        by_name="Lea",
        per_month=per_month,
    )


def test_switching_on_is_confirmed_with_moment_price_and_rule() -> None:
    mail = written(activated(Money(Decimal("9.90"), "EUR")), "en")
    assert mail.subject == "Monitoring of CS-1 is switched on"
    assert "by Lea at 2026-10-15 14:00:00 CEST" in mail.body_text
    assert "9.90 EUR a month" in mail.body_text
    german = written(activated(Money(Decimal("9.90"), "EUR")), "de")
    assert "15.10.2026, 14:00:00 CEST" in german.body_text
    assert "9,90 EUR im Monat" in german.body_text
    assert "No price was agreed" in written(activated(None), "en").body_text


@pytest.mark.parametrize(
    ("because", "told"),
    [
        ("asked", "Lea hat sie ausgeschaltet"),
        ("moved", "die Station ging an eine andere Organisation"),
        ("decommissioned", "die Station wurde außer Betrieb genommen"),
    ],
)
def test_the_end_is_confirmed_with_its_reason(because: str, told: str) -> None:
    event = MonitoringDeactivated(
        happened_at=AT,
        station=StationId("CS-1"),
        organisation=OrganisationKey("north"),
        by="person/1",
        by_name="Lea",
        because=because,
    )
    assert told in written(event, "de").body_text
    assert written(event, "en").subject == "Monitoring of CS-1 has ended"
