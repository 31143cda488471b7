"""The audit log: lines in files, chained by keyed hashes. See docs/reference/audit.md."""
