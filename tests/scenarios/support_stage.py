"""A stage for the ways of support: the program, a mail server, an SMS gateway, and a browser.

Everything is real but the clock, which is moved by hand: stations of another implementation of
OCPP report over sockets, mails leave by SMTP, SMS by HTTP, people click in a Chromium. What
arrived is drawn as its reader sees it, for people to look at.
"""

import html
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import urlsplit

from playwright.async_api import Browser, BrowserContext, Page

from accounts import directory, passwords
from accounts.directory import OrganisationFacts
from billing import service_prices
from billing.services import Service
from csms import administration
from csms.administration import LocationSettings
from foundation.identifiers import OrganisationKey
from simulators.station import Station
from tests.foundation.test_mail import MailServer, serving
from tests.portal.pages.world import PASSWORD
from tests.portal.test_browser import PICTURES, Visitor, visitor
from tests.ports import free_port
from tests.receivers import Receiver, receiving
from tests.scenarios.stories import Story, eventually, story

_MAIL = """<style>body{{font:15px/1.5 system-ui,sans-serif;margin:24px;max-width:44rem}}
dl{{display:grid;grid-template-columns:max-content 1fr;gap:2px 16px;color:#555}}dd{{margin:0}}
pre{{font:inherit;white-space:pre-wrap;border-top:1px solid #ccc;padding-top:16px}}</style>
<h2>{subject}</h2><dl><dt>From</dt><dd>{sender}</dd><dt>To</dt><dd>{to}</dd></dl><pre>{body}</pre>"""
_SMS = """<style>body{{font:17px/1.4 system-ui,sans-serif;margin:16px;background:#eee}}
small{{color:#555}}p{{background:#fff;border-radius:16px;padding:12px 16px;max-width:20rem}}</style>
<small>{to}</small><p>{text}</p>"""

WORDS_OF_OWNERS = {
    "en": ("Harbour Charging", "Pier 3"),
    "de": ("Stadtwerke Böblingen", "Elbenplatz"),
}


@dataclass
class Stage:
    """The program with what it talks to, and what stories do on it."""

    told: Story
    chromium: Browser
    post: MailServer
    gateway: Receiver

    @property
    def address(self) -> str:
        return self.told.program.portal_url

    # ------------------------------------------------------------------------------ the world

    async def owner(self, key: str, language: str, *, credits_: int | None = None) -> str:
        """Make an owner with a place in a town, its administrator, and our agent who speaks so."""
        name, place = WORDS_OF_OWNERS[language]
        now = self.told.clock.now()
        hashed = await passwords.hashed(PASSWORD)
        facts: OrganisationFacts = {
            "name": name,
            "language": language,
            "time_zone": "Europe/Berlin",
            "country": "DE",
            "tax_status": "standard",
            "email": f"office@{key}.example",
        }
        async with self.told.program.database.unit_of_work() as db:
            await directory.create_organisation(db, key, facts, now=now)
            for person, organisation in ((f"olga-{key}", key), (f"agnes-{key}", "root")):
                await directory.create_person(
                    db,
                    person,
                    {
                        "name": person.partition("-")[0].title(),
                        "email": f"{person}@{key}.example",
                        "organisation": organisation,
                        "roles": ["administrator"],
                        "language": language,
                    },
                    password_hash=hashed,
                    now=now,
                )
            await administration.set_location(
                db,
                LocationSettings(
                    key=f"{key}-place",
                    organisation=OrganisationKey(key),
                    name=place,
                    time_zone="Europe/Berlin",
                    city="Böblingen",
                    country="DE",
                    latitude=Decimal("48.6855"),
                    longitude=Decimal("9.0113"),
                ),
                create=True,
            )
        return key

    async def station(self, identity: str, owner: str, version: str = "1.6") -> Station:
        """A station of an owner at his place, connected and booted."""
        return await self.told.station(
            identity, version, owner=OrganisationKey(owner), location=f"{owner}-place"
        )

    async def priced(self) -> None:
        """Monitoring costs 9.90 a month, and nobody agreed on what a visit costs."""
        now = self.told.clock.now()
        async with self.told.program.database.unit_of_work() as db:
            await service_prices.create(db, "standard", "Standard", "EUR", by="test", now=now)
            await service_prices.add_price(
                db,
                "standard",
                Service.MONITORING,
                Decimal("9.90"),
                valid_from=None,
                by="test",
                now=now,
            )
            await service_prices.assign(
                db, "organisation/root", "standard", valid_from=None, by="test", now=now
            )

    # -------------------------------------------------------------------------------- people

    @asynccontextmanager
    async def somebody(
        self, name: str, language: str, *, width: int = 1440, dark: bool = False
    ) -> AsyncIterator["Person"]:
        """Sign somebody in, who looks at everything he passes."""
        async with visitor(
            self.chromium,
            self.address,
            name=name,
            language=language,
            width=width,
            theme="dark" if dark else "light",
        ) as found:
            found.page.set_default_timeout(20_000)
            yield Person(found, language)

    @asynccontextmanager
    async def phone(self, language: str) -> AsyncIterator[Page]:
        """A technician's phone, where nobody is signed in."""
        context: BrowserContext = await self.chromium.new_context(
            viewport={"width": 390, "height": 844},
            locale=language,
            reduced_motion="reduce",
            is_mobile=True,
            has_touch=True,
        )
        page = await context.new_page()
        page.set_default_timeout(20_000)
        yield page
        await context.close()

    # --------------------------------------------------------------------------- what arrived

    async def mail(self, to: str, *words: str) -> EmailMessage:
        """Wait for a mail to somebody whose subject has these words; there is one."""

        async def came() -> list[EmailMessage]:
            return self.mails(to, *words)

        try:
            [found] = await eventually(came)
        except AssertionError as error:
            taken = [(each["To"], each["Subject"]) for each in self.post.taken]
            raise AssertionError(f"{to}, {words}: {taken}") from error
        return found

    def mails(self, to: str, *words: str) -> list[EmailMessage]:
        """Return the mails that the mail server took for somebody."""
        return [
            each
            for each in list(self.post.taken)
            if each["To"] == to and all(word in each["Subject"] for word in words)
        ]

    def messages(self, number: str) -> list[str]:
        """Return the texts that the gateway took for a number."""
        bodies = [json.loads(each.body) for each in self.gateway.came]
        return [each["text"] for each in bodies if each["to"] == number]

    async def draw(self, name: str, document: str, *, width: int = 720) -> None:
        """Draw what somebody got, as a picture."""
        page = await self.chromium.new_page(viewport={"width": width, "height": 300})
        await page.set_content(document)
        await page.screenshot(path=PICTURES / f"{name}.png", full_page=True)
        await page.close()

    async def draw_mail(self, name: str, mail: EmailMessage) -> None:
        await self.draw(
            name,
            _MAIL.format(
                subject=html.escape(mail["Subject"]),
                sender=html.escape(mail["From"]),
                to=html.escape(mail["To"]),
                body=html.escape(text_of(mail)),
            ),
        )

    async def draw_sms(self, name: str, to: str, text: str) -> None:
        document = _SMS.format(to=html.escape(to), text=html.escape(text))
        await self.draw(name, document, width=390)


