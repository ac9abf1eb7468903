"""The settings: one frozen value, read once by the program and handed down.

Each comes from a `LEITSTAND_…` variable of the environment, else from `leitstand.toml` in the
working folder (the same names in lower case without the prefix), else from its default here.
Reading never happens at import.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import urlsplit, urlunsplit

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from foundation.errors import InvalidInput
from foundation.networks import networks

PREFIX = "LEITSTAND_"
TOML_FILE = "leitstand.toml"
_MASK = "********"

Port = Annotated[int, Field(ge=0, le=65535)]
"""A TCP port; 0 lets the system choose a free one."""
Positive = Annotated[int, Field(ge=1)]
PositiveSeconds = Annotated[float, Field(gt=0)]


class Onboarding(StrEnum):
    """What happens to a station that is not on file."""

    REFUSE = "refuse"
    """HTTP 404 at the upgrade."""
    PENDING = "pending"
    """Its boot is answered Pending until it is accepted."""
    ACCEPT = "accept"
    """It is taken in at once: for trials on loopback."""


class InvalidSetting(InvalidInput):
    """A setting cannot be used; the message names each and what is wrong, never its value."""

    code = "invalid_setting"


@dataclass(frozen=True, slots=True)
class SettingSource:
    """One setting as `leitstand doctor` prints it."""

    name: str
    variable: str
    value: str
    source: str


class Settings(BaseSettings):
    """All settings; limits carry their unit in their name. Use `Settings.read()`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, toml_file=TOML_FILE, frozen=True, extra="forbid", env_ignore_empty=True
    )

    # ---------------------------------------------------------------- storage
    database_url: SecretStr | None = None
    """`postgresql://…`; None: the embedded server in the data folder."""
    data_dir: Path = Path(".leitstand")
    """Database, keys, documents."""
    secret_key: SecretStr | None = None
    """Seals what must be read again, as second factors; the same on all nodes. None: a file with
    one is made in the data folder."""
    database_pool_size: Positive = 20
    """Connections that one process keeps open at most."""

    # ---------------------------------------------------------------- listeners
    ocpp_host: str = "127.0.0.1"
    ocpp_port: Port = 9000
    ocpp_tls_port: Port | None = None
    ocpp_tls_cert: Path | None = None
    ocpp_tls_key: Path | None = None
    ocpp_tls_client_ca: Path | None = None
    """Authorities of stations' certificates (PEM), besides our own; for security profile 3."""
    ocpp_tls_second_cert: Path | None = None
    """One with a key of the other kind: RSA beside ECDSA, for stations that know only one."""
    ocpp_tls_second_key: Path | None = None
    ocpp_tls_client_organisation: str | None = Field(default=None, max_length=64)
    """The organisation (O) that stations' certificates must name; None: any that is trusted."""
    ocpp_tls_proxies: tuple[str, ...] = ()
    """Networks of proxies that end stations' TLS before us: what comes from there with the header
    `X-Forwarded-Proto: https` came by TLS (security profile 2)."""
    ocpp_public_url: str | None = Field(default=None, pattern="^wss?://[^/]+(/.*[^/])?$")
    """How stations reach the listener by TLS, without their identity; told to 2.x stations that
    shall use a higher security profile. None: by OCPP host and TLS port."""
    certificate_authority_url: SecretStr | None = None
    """`https://…` that signs stations' certificates instead of our own authority: takes a request
    as PEM, answers with the chain as PEM."""
    certificate_authority_token: SecretStr | None = None
    """What it is shown, as `Authorization: Bearer …`."""
    station_certificate_days: Positive = 365
    """How long the certificates are valid that our own authority gives to stations."""
    contract_certificates_url: SecretStr | None = None
    """`https://…` of who installs drivers' contract certificates (ISO 15118); None: nobody."""
    http_host: str = "127.0.0.1"
    http_port: Port = 8080
    workers: Positive = 1
    """1: one process for all. N: a parent and N socket processes sharing the port."""

    # ---------------------------------------------------------------- stations
    onboarding: Onboarding = Onboarding.PENDING
    heartbeat_interval_s: Positive = 300
    """Told to stations at boot."""
    boot_wait_s: Positive = 60
    """Told to stations whose boot is answered Pending or Rejected: when to ask again."""
    pending_after_s: Positive = 1800
    """Silence after which a station's state is `pending`."""
    offline_after_s: Positive = 3600
    """Silence after which a station's state is `offline`."""

    token_concurrency: int = Field(default=1, ge=0)
    """How many transactions one id token may have at once, at stations in reach; 0: any number."""
    infer_end_after_s: Positive = 900
    """How long an EVSE must be free before the lost end of its transaction is inferred."""
    running_cost_every_s: Positive = 60
    """How often a station with a display is told what its transaction costs so far."""

    # ---------------------------------------------------------------- sockets
    frame_max_bytes: Positive = 1024 * 1024
    assume_ocpp16: bool = False
    """Let stations in that offer no subprotocol at all, and speak 1.6 with them."""
    frames_per_second: PositiveSeconds = 1000.0
    """What one connection may send on average; beyond it, reading slows down."""
    frames_burst: Positive = 2000
    """What one connection may send at once: a queue worked off after a night offline."""
    connections_max: Positive = 50_000
    """Open stations' sockets per process; further ones are refused with HTTP 503."""
    handshakes_max: Positive = 1000
    """Connections per process whose upgrade is not finished."""
    handshake_timeout_s: PositiveSeconds = 10.0
    password_failures_per_minute: Positive = 10
    """Wrong passwords per station and address before answers are delayed with HTTP 429."""
    ping_interval_s: PositiveSeconds = 50.0
    """Below 55 s, since reverse proxies close what is silent for a minute."""
    pong_timeout_s: PositiveSeconds = 20.0
    call_timeout_s: PositiveSeconds = 30.0
    """How long a station may take to answer a call of ours."""
    effect_timeout_s: PositiveSeconds | None = None
    """The longest that the effect of a command is awaited; None: by its action."""
    commands_in_flight_max: Positive = 10
    """Commands without an answer that one API key or person may have at once."""
    close_timeout_s: PositiveSeconds = 5.0
    incoming_queue_max: Positive = 100
    """Calls of one station that wait for their turn; beyond it, reading stops."""

    # ---------------------------------------------------------------- group commit
    lanes: Positive = 1
    """Batches of reports that a process handles side by side. One takes all that waits: a second
    one halves the batches, and costs a sixth more CPU per call for the same calls per second."""
    lane_batch: Positive = 500
    """Reports in one unit of work at most."""
    lane_queue_max: Positive = 20_000
    """Reports that wait in one lane; beyond it, readers wait."""
    frames_batch: Positive = 2000
    """Rows of the OCPP log written in one go at most."""
    frames_queue_max: Positive = 100_000
    """Rows of the OCPP log kept in memory; beyond it the oldest are dropped and counted."""

    # ---------------------------------------------------------------- how long things are kept
    frames_kept_days: Positive = 90
    readings_kept_days: Positive = 3 * 366
    journal_kept_days: Positive = 2 * 366
    reports_kept_days: Positive = 10 * 366
    papers_kept_days: Positive = 10 * 366
    alerts_kept_days: Positive = 2 * 366
    """Counted from when an alert is over; one that a ticket, first aid, a rule's deed or a booking
    of credits refers to is kept for good."""
    customer_data_kept_days: Positive = 30
    """What stations told of a customer when they were asked (OCPP 2.x, CustomerInformation)."""
    probes_kept_days: Positive = 366
    """Probes of silent stations, by which one counts how many alarms they saved."""
    account_grace_days: Positive = 90
    """How long an account that has expired is kept before somebody may archive it."""

    # ---------------------------------------------------------------- neighbours
    mqtt_url: SecretStr | None = None
    """`mqtt://user:password@host:1883` or `mqtts://…`; None: no feed."""
    mqtt_timeout_s: PositiveSeconds = 10.0
    """How long the broker may take to acknowledge."""
    mqtt_refresh_s: PositiveSeconds = 300.0
    """How often what the broker retains is compared with the database."""
    mqtt_readings_every_s: PositiveSeconds = 10.0
    """How often the newest readings of running transactions are told."""
    smtp_url: SecretStr | None = None
    """`smtp://user:password@host:25` or `smtps://…`; None: mails are kept and shown."""
    smtp_timeout_s: PositiveSeconds = 30.0
    mail_sender: str = "leitstand@localhost"
    public_url: str | None = Field(default=None, pattern="^https?://[^/]+(/.*[^/])?$")
    """How people and stations reach the portal, for links in mails and for files; None: by HTTP
    host and port."""

    hotline_number: str | None = Field(default=None, max_length=50)
    """What drivers call, as it stands on the stickers; None: there is no hotline."""
    hotline_hours: str | None = Field(default=None, max_length=100)
    """When somebody answers, as in `Mon-Fri 8-18 h`; None: always."""

    # ---------------------------------------------------------------- stations' files
    station_file_max_bytes: Positive = 256 * 1024 * 1024
    """A log that a station sends, or firmware that is kept for stations."""
    station_files_kept_days: Positive = 366
    """How long logs are kept; firmware is kept for good."""
    file_upload_lasts_s: Positive = 24 * 3600
    """How long a station may take until it sends what it was asked for."""
    file_download_lasts_s: Positive = 14 * 24 * 3600
    """How long a station may fetch the firmware that it was told of."""
    file_transfer_timeout_s: PositiveSeconds = 3600.0
    """How long one file may be on its way to us."""

    webhook_networks: tuple[str, ...] = ()
    """Networks of one's own that webhooks may lead to, as in `10.1.0.0/16`; none: only the public
    internet, by https."""
    webhook_timeout_s: PositiveSeconds = 15.0
    """How long a webhook's receiver may take altogether."""
    webhook_failures_max: Positive = 20
    """A webhook is switched off after so many failed tries in a row …"""
    webhook_failing_hours: Positive = 24
    """… if the first of them is so long ago."""

    tunnel_url: str | None = Field(default=None, pattern=r"^https?://\{\}\.[a-z0-9.-]+(:\d+)?$")
    """How stations' own pages are reached through us, `https://{}.pages.example.org`: each opening
    gets a host name of its own for `{}`. Of another site than the portal; None: no tunnel."""
    tunnel_host: str = "127.0.0.1"
    tunnel_port: Port = 8081
    """Where the tunnel listens, behind what ends TLS for all those names."""
    tunnel_networks: tuple[str, ...] = ()
    """Networks that stations' own pages lie in, as in `10.8.0.0/16`; none: no tunnel. Loopback and
    link-local addresses and this machine's own are meant only where they are named as such."""
    tunnel_request_max_bytes: Positive = 16 * 1024 * 1024
    """The largest body sent to a page."""
    tunnel_answer_max_bytes: Positive = 256 * 1024 * 1024
    """The largest answer of a page."""
    tunnel_bytes_per_second: Positive = 2 * 1024 * 1024
    """What one opening carries, both ways together; beyond it, it slows down."""
    tunnel_connections_max: Positive = 24
    """What one opening may have open at once."""
    tunnel_requests_per_minute: Positive = 1200
    """What one opening may ask."""
    tunnel_timeout_s: PositiveSeconds = 30.0
    """How long a page may take until it begins to answer, and between parts of an answer."""
    tunnel_idle_s: Positive = 1800
    """An opening that nobody used for so long is over."""

    sms_url: SecretStr | None = None
    """The gateway that takes SMS about alerts as JSON by POST, `https://…`, or a named service with
    `{number}` in its address, as in `twilio://SID:TOKEN@FROM/{number}`; None: none are sent."""
    sms_token: SecretStr | None = None
    """What the gateway is shown, as `Authorization: Bearer …`."""
    sms_timeout_s: PositiveSeconds = 15.0

    # ---------------------------------------------------------------- money
    close_automatically: bool = True
    """Close every payee's month shortly after it is over in his time zone."""
    charge_portal_use: bool = False
    """Take what portal use costs in credits from customers, per user and month."""

    # ---------------------------------------------------------------- people
    admin_email: str | None = None
    """The first administrator; generated at first start and printed once."""
    admin_password: SecretStr | None = None
    login_idle_s: Positive = 12 * 3600
    """How long a login lasts without a click."""
    organisation: str = "root"
    """The key of the root organisation, which is created at the first start with what follows."""
    organisation_name: str = "Operator"
    organisation_time_zone: str = "Europe/Berlin"
    organisation_currency: str = "EUR"
    organisation_country: str = "DE"
    organisation_language: str = "en"

    # ---------------------------------------------------------------- portal and REST API
    http_hosts: tuple[str, ...] = ()
    """Host names that requests may name; none: any."""
    http_body_max_bytes: Positive = 8 * 1024 * 1024

    api_calls_per_minute: Positive = 6000
    """What an API key may ask that has no rate of its own; counted by each process."""

    # ---------------------------------------------------------------- the program
    shutdown_timeout_s: PositiveSeconds = 20.0
    """How long what is in hand may take to finish when the program is asked to stop."""
    log_level: str = Field(default="info", pattern="^(debug|info|warning|error)$")

    @property
    def reached_at(self) -> str:
        """How people and stations reach the portal, without a slash at the end."""
        return self.public_url or f"http://{self.http_host}:{self.http_port}"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings, env_settings, TomlConfigSettingsSource(settings_cls))

    @classmethod
    def read(cls, **given: Any) -> Self:
        """Read environment and file; what is `given` (by the command line) wins over both.

        Raises:
            InvalidSetting: If a value cannot be used, or the file has a name we do not know.
        """
        try:
            return cls(**given)
        except ValidationError as error:
            raise _invalid(error) from None
        except ValueError as error:  # the file is no TOML
            raise InvalidSetting(f"{TOML_FILE} cannot be read: {error}.", field=TOML_FILE) from None

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.ocpp_tls_port is not None and not (self.ocpp_tls_cert and self.ocpp_tls_key):
            raise ValueError("ocpp_tls_port needs ocpp_tls_cert and ocpp_tls_key")
        if (self.ocpp_tls_second_cert is None) != (self.ocpp_tls_second_key is None):
            raise ValueError("ocpp_tls_second_cert and ocpp_tls_second_key belong together")
        if self.offline_after_s <= self.pending_after_s:
            raise ValueError("offline_after_s must be longer than pending_after_s")
        if self.pending_after_s <= self.heartbeat_interval_s:
            raise ValueError("pending_after_s must be longer than heartbeat_interval_s")
        for name in ("webhook_networks", "tunnel_networks"):
            try:
                networks(getattr(self, name))
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from None
        if self.tunnel_url is not None and _is_one_site(self.tunnel_url, self.reached_at):
            raise ValueError("tunnel_url must be of another site than the portal")
        for name, schemes in _SCHEMES.items():
            url = getattr(self, name)
            if url and urlsplit(url.get_secret_value()).scheme not in schemes:
                raise ValueError(
                    f"{name} must begin with {' or '.join(f'{s}://' for s in schemes)}"
                )
        return self

    def sources(self, environment: Mapping[str, str] | None = None) -> list[SettingSource]:
        """Return every setting with its value and where that came from, secrets masked."""
        variables = {name.upper() for name in (os.environ if environment is None else environment)}
        in_file = TomlConfigSettingsSource(type(self))()
        found = []
        for name in type(self).model_fields:
            variable = PREFIX + name.upper()
            value = getattr(self, name)
            if name not in self.model_fields_set:
                source = "default"
            elif variable in variables:
                source = "environment"
            else:
                source = TOML_FILE if name in in_file else "command line"
            found.append(SettingSource(name, variable, _shown(value), source))
        return found

    @classmethod
    def unknown_variables(cls, environment: Mapping[str, str] | None = None) -> list[str]:
        """Return the `LEITSTAND_…` variables that name no setting: mostly misspelt ones."""
        known = {PREFIX + name.upper() for name in cls.model_fields}
        variables = os.environ if environment is None else environment
        return sorted(
            name
            for name in variables
            if name.upper().startswith(PREFIX) and name.upper() not in known
        )


