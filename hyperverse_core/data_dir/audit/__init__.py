"""The audit log: lines in files, chained by keyed hashes. docs/reference/audit.md."""
