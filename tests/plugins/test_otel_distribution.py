"""contrib/hyperverse-otel as a stranger uses it: built, installed, told where the collector is."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from plugins.contrib_environment import Environment

pytestmark = pytest.mark.thorough


class _Takes(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.server.paths.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, bytes]]]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Takes) as server:
        server.paths = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
        monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_always_on")
        yield server.paths
        server.shutdown()


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    environment = Environment.of("hyperverse-otel", tmp_path_factory.mktemp("otel"))
    environment.install()
    return environment


def test_what_a_machine_does_arrives_at_the_collector(
    environment: Environment, collector: list[tuple[str, bytes]]
) -> None:
    with environment.machine():
        assert environment.exec("create localhost<Space>")["status"] == 200
    assert {path for path, _ in collector} == {"/v1/traces", "/v1/metrics"}
    spans = b"".join(body for path, body in collector if path == "/v1/traces")
    assert b"Cmd<RawCommand>" in spans
    assert b"GLOBAL::executor" in spans
    assert b"hyperverse.waves.handled" in b"".join(body for path, body in collector if path == "/v1/metrics")


def test_its_own_tests_pass_where_it_is_installed(environment: Environment) -> None:
    environment.run_own_tests()
