"""From which domain a mail leaves: from that of the account it is written for.

A mail is for an account if it says so (`Mail.on_behalf_of`), or if its recipient is a person or an
organisation that the account is for.
"""

from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from foundation.mail import Mail
from foundation.statements import tuples

_DOMAIN: Final = """
with recursive home as (
    select key from organisations where key = %b::text
    union
    select organisation from people where email = %b::text
    union
    select key from organisations where email = %b::text
), up as (
    select o.key, o.parent, 0 as depth from organisations o join home h on h.key = o.key
    union all
    select o.key, o.parent, up.depth + 1 from organisations o join up on o.key = up.parent
)
select a.mail_domain from up join accounts a on a.organisation = up.key
where a.archived_at is null
order by up.depth, a.organisation limit 1
"""


async def domain_of(db: AsyncSession, mail: Mail) -> str | None:
    """Return the domain of the account that a mail is for; None: the installation's own."""
    recipient = mail.recipient.lower()
    found = await tuples(db, _DOMAIN, [mail.on_behalf_of or "", recipient, recipient])
    return found[0][0] if found else None
