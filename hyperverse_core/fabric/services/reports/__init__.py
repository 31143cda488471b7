"""Reports of a machine: status, load, descriptions, traces, dumps."""
