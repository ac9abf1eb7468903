"""Mails: the only sender. The table `mails` is the outbox that the portal shows.

A mail is written in the unit of work of what it tells of. With a mail server set, a job sends it;
without one it is kept. A delivery that broke off after the server took the mail is repeated under
the same Message-ID, by which the recipient's system recognises it.

Source: RFC 5321, RFC 5322 (Message-ID, 3.6.4), RFC 3834 (Auto-Submitted).
"""

import hashlib
import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from enum import StrEnum
from ipaddress import ip_address
from urllib.parse import unquote, urlsplit

import aiosmtplib
import structlog
from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from foundation.clock import Clock
from foundation.database import Database
from foundation.errors import Conflict, InvalidInput, NotFound, Unavailable
from foundation.jobs import PAUSES_S, Attempt, Jobs, Payload
from foundation.settings import Settings
from foundation.tables import MailAttachmentRow, MailRow

log = structlog.get_logger(__name__)

JOB = "mail.send"
_ERROR_LENGTH = 500
_DEFAULT_PORTS = {"smtp": 25, "smtps": 465}


class MailState(StrEnum):
    """Where a mail stands."""

    KEPT = "kept"
    """No mail server was set: it can be read in the portal."""
    WAITING = "waiting"
    """It will be sent, or sent again after a pause."""
    SENT = "sent"
    """The mail server took it."""
    FAILED = "failed"
    """Refused for good, or given up after the last attempt."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with a mail; `media_type` as in `application/pdf`."""

    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Mail:
    """What is to be sent to one person, in plain text; `language` as in `de`.

    `on_behalf_of` is the key of the organisation in whose name it is written, if it is in one's.
    """

    recipient: str
    subject: str
    body_text: str
    language: str
    attachments: tuple[Attachment, ...] = ()
    on_behalf_of: str | None = None


@dataclass(frozen=True, slots=True)
class KeptMail:
    """A mail as the outbox shows it."""

    id: int
    created_at: datetime
    recipient: str
    subject: str
    body_text: str
    language: str
    state: MailState
    attempts: int
    last_error: str | None
    sent_at: datetime | None
    attachment_names: tuple[str, ...]


class InvalidAddress(InvalidInput):
    """Nothing can be sent to this; it may only look like an address."""

    code = "invalid_address"

    def __init__(self, address: str) -> None:
        super().__init__(f"{address!r} is no mail address.", field="recipient")


Domains = Callable[[AsyncSession, Mail], Awaitable[str | None]]
"""Tells from which domain a mail leaves; None: from that of the installation's sender."""


