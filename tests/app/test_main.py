"""The command line's own frame: groups, statuses, errors."""

import pytest

from app.__main__ import application, main
from foundation.errors import Conflict
from tests.app.conftest import Cli


def test_the_commands_are_those_of_the_contract(bare: Cli) -> None:
    shown = bare("--help").out

    for command in (
        *("serve", "demo", "migrate", "doctor", "close-month", "user", "api-key", "station"),
        *("token", "tariff", "organisation", "provider", "agreement", "export"),
    ):
        assert f"  {command} " in shown


def test_an_expected_error_is_one_sentence_and_status_1(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: object) -> None:
        raise Conflict("Somebody was faster.")

    monkeypatch.setattr("app.__main__.application", refuse)
    assert main([]) == 1
    assert capsys.readouterr().err == "leitstand: Somebody was faster.\n"


def test_a_mistake_of_ours_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: object) -> None:
        raise AssertionError("a mistake")

    monkeypatch.setattr("app.__main__.application", fail)
    with pytest.raises(AssertionError):
        main([])


def test_secrets_in_local_variables_are_in_no_traceback() -> None:
    assert application.pretty_exceptions_enable is False


@pytest.mark.parametrize("arguments", [("--stations", "0"), ("--sessions", "none"), ("--fast",)])
def test_wrong_use_of_the_demo_starts_nothing(bare: Cli, arguments: tuple[str, ...]) -> None:
    assert bare("demo", *arguments).status == 2
