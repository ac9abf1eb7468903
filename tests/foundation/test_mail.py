"""Mails, with a real SMTP server: written with the facts, sent once, tried again, kept."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, Session
from structlog.testing import capture_logs

from foundation.clock import SetClock
from foundation.database import Database
from foundation.errors import Conflict, InvalidInput, NotFound
from foundation.jobs import Jobs, counts
from foundation.mail import (
    Attachment,
    InvalidAddress,
    KeptMail,
    Mail,
    Mails,
    MailState,
    kept_mail,
    outbox,
)
from foundation.settings import Settings
from foundation.tasks import Tasks
from tests.ports import free_port

STATEMENT = Mail(
    recipient="lea@example.org",
    subject="Abrechnung für Oktober",
    body_text="Guten Tag,\n\n12,34 € sind unterwegs.\n",
    language="de",
    attachments=(
        Attachment("Abrechnung Oktober.pdf", "application/pdf", b"%PDF-1.7 \x00\xff"),
        Attachment("statement.csv", "text/csv", "a;b\nü;2\n".encode()),
    ),
)


class MailServer:
    """Takes mails, after answering as told; what it took lies in `taken`."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.offered: list[bytes] = []
        self.taken: list[EmailMessage] = []
        self.logins: list[tuple[str, bool]] = []

    async def handle_DATA(self, server: object, session: Session, envelope: Envelope) -> str:
        content = envelope.original_content
        assert isinstance(content, bytes)
        self.offered.append(content)
        answer = self.answers.pop(0) if self.answers else "250 OK"
        if answer.startswith("250"):
            message = message_from_bytes(content, policy=default)
            assert isinstance(message, EmailMessage)
            self.taken.append(message)
        return answer

    async def handle_RCPT(
        self, server: object, session: Session, envelope: Envelope, address: str, _: list[str]
    ) -> str:
        if address.startswith("unknown"):
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    def login(self, server: Any, session: Session, _: object, mechanism: str, data: Any) -> Any:
        self.logins.append((data.login.decode(), session.ssl is not None))
        return AuthResult(success=data.password == b"pass:word@home", handled=False)


@contextmanager
def serving(server: MailServer, *, port: int = 0, **given: Any) -> Iterator[int]:
    """Run the server on loopback; give its port."""
    controller = Controller(
        server, hostname="127.0.0.1", port=port or free_port(), authenticator=server.login, **given
    )
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


class Office:
    """Mails with their jobs on the test's database."""

    def __init__(
        self,
        database: Database,
        clock: SetClock,
        url: str | None,
        attempts: int = 1000,
        **given: Any,
    ) -> None:
        self.database = database
        self.jobs = Jobs(database.url, poll_s=0.02)
        self.mails = Mails(
            database=database,
            jobs=self.jobs,
            clock=clock,
            settings=Settings.read(
                smtp_url=url, mail_sender="billing@leitstand.example", smtp_timeout_s=10
            ),
            pauses_s=(0,) * (attempts - 1),
            **given,
        )

    async def post(self, mail: Mail = STATEMENT, key: str = "event/1") -> int:
        async with self.database.unit_of_work() as db:
            return await self.mails.post(db, mail, key=key)

    async def look(self) -> list[KeptMail]:
        async with self.database.unit_of_work() as db:
            return await outbox(db)

    async def until(self, state: MailState) -> KeptMail:
        async with asyncio.timeout(60):
            while True:
                [mail] = await self.look()
                if mail.state is state:
                    return mail
                await asyncio.sleep(0.01)

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        async with Tasks() as tasks:
            tasks.start("jobs", self.jobs.run)
            yield


async def test_a_mail_arrives_as_it_was_written(database: Database, clock: SetClock) -> None:
    server = MailServer()
    with serving(server) as port:
        office = Office(database, clock, f"smtp://127.0.0.1:{port}")
        await office.post()
        async with office.working():
            sent = await office.until(MailState.SENT)
    [message] = server.taken
    assert message["To"] == "lea@example.org"
    assert message["From"] == "billing@leitstand.example"
    assert message["Subject"] == "Abrechnung für Oktober"
    assert message["Date"].datetime == clock.now()
    assert message["Content-Language"] == "de"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Message-ID"].endswith("@leitstand.example>")
    body = message.get_body()
    assert body is not None
    assert body.get_content().replace("\r\n", "\n") == STATEMENT.body_text
    pdf, csv = message.iter_attachments()
    assert (pdf.get_filename(), pdf.get_content()) == (
        "Abrechnung Oktober.pdf",
        STATEMENT.attachments[0].content,
    )
    assert csv.get_filename() == "statement.csv"
    assert csv.get_payload(decode=True) == STATEMENT.attachments[1].content
    assert (sent.sent_at, sent.attempts, sent.last_error) == (clock.now(), 1, None)


