"""Settings: where they come from, what is refused, what is never shown."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from foundation.settings import InvalidSetting, Onboarding, Settings, masked_url

CONTRACT_DEFAULTS: dict[str, object] = {
    "database_url": None,
    "data_dir": Path(".leitstand"),
    "ocpp_host": "127.0.0.1",
    "ocpp_port": 9000,
    "ocpp_tls_port": None,
    "ocpp_tls_cert": None,
    "ocpp_tls_key": None,
    "ocpp_tls_client_ca": None,
    "http_host": "127.0.0.1",
    "http_port": 8080,
    "onboarding": Onboarding.PENDING,
    "mqtt_url": None,
    "smtp_url": None,
    "admin_email": None,
    "admin_password": None,
    "workers": 1,
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder and no settings in the environment."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"LEITSTAND_{name.upper()}", raising=False)
    return tmp_path


def test_the_defaults_are_those_that_people_were_promised() -> None:
    settings = Settings.read()
    assert {name: getattr(settings, name) for name in CONTRACT_DEFAULTS} == CONTRACT_DEFAULTS
    assert settings.frame_max_bytes == 1024 * 1024
    assert settings.ping_interval_s < 55
    assert (settings.pending_after_s, settings.offline_after_s) == (1800, 3600)


def test_the_environment_wins_over_the_file_and_the_command_line_over_both(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "leitstand.toml").write_text("ocpp_port = 1\nhttp_port = 2\nlanes = 3\n")
    monkeypatch.setenv("LEITSTAND_OCPP_PORT", "4")
    monkeypatch.setenv("LEITSTAND_LANES", "5")
    settings = Settings.read(lanes=6)
    assert (settings.http_port, settings.ocpp_port, settings.lanes) == (2, 4, 6)


def test_every_value_is_shown_with_its_source(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "leitstand.toml").write_text("http_port = 2\n")
    monkeypatch.setenv("LEITSTAND_OCPP_PORT", "4")
    shown = {each.name: (each.value, each.source) for each in Settings.read(lanes=6).sources()}
    assert shown["http_port"] == ("2", "leitstand.toml")
    assert shown["ocpp_port"] == ("4", "environment")
    assert shown["lanes"] == ("6", "command line")
    assert shown["workers"] == ("1", "default")
    assert shown.keys() == Settings.model_fields.keys()


def test_a_secret_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEITSTAND_DATABASE_URL", "postgresql://lea:hunter2@db/leitstand?x=1")
    monkeypatch.setenv("LEITSTAND_ADMIN_PASSWORD", "hunter2")
    settings = Settings.read()
    shown = {each.name: each.value for each in settings.sources()}
    assert shown["database_url"] == "postgresql://lea:********@db/leitstand?x=1"
    assert "hunter2" not in repr(settings) + str(settings) + str(settings.sources())
    assert settings.database_url is not None
    assert settings.database_url.get_secret_value().endswith("hunter2@db/leitstand?x=1")


def test_a_url_without_a_password_is_shown_as_it_is() -> None:
    assert masked_url("smtp://localhost:25") == "smtp://localhost:25"
    assert masked_url("smtp://lea@localhost:25") == "smtp://lea@localhost:25"
    assert masked_url("smtp://lea:p%40ss@localhost:25") == "smtp://lea:********@localhost:25"


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("ocpp_port", "65535", "65536"),
        ("workers", "1", "0"),
        ("onboarding", "accept", "maybe"),
        ("ping_interval_s", "0.1", "0"),
        ("log_level", "debug", "loud"),
    ],
)
def test_a_wrong_value_is_refused_with_its_name(
    name: str, good: str, bad: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"LEITSTAND_{name.upper()}", good)
    assert str(getattr(Settings.read(), name)) == good
    monkeypatch.setenv(f"LEITSTAND_{name.upper()}", bad)
    with pytest.raises(InvalidSetting, match=f"LEITSTAND_{name.upper()}") as caught:
        Settings.read()
    assert caught.value.field == name


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("database_url", "postgresql://lea:hunter2@db/x", "mysql://lea:hunter2@db/x"),
        ("smtp_url", "smtps://lea:hunter2@mail", "http://lea:hunter2@mail"),
        ("mqtt_url", "mqtt://lea:hunter2@broker", "hunter2"),
    ],
)
def test_a_url_of_another_kind_is_refused_without_showing_it(
    name: str, good: str, bad: str
) -> None:
    Settings.read(**{name: good})
    with pytest.raises(InvalidSetting, match=f"{name} must begin with") as caught:
        Settings.read(**{name: bad})
    assert "hunter2" not in str(caught.value)


def test_an_unknown_name_in_the_file_is_refused(folder: Path) -> None:
    file = folder / "leitstand.toml"
    file.write_text("ocpp_port = 9001\n")
    assert Settings.read().ocpp_port == 9001
    file.write_text("ocpp_prot = 9001\n")
    with pytest.raises(InvalidSetting, match=r"OCPP_PROT.*no such setting"):
        Settings.read()


def test_a_file_that_is_no_toml_is_refused(folder: Path) -> None:
    (folder / "leitstand.toml").write_text("ocpp_port is 9001\n")
    with pytest.raises(InvalidSetting, match=r"leitstand\.toml cannot be read"):
        Settings.read()


def test_a_misspelt_variable_is_found() -> None:
    environment = {"LEITSTAND_OCPP_PORT": "1", "LEITSTAND_OCPP_PROT": "1", "PATH": "x"}
    assert Settings.unknown_variables(environment) == ["LEITSTAND_OCPP_PROT"]


def test_tls_needs_its_certificate_and_key(tmp_path: Path) -> None:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    Settings.read(ocpp_tls_port=9443, ocpp_tls_cert=cert, ocpp_tls_key=key)
    with pytest.raises(InvalidSetting, match="ocpp_tls_cert"):
        Settings.read(ocpp_tls_port=9443, ocpp_tls_cert=cert)


def test_offline_comes_after_pending_and_pending_after_a_missed_heartbeat() -> None:
    Settings.read(heartbeat_interval_s=10, pending_after_s=11, offline_after_s=12)
    with pytest.raises(InvalidSetting, match="offline_after_s"):
        Settings.read(heartbeat_interval_s=10, pending_after_s=11, offline_after_s=11)
    with pytest.raises(InvalidSetting, match="heartbeat_interval_s"):
        Settings.read(heartbeat_interval_s=11, pending_after_s=11, offline_after_s=12)


def test_settings_do_not_change() -> None:
    settings = Settings.read()
    with pytest.raises(ValidationError):
        settings.ocpp_port = 1
