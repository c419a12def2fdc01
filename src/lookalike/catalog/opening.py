"""Which store the settings ask for."""

from lookalike.catalog.embedded import EmbeddedStore
from lookalike.catalog.store import VectorStore
from lookalike.settings import Settings


def open_store(settings: Settings) -> VectorStore:
    """A Qdrant server where `qdrant_url` is set, or else the engine in the data folder.

    Raises StoreLocked where another process has the folder, StoreDamaged where it can't be read.
    """
    if settings.qdrant_url:
        from lookalike.catalog.server import ServerStore  # its client takes half a second to import

        return ServerStore.connect(settings.qdrant_url, settings.qdrant_api_key)
    return EmbeddedStore(settings.data / "store")
