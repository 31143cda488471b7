"""Components that import WASI preview 2, as text."""

from __future__ import annotations

from mechtron.component_guests import HANDLE, LIBC

__all__ = ["SOCKETS", "SURROUNDINGS", "WAITS", "component"]

_BROKEN = '(variant (case "last-operation-failed" (own $fault)) (case "closed"))'
_IMPORTS = f"""
  (import "wasi:io/poll@0.2.3" (instance $poll
    (export "pollable" (type $p (sub resource)))
    (export "[method]pollable.block" (func (param "self" (borrow $p))))
    (export "[method]pollable.ready" (func (param "self" (borrow $p)) (result bool)))
    (export "poll" (func (param "in" (list (borrow $p))) (result (list u32))))))
  (alias export $poll "pollable" (type $pollable))
  (import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock
    (alias outer 1 $pollable (type $o)) (export "pollable" (type $p (eq $o)))
    (export "now" (func (result u64)))
    (export "subscribe-instant" (func (param "when" u64) (result (own $p))))
    (export "subscribe-duration" (func (param "when" u64) (result (own $p))))))
  (import "wasi:random/random@0.2.12" (instance $random
    (export "get-random-bytes" (func (param "len" u64) (result (list u8))))
    (export "get-random-u64" (func (result u64)))))
  (import "wasi:io/error@0.2.3" (instance $error (export "error" (type (sub resource)))))
  (alias export $error "error" (type $error))
  (import "wasi:io/streams@0.2.3" (instance $streams
    (alias outer 1 $error (type $e)) (export "error" (type $fault (eq $e)))
    (alias outer 1 $pollable (type $o)) (export "pollable" (type $p (eq $o)))
    (export "input-stream" (type $in (sub resource)))
    (export "output-stream" (type $out (sub resource)))
    (type $broken0 {_BROKEN}) (export "stream-error" (type $broken (eq $broken0)))
    (export "[method]input-stream.blocking-read" (func (param "self" (borrow $in)) (param "len" u64)
      (result (result (list u8) (error $broken)))))
    (export "[method]output-stream.write" (func (param "self" (borrow $out)) (param "contents" (list u8))
      (result (result (error $broken)))))
    (export "[method]output-stream.subscribe" (func (param "self" (borrow $out)) (result (own $p))))))
  (alias export $streams "input-stream" (type $input))
  (alias export $streams "output-stream" (type $output))
  (import "wasi:cli/stdin@0.2.3" (instance $stdin
    (alias outer 1 $input (type $o)) (export "input-stream" (type $in (eq $o)))
    (export "get-stdin" (func (result (own $in))))))
  (import "wasi:cli/stderr@0.2.3" (instance $stderr
    (alias outer 1 $output (type $o)) (export "output-stream" (type $out (eq $o)))
    (export "get-stderr" (func (result (own $out))))))
  (import "wasi:cli/exit@0.2.3" (instance $exit (export "exit" (func (param "status" (result))))))
"""
_MEMORY = '(memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))'
_LOWERED = (
    ("poll", "poll", "poll"),
    ("poll", "[method]pollable.block", "block"),
    ("poll", "[method]pollable.ready", "ready"),
    ("clock", "now", "now"),
    ("clock", "subscribe-instant", "instant"),
    ("clock", "subscribe-duration", "duration"),
    ("random", "get-random-bytes", "bytes"),
    ("random", "get-random-u64", "number"),
    ("streams", "[method]input-stream.blocking-read", "read"),
    ("streams", "[method]output-stream.write", "write"),
    ("streams", "[method]output-stream.subscribe", "ready-to-write"),
    ("stdin", "get-stdin", "stdin"),
    ("stderr", "get-stderr", "stderr"),
    ("exit", "exit", "exit"),
)
_MAIN = """
  (core module $main
    (import "libc" "memory" (memory 2))
    (import "wasi" "poll" (func $poll (param i32 i32 i32)))
    (import "wasi" "block" (func $block (param i32)))
    (import "wasi" "ready" (func $ready (param i32) (result i32)))
    (import "wasi" "now" (func $now (result i64)))
    (import "wasi" "instant" (func $instant (param i64) (result i32)))
    (import "wasi" "duration" (func $duration (param i64) (result i32)))
    (import "wasi" "bytes" (func $bytes (param i64 i32)))
    (import "wasi" "number" (func $number (result i64)))
    (import "wasi" "read" (func $read (param i32 i64 i32)))
    (import "wasi" "write" (func $write (param i32 i32 i32 i32)))
    (import "wasi" "ready-to-write" (func $toWrite (param i32) (result i32)))
    (import "wasi" "stdin" (func $stdin (result i32)))
    (import "wasi" "stderr" (func $stderr (result i32)))
    (import "wasi" "exit" (func $exit (param i32)))
    (import "wasi" "drop" (func $drop (param i32)))
    (data (i32.const 64) "first line\\nsecond \\ff")
    (global $hour i64 (i64.const 3600000000000))
    (global $begun (mut i64) (i64.const 0))
    (func $answer (param $at i32) (param $n i32) (result i32)
      (i32.store (i32.const 1024) (i32.const 0))
      (i32.store (i32.const 1028) (local.get $at)) (i32.store (i32.const 1032) (local.get $n)) (i32.const 1024))
    (func $digit (param $k i32) (param $value i32)
      (i32.store8 (i32.add (i32.const 300) (local.get $k)) (i32.add (local.get $value) (i32.const 48))))
    (func $is (param $m i32) (param $c i32) (result i32) (i32.eq (i32.load8_u (local.get $m)) (local.get $c)))
    (func (export "handle") (param $m i32) (param $mn i32) (param $b i32) (param $bn i32) (result i32) (local $p i32)
      (if (call $is (local.get $m) (i32.const 72)) (then ;; Hour: polls a timer of an hour
        (i32.store (i32.const 200) (call $duration (global.get $hour)))
        (call $poll (i32.const 200) (i32.const 1) (i32.const 400))))
      (if (call $is (local.get $m) (i32.const 66)) (then ;; Block: until an hour from now
        (call $block (call $instant (i64.add (call $now) (global.get $hour))))))
      (if (call $is (local.get $m) (i32.const 69)) (then ;; Ever: the longest that can be said
        (call $block (call $duration (i64.const -1)))))
      (if (call $is (local.get $m) (i32.const 78)) (then ;; Nap: one of 20 ms, one of an hour, and not too early
        (global.set $begun (call $now))
        (i32.store (i32.const 200) (call $duration (global.get $hour)))
        (i32.store (i32.const 204) (local.tee $p (call $duration (i64.const 20000000))))
        (call $digit (i32.const 0) (call $ready (local.get $p)))
        (call $poll (i32.const 200) (i32.const 2) (i32.const 400))
        (call $digit (i32.const 1) (i32.load (i32.const 404))) ;; how many are ready
        (call $digit (i32.const 2) (i32.load (i32.load (i32.const 400)))) ;; the first of them
        (call $digit (i32.const 3) (call $ready (local.get $p)))
        (call $digit (i32.const 4) (i64.ge_u (i64.sub (call $now) (global.get $begun)) (i64.const 20000000)))
        (call $drop (local.get $p)) (call $drop (i32.load (i32.const 200)))
        (return (call $answer (i32.const 300) (i32.const 5)))))
      (if (call $is (local.get $m) (i32.const 77)) (then ;; Mixed: a stream that is ready, and a timer that is not
        (i32.store (i32.const 200) (call $duration (global.get $hour)))
        (i32.store (i32.const 204) (call $toWrite (call $stderr)))
        (call $poll (i32.const 200) (i32.const 2) (i32.const 400))
        (call $digit (i32.const 0) (i32.load (i32.const 404)))
        (call $digit (i32.const 1) (i32.load (i32.load (i32.const 400))))
        (return (call $answer (i32.const 300) (i32.const 2)))))
      (if (call $is (local.get $m) (i32.const 80)) (then ;; Print
        (call $write (call $stderr) (i32.const 64) (i32.const 19) (i32.const 400))
        (call $digit (i32.const 0) (i32.load8_u (i32.const 400)))
        (return (call $answer (i32.const 300) (i32.const 1)))))
      (if (call $is (local.get $m) (i32.const 73)) (then ;; Input: err(closed)
        (call $read (call $stdin) (i64.const 10) (i32.const 400))
        (call $digit (i32.const 0) (i32.load8_u (i32.const 400)))
        (call $digit (i32.const 1) (i32.load8_u (i32.const 404)))
        (return (call $answer (i32.const 300) (i32.const 2)))))
      (if (call $is (local.get $m) (i32.const 82)) (then ;; Random: 32 bytes, 7 bits of each
        (call $bytes (i64.const 32) (i32.const 400))
        (local.set $p (i32.load (i32.const 400)))
        (i64.store (local.get $p) (i64.and (i64.load (local.get $p)) (i64.const 0x3f3f3f3f3f3f3f3f)))
        (if (i32.ne (i32.load (i32.const 404)) (i32.const 32)) (then unreachable))
        (if (i64.eq (call $number) (call $number)) (then unreachable))
        (return (call $answer (local.get $p) (i32.const 8)))))
      (if (call $is (local.get $m) (i32.const 71)) (then ;; Greedy: more random bytes than anybody has
        (call $bytes (i64.const 0x1000000000000000) (i32.const 400))))
      (if (call $is (local.get $m) (i32.const 87)) (then ;; Write: more than was allowed
        (call $write (call $stderr) (i32.const 0) (i32.const 100000) (i32.const 400))))
      (if (call $is (local.get $m) (i32.const 65)) (then ;; All: timers without an end
        (loop (drop (call $duration (i64.const 1))) (br 0))))
      (if (call $is (local.get $m) (i32.const 76)) (then ;; Loop: timers that are dropped
        (local.set $p (i32.const 20000))
        (loop (call $drop (call $duration (i64.const 1)))
          (br_if 0 (local.tee $p (i32.sub (local.get $p) (i32.const 1)))))))
      (if (call $is (local.get $m) (i32.const 67)) (then ;; Cheat: polls what it does not hold
        (i32.store (i32.const 200) (i32.const 77))
        (call $poll (i32.const 200) (i32.const 1) (i32.const 400))))
      (if (call $is (local.get $m) (i32.const 90)) (then ;; Zero: polls nothing
        (call $poll (i32.const 200) (i32.const 0) (i32.const 400))))
      (if (call $is (local.get $m) (i32.const 88)) (then (call $exit (i32.const 1)))) ;; X: ends itself
      (if (call $is (local.get $m) (i32.const 83)) (then ;; Spin: waits for what is ready, for ever
        (local.set $p (call $duration (i64.const 0)))
        (loop (call $block (local.get $p)) (br 0))))
      (call $answer (local.get $b) (local.get $bn))))
  (core instance $m (instantiate $main (with "libc" (instance $libc)) (with "wasi" (instance $lowered))))"""


