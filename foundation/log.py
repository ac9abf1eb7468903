"""The structured log: one line per happening, to standard error.

For people (coloured, aligned) where standard error is a terminal, as JSON lines elsewhere. Every
line carries what was bound for the moment, such as the station and the event in hand. Values whose
key says that they are secret, and passwords inside URLs, are masked wherever they come from; the
standard library's loggers (uvicorn, websockets, procrastinate) come out the same way.
"""

import logging
import re
import sys
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

MASK = "********"

_SECRET_KEY = re.compile(
    r"(password|passwd|passphrase|secret|api_?key|authorization|cookie|credential|private_?key"
    r"|csrf|session_?id|signature_?key)s?$",
    re.IGNORECASE,
)
_URL_PASSWORD = re.compile(
    r"(?P<before>[a-z][a-z0-9+.-]*://[^\s:/@?#]*:)[^\s@/]+(?=@)", re.IGNORECASE
)
_DEPTH = 5

_QUIET = ("websockets", "uvicorn.access", "procrastinate", "asyncio", "alembic", "aiosqlite")
"""Libraries that tell too much below the level of a warning."""


def configure_log(level: str = "info", *, stream: TextIO | None = None) -> None:
    """Set the log up for this process; calling it again replaces the earlier set-up.

    Args:
        level: `debug`, `info`, `warning` or `error`.
        stream: Standard error unless something else is given.
    """
    target = sys.stderr if stream is None else stream
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    renderers: list[Processor]
    if target.isatty():
        # Tracebacks without their local variables: those hold secrets.
        plain = structlog.dev.plain_traceback
        renderers = [mask_secrets, structlog.dev.ConsoleRenderer(exception_formatter=plain)]
    else:
        renderers = [
            structlog.processors.format_exc_info,
            mask_secrets,
            structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
        ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,  # a test configures more than once
    )
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.PositionalArgumentsFormatter(), *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(number)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):  # they bring handlers of their own
        logging.getLogger(name).handlers = []
        logging.getLogger(name).propagate = True
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(number, logging.WARNING))
    logging.captureWarnings(True)


@contextmanager
def bound(**values: object) -> Iterator[None]:
    """Add the values to every line logged inside, in this task and those it starts."""
    with structlog.contextvars.bound_contextvars(**values):
        yield


def mask_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Hide what must not be in a log: the last processor before rendering."""
    return {key: _masked(key, value, _DEPTH) for key, value in event.items()}


def _masked(key: object, value: Any, depth: int) -> Any:
    if isinstance(key, str) and value is not None and _SECRET_KEY.search(key):
        return MASK
    if isinstance(value, str):
        return _URL_PASSWORD.sub(rf"\g<before>{MASK}", value) if "://" in value else value
    if depth == 0:
        return value
    if isinstance(value, Mapping | MutableMapping):
        return {inner: _masked(inner, each, depth - 1) for inner, each in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(None, each, depth - 1) for each in value]
    return value
