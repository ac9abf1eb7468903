"""The server of the `ocpp-rpc` package on Node: strict validation, canned answers, nothing stored.

`python -m tests.bench.node_peer FOLDER VERSION --core N` becomes the Node process: it prints its
port as one line of JSON and ends with its standard input. FOLDER is what `install` filled.
"""

import argparse
import os
import shutil
import subprocess
from pathlib import Path

from tests.bench.frames import WORDS
from tests.bench.machine import pin, raise_open_files

_SOURCES = Path(__file__).with_name("node")
_INSTALL_S = 300


def install(folder: Path) -> str | None:
    """Fill a folder with the server and its pinned packages; return why that cannot be."""
    if shutil.which("node") is None or (npm := shutil.which("npm")) is None:
        return "Node or npm is not here"
    shutil.copytree(_SOURCES, folder)
    try:
        done = subprocess.run(
            [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=_INSTALL_S,
        )
    except subprocess.TimeoutExpired:
        return f"npm did not end within {_INSTALL_S} s"
    if done.returncode != 0:
        return f"npm could not install it: {done.stderr.strip()[-300:]}"
    return None


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("version", choices=WORDS)
    parser.add_argument("--core", type=int, default=-1)
    options = parser.parse_args()
    pin(options.core)
    raise_open_files(1 << 16)
    server = str(options.folder / "serve.cjs")
    os.execvp("node", ["node", server, WORDS[options.version].version])