def component(imports: str, lowered: tuple[tuple[str, str, str], ...], main: str, more: str = "") -> str:
    """A component with the world of Mechtrons.

    Args:
        imports: of the component.
        lowered: the functions that its module gets: instance, name there, name in the module's ``wasi``.
        main: the module, which exports ``handle``, and its instance ``$m``.
        more: other functions for the module.
    """
    lines = [
        f'(core func $l{k} (canon lower (func ${where} "{name}") {_MEMORY}))'
        for k, (where, name, _) in enumerate(lowered)
    ]
    exports = " ".join(f'(export "{name}" (func $l{k}))' for k, (_, _, name) in enumerate(lowered))
    instance = f"(core instance $lowered {exports} {more})"
    handle = HANDLE.format(body="string", answer="string")
    return f"(component {imports}{LIBC}\n  " + "\n  ".join((*lines, instance)) + f"{main}{handle})"


WAITS = component(
    f"{_IMPORTS} (core func $drop (canon resource.drop $pollable))",
    _LOWERED,
    _MAIN,
    '(export "drop" (func $drop))',
)
"""A component that uses clocks, poll, randomness and streams of WASI; the first letter of the method says what for."""

_NET_ERROR = """(enum "unknown" "access-denied" "not-supported" "invalid-argument" "out-of-memory" "timeout"
      "concurrency-conflict" "not-in-progress" "would-block" "invalid-state" "new-socket-limit" "address-not-bindable"
      "address-in-use" "remote-unreachable" "connection-refused" "connection-reset" "connection-aborted"
      "datagram-too-large" "name-unresolvable" "temporary-resolver-failure" "permanent-resolver-failure")"""
