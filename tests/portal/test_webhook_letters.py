"""Tests of the mails about webhooks."""

from portal.webhook_letters import switched_off


def test_the_owner_reads_in_his_language_which_webhook_it_was_and_why() -> None:
    subject, text = switched_off("ERP", "de", "500 by erp.example")
    assert subject == "Webhook „ERP“ abgeschaltet"
    assert "Zuletzt: 500 by erp.example" in text

    subject, text = switched_off("ERP", "en", "500 by erp.example")
    assert subject == 'Webhook "ERP" switched off'
    assert "Last: 500 by erp.example" in text