def text_of(mail: EmailMessage) -> str:
    """Return what a mail says."""
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


@dataclass
class Person:
    """Somebody who goes by clicks, and photographs what he passes."""

    visitor: Visitor
    language: str

    @property
    def page(self) -> Page:
        return self.visitor.page

    async def looks(self, name: str) -> None:
        """Photograph the page; none is wider than its window."""
        assert await self.visitor.sideways() <= 0, name
        await self.page.screenshot(path=PICTURES / f"{name}-{self.language}.png", full_page=True)

    def where(self) -> str:
        """Return the path of the page."""
        return urlsplit(self.page.url).path

    async def presses(self, action: str) -> None:
        """Send the form that goes to an address."""
        await self.page.locator(f'form[action="{action}"] button').last.click()

    async def follows(self, path: str) -> None:
        """Click the link that leads somewhere, in the page or in the menu."""
        link = self.page.locator(f'main a[href="{path}"]')
        if not await link.count():
            link = self.page.locator(f'a[href="{path}"]')
        await link.first.click()
        await self.page.wait_for_url(f"**{path}")

    def complaints(self) -> list[str]:
        """Return what the browser complained of; that something was refused is no complaint."""
        return [each for each in self.visitor.complaints if "422" not in each and "409" not in each]


@contextmanager
def _posting(server: MailServer) -> Iterator[str]:
    with serving(server) as port:
        yield f"smtp://127.0.0.1:{port}"


@asynccontextmanager
async def stage_on(database_url: str, folder: Path, chromium: Browser) -> AsyncIterator[Stage]:
    """Run the program with a mail server and a gateway beside it."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    post = MailServer()
    port = free_port()
    with _posting(post) as smtp_url:
        async with (
            receiving() as gateway,
            story(
                database_url,
                folder,
                http_port=port,
                smtp_url=smtp_url,
                sms_url=gateway.url,
                mail_sender="leitstand@leitstand.example",
                hotline_number="+49 800 1234567",
            ) as told,
        ):
            yield Stage(told, chromium, post, gateway)