SOCKETS = component(
    f"""
  (import "wasi:sockets/network@0.2.3" (instance $network
    (export "network" (type (sub resource)))
    (type $e {_NET_ERROR}) (export "error-code" (type (eq $e)))
    (type $f (enum "ipv4" "ipv6")) (export "ip-address-family" (type (eq $f)))))
  (alias export $network "error-code" (type $code))
  (alias export $network "ip-address-family" (type $family))
  (import "wasi:sockets/tcp@0.2.3" (instance $tcp (export "tcp-socket" (type $s (sub resource)))
    (export "[method]tcp-socket.is-listening" (func (param "self" (borrow $s)) (result bool)))))
  (alias export $tcp "tcp-socket" (type $socket))
  (import "wasi:sockets/tcp-create-socket@0.2.3" (instance $create
    (alias outer 1 $code (type $c)) (export "error-code" (type $code (eq $c)))
    (alias outer 1 $family (type $f)) (export "ip-address-family" (type $family (eq $f)))
    (alias outer 1 $socket (type $s)) (export "tcp-socket" (type $socket (eq $s)))
    (export "create-tcp-socket" (func (param "address-family" $family)
      (result (result (own $socket) (error $code)))))))
""",
    (("create", "create-tcp-socket", "create"), ("tcp", "[method]tcp-socket.is-listening", "listening")),
    """
  (core module $main
    (import "libc" "memory" (memory 2))
    (import "wasi" "create" (func $create (param i32 i32)))
    (import "wasi" "listening" (func $listening (param i32) (result i32)))
    (func (export "handle") (param $m i32) (param $mn i32) (param $b i32) (param $bn i32) (result i32)
      (if (local.get $bn) (then (drop (call $listening (i32.const 1)))))
      (call $create (i32.const 0) (i32.const 400))
      (i32.store8 (i32.const 300) (i32.add (i32.load8_u (i32.const 400)) (i32.const 48)))
      (i32.store8 (i32.const 301) (i32.add (i32.load8_u (i32.const 404)) (i32.const 48)))
      (i32.store (i32.const 1024) (i32.const 0))
      (i32.store (i32.const 1028) (i32.const 300)) (i32.store (i32.const 1032) (i32.const 2)) (i32.const 1024)))
  (core instance $m (instantiate $main (with "libc" (instance $libc)) (with "wasi" (instance $lowered))))""",
)
"""A component that asks for a socket, and answers with what it got: whether that is an error, and which one."""

