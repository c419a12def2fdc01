"""The optional library behind Parquet."""

from typing import Any

from lookalike.errors import ExtraMissing


def arrow(what: str) -> Any:
    """The module `pyarrow`. Raises ExtraMissing for `what` where it is not installed."""
    try:
        import pyarrow
    except ImportError:
        raise ExtraMissing(what, "parquet") from None
    return pyarrow


def parquet(what: str) -> Any:
    """The module `pyarrow.parquet`. Raises ExtraMissing for `what` where it is not installed."""
    arrow(what)
    import pyarrow.parquet

    return pyarrow.parquet
