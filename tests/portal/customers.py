"""A command that asked a station for what it knows of a customer, and what it told."""

from datetime import datetime

from sqlalchemy import text

from csms import customer_information
from csms.customer_information import Part
from foundation.database import Database

REQUEST = 91


async def asked_and_told(
    database: Database, station: str, now: datetime, *parts: str, owner: str
) -> str:
    """Return the command's id; without parts the station told nothing."""
    async with database.unit_of_work() as db:
        number = await db.scalar(
            text("""
                insert into commands (id, station, owner, version, action, payload, raw, state,
                    asked_by, asked_by_name, asker_organisation, door, reason, asked_at, sent_at,
                    answered_at, expires_at, answer, priority, attempts, when_offline, until_ended)
                values ((select coalesce(max(id), 100) + 1 from commands), :station, :owner,
                    'ocpp2.0.1', 'CustomerInformation',
                    jsonb_build_object('requestId', 91, 'report', true, 'clear', false), false,
                    'accepted', 'test', 'Test', :owner, 'api', 'test', :at, :at, :at, :at,
                    '{"status": "Accepted"}', 1, 1, 'refuse', false)
                returning id
            """),
            {"station": station, "owner": owner, "at": now},
        )
        told = [
            Part(station, REQUEST, place, each, is_last=place == len(parts) - 1, at=now)
            for place, each in enumerate(parts)
        ]
        if told:
            await customer_information.keep(db, told)
    return str(number)