async def test_one_key_is_one_mail_even_after_it_was_sent(
    database: Database, clock: SetClock
) -> None:
    server = MailServer()
    with serving(server) as port:
        office = Office(database, clock, f"smtp://127.0.0.1:{port}")
        first = await office.post()
        assert await office.post() == first
        async with office.working():
            await office.until(MailState.SENT)
            assert await office.post() == first
            await office.post(key="event/2")
            async with asyncio.timeout(60):
                while len(server.taken) < 2:  # noqa: ASYNC110 - another thread's doing
                    await asyncio.sleep(0.01)
    assert len(server.taken) == 2
    assert len({message["Message-ID"] for message in server.taken}) == 2


async def test_a_server_that_is_down_gets_the_mail_once_when_it_is_back(
    database: Database, clock: SetClock
) -> None:
    port = free_port()
    office = Office(database, clock, f"smtp://127.0.0.1:{port}")
    await office.post()
    server = MailServer()
    async with office.working():
        async with asyncio.timeout(60):
            while (await office.look())[0].attempts < 2:  # noqa: ASYNC110 - the worker's doing
                await asyncio.sleep(0.01)
        [waiting] = await office.look()
        assert waiting.state is MailState.WAITING
        assert waiting.last_error
        with serving(server, port=port):
            sent = await office.until(MailState.SENT)
    assert len(server.taken) == 1
    assert sent.attempts > 2
    assert sent.last_error is None


async def test_a_repeated_delivery_is_the_same_to_the_byte(
    database: Database, clock: SetClock
) -> None:
    server = MailServer("451 try again", "451 try again", "250 OK")
    with serving(server) as port:
        office = Office(database, clock, f"smtp://127.0.0.1:{port}")
        await office.post()
        async with office.working():
            await office.until(MailState.SENT)
    first, second, third = server.offered
    assert first == second == third


@pytest.mark.parametrize(
    ("recipient", "answer", "error"),
    [
        ("unknown@example.org", "250 OK", "550 no such mailbox"),
        ("lea@example.org", "554 no, thank you", "554 no, thank you"),
    ],
)
async def test_a_refusal_for_good_is_not_tried_again(
    database: Database, clock: SetClock, recipient: str, answer: str, error: str
) -> None:
    server = MailServer(answer)
    with serving(server) as port:
        office = Office(database, clock, f"smtp://127.0.0.1:{port}")
        await office.post(Mail(recipient, "Hello", "Hello\n", "en"))
        async with office.working():
            failed = await office.until(MailState.FAILED)
    assert (failed.attempts, failed.last_error) == (1, error)
    assert server.taken == []


async def test_after_the_last_attempt_the_mail_has_failed_and_can_be_sent_again(
    database: Database, clock: SetClock
) -> None:
    server = MailServer(*["451 not now"] * 3)
    with serving(server) as port:
        office = Office(database, clock, f"smtp://127.0.0.1:{port}", attempts=3)
        mail_id = await office.post()
        async with office.working():
            failed = await office.until(MailState.FAILED)
            assert (failed.attempts, failed.last_error) == (3, "451 not now")
            async with database.unit_of_work() as db:
                await office.mails.post_again(db, mail_id)
            assert (await office.until(MailState.SENT)).attempts == 1
            async with database.unit_of_work() as db:
                with pytest.raises(Conflict, match="The mail is sent"):
                    await office.mails.post_again(db, mail_id)
                with pytest.raises(NotFound):
                    await office.mails.post_again(db, mail_id + 1)
    assert len(server.taken) == 1


async def test_without_a_mail_server_mails_are_kept_with_their_files(
    database: Database, clock: SetClock
) -> None:
    office = Office(database, clock, None)
    mail_id = await office.post()
    async with database.unit_of_work() as db:
        mail, files = await kept_mail(db, mail_id)
        assert sum((await counts(db)).values()) == 0
        with pytest.raises(NotFound):
            await kept_mail(db, mail_id + 1)
        with pytest.raises(Conflict, match="No mail server"):
            await office.mails.post_again(db, mail_id)
    assert mail.state is MailState.KEPT
    assert mail.attachment_names == ("Abrechnung Oktober.pdf", "statement.csv")
    assert files == STATEMENT.attachments


async def test_a_mail_kept_earlier_is_sent_once_a_server_is_set(
    database: Database, clock: SetClock
) -> None:
    mail_id = await Office(database, clock, None).post()
    server = MailServer()
    with serving(server) as port:
        office = Office(database, clock, f"smtp://127.0.0.1:{port}")
        async with database.unit_of_work() as db:
            await office.mails.post_again(db, mail_id)
        async with office.working():
            await office.until(MailState.SENT)
    assert len(server.taken) == 1