SURROUNDINGS = component(
    """
  (import "wasi:cli/environment@0.2.9" (instance $environment
    (export "get-environment" (func (result (list (tuple string string)))))
    (export "get-arguments" (func (result (list string))))
    (export "initial-cwd" (func (result (option string))))))
""",
    (
        ("environment", "get-environment", "environment"),
        ("environment", "get-arguments", "arguments"),
        ("environment", "initial-cwd", "cwd"),
    ),
    """
  (core module $main
    (import "libc" "memory" (memory 2))
    (import "wasi" "environment" (func $environment (param i32)))
    (import "wasi" "arguments" (func $arguments (param i32)))
    (import "wasi" "cwd" (func $cwd (param i32)))
    (func (export "handle") (param $m i32) (param $mn i32) (param $b i32) (param $bn i32) (result i32) (local $name i32)
      (call $cwd (i32.const 200))
      (if (i32.load8_u (i32.const 200)) (then unreachable)) ;; it has none
      (call $environment (i32.const 200))
      (i32.store8 (i32.const 300) (i32.add (i32.load (i32.const 204)) (i32.const 48)))
      (i32.store8 (i32.const 301) (i32.const 32))
      (call $arguments (i32.const 200))
      (local.set $name (i32.load (i32.const 200))) ;; the first is the name
      (memory.copy (i32.const 302) (i32.load (local.get $name)) (i32.load offset=4 (local.get $name)))
      (i32.store (i32.const 1024) (i32.const 0)) (i32.store (i32.const 1028) (i32.const 300))
      (i32.store (i32.const 1032) (i32.add (i32.load offset=4 (local.get $name)) (i32.const 2))) (i32.const 1024)))
  (core instance $m (instantiate $main (with "libc" (instance $libc)) (with "wasi" (instance $lowered))))""",
)
"""A component that answers how many variables it has, and its name."""
