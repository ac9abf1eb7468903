"""The outbox."""

from foundation.clock import SetClock
from foundation.database import Database
from foundation.tables import MailAttachmentRow
from tests.portal.pages.conftest import SignIn


async def test_mails_are_shown_as_they_were_written_with_their_files(
    sign_in: SignIn, lively: None, database: Database, clock: SetClock
) -> None:
    async with database.unit_of_work() as db:
        db.add(
            MailAttachmentRow(
                mail_id=1,
                place=0,
                name='Abrechnung "September".pdf',
                media_type="application/pdf",
                content=b"%PDF-",
            )
        )
    browser = await sign_in("helen")
    html = (await browser.get("/outbox")).text
    assert "Statement September 2026" in html
    assert "Kept, no mail server set" in html
    html = (await browser.get("/outbox/1")).text
    assert "attached is your statement" in html
    assert 'href="/outbox/1/0"' in html
    file = await browser.get("/outbox/1/0")
    assert file.content == b"%PDF-"
    assert file.headers["content-disposition"] == (
        'attachment; filename="Abrechnung _September_.pdf"'
    )


async def test_what_is_not_there_is_not_found(sign_in: SignIn, lively: None) -> None:
    browser = await sign_in("helen")
    for path in ("/outbox/99", "/outbox/1/7", "/outbox/1/-1"):
        assert (await browser.get(path)).status_code == 404, path
