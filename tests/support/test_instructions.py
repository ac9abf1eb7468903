"""Instructions by model: the most specific is told."""

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from foundation.clock import SetClock
from foundation.errors import InvalidInput
from support import instructions
from support.topics import SHIPPED, Instruction, Topic
from tests.support.conftest import HELEN


async def write(
    db: AsyncSession, clock: SetClock, vendor: str, model: str, text: str, *, de: str | None = None
) -> None:
    instruction = Instruction(Topic.NO_START, text, text if de is None else de)
    await instructions.write(db, vendor, model, instruction, by=HELEN, now=clock.now())


async def told(db: AsyncSession, vendor: str | None, model: str | None) -> str:
    found = await instructions.instructions_for(db, vendor, model)
    assert [each.topic for each in found] == list(Topic)
    return next(each.text_en for each in found if each.topic is Topic.NO_START)


async def test_the_model_goes_before_the_vendor_and_both_before_all(
    db: AsyncSession, clock: SetClock
) -> None:
    general = next(each.text_en for each in SHIPPED if each.topic is Topic.NO_START)
    assert await told(db, "ABB", "Terra 54") == general
    await write(db, clock, "", "", "any")
    await write(db, clock, "ABB", "", "vendor")
    await write(db, clock, "ABB", "Terra 54", "model")
    await write(db, clock, "Bender", "Terra 54", "other")
    assert await told(db, "abb", "TERRA 54") == "model"
    assert await told(db, "ABB", "Terra AC") == "vendor"
    assert await told(db, None, None) == "any"


async def test_written_again_it_is_replaced_and_written_empty_it_is_gone(
    db: AsyncSession, clock: SetClock
) -> None:
    await write(db, clock, "ABB", "Terra", "one")
    await write(db, clock, "abb", "TERRA", "two")
    [kept] = await instructions.written(db)
    assert (kept.vendor, kept.instruction.text_en, kept.changed_by) == ("abb", "two", HELEN.id)
    await write(db, clock, "ABB", "Terra", " ")
    assert await instructions.written(db) == []


@pytest.mark.parametrize(
    ("vendor", "model", "text", "de", "field"),
    [
        ("", "Terra", "x", "x", "vendor"),
        ("ABB", "", "x", "", "text_de"),
        ("ABB", "", "", "x", "text_en"),
        ("ABB", "", "x" * 4001, "x", "text_en"),
        ("A" * 101, "", "x", "x", "model"),
    ],
)
async def test_it_is_complete_and_not_endless(
    db: AsyncSession, clock: SetClock, vendor: str, model: str, text: str, de: str, field: str
) -> None:
    await write(db, clock, "ABB", "", "x" * 4000)
    with pytest.raises(InvalidInput) as caught:
        await write(db, clock, vendor, model, text, de=de)
    assert caught.value.field == field
