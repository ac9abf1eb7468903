"""The log: JSON or colours, what is bound, and what is never in it."""

import asyncio
import io
import json
import logging
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from foundation.log import MASK, bound, configure_log, mask_secrets


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, showwarning = root.handlers, root.level, warnings.showwarning
    yield
    logging.captureWarnings(False)
    root.handlers, warnings.showwarning = handlers, showwarning
    root.setLevel(level)
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_elsewhere_than_on_a_terminal_each_line_is_json() -> None:
    stream = io.StringIO()
    configure_log(stream=stream)
    structlog.get_logger("csms.dispatch").info("frame.read", size=3, stärke="größer")
    [line] = lines(stream)
    assert line["event"] == "frame.read"
    assert line["logger"] == "csms.dispatch"
    assert line["level"] == "info"
    assert line["size"] == 3
    assert line["stärke"] == "größer"
    assert line["timestamp"].endswith("Z")


def test_on_a_terminal_lines_are_for_people() -> None:
    stream = Terminal()
    configure_log(stream=stream)
    structlog.get_logger().warning("frame.refused", size=3)
    assert "frame.refused" in stream.getvalue()
    with pytest.raises(json.JSONDecodeError):
        lines(stream)


def test_what_is_below_the_level_is_left_out() -> None:
    stream = io.StringIO()
    configure_log("warning", stream=stream)
    structlog.get_logger().info("quiet")
    structlog.get_logger().warning("loud")
    assert [line["event"] for line in lines(stream)] == ["loud"]


async def test_station_and_event_are_in_every_line_of_their_task_and_of_no_other() -> None:
    stream = io.StringIO()
    configure_log(stream=stream)

    async def handle(station: str) -> None:
        with bound(station_id=station, event_id=7):
            await asyncio.sleep(0)
            structlog.get_logger().info("handled")

    await asyncio.gather(handle("CS-1"), handle("CS-2"))
    structlog.get_logger().info("after")
    first, second, after = lines(stream)
    assert {first["station_id"], second["station_id"]} == {"CS-1", "CS-2"}
    assert first["event_id"] == 7
    assert "station_id" not in after


@pytest.mark.parametrize(
    "key", ["password", "new_password", "api_key", "Authorization", "client_secret", "csrf"]
)
def test_a_value_whose_key_says_that_it_is_secret_is_masked(key: str) -> None:
    event = mask_secrets(None, "info", {"event": "x", key: "hunter2", "deep": [{key: "hunter2"}]})
    assert "hunter2" not in str(event)
    assert event[key] == MASK


@pytest.mark.parametrize("key", ["id_token", "key", "station_id", "password_failures", "author"])
def test_a_value_that_only_looks_secret_is_shown(key: str) -> None:
    assert mask_secrets(None, "info", {"event": "x", key: "04A2"})[key] == "04A2"


def test_a_password_inside_a_url_is_masked_also_in_a_traceback() -> None:
    stream = io.StringIO()
    configure_log(stream=stream)
    try:
        raise ValueError("cannot reach postgresql://lea:hunter2@db/x")
    except ValueError:
        structlog.get_logger().exception("database.away", url="smtp://lea:hunter2@mail:25")
    [line] = lines(stream)
    assert line["url"] == f"smtp://lea:{MASK}@mail:25"
    assert "ValueError" in line["exception"]
    assert "hunter2" not in stream.getvalue()


def test_a_terminal_shows_no_local_variables_of_a_traceback() -> None:
    stream = Terminal()
    configure_log(stream=stream)
    hidden = "hunter2"
    try:
        raise ValueError(len(hidden))
    except ValueError:
        structlog.get_logger().exception("broken")
    assert "ValueError" in stream.getvalue()
    assert "'hunter2'" not in stream.getvalue().replace('hidden = "hunter2"', "")


@pytest.mark.parametrize("name", ["uvicorn.error", "websockets.server", "procrastinate.worker"])
def test_the_libraries_warn_through_the_same_log(name: str) -> None:
    stream = io.StringIO()
    configure_log(stream=stream)
    with bound(station_id="CS-1"):
        logging.getLogger(name).warning("closed %d of %d", 1, 2, extra={"password": "hunter2"})
    [line] = lines(stream)
    assert line["event"] == "closed 1 of 2"
    assert line["logger"] == name
    assert line["station_id"] == "CS-1"
    assert line["password"] == MASK


def test_the_libraries_small_talk_is_left_out() -> None:
    stream = io.StringIO()
    configure_log(stream=stream)
    logging.getLogger("websockets.server").info("connection open")
    assert stream.getvalue() == ""


def test_a_warning_of_python_is_a_line_too() -> None:
    stream = io.StringIO()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        configure_log(stream=stream)
        warnings.warn("old ways", DeprecationWarning, stacklevel=1)
        logging.captureWarnings(False)
    assert "old ways" in lines(stream)[0]["event"]
