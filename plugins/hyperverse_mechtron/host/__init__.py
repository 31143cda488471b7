"""Runs guests on fibers of wasmtime. ``raw`` alone touches wasmtime's private names."""
