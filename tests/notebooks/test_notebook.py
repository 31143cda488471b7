"""A notebook runs from end to end: a client beside the event loop of the kernel, and answers that show as tables."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from patience import START

pytestmark = pytest.mark.thorough

CELLS = (
    "from hyperverse_core import BlockingClient\nclient = BlockingClient('data')",
    "client.exec('create localhost<Space>; create localhost:bed-%<Base>; create localhost:bed-%<Base>')",
    "client.select('localhost:*')",
    "client.status()",
    "client.rebalance()",
    "client.kinds()",
    "reply = client.ping('localhost:bed-1', 'Cmd<Bounce>')\nreply.status",
    # An async client works in a notebook too, with await at the top of a cell.
    "from hyperverse_core import Client\nasync with Client.connect('data') as other:\n"
    "    rows = await other.select('localhost:*')\nrows",
    "client.delete('localhost:*')",
    "client.close()",
)
TABLES = {
    1: "create localhost:bed-%",
    2: "localhost:bed-2",
    3: "machine",
    4: "moves",
    5: "Space",
    7: "localhost:bed-1",
    8: "bed-1",
}


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Path]:
    program = [sys.executable, "-m", "hyperverse_core.cli", "--data-dir", str(tmp_path / "data"), "--quiet"]
    subprocess.run([*program, "up", "--detach"], check=True, capture_output=True, timeout=START)
    yield tmp_path
    subprocess.run([*program, "down"], check=True, capture_output=True, timeout=START)


_RUN = """
import json, sys
import nbformat
from nbclient import NotebookClient

cells = [nbformat.v4.new_code_cell(text) for text in json.loads(sys.argv[1])]
notebook = nbformat.v4.new_notebook(cells=cells)
NotebookClient(notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": sys.argv[2]}}).execute()
print(json.dumps([[dict(output.get("data", {})) for output in cell.outputs] for cell in notebook.cells]))
"""


def test_a_notebook_runs_from_end_to_end(running: Path) -> None:
    # In a process of its own: a kernel leaves sockets and threads behind.
    program = [sys.executable, "-c", _RUN, json.dumps(CELLS), str(running)]
    done = subprocess.run(program, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    outputs: list[list[dict[str, Any]]] = json.loads(done.stdout.splitlines()[-1])
    for cell, said in TABLES.items():
        html = outputs[cell][-1]["text/html"]
        assert html.startswith("<table>") and said in html
    assert outputs[6][-1]["text/plain"] == "200"
