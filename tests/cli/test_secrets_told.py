"""No token, no key and no secret property of a machine is in anything that it says: one search of every output."""

from __future__ import annotations

import json
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from cli.conftest import detached, program
from cli.test_secrets_at_rest import VAULT
from hyperverse_core.client.search import Search
from hyperverse_core.contracts.lane import Identity
from hyperverse_core.contracts.policy import Credentials
from hyperverse_core.data_dir.contexts import Contexts

pytestmark = pytest.mark.thorough

WORD, WRONG = "open-sesame-7713", "wrong-token-3358"
PAGES = ("", "login", "dashboard", "status", "metrics", "localhost/box", "..%2ftoken", "?token=")
SAID = (
    *[["config", "show"], ["status", "--json"], ["dump", "--json"], ["logs"], ["audit", "show"], ["keys", "show"]],
    *[["token", "list"], ["context", "show", "desk"], ["describe", "localhost:box"], ["exec", "get localhost:box{}"]],
    *[["exec", "get localhost:box{word}"], ["access", "localhost:box"], ["--debug", "exec", "nonsense {"]],
)


def pages(addresses: list[str]) -> list[str]:
    """What the gateway for HTTP answers to somebody without a token."""
    found = []
    for address in addresses:
        for page in PAGES:
            try:
                with urllib.request.urlopen(f"{address.rstrip('/')}/{page}", timeout=30) as reply:
                    found.append(f"{reply.headers}\n{reply.read().decode(errors='replace')}")
            except urllib.error.HTTPError as refused:
                found.append(f"{refused.headers}\n{refused.read().decode(errors='replace')}")
    return found


def test_nothing_that_is_told_has_a_secret(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    machine = detached(home, VAULT, HYPERVERSE__GATEWAYS__PORTAL__ADDRESS="127.0.0.1:0")
    status = next(machine)
    try:
        run, data = program(home), home / ".hyperverse"
        secrets = {
            "the owner's token": (data / "token").read_text().strip(),
            "a property": WORD,
            "a wrong token": WRONG,
        }
        run("user", "add", "ada")
        secrets["the token of a user"] = run("user", "token", "ada").stdout.strip()
        kept = home / "ada.token"
        kept.write_text(secrets["the token of a user"])
        kept.chmod(0o600)
        assert run("context", "add", "desk", "--token-file", "ada.token").returncode == 0
        kept.unlink()
        secrets["the key of clients"] = json.loads((data / "keys" / "stream" / "clients.key").read_text())["secret"]
        for file in (data / "keys").rglob("*.secret"):
            secrets[f"the key {file.name}"] = file.read_text().strip()
        assert all(len(secret) > 8 for secret in secrets.values()) and len(secrets) >= 6
        run("exec", "-", stdin=f"create localhost<Space>; create localhost:box<Vault>{{ +code={WORD}, +word={WORD} }};")
        assert run("exec", "get localhost:box").returncode == 0, "the particle with the secrets is there"
        told = [run("whoami", env={"HYPERVERSE_TOKEN": WRONG})]
        told.append(run("exec", "-", stdin=f"set localhost:box{{ +code={WORD}, +none=1 }};"))
        told += [run(*words) for words in SAID]
        told += [
            run("keys", "rotate", "clients", "--keep", "1s"),
            run("keys", "rotate", "secrets"),
            run("audit", "show"),
        ]
        secrets["the next key of clients"] = json.loads((data / "keys" / "stream" / "clients.key").read_text())[
            "secret"
        ]
        texts = [f"{done.args}: {done.stdout}{done.stderr}" for done in told]
        found = json.loads(run("status", "--json").stdout)
        texts += pages([address for address in _texts(found) if address.startswith("http://")])
        texts.append(subprocess.run(["ps", "axww", "-o", "args"], capture_output=True, text=True).stdout)
        texts.append((Path("/proc") / str(status["pid"]) / "cmdline").read_text())
        texts += [file.read_text(errors="replace") for file in data.glob("machines/*/log/*")]
        texts += [file.read_text(errors="replace") for file in data.glob("audit/*/*")]
        texts += [file.read_text(errors="replace") for file in data.glob("machines/*/control.json")]
        token = secrets["the token of a user"]
        context = Contexts(next(home.rglob("contexts")).parent).get("desk")
        assert context.token == token
        texts += map(repr, (context, Credentials(token), Identity("public", token), Search(data, given_token=token)))
        hits = [f"{name} in {text[:200]}" for text in texts for name, secret in secrets.items() if secret in text]
        assert hits == []
    finally:
        next(machine, None)


def _texts(value: object) -> list[str]:
    """Every text in a value of JSON."""
    if isinstance(value, dict):
        return [text for inner in value.values() for text in _texts(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in _texts(inner)]
    return [value] if isinstance(value, str) else []
