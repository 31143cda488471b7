"""Queues, deadlines and waiting, on which the runtime is built. This package imports only `errors` and does not depend
on waves."""
