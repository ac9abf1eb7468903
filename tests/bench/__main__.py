"""`python -m tests.bench`: run the figures, print a JSON line each and a table at the end."""

import argparse
import importlib.util
import sys
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from rich.console import Console

from tests.bench import calls, fleets, month, remote
from tests.bench.figures import Figure, print_table
from tests.bench.machine import description
from tests.bench.stage import BenchFailed, Stage, today

FIGURES: dict[str, Callable[[Stage], Iterator[Figure]]] = {
    "cpu": calls.cpu,
    "latency": calls.latency,
    "starts": calls.starts,
    "command": remote.command,
    "fleet": fleets.fleet,
    "month": month.month,
    "documents": month.documents,
    "papers": month.papers,
}


def _what_is_missing(stage: Stage, names: Collection[str]) -> list[str]:
    """Say what cannot be measured here."""
    missing = []
    if "cpu" in names and (reason := stage.no_node_peer) is not None:
        missing.append(f"ocpp-rpc is not measured: {reason}.")
    if importlib.util.find_spec("uvloop") is None:
        missing.append("uvloop is not here: all figures are those of asyncio's own loop.")
    return missing


def main() -> int:
    """Run what is asked for; 1 if a figure could not be had."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="shorter runs, smaller fleets")
    parser.add_argument("--only", action="append", choices=FIGURES, help="only these figures")
    parser.add_argument("--json", type=Path, help="write the JSON lines to this file, too")
    options = parser.parse_args()
    console = Console(stderr=True)
    console.print(f"{today()}: {description()}. Only ratios within one run count.")
    stage = Stage(quick=options.quick)
    names = options.only or list(FIGURES)
    if stage.server_core == stage.load_core:
        console.print("Server and load share one core: nothing can be pinned apart here.")
    figures: list[Figure] = []
    failed = False
    try:
        for sentence in _what_is_missing(stage, names):
            console.print(sentence)
        for name in names:
            console.print(f"[dim]{name}: {(FIGURES[name].__doc__ or '').splitlines()[0]}[/dim]")
            try:
                for figure in FIGURES[name](stage):
                    figures.append(figure)
                    sys.stdout.write(figure.to_json() + "\n")
                    sys.stdout.flush()
            except BenchFailed as error:
                failed = True
                console.print(f"[red]{name}: {error}[/red]")
    finally:
        stage.close()
    print_table(figures, console)
    if options.json:
        options.json.write_text("".join(each.to_json() + "\n" for each in figures))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
