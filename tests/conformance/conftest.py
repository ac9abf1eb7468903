"""A central system with TLS, whose own authority the stations trust."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from foundation.clock import SetClock
from foundation.postgres import EmbeddedPostgres
from tests.csms.central import EVENING, Central, central_running
from tests.csms.conftest import central as central
from tests.csms.conftest import shared_central as shared_central
from tests.pki import Authority, Holder


@dataclass
class Secured:
    """A central system that listens with TLS too, and the test's own authorities."""

    central: Central
    root: Authority
    """Signed the server's certificates, and is trusted for stations' ones."""
    server: Holder
    files: Path


@pytest.fixture(scope="module")
async def secured_for_module(
    postgres: EmbeddedPostgres,
    template: str,
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Secured]:
    """One for a module, with an RSA and an ECDSA certificate."""
    files = tmp_path_factory.mktemp("tls")
    root = Authority.root()
    server = root.issue("localhost", host="localhost", kind="rsa")
    second = root.issue("localhost", host="localhost")
    certificate, key = server.write(files, "server")
    second_certificate, second_key = second.write(files, "second")
    trusted = files / "trusted.pem"
    trusted.write_text(root.pem)
    name = "conformance_" + request.module.__name__.replace(".", "_").lower()[-45:]
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(f"create database {name} template {template}")
    async with central_running(
        postgres.url_of(name),
        SetClock(EVENING),
        ocpp_tls_port=0,
        ocpp_tls_cert=certificate,
        ocpp_tls_key=key,
        ocpp_tls_second_cert=second_certificate,
        ocpp_tls_second_key=second_key,
        ocpp_tls_client_ca=trusted,
        data_dir=files,
    ) as central:
        yield Secured(central, root, server, files)
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(f"drop database {name} with (force)")


@pytest.fixture
async def secured(secured_for_module: Secured) -> AsyncIterator[Secured]:
    """The module's, in the evening."""
    yield secured_for_module
    await secured_for_module.central.rested()
