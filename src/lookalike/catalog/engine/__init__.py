"""Qdrant's engine beside a service that must not freeze: one process for each open collection.

`worker` is what runs there, `builder` makes its next index, `wire` is how they are spoken to, and `hosted`
keeps them running from the service's side. The engine's calls hold the interpreter lock of the process they
are made in, which is why that is never the service's.
"""
