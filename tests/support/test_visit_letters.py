"""The mail by which a technician is sent."""

from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncSession

from foundation.clock import SetClock
from support.visit_letters import dispatch_mail
from support.visits import TechnicianOnWay
from tests.support.visiting import planned, sent


async def test_the_mail_has_the_whole_package_and_the_link(
    world: AsyncSession, clock: SetClock
) -> None:
    visit, _ = await sent(world, clock.now())
    mail = dispatch_mail(visit, "https://x.example/visit/s", language="de", signature="Helen")
    assert mail is not None
    assert (mail.recipient, mail.subject) == ("tom@technik.example", "Einsatz vor Ort an N-1")
    for told in ("49.14, 9.21", "Cable torn", "+49 7131 555", "https://x.example/visit/s"):
        assert told in mail.body_text
    other = dispatch_mail(visit, "l", language="fr", signature="Helen")
    assert other is not None
    assert other.subject == "On-site service at N-1"


async def test_without_an_address_or_a_package_there_is_no_mail(
    world: AsyncSession, clock: SetClock
) -> None:
    visit = await planned(world, clock.now())
    assert dispatch_mail(visit, "l", language="en", signature="Helen") is None
    phoned = replace(visit, technician=TechnicianOnWay("Tom", "+49 170 1"))
    assert dispatch_mail(phoned, "l", language="en", signature="Helen") is None