class Mails:
    """Writes mails, and sends them if there is a mail server.

    Registers its job with `jobs`; make one per process.

    Args:
        domains: Tells from which domain a mail leaves; unless given, from the installation's.
        pauses_s: The wait after each failed attempt to send.
        tls: How servers' certificates are checked; the system's authorities unless given.
    """

    def __init__(
        self,
        *,
        database: Database,
        jobs: Jobs,
        clock: Clock,
        settings: Settings,
        domains: Domains | None = None,
        pauses_s: Sequence[float] = PAUSES_S,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._database = database
        self._jobs = jobs
        self._clock = clock
        self._url = settings.smtp_url.get_secret_value() if settings.smtp_url else None
        self._sender = settings.mail_sender
        self._domains = domains
        self._timeout_s = settings.smtp_timeout_s
        self._tls = tls
        jobs.register(JOB, self._send, pauses_s=pauses_s)

    async def post(self, db: AsyncSession, mail: Mail, *, key: str) -> int:
        """Write a mail in the caller's unit of work; it leaves after the commit.

        Args:
            db: The unit of work.
            mail: What to send.
            key: Why: the id of the event that calls for it and for whom. One mail per key, ever.

        Returns:
            The mail's number; that of the earlier one if the key is known.

        Raises:
            InvalidAddress: If the recipient is no address.
            InvalidInput: If the subject has more than one line.
        """
        check_address(mail.recipient)
        if any(ord(char) < 32 for char in mail.subject):
            raise InvalidInput("A subject is one line of text.", field="subject")
        domain = None if self._domains is None else await self._domains(db, mail)
        written = await db.execute(
            insert(MailRow)
            .values(
                key=key,
                created_at=self._clock.now(),
                recipient=mail.recipient,
                sender=None if domain is None else sender_at(self._sender, domain),
                subject=mail.subject,
                body_text=mail.body_text,
                language=mail.language,
                state=MailState.WAITING if self._url else MailState.KEPT,
                attempts=0,
            )
            .on_conflict_do_nothing(index_elements=[MailRow.key])
            .returning(MailRow.id)
        )
        mail_id = written.scalar()
        if mail_id is None:
            known = await db.execute(select(MailRow.id).where(MailRow.key == key))
            return known.scalar_one()
        if mail.attachments:
            await db.execute(
                insert(MailAttachmentRow),
                [
                    {
                        "mail_id": mail_id,
                        "place": place,
                        "name": each.name,
                        "media_type": each.media_type,
                        "content": each.content,
                    }
                    for place, each in enumerate(mail.attachments)
                ],
            )
        if self._url:
            await self._jobs.defer(db, JOB, {"mail_id": mail_id}, key=f"mail/{mail_id}")
        return mail_id

    async def post_again(self, db: AsyncSession, mail_id: int) -> None:
        """Send a kept or failed mail after all; the attempts count from the start.

        Raises:
            NotFound: If there is no such mail.
            Conflict: If it was sent or is waiting, or there is no mail server.
        """
        if not self._url:
            raise Conflict("No mail server is set (LEITSTAND_SMTP_URL).")
        row = await db.get(MailRow, mail_id, with_for_update=True)
        if row is None:
            raise NotFound("mail", mail_id)
        if row.state not in (MailState.KEPT, MailState.FAILED):
            raise Conflict(f"The mail is {row.state}.")
        row.state, row.attempts, row.last_error = MailState.WAITING, 0, None
        await self._jobs.defer(db, JOB, {"mail_id": mail_id})

    async def _send(self, payload: Payload, attempt: Attempt) -> None:
        """Do the job: no unit of work stays open while the mail server thinks."""
        mail_id = int(payload["mail_id"])
        async with self._database.unit_of_work() as db:
            row = await db.get(MailRow, mail_id)
            if row is None or row.state != MailState.WAITING:
                return
            files = await _attachments(db, mail_id)
        try:
            await self._hand_over(_composed(row, files, row.sender or self._sender))
        except (aiosmtplib.SMTPException, OSError) as error:
            is_final = attempt.is_last or _is_refusal(error)
            said = _said(error)
            await self._note(
                mail_id, MailState.FAILED if is_final else MailState.WAITING, error=said
            )
            log.warning("mail.not_sent", mail=mail_id, attempt=attempt.number, error=said)
            if is_final:
                return  # the outbox tells of it; the job is done
            raise Unavailable(f"Mail {mail_id} was not sent: {said}") from None
        await self._note(mail_id, MailState.SENT, error=None)
        log.info("mail.sent", mail=mail_id, attempt=attempt.number)

    async def _note(self, mail_id: int, state: MailState, *, error: str | None) -> None:
        async with self._database.unit_of_work() as db:
            await db.execute(
                update(MailRow)
                .where(MailRow.id == mail_id)
                .values(
                    state=state,
                    attempts=MailRow.attempts + 1,
                    last_error=error,
                    sent_at=self._clock.now() if state is MailState.SENT else None,
                )
            )

    async def _hand_over(self, message: EmailMessage) -> None:
        assert self._url is not None
        server = urlsplit(self._url)
        host = server.hostname or "localhost"
        is_tls = server.scheme == "smtps"
        start_tls: bool | None = None  # used when offered
        if is_tls:
            start_tls = False
        elif server.username and not _is_loopback(host):
            start_tls = True  # a password never crosses a network in the clear
        await aiosmtplib.send(
            message,
            hostname=host,
            port=server.port or _DEFAULT_PORTS[server.scheme],
            username=unquote(server.username) if server.username else None,
            password=unquote(server.password) if server.password else None,
            use_tls=is_tls,
            start_tls=start_tls,
            tls_context=self._tls,
            timeout=self._timeout_s,
        )


def sender_at(sender: str, domain: str) -> str:
    """Return the sender as it is at another domain: the same name, the same mailbox."""
    mailbox, _, rest = sender.rpartition("@")
    return f"{mailbox}@{domain}{'>' if rest.endswith('>') else ''}"


def check_address(address: str) -> None:
    """Raise `InvalidAddress` unless this is one plain address, as in `lea@example.org`."""
    try:
        parsed = Address(addr_spec=address)
    except (ValueError, IndexError, HeaderParseError):
        raise InvalidAddress(address) from None
    if not parsed.username or not parsed.domain or parsed.addr_spec != address:
        raise InvalidAddress(address)


async def outbox(
    db: AsyncSession,
    *,
    before: int | None = None,
    limit: int = 50,
    state: MailState | None = None,
    recipient: str | None = None,
) -> list[KeptMail]:
    """Return mails, the newest first, those below the number `before` if one is given."""
    query = select(MailRow).order_by(MailRow.id.desc()).limit(limit)
    if before is not None:
        query = query.where(MailRow.id < before)
    if state is not None:
        query = query.where(MailRow.state == state)
    if recipient is not None:
        query = query.where(func.lower(MailRow.recipient) == recipient.lower())
    rows = list((await db.execute(query)).scalars())
    names = await db.execute(
        select(MailAttachmentRow.mail_id, MailAttachmentRow.name)
        .where(MailAttachmentRow.mail_id.in_([row.id for row in rows]))
        .order_by(MailAttachmentRow.mail_id, MailAttachmentRow.place)
    )
    by_mail: dict[int, list[str]] = {}
    for mail_id, name in names:
        by_mail.setdefault(mail_id, []).append(name)
    return [_kept(row, by_mail.get(row.id, ())) for row in rows]


async def kept_mail(db: AsyncSession, mail_id: int) -> tuple[KeptMail, tuple[Attachment, ...]]:
    """Return one mail with its files.

    Raises:
        NotFound: If there is no such mail.
    """
    row = await db.get(MailRow, mail_id)
    if row is None:
        raise NotFound("mail", mail_id)
    files = await _attachments(db, mail_id)
    return _kept(row, [each.name for each in files]), files


async def _attachments(db: AsyncSession, mail_id: int) -> tuple[Attachment, ...]:
    rows = await db.execute(
        select(MailAttachmentRow)
        .where(MailAttachmentRow.mail_id == mail_id)
        .order_by(MailAttachmentRow.place)
    )
    return tuple(Attachment(row.name, row.media_type, row.content) for row in rows.scalars())


def _kept(row: MailRow, names: Sequence[str]) -> KeptMail:
    return KeptMail(
        id=row.id,
        created_at=row.created_at,
        recipient=row.recipient,
        subject=row.subject,
        body_text=row.body_text,
        language=row.language,
        state=MailState(row.state),
        attempts=row.attempts,
        last_error=row.last_error,
        sent_at=row.sent_at,
        attachment_names=tuple(names),
    )


def _composed(row: MailRow, files: Sequence[Attachment], sender: str) -> EmailMessage:
    """Return the same bytes for the same mail, however often it is sent."""
    name, _, domain = row.recipient.rpartition("@")
    recipient = f"{name}@{domain.encode('idna').decode()}"  # every server knows this spelling
    plain = (recipient + sender).isascii()
    message = EmailMessage(policy=SMTP if plain else SMTPUTF8)
    message["From"] = sender
    message["To"] = recipient
    message["Subject"] = row.subject
    message["Date"] = row.created_at
    digest = hashlib.sha256(row.key.encode()).hexdigest()[:32]
    message["Message-ID"] = f"<{digest}@{sender.rpartition('@')[2].rstrip('>') or 'localhost'}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(row.body_text)
    for each in files:
        kind, _, subtype = each.media_type.partition("/")
        message.add_attachment(each.content, maintype=kind, subtype=subtype, filename=each.name)
    message["Content-Language"] = row.language  # last: the content's other headers move about
    if files:
        message.set_boundary(f"=_{digest}")
    return message


def _is_refusal(error: Exception) -> bool:
    """Tell whether the server says that trying again is no use (RFC 5321, 4.2.1: 5yz)."""
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        return all(each.code >= 500 for each in error.recipients)
    # Not a refused login: that is our settings' fault, and somebody will put it right.
    refusals = (aiosmtplib.SMTPSenderRefused, aiosmtplib.SMTPDataError)
    return isinstance(error, refusals) and error.code >= 500


def _said(error: Exception) -> str:
    """Return what went wrong, short, and without what we sent."""
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        return "; ".join(f"{each.code} {each.message}" for each in error.recipients)[:_ERROR_LENGTH]
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return f"{error.code} {error.message}"[:_ERROR_LENGTH]
    return (str(error) or type(error).__name__)[:_ERROR_LENGTH]


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
