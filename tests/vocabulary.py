"""CLIP's vocabulary, from OpenCLIP's wheel, which is installed for this alone and never imported: it needs
PyTorch. Its one text file is all that a tokenizer is made of."""

from pathlib import Path

import pytest

from lookalike.models import vocabulary

MERGES = Path(__file__).parents[1] / ".venv/vocabulary/open_clip" / vocabulary.MERGES


def clip_tokenizer(folder: Path) -> Path:
    """The path of CLIP's `tokenizer.json`, written into `folder`. Skips the test where the wheel is not
    installed."""
    if not MERGES.exists():
        pytest.skip("CLIP's vocabulary is not installed; `make test` installs it")
    path = folder / "tokenizer.json"
    if not path.exists():
        vocabulary.tokenizer_from_merges(MERGES).save(str(path), pretty=False)
    return path
