"""Face, read: which commands rest on a written order."""

from collections.abc import Iterable
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from csms.tables import CommandRow

_LONGEST_ID: Final = 18


async def orders_of(db: AsyncSession, command_ids: Iterable[str]) -> dict[str, str]:
    """Return by command the order that it rests on; commands without one are left out."""
    numbers = sorted(
        {int(each) for each in command_ids if each.isdecimal() and len(each) <= _LONGEST_ID}
    )
    rows = await db.execute(
        select(CommandRow.id, CommandRow.change_order).where(
            CommandRow.id.in_(numbers), CommandRow.change_order.is_not(None)
        )
    )
    return {str(number): order or "" for number, order in rows}
