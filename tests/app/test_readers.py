"""The readers are those that events are addressed to."""

from app.house import compose_notices, compose_rules
from app.readers import subscriptions
from app.routes import BILLING, LICENCE_CHARGES, MAILING, ROUTES, SUPPORT
from billing.handlers import READER
from foundation.clock import SystemClock
from foundation.database import Database
from foundation.events import EVENTS
from foundation.jobs import Jobs
from foundation.mail import Mails
from foundation.sealing import Sealer
from foundation.settings import Settings
from roaming.handlers import Reimbursement


def test_every_event_that_is_addressed_has_its_readers(database: Database) -> None:
    clock = SystemClock()
    jobs = Jobs(database.url, stop_timeout_s=1)
    mails = Mails(database=database, jobs=jobs, clock=clock, settings=Settings.read())

    notices = compose_notices(
        Settings.read(), database, clock, jobs, mails, Sealer(bytes(range(32)))
    )
    sealer = Sealer(bytes(range(32)))
    rules = compose_rules(Settings.read(), database, jobs, clock, mails, sealer)
    readers = [each.reader for each in subscriptions(Reimbursement(), clock, mails, notices, rules)]
    assert {BILLING, MAILING, SUPPORT, LICENCE_CHARGES} <= {*readers}
    assert {*readers} == {reader for each in ROUTES.values() for reader in each}
    assert len(readers) == len({*readers})
    assert BILLING == READER
    assert ROUTES.keys() <= EVENTS.keys()
