"""Mechanisms between units of work and a database: group commit, reads, transactions. Each database has a folder."""
