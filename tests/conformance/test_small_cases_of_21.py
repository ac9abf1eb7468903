"""2.1: a new identity and password (B), where logs are sent to (N), the driver's language (O)."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from socket import socket
from typing import Any

import httpx
import pytest
import uvicorn
from sqlalchemy import text
from websockets.exceptions import InvalidStatus

from accounts.directory import WHOLE
from billing.closing import Closing
from billing.driver_words import for_display
from csms import file_places, files
from csms.queue import CommandState
from csms.registers import Registers
from csms.reports import OcppVersion
from foundation.errors import InvalidInput
from foundation.identifiers import StationId
from foundation.sealing import Sealer
from foundation.settings import Settings
from portal.application import create_application
from portal.context import PortalContext
from roaming.handlers import Reimbursement
from tests.conformance.case import with_file_places
from tests.conformance.charging_station import token
from tests.conformance.paying_station import PayingStation, paying
from tests.csms import asking
from tests.csms.central import Central
from tests.pki import Authority

EFFECTIVE, REJECTED = CommandState.EFFECTIVE, CommandState.REJECTED
V21 = OcppVersion.V21

OLD = "0123456789abcdef"
NEW = "fedcba9876543210-of-forty-characters-too"


@pytest.fixture
async def case(central: Central) -> PayingStation:
    return await paying(central)


async def with_password(central: Central) -> PayingStation:
    identity = await central.station(security_profile=1, password=OLD)
    station = PayingStation(central, identity)
    await station.connect(password=OLD)
    assert (await station.boot())["status"] == "Accepted"
    return station


def profile(identity: str) -> dict[str, Any]:
    return {
        "configurationSlot": 1,
        "connectionData": {
            "ocppVersion": "OCPP21",
            "ocppInterface": "Wired0",
            "ocppTransport": "JSON",
            "messageTimeout": 30,
            "ocppCsmsUrl": "ws://csms.example/ocpp",
            "securityProfile": 1,
            "identity": identity,
            "basicAuthPassword": NEW,
        },
    }


async def connected_as(central: Central, station: str) -> int:
    """The epoch of the station's newest connection: it rises with each."""
    return int((await central.connection_of(station))["epoch"])


# ------------------------------------------------------------ B a new identity and password


async def test_b_100_the_new_identity_and_password_are_good_for_the_next_connection(
    central: Central,
) -> None:
    case = await with_password(central)
    new_name = f"{case.identity}-NEW"
    command = await case.asked_for("SetNetworkProfile", profile(new_name))
    data = (await case.was_asked("SetNetworkProfile"))["connection_data"]
    assert (data["identity"], data["basic_auth_password"]) == (new_name, NEW)
    ended = await case.becomes(command, EFFECTIVE)
    assert ended.payload["connectionData"]["basicAuthPassword"] == "********"
    before = await connected_as(central, case.identity)

    for user, path in ((new_name, f"/ocpp/{new_name}"), (new_name, f"/ocpp/{case.identity}")):
        with pytest.raises(InvalidStatus, match="401"):
            await central.connect(new_name, V21, password="wrong", user=user, path=path)
        again = await central.connect(new_name, V21, password=NEW, user=user, path=path)
        assert (await again.boot())["status"] == "Accepted"
    # It is the same station, and not a new one that waits for somebody.
    assert await connected_as(central, case.identity) == before + 2
    assert await central.rows("select 1 from stations where identity = :name", name=new_name) == []
    with pytest.raises(InvalidStatus, match="401"):  # the old one is over once the new is used
        await central.connect(case.identity, V21, password=OLD)

    kept = str(await central.frames(case.identity))
    kept += str(
        await central.rows(
            "select payload::text, concealed::text, answer::text from commands"
            " where station = :station",
            station=case.identity,
        )
    )
    assert "********" in kept
    assert NEW not in kept


async def test_b_100_until_the_station_answered_both_identities_are_its_own(
    central: Central,
) -> None:
    case = await with_password(central)
    new_name = f"{case.identity}-NEW"
    await case.leave()  # it will hear of it, and nobody will hear its answer
    await asking.ask(
        central, case.identity, "SetNetworkProfile", profile(new_name), when_offline="queue"
    )
    await (await central.connect(new_name, V21, password=NEW)).close()
    assert (await central.connection_of(case.identity))["station"] == case.identity


async def test_b_100_what_the_station_refuses_is_no_name_of_its(central: Central) -> None:
    case = await with_password(central)
    new_name = f"{case.identity}-NEW"
    command = await case.asked_for("SetNetworkProfile", profile(new_name), {"status": "Rejected"})
    await case.becomes(command, REJECTED)
    with pytest.raises(InvalidStatus, match="401"):
        await central.connect(
            new_name, V21, password=NEW, user=new_name, path=f"/ocpp/{case.identity}"
        )
    await (await central.connect(case.identity, V21, password=OLD)).close()


async def test_b_100_nobody_is_told_the_identity_of_another_station(central: Central) -> None:
    case, other = await with_password(central), await with_password(central)
    with pytest.raises(InvalidInput, match="not free") as refused:
        await asking.ask(
            central, case.identity, "SetNetworkProfile", profile(other.identity.upper())
        )
    assert refused.value.field == "$.connectionData.identity"
    new_name = f"{case.identity}-NEW"
    case.answers["SetNetworkProfile"] = {"status": "Accepted"}
    await asking.ask(central, case.identity, "SetNetworkProfile", profile(new_name))
    with pytest.raises(InvalidInput, match="not free"):
        await asking.ask(central, other.identity, "SetNetworkProfile", profile(new_name))
    async with central.database.unit_of_work() as db:
        found = await db.execute(
            text("select next_identity from stations where identity = :other"),
            {"other": other.identity},
        )
    assert found.scalar_one() is None


