"""Downloading a model's files from the hub, with its own client: its mirrors, proxies and tokens work."""

from pathlib import Path

from lookalike.errors import ModelNotCached
from lookalike.models.layouts import huggingface, openclip
from lookalike.models.registry import ModelReference

_COMMON = (openclip.TOKENIZER, huggingface.PREPROCESSOR)
_OPENCLIP = (openclip.CONFIG, openclip.WEIGHTS, *_COMMON)
_HUGGINGFACE = (huggingface.CONFIG, huggingface.WEIGHTS, huggingface.SHARDS, *_COMMON)


def download(reference: ModelReference, folder: Path) -> str:
    """Fetch the files of a model into `folder`; the commit that they are of. Raises ModelNotCached."""
    # it takes a third of a second to import, which no start without a download should pay
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    try:
        facts = HfApi().model_info(reference.repository, revision=reference.revision)
        commit = str(facts.sha)
        names = {file.rfilename for file in facts.siblings or ()}
        wanted = _OPENCLIP if openclip.CONFIG in names else _HUGGINGFACE
        patterns = [*wanted, "model-*-of-*.safetensors"] if wanted is _HUGGINGFACE else [*wanted]
        snapshot_download(
            reference.repository, revision=commit, local_dir=folder, allow_patterns=patterns
        )
    except (HfHubHTTPError, HFValidationError) as error:
        raise ModelNotCached(reference.name, f"the hub refuses it: {_first_line(error)}") from error
    except (OSError, ValueError) as error:
        raise ModelNotCached(
            reference.name, f"it can't be downloaded: {_first_line(error)}"
        ) from error
    except Exception as error:  # the client's transport has a tree of errors of its own
        raise ModelNotCached(
            reference.name, f"the hub can't be reached: {_first_line(error)}"
        ) from error
    return commit


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
