"""Whoever is typed is found by key, name or a part of it; nobody is guessed."""

import pytest

from accounts import directory
from accounts.directory import WHOLE, Organisation, Scope
from foundation.database import Database
from foundation.identifiers import OrganisationKey
from portal.pages import choosing
from portal.pages.choosing import LISTED, NotChosen, in_words, meant
from portal.words import words
from tests.portal.pages.conftest import NOON
from tests.portal.pages.world import PARKING


def named(**names: str) -> list[Organisation]:
    return [
        Organisation(
            key=OrganisationKey(key),
            name=name,
            parent=None,
            tax_status="standard",
            vat_id=None,
            country="DE",
            iban=None,
            address=None,
            email=None,
            language="en",
            time_zone="Europe/Berlin",
            currency="EUR",
            created_at=NOON,
        )
        for key, name in names.items()
    ]


KNOWN = named(north="Stadtwerke Nord", south="Stadtwerke Süd", old="Nord", park="Parkhaus GmbH")


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("north", "north"),
        (" Stadtwerke  nord ", "north"),
        ("Nord", "old"),
        ("parkh", "park"),
        ("SÜD", "south"),
    ],
)
def test_a_key_a_name_or_a_part_that_only_one_has(text: str, key: str) -> None:
    assert meant(KNOWN, text, "payee").key == key


@pytest.mark.parametrize(("text", "several"), [("stadtwerke", 2), ("nobody", 0), (" ", 0)])
def test_nobody_is_guessed(text: str, several: int) -> None:
    with pytest.raises(NotChosen) as refused:
        meant(KNOWN, text, "payee")
    assert (refused.value.field, len(refused.value.several)) == ("payee", several)


def test_who_could_be_meant_is_named_and_the_rest_counted() -> None:
    many = [each for n in range(9) for each in named(**{f"town-{n}": f"Town {n}"})]
    with pytest.raises(NotChosen) as refused:
        meant(many, "town", "payee")
    said = in_words(refused.value, words("en"))
    assert said.startswith("Several match: Town 0 (town-0), Town 1 (town-1), ")
    assert said.endswith("Town 5 (town-5) and 3 more. Type more of the name, or the key.")
    assert in_words(NotChosen([], "payee"), words("de")) != in_words(
        NotChosen([], "payee"), words("en")
    )


@pytest.mark.usefixtures("lively")
async def test_few_are_listed_of_many_one_is_typed_and_none_outside_of_the_scope(
    database: Database,
) -> None:
    async with database.unit_of_work() as db:
        mine = Scope(frozenset({PARKING}))
        [(key, name)] = await choosing.offered(db, mine) or []
        assert key == PARKING
        assert await choosing.chosen(db, mine, name.upper()) == PARKING
        with pytest.raises(NotChosen):
            await choosing.chosen(db, mine, "stadtwerke")
        for number in range(LISTED):
            await directory.create_organisation(
                db, OrganisationKey(f"n-{number}"), {"name": f"N {number}"}, now=NOON
            )
        assert await choosing.offered(db, WHOLE) is None
        assert await choosing.chosen(db, WHOLE, "n 17") == "n-17"
