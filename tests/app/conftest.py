"""The command line, run in this process on the database of the test."""

import io
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from app.__main__ import main


@dataclass(frozen=True)
class Outcome:
    """What a command printed and how it ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[list[str]]:
        """The cells of a list that was printed for programs."""
        return [line.split("\t") for line in self.out.splitlines()]


Cli = Callable[..., Outcome]


@pytest.fixture
def bare(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Cli:
    """Run `leitstand` in an empty folder, with no setting of the machine that tests."""
    for name in os.environ:
        if name.startswith("LEITSTAND_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, typed: str = "") -> Outcome:
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        capsys.readouterr()
        status = main(arguments)
        out, err = capsys.readouterr()
        return Outcome(status, out, err)

    return run


@pytest.fixture
def cli(bare: Cli, monkeypatch: pytest.MonkeyPatch, database_url: str) -> Cli:
    """Run `leitstand` on a fresh migrated database."""
    monkeypatch.setenv("LEITSTAND_DATABASE_URL", database_url)
    return bare
