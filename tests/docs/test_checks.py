"""A page that is not true is found out."""

from __future__ import annotations

from pathlib import Path

import pytest

from docs.checks import wrong_with
from docs.pages import blocks_of
from docs.reader import Reader

TRUE = {
    "console": "$ echo one; echo two; echo three\none\n...\nthree\n$ printf 'a 17 b'\na ... b\n",
    "console # 2": "$ false\n$ echo $?\n1\n$ mkdir x && cd x && export Y=7\n$ echo $Y\n7\n$ pwd\n.../x\n",
    "python": "assert 1 + 1 == 2\n",
    "toml": "lease = 3.0\n",
    "text": "a -> b\n",
    "text parse_command": "create localhost<Space>\n",
    "json": "[1]\n",
}
FALSE = {
    "console": "$ echo one\ntwo\n",
    "console # 2": "$ echo one; echo two\none\n",
    "console # 3": "$ false\n",
    "console # 4": "$ echo error: no\nerror: no\n",
    "console # 5": "$ echo silent\n",
    "console elsewhere": "$ rm -r everything\n",
    "python": "assert 1 + 1 == 3\n",
    "python file=x.py": "x = 1\n",
    "toml": "lese = 3.0\n",
    "text": "$ hyperverse up\n",
    "text parse_command": "xreate localhost\n",
    "json": "[1\n",
    "sh": "echo one\n",
    "": "echo one\n",
}


def said_of(tmp_path: Path, info: str, content: str, reader: Reader) -> list[str]:
    page = tmp_path / "page.md"
    page.write_text(f"# A page\n\nLook:\n\n```{info.partition(' #')[0]}\n{content}```\n")
    return [wrong_with(page, block, reader) for block in blocks_of(page)]


@pytest.mark.parametrize("info", TRUE)
def test_a_true_block_passes(info: str, tmp_path: Path, reader: Reader) -> None:
    assert said_of(tmp_path, info, TRUE[info], reader) == [""]


@pytest.mark.parametrize("info", FALSE)
def test_an_untrue_block_is_found_out(info: str, tmp_path: Path, reader: Reader) -> None:
    (said,) = said_of(tmp_path, info, FALSE[info], reader)
    assert said
