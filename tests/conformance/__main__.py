"""`python -m tests.conformance`: run all cases, and write `docs/conformance.md`."""

import sys
from pathlib import Path

import pytest

from tests.conformance import listing


class _Outcomes:
    """Notes which tests passed in all their forms."""

    def __init__(self) -> None:
        self.seen: set[str] = set()
        self.failed: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        name = report.nodeid.partition("::")[2].partition("[")[0]
        if report.when == "call":
            self.seen.add(name)
        if not report.passed:
            self.failed.add(name)


def main() -> int:
    """Return the exit code of the run."""
    outcomes = _Outcomes()
    code = pytest.main(["-q", "-p", "no:cacheprovider", str(listing.HERE)], plugins=[outcomes])
    passed = sorted(outcomes.seen - outcomes.failed)
    Path("docs/conformance.md").write_text(listing.page(passed, sorted(outcomes.failed)))
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
