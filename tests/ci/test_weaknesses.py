"""The steps of CI that look for known weaknesses and for secrets find what is planted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ci_checks.secret_scan import found

REPOSITORY = Path(__file__).parents[2]
BANDIT = Path(sys.executable).with_name("bandit")
pytestmark = pytest.mark.skipif(
    not (BANDIT.exists() and BANDIT.with_name("detect-secrets").exists()),
    reason="bandit and detect-secrets are tools of those who change the platform: pip install '.[dev]'",
)


def test_a_planted_secret_is_found_and_one_that_is_allowed_is_not(tmp_path: Path) -> None:
    key = "AKIA" + "IOSFODNN7EXAMPLQ"
    (tmp_path / "a.py").write_text(f'name = "x"\nkey = "{key}"\n')
    (tmp_path / "b.py").write_text(f'key = "{key}"  # pragma: allowlist secret - made up\n')
    (tmp_path / "c.pem").write_text("-----BEGIN RSA PRIVATE KEY-----\nMIIB\n")  # pragma: allowlist secret - made up
    lines = found("a.py", "b.py", "c.pem", "nowhere", root=tmp_path, tracked=False)
    assert "a.py:2: AWS Access Key" in lines
    assert "c.pem:1: Private Key" in lines
    assert not [line for line in lines if line.startswith("b.py")]


@pytest.mark.parametrize(
    ("code", "rule"),
    [
        ("import subprocess\nsubprocess.call('ls ' + input(), shell=True)\n", "B602"),
        ("import pickle\npickle.loads(b'')\n", "B301"),
        ("import yaml\nyaml.load('')\n", "B506"),
        ("eval(input())\n", "B307"),
    ],
)
def test_a_planted_weakness_is_found(tmp_path: Path, code: str, rule: str) -> None:
    (tmp_path / "weak.py").write_text(code)
    words = [BANDIT, "-q", "-c", REPOSITORY / "pyproject.toml", "-f", "json", tmp_path / "weak.py"]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    assert rule in [one["test_id"] for one in json.loads(done.stdout)["results"]]
