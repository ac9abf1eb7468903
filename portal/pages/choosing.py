"""Choosing an organisation in a form: from a list while there are few, else by key or name."""

from collections.abc import Iterable, Sequence
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from accounts.directory import Organisation, Scope
from foundation.errors import InvalidInput
from foundation.identifiers import OrganisationKey
from portal.rendering import FormErrors
from portal.words import Words, marked

LISTED: Final = 50
"""So many are offered in a list; of more than these nobody finds one."""
_NAMED: Final = 6

_NOBODY = marked("No organisation has this key or name.")
_SEVERAL = marked("Several match: %(names)s. Type more of the name, or the key.")
_MORE = marked("%(names)s and %(number)s more")


class NotChosen(InvalidInput):
    """What was typed is nobody's key or name, or that of several; `several` are those."""

    def __init__(self, several: list[Organisation], field: str) -> None:
        self.several = several
        super().__init__("No organisation has this key or name.", field=field)


def in_words(error: NotChosen, said: Words) -> str:
    """Return why nobody was chosen, and who could be meant."""
    if not error.several:
        return said.gettext(_NOBODY)
    names = ", ".join(f"{each.name} ({each.key})" for each in error.several[:_NAMED])
    if (left := len(error.several) - _NAMED) > 0:
        names = said.gettext(_MORE) % {"names": names, "number": left}
    return said.gettext(_SEVERAL) % {"names": names}


async def offered(db: AsyncSession, scope: Scope) -> list[tuple[str, str]] | None:
    """Return the organisations of a scope by name, as a list offers them; None: too many."""
    return listed(await directory.organisations(db, scope, limit=LISTED + 1))


def listed(organisations: Sequence[Organisation]) -> list[tuple[str, str]] | None:
    """Return organisations by name, as a list offers them; None: too many."""
    if len(organisations) > LISTED:
        return None
    return sorted(((str(each.key), each.name) for each in organisations), key=lambda each: each[1])


def wanted(
    organisations: Sequence[Organisation], text: str, field: str, said: Words
) -> tuple[OrganisationKey | None, FormErrors]:
    """Return whom a list is narrowed to, None for all, and what is wrong with what was typed.

    Whoever is nobody's key or name is taken as a key: nothing is listed then.
    """
    if not text:
        return None, FormErrors()
    try:
        return meant(organisations, text, field).key, FormErrors()
    except NotChosen as error:
        return OrganisationKey(text), FormErrors({field: in_words(error, said)})


async def chosen(
    db: AsyncSession, scope: Scope, text: str, field: str = "organisation"
) -> OrganisationKey:
    """Return the organisation that was chosen from the list, or typed.

    Args:
        db: A unit of work.
        scope: Whose organisations may be chosen.
        text: A key, a name, or a part of a name.
        field: Of the form.

    Raises:
        NotChosen: If it is nobody's, or several could be meant.
    """
    return meant(await directory.organisations(db, scope), text, field).key


def meant(organisations: Iterable[Organisation], text: str, field: str) -> Organisation:
    """Return whose key a text is, else whose name, else the one whose name has it in it.

    Raises:
        NotChosen: If it is nobody's, or several could be meant.
    """
    typed = " ".join(text.split()).casefold()
    known = sorted(organisations, key=lambda each: each.name.casefold())
    by_name = [each for each in known if each.name.casefold() == typed]
    parts = [each for each in known if typed and typed in each.name.casefold()]
    for found in ([each for each in known if each.key == typed], by_name, parts):
        if len(found) == 1:
            return found[0]
        if found:
            raise NotChosen(found, field)
    raise NotChosen([], field)
