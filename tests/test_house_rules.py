"""Rules of the house that no linter knows."""

import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = (
    "accounts",
    "alerts",
    "app",
    "billing",
    "csms",
    "foundation",
    "portal",
    "roaming",
    "support",
    "simulators",
)

_COMPARED = "the migrations' tests compare every table with the database"

WITHOUT_MIRROR = {
    "__init__": "a docstring only",
    "__main__": "tried by running the command",
    "tables": _COMPARED,
    "messages": "generated; a test of the generator proves it fresh",
}
"""Modules that have no test file of their name anywhere, and what tests them instead."""

WITHOUT_MIRROR_HERE: dict[str, str] = {
    "accounts/cost_tables.py": _COMPARED,
    "accounts/account_tables.py": _COMPARED,
    "billing/document_tables.py": _COMPARED,
    "billing/charge_tables.py": _COMPARED,
    "billing/payout_tables.py": _COMPARED,
    "billing/credit_tables.py": _COMPARED,
    "billing/month_tables.py": _COMPARED,
    "billing/service_tables.py": _COMPARED,
    "billing/validity_tables.py": _COMPARED,
    "billing/tariff_rule_tables.py": _COMPARED,
    "csms/campaign_tables.py": _COMPARED,
    "csms/certificate_tables.py": _COMPARED,
    "csms/display_tables.py": _COMPARED,
    "billing/driver_letter_tables.py": _COMPARED,
    "csms/signed_value_tables.py": _COMPARED,
    "alerts/job_tables.py": _COMPARED,
    "alerts/alert_tables.py": _COMPARED,
    "alerts/notice_tables.py": _COMPARED,
    "alerts/task_tables.py": _COMPARED,
    "csms/silence_tables.py": _COMPARED,
    "csms/sheet_tables.py": _COMPARED,
    "csms/exchange_tables.py": _COMPARED,
    "csms/balancing_tables.py": _COMPARED,
    "csms/payment_tables.py": _COMPARED,
    "csms/local_list_tables.py": _COMPARED,
    "csms/record_tables.py": _COMPARED,
    "billing/payment_tables.py": _COMPARED,
    "support/rule_tables.py": _COMPARED,
    "support/first_aid_tables.py": _COMPARED,
    "support/maintenance_tables.py": _COMPARED,
    "support/remote_page_tables.py": _COMPARED,
    "support/visit_tables.py": _COMPARED,
    "csms/equipment_tables.py": _COMPARED,
    "csms/reports.py": "declarations only; every test of translating and handling uses them",
    "foundation/errors.py": "declarations only; every refusal's test uses them",
    "foundation/events.py": "declarations only; the outbox's tests store and read them",
    "foundation/migrate.py": "tests/migrations runs every migration with it",
    "foundation/identifiers.py": "declarations only; the id tokens' tests use them",
}
"""Single modules without a test file of their own, and why."""

TESTED_TOGETHER = {
    "app/cli": "the commands of one program, tried by running them",
    "portal/api": "the calls of one API, tried over HTTP",
    "portal/pages": "the pages of one portal, tried over HTTP and in a browser",
    "simulators/scenarios": "one scenario each, all tried in the same way",
}
"""Folders of like modules that one `test_<folder>.py` beside them may test as a whole."""

BANNED_WORDS = ("manager", "service", "helper", "util", "utils", "processor", "info", "data")

HOSTS = re.compile(
    r"pypi\.org|pythonhosted|registry\.npmjs|crates\.io|deb\.debian|(?:^|\W)--?(?:extra-)?index-url\s",
    re.IGNORECASE,
)
MACHINE_PATHS = re.compile(r"(?<![\w.])/(?:work|root|home/\w+|Users/\w+|farm)/(?=\w)")


def modules() -> list[Path]:
    return sorted(path.relative_to(ROOT) for room in ROOMS for path in (ROOT / room).rglob("*.py"))


def tracked_files() -> list[Path]:
    """The files of the repository that have text."""
    done = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    paths = [ROOT / name for name in done.stdout.decode().split("\0") if name]
    return [path for path in paths if path.is_file() and b"\0" not in path.read_bytes()]


def mirror(module: Path) -> Path:
    return Path("tests") / module.parent / f"test_{module.stem.lstrip('_')}.py"


def test_every_module_has_its_test_file() -> None:
    missing = [
        str(mirror(module))
        for module in modules()
        if module.stem not in WITHOUT_MIRROR
        and str(module) not in WITHOUT_MIRROR_HERE
        and not (ROOT / mirror(module)).exists()
        and not (str(module.parent) in TESTED_TOGETHER and (ROOT / mirror(module.parent)).exists())
    ]
    assert not missing, "write\n" + "\n".join(missing)


def test_the_list_of_exceptions_names_only_modules_that_need_it() -> None:
    for name in WITHOUT_MIRROR_HERE:
        assert (ROOT / name).exists(), f"{name} is gone"
        assert not (ROOT / mirror(Path(name))).exists(), f"{name} has its test now"


@pytest.mark.parametrize("room", ROOMS)
def test_each_room_is_imported_from_this_repository(room: str) -> None:
    """Names such as `app` are common: another package of that name must not win."""
    assert Path(str(importlib.import_module(room).__file__)).parent == ROOT / room


def test_asserts_are_never_switched_off() -> None:
    """Our own mistakes are asserts; with -O they would pass unseen."""
    assert sys.flags.optimize == 0
    for name in ("Makefile", ".ci/run", "pyproject.toml"):
        text = (ROOT / name).read_text()
        assert not re.search(r"python\S* (?:\S+ )*-O|PYTHONOPTIMIZE", text), name


def test_no_module_is_named_for_a_job_it_does_not_have() -> None:
    named = {
        str(module): words
        for module in modules()
        if (words := set(re.split(r"[_/]", str(module.with_suffix("")))) & set(BANNED_WORDS))
        and not module.stem.endswith("data_transfer")  # OCPP's own message is called so
        and not module.stem.startswith("service_")  # what is sold: the trade's own word
    }
    assert named == {}


def test_a_package_says_what_it_is_for_and_nothing_else() -> None:
    for module in modules():
        if module.name == "__init__.py":
            text = (ROOT / module).read_text().strip()
            assert re.fullmatch(r'"""(?:(?!""").)+"""', text, re.DOTALL), module


def test_no_file_names_a_package_host_or_a_path_of_some_machine() -> None:
    found = []
    for path in tracked_files():
        if path == Path(__file__):
            continue
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            if HOSTS.search(line) or MACHINE_PATHS.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}")
    assert found == []


def test_every_pin_has_its_hash() -> None:
    text = (ROOT / "requirements" / "all.txt").read_text()
    pins = [line for line in text.splitlines() if re.match(r"[a-z0-9]", line)]
    assert len(pins) > 50
    assert all("==" in pin and pin.endswith("\\") for pin in pins)
    for name in ("run.in", "dev.in"):
        for line in (ROOT / "requirements" / name).read_text().splitlines():
            wanted = re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", line)
            if wanted:
                pin = wanted[0].lower().replace("_", "-").replace(".", "-")
                assert re.search(rf"^{re.escape(pin)}==", text, re.MULTILINE), f"run make: {pin}"


def test_the_makefile_has_the_targets_that_people_rely_on() -> None:
    text = (ROOT / "Makefile").read_text()
    for target in ("demo", "install", "run", "test", "check", "soak", "bench", "requirements"):
        assert re.search(rf"^{target}:", text, re.MULTILINE), target
