"""The readers of events, wired: the process that delivers has them."""

from alerts import handlers as alerts_handlers
from alerts import noticing, rule_telling
from alerts.noticing import Notices
from alerts.rule_telling import RuleTelling
from app.routes import MAILING, ROUTES
from billing import (
    direct_payments,
    document_mailing,
    driver_letters,
    licence_charges,
    switch_reader,
)
from billing import handlers as billing_handlers
from billing.mailing import StatementMailer
from billing.pricing import SharingTerms
from csms.witness import Witness
from foundation import outbox
from foundation.clock import Clock
from foundation.events import StatementIssued
from foundation.mail import Mails
from foundation.outbox import Subscription
from support import first_aiding, rule_deeds, ticket_rounds
from support import handlers as support_handlers
from support.correspondence import Correspondence


def subscriptions(
    sharing: SharingTerms, clock: Clock, mails: Mails, notices: Notices, rules: RuleTelling
) -> list[Subscription]:
    """Return the readers of the process that delivers; they are exactly those of `ROUTES`."""
    made = [
        billing_handlers.subscription(sharing, clock, witness=Witness()),
        Subscription(MAILING, (StatementIssued.kind,), StatementMailer(mails, clock)),
        support_handlers.subscription(Correspondence(mails), clock),
        licence_charges.subscription(clock),
        document_mailing.subscription(mails, clock),
        driver_letters.subscription(mails, clock),
        direct_payments.subscription(),
        alerts_handlers.subscription(mails),
        alerts_handlers.watch(clock),
        first_aiding.subscription(clock),
        noticing.subscription(notices),
        rule_telling.subscription(rules),
        rule_deeds.subscription(clock),
        ticket_rounds.subscription(clock),
        switch_reader.subscription(),
    ]
    assert dict(outbox.routes(made)) == ROUTES
    return made
