"""Queues, deadlines and waiting: what the runtime builds on. Imports only `errors`; knows nothing about waves."""