# --------------------------------------------------------------------- N where logs are sent to


class Served(uvicorn.Server):
    """A server that tells when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()


@asynccontextmanager
async def upload_place(central: Central, folder: Path, scheme: str) -> AsyncIterator[str]:
    """Run the portal, tell stations of it, and yield whom its visitors must trust."""
    app = create_application(
        PortalContext(
            database=central.database,
            clock=central.clock,
            settings=Settings(),
            closing=Closing(Registers(), Reimbursement()),
            sealer=Sealer(bytes(32)),
        )
    )
    root = Authority.root()
    (folder / "root.pem").write_text(root.pem)
    certificate, key = root.issue("localhost", host="localhost").write(folder, "portal")
    tls = {"ssl_certfile": certificate, "ssl_keyfile": key} if scheme == "https" else {}
    server = Served(
        uvicorn.Config(
            app,
            host="localhost",
            port=0,
            log_level="error",
            ws="none",
            timeout_graceful_shutdown=1,
            **tls,  # type: ignore[arg-type]
        )
    )
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(server.serve())
        await server.up.wait()
        port = server.servers[0].sockets[0].getsockname()[1]
        file_places.join(
            central.database,
            public_url=f"{scheme}://localhost:{port}",
            upload_lasts=timedelta(hours=1),
            download_lasts=timedelta(days=1),
        )
        try:
            yield str(folder / "root.pem")
        finally:
            with_file_places(central)
            server.should_exit = True


async def stored(case: PayingStation) -> list[bytes]:
    async with case.central.database.unit_of_work() as db:
        found = await files.files_of(db, WHOLE, StationId(case.identity))
    database = case.central.database
    return [b"".join([part async for part in files.content(database, file)]) for file in found]


@pytest.mark.parametrize(("number", "scheme"), [("n_102", "http"), ("n_102_2", "https")])
async def test_n_102_and_n_102_2_a_log_is_taken_from_who_knows_user_and_password(
    case: PayingStation, tmp_path: Path, number: str, scheme: str
) -> None:
    async with upload_place(case.central, tmp_path, scheme) as root:
        payload = {"logType": "DiagnosticsLog", "requestId": 92, "log": {"remoteLocation": ""}}
        command = await case.asked_for("GetLog", payload)
        url = httpx.URL((await case.was_asked("GetLog"))["log"]["remote_location"])
        assert (url.scheme, bool(url.username), len(url.password)) == (scheme, True, 32)
        bare = url.copy_with(username="", password="")
        trusted = ssl.create_default_context(cafile=root)
        async with httpx.AsyncClient(verify=trusted, trust_env=False) as http:
            wrong: list[tuple[str, str] | None] = [
                None,
                (url.username, "wrong"),
                ("", url.password),
            ]
            for auth in wrong:
                refused = await http.request("PUT", bare, content=b"somebody else's", auth=auth)
                assert refused.status_code == 401
                assert refused.headers["www-authenticate"].startswith("Basic ")
                assert await stored(case) == []
            await case.tells("LogStatusNotification", 92, "Uploading")
            assert (await http.put(url, content=b"the log")).status_code == 201
        await case.tells("LogStatusNotification", 92, "Uploaded")
    ended = await case.becomes(command, EFFECTIVE)
    assert await stored(case) == [b"the log"]
    kept = str(await case.central.frames(case.identity)) + str(ended)
    for table in ("commands", "file_places", "audit_entries"):
        kept += str(await case.central.rows(f"select t::text from {table} t"))
    assert "********@localhost" in kept
    assert url.password not in kept


# ------------------------------------------------------------------- O the driver's language


async def test_o_101_the_languages_of_a_driver_go_with_the_answers_and_choose_the_words(
    case: PayingStation,
) -> None:
    central = case.central
    await central.token("0412345678", language1="fr", language2="de-CH")
    info = await case.authorize("0412345678")
    assert (info["language1"], info["language2"]) == ("fr", "de-CH")
    answer = await case.begin("0412345678")
    assert answer["idTokenInfo"]["language1"] == "fr"
    central.clock.at += timedelta(hours=1)
    # He took nothing, and is told so in the first of his languages that we speak.
    ended = await case.end(wh=1000, idToken=token("0412345678"))
    assert ended["idTokenInfo"]["language2"] == "de-CH"
    said = ended["updatedPersonalMessage"]
    assert (said["language"], said["content"]) == ("de", for_display("de"))

    await central.token("0412345678", status="blocked", language1="de")
    refused = await case.authorize("0412345678")
    assert (refused["status"], refused["language1"]) == ("Blocked", "de")
    assert "language2" not in refused
    await central.token("0412345678")
    await case.begin("0412345678")
    central.clock.at += timedelta(hours=1)
    ended = await case.end(wh=1000)
    assert ended["updatedPersonalMessage"]["language"] == "en"  # the owner's
    assert "language1" not in await case.authorize("0412345678")
