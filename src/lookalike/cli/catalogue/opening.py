"""The catalogue that a command works on: of this machine, or of a running service."""

import warnings
from pathlib import Path

from lookalike.catalog.catalog import Catalog
from lookalike.catalog.encoding import Encoder
from lookalike.catalog.remote import RemoteCatalog
from lookalike.settings import Settings, load_settings

AnyCatalog = Catalog | RemoteCatalog


def open_catalog(data: Path | None, url: str | None, model: str | None = None) -> AnyCatalog:
    """What the options and the environment say. The model is loaded when it is first needed.

    Raises StoreLocked where another process has the folder; its words offer `--url`.
    """
    settings = settings_for(data, model)
    if url is not None:
        return RemoteCatalog(
            url,
            settings.data,
            model=model,
            api_key=settings.api_key,
            max_image_bytes=settings.max_image_bytes,
        )
    return Catalog.open(settings, lambda: _load(settings))


def settings_for(data: Path | None, model: str | None) -> Settings:
    """Those of the environment, with what the options say."""
    changed = {"data": data, "model_name": model}
    given = {name: value for name, value in changed.items() if value is not None}
    return load_settings().model_copy(update=given)


def _load(settings: Settings) -> Encoder:
    from lookalike.encoder.encoder import Encoder, TextCutWarning  # takes a second to import

    # descriptions are longer than a context as a rule; the start is what counts, and BM25 has the whole
    warnings.filterwarnings("ignore", category=TextCutWarning)
    return Encoder.load(settings=settings)
