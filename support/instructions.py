"""The face of instructions by model: what to tell callers, the most specific first."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, delete, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from accounts.audit import Actor
from foundation.errors import InvalidInput
from support.tables import ModelInstructionRow
from support.topics import SHIPPED, Instruction, Topic

LONGEST_TEXT = 4000
_LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class ModelInstruction:
    """What an administrator wrote about a model, a vendor (`model` empty), or any (both empty)."""

    vendor: str
    model: str
    instruction: Instruction
    changed_at: datetime
    changed_by: str


async def instructions_for(
    db: AsyncSession, vendor: str | None, model: str | None
) -> list[Instruction]:
    """Return one instruction per topic: the model's, else the vendor's, else the general one.

    Names are compared without regard to case.
    """
    vendor, model = (vendor or "").strip().lower(), (model or "").strip().lower()
    rows = await db.scalars(
        select(ModelInstructionRow)
        .where(or_(ModelInstructionRow.vendor == "", _same(ModelInstructionRow.vendor, vendor)))
        .where(or_(ModelInstructionRow.model == "", _same(ModelInstructionRow.model, model)))
        # '' sorts before any name: what comes later is more specific, and wins.
        .order_by(ModelInstructionRow.vendor, ModelInstructionRow.model)
    )
    found = {each.topic: each for each in SHIPPED}
    for row in rows:
        found[Topic(row.topic)] = _instruction(row)
    return list(found.values())


async def written(db: AsyncSession) -> list[ModelInstruction]:
    """Return what administrators wrote, by vendor, model and topic."""
    rows = await db.scalars(
        select(ModelInstructionRow).order_by(
            ModelInstructionRow.vendor, ModelInstructionRow.model, ModelInstructionRow.topic
        )
    )
    return [
        ModelInstruction(row.vendor, row.model, _instruction(row), row.changed_at, row.changed_by)
        for row in rows
    ]


async def write(
    db: AsyncSession, vendor: str, model: str, instruction: Instruction, *, by: Actor, now: datetime
) -> None:
    """Write an instruction for a model; two empty texts take it away, and the general one holds.

    Raises:
        InvalidInput: If a model comes without its vendor, only one language is there, or a text
            is too long.
    """
    vendor, model = vendor.strip(), model.strip()
    if model and not vendor:
        raise InvalidInput("A model needs its vendor.", field="vendor")
    if len(vendor) > _LONGEST_NAME or len(model) > _LONGEST_NAME:
        raise InvalidInput(f"A name has at most {_LONGEST_NAME} characters.", field="model")
    text_en, text_de = instruction.text_en.strip(), instruction.text_de.strip()
    for name, text in (("text_en", text_en), ("text_de", text_de)):
        if len(text) > LONGEST_TEXT:
            raise InvalidInput(f"At most {LONGEST_TEXT} characters.", field=name)
        if not text and (text_en or text_de):
            raise InvalidInput("Write it in both languages.", field=name)
    await db.execute(
        delete(ModelInstructionRow)
        .where(_same(ModelInstructionRow.vendor, vendor))
        .where(_same(ModelInstructionRow.model, model))
        .where(ModelInstructionRow.topic == instruction.topic)
    )
    if text_en:
        await db.execute(
            insert(ModelInstructionRow)
            .values(
                vendor=vendor,
                model=model,
                topic=instruction.topic,
                text_en=text_en,
                text_de=text_de,
                changed_at=now,
                changed_by=by.id,
            )
            .on_conflict_do_nothing()
        )


def _same(column: InstrumentedAttribute[str], name: str) -> ColumnElement[bool]:
    return func.lower(column) == name.lower()


def _instruction(row: ModelInstructionRow) -> Instruction:
    return Instruction(Topic(row.topic), row.text_en, row.text_de)