def _is_one_site(one: str, other: str) -> bool:
    """Tell whether browsers may take two hosts for one site: they could set each other's cookies.

    Which names are open to registration only a long list says; two labels in common are too many.
    """
    ends = [(urlsplit(each).hostname or "").split(".")[-2:] for each in (one, other)]
    return ends[0] == ends[1]


_SCHEMES = {
    "database_url": ("postgresql", "postgres"),
    "mqtt_url": ("mqtt", "mqtts"),
    "smtp_url": ("smtp", "smtps"),
    "sms_url": (
        *("https", "http", "twilio", "vonage", "msgbird", "sinch", "clicksend", "plivo"),
        *("bulksms", "seven", "json", "jsons"),
    ),
}


def masked_url(url: str) -> str:
    """Return the URL with its password hidden: what may be shown and logged."""
    parts = urlsplit(url)
    if parts.password is None:
        return url
    user, at, host = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{user.partition(':')[0]}:{_MASK}{at}{host}"))


def _shown(value: object) -> str:
    if isinstance(value, SecretStr):
        secret = value.get_secret_value()
        return masked_url(secret) if "://" in secret else _MASK
    return "" if value is None else str(value)


def _invalid(error: ValidationError) -> InvalidSetting:
    """Name what is wrong without the value, which may be a secret."""
    problems = []
    for problem in error.errors(include_input=False, include_url=False):
        name = ".".join(str(part) for part in problem["loc"])
        text = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            text = f"{TOML_FILE} has this name, but there is no such setting"
        problems.append((name, f"{PREFIX}{name.upper()}: {text}" if name else text))
    return InvalidSetting(
        "; ".join(text for _, text in problems) + ".", field=problems[0][0] or None
    )
