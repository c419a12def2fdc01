"""What this machine can calculate in, as far as that decides which graphs to build and which to run."""

import importlib.util
from pathlib import Path

CUDA = "CUDAExecutionProvider"
"""ONNX Runtime's name for it."""


def has_cuda() -> bool:
    """Whether ONNX Runtime is here in a build for CUDA (there may still be no GPU)."""
    runtime = importlib.util.find_spec("onnxruntime")
    if runtime is None or runtime.origin is None:
        return False
    # Importing it to hear "no" would cost every start on a CPU a tenth of a second and 20 MB.
    if not any(Path(runtime.origin).parent.glob("capi/*onnxruntime_providers_cuda*")):
        return False
    import onnxruntime

    return CUDA in onnxruntime.get_available_providers()