async def test_the_outbox_shows_the_newest_first_and_pages(
    database: Database, clock: SetClock
) -> None:
    office = Office(database, clock, None)
    for number in range(5):
        await office.post(Mail("Lea@example.org", f"Mail {number}", "x", "en"), f"event/{number}")
    await office.post(Mail("tom@example.org", "Mail 5", "x", "en"), "event/5")
    async with database.unit_of_work() as db:
        first = await outbox(db, limit=4)
        rest = await outbox(db, limit=4, before=first[-1].id)
        assert [mail.subject[-1] for mail in (*first, *rest)] == list("543210")
        assert len(await outbox(db, recipient="lea@example.org")) == 5
        assert len(await outbox(db, state=MailState.SENT)) == 0
        assert len(await outbox(db, state=MailState.KEPT)) == 6


async def test_a_mail_of_a_unit_of_work_that_fails_never_was(
    database: Database, clock: SetClock
) -> None:
    office = Office(database, clock, "smtp://127.0.0.1:9")
    async with database.unit_of_work() as db:
        await office.mails.post(db, STATEMENT, key="event/1")
        await db.rollback()
    assert await office.look() == []
    async with database.unit_of_work() as db:
        assert sum((await counts(db)).values()) == 0


@pytest.mark.parametrize(
    "good", ["lea@example.org", "lea.o'hara+x@sub.example.org", "lea@bücher.de"]
)
@pytest.mark.parametrize(
    "bad",
    ["", "lea", "lea@", "@example.org", "a b@c.de", "a@b.de, c@d.de", "Lea <lea@example.org>",
     "a@b.de\nBcc: c@d.de"],
)  # fmt: skip
async def test_only_one_plain_address_can_be_written_to(
    database: Database, clock: SetClock, good: str, bad: str
) -> None:
    office = Office(database, clock, None)
    await office.post(Mail(good, "Hello", "Hello", "en"))
    with pytest.raises(InvalidAddress):
        await office.post(Mail(bad, "Hello", "Hello", "en"), "event/2")


async def test_a_subject_cannot_smuggle_a_header(database: Database, clock: SetClock) -> None:
    office = Office(database, clock, None)
    await office.post(Mail("lea@example.org", "Hello: world", "Hello", "en"))
    with pytest.raises(InvalidInput, match="one line"):
        await office.post(Mail("lea@example.org", "Hello\r\nBcc: c@d.de", "Hello", "en"), "event/2")


async def test_a_domain_beyond_ascii_is_spelt_as_every_server_knows_it(
    database: Database, clock: SetClock
) -> None:
    server = MailServer()
    with serving(server) as port:
        office = Office(database, clock, f"smtp://127.0.0.1:{port}")
        await office.post(Mail("lea@bücher.example", "Hello", "Hello", "en"))
        async with office.working():
            await office.until(MailState.SENT)
    assert server.taken[0]["To"] == "lea@xn--bcher-kva.example"


class Certificates:
    def __init__(self) -> None:
        authority = trustme.CA()
        self.server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert("127.0.0.1").configure_cert(self.server)
        self.client = ssl.create_default_context()
        authority.configure_trust(self.client)


@pytest.fixture(scope="module")
def certificates() -> Certificates:
    return Certificates()


async def test_tls_is_used_when_offered_and_the_login_crosses_inside_it(
    database: Database, clock: SetClock, certificates: Certificates
) -> None:
    server = MailServer()
    with serving(server, tls_context=certificates.server, auth_required=True) as port:
        url = f"smtp://lea:pass%3Aword%40home@127.0.0.1:{port}"
        office = Office(database, clock, url, tls=certificates.client)
        await office.post()
        async with office.working():
            await office.until(MailState.SENT)
    assert server.logins == [("lea", True)]
    assert len(server.taken) == 1


async def test_a_server_with_an_unknown_certificate_gets_nothing(
    database: Database, clock: SetClock, certificates: Certificates
) -> None:
    server = MailServer()
    with serving(server, tls_context=certificates.server) as port:
        office = Office(database, clock, f"smtp://127.0.0.1:{port}", attempts=2)
        await office.post()
        async with office.working():
            failed = await office.until(MailState.FAILED)
    assert failed.last_error is not None
    assert "certificate" in failed.last_error.lower()
    assert server.offered == []


async def test_smtps_is_tls_from_the_first_byte(
    database: Database, clock: SetClock, certificates: Certificates
) -> None:
    server = MailServer()
    with serving(server, ssl_context=certificates.server) as port:
        office = Office(database, clock, f"smtps://127.0.0.1:{port}", tls=certificates.client)
        await office.post()
        async with office.working():
            await office.until(MailState.SENT)
    assert len(server.taken) == 1


async def test_a_refused_login_is_tried_again_and_never_logged(
    database: Database, clock: SetClock, certificates: Certificates
) -> None:
    server = MailServer()
    with serving(server, tls_context=certificates.server, auth_required=True) as port:
        url = f"smtp://lea:hunter2@127.0.0.1:{port}"
        office = Office(database, clock, url, attempts=2, tls=certificates.client)
        await office.post()
        with capture_logs() as logged:
            async with office.working():
                failed = await office.until(MailState.FAILED)
    assert failed.attempts == 2
    assert "hunter2" not in f"{logged} {failed}"
