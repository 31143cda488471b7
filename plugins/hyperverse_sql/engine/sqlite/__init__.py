"""SQLite: one file, a thread for each connection, write-ahead log, errors and backups."""
