"""Runs guests on fibers of wasmtime. ``bindings`` alone touches wasmtime's private names."""
