"""What follows when a station answered a command about its security, its tariffs or its charging.

Called in the unit of work that takes the answer. Commands of other kinds cost a look-up.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from csms import (
    certificate_store,
    dynamic_schedules,
    held_tariffs,
    known_profiles,
    profile_upgrades,
    records,
    station_certificates,
    told_identities,
)
from csms.answers import meaning
from csms.certificates import OWN, UnusableCertificate, certificates_in, facts_of
from csms.passwords import tells_password
from csms.queue import STARTS, CommandState
from csms.settlement import Change, Open
from foundation.identifiers import StationId

ACTIONS: Final = (
    held_tariffs.ACTIONS
    | records.ACTIONS
    | frozenset(
        {
            "CertificateSigned",
            "ChangeConfiguration",
            "DeleteCertificate",
            "GetCompositeSchedule",
            "GetInstalledCertificateIds",
            "InstallCertificate",
            "Reset",
            "SetNetworkProfile",
            "SetVariables",
            "UpdateDynamicSchedule",
        }
    )
)
"""After which something follows, or may."""


def follows(action: str, payload: Mapping[str, Any]) -> bool:
    """Tell whether something follows from a command's answer, or may."""
    return action in ACTIONS or (action in STARTS and "chargingProfile" in payload)


_GONE: Final = frozenset({"Accepted", "NotFound"})


async def follow(db: AsyncSession, answered: Sequence[tuple[Open, Change]], now: datetime) -> None:
    """Do what follows from answers."""
    for command, change in answered:
        if follows(command.asked.action, command.asked.payload) and change.answer is not None:
            await _follow(db, command, change, change.answer, change.answered_at or now)


async def _follow(
    db: AsyncSession, command: Open, change: Change, answer: Mapping[str, Any], at: datetime
) -> None:
    station, action, payload = command.station, command.asked.action, command.asked.payload
    is_error = "error_code" in answer
    status = "" if is_error else str(answer.get("status"))
    said = meaning(action, answer)
    is_yes = said.is_yes and not is_error
    match action:
        case "InstallCertificate" if is_yes:
            await station_certificates.installed(db, station, payload, at)
        case "DeleteCertificate" if status in _GONE:
            hashes = payload.get("certificateHashData")
            if isinstance(hashes, Mapping):
                await certificate_store.forget_deleted(db, station, hashes, at)
        case "GetInstalledCertificateIds" if not is_error:
            version = command.asked.version
            await station_certificates.listed(db, station, version, payload, answer, at)
        case "GetCompositeSchedule":
            await known_profiles.answered(db, StationId(station), payload, answer, at)
        case "RemoteStartTransaction" | "RequestStartTransaction" if is_yes:
            await known_profiles.begun(db, station, command.id, payload, at)
        case "UpdateDynamicSchedule" if not is_yes:
            await dynamic_schedules.not_taken(db, station, command.id, action, payload, at=at)
        case "CertificateSigned":
            await _certificate_taken(db, command, payload, is_yes=is_yes, note=said.note, at=at)
    if tells_password(action, payload) and change.after is CommandState.REJECTED:
        await _withdraw_password(db, command)
    await told_identities.answered(db, station, action, payload, answer)
    if action in held_tariffs.ACTIONS:
        await held_tariffs.answered(
            db,
            station,
            command.id,
            action,
            payload,
            answer,
            is_yes=is_yes,
            note=said.note,
            at=at,
        )
    if action in records.ACTIONS:
        await records.answered(db, station, action, payload, answer, at)
    if action in _OF_UPGRADES:
        note = said.note or str(answer.get("error_code") or "")
        await profile_upgrades.go_on(
            db, station, command.id, is_yes=is_yes, note=note or None, now=at
        )


_OF_UPGRADES: Final = frozenset(
    {"ChangeConfiguration", "Reset", "SetNetworkProfile", "SetVariables"}
)


async def _certificate_taken(
    db: AsyncSession,
    command: Open,
    payload: Mapping[str, Any],
    *,
    is_yes: bool,
    note: str | None,
    at: datetime,
) -> None:
    """Note whether a station took its certificate; a new one of its own is what it has now."""
    request = await certificate_store.request_of_command(db, command.id)
    if request is not None and request.state == "sent":
        request.state = "installed" if is_yes else "rejected"
        request.reason = None if is_yes else (note or "The station refused it.")
        request.next_at, request.changed_at = None, at
    if not is_yes:
        return
    try:
        certificate = certificates_in(str(payload.get("certificateChain", "")))[0]
    except UnusableCertificate:
        return
    facts = facts_of(certificate)
    kind = str(payload.get("certificateType") or OWN)
    if kind == OWN:
        await certificate_store.keep_own(db, command.station, facts, source="installed", at=at)
    else:
        await certificate_store.keep_known(
            db, command.station, kind, facts, None, source="installed", at=at
        )


async def _withdraw_password(db: AsyncSession, command: Open) -> None:
    """A password that the station refused is none, unless it was told another one since."""
    await db.execute(
        text("""
            update stations set next_password = null where identity = :station and not exists (
                select 1 from commands c where c.station = :station and c.id > :id
                and c.action = any(:actions) and c.state in ('queued', 'sent', 'accepted')
                and c.concealed is not null)
        """),
        {
            "station": command.station,
            "id": command.id,
            "actions": ["ChangeConfiguration", "SetVariables", "SetNetworkProfile"],
        },
    )
