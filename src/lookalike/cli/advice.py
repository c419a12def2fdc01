"""What to do about an error, where its own words don't say so already."""

from lookalike import errors

_ADVICE: dict[type[errors.LookalikeError], str] = {
    errors.ModelUnknown: "see `lookalike models list`",
    errors.CardInvalid: "if the model is in the cache, remove its folder; it is then downloaded anew",
    errors.BundleInvalid: "if the model is in the cache, remove its folder; it is then downloaded anew",
    errors.WeightsInvalid: "this is not a CLIP model in OpenCLIP's or Hugging Face's layout; "
    "see `lookalike models list` for ones that are",
    errors.TowerNotLoaded: "choose a model that has it with --model; `lookalike models show` tells",
    errors.DeviceUnavailable: "use --device cpu, or --device auto to take what there is",
    errors.PrecisionUnavailable: "use --precision auto to take the best there is",
    errors.InferenceFailed: "try --device cpu --precision fp32",
}


def advice(error: Exception) -> str | None:
    """The next step after `error`, for its class or the nearest one above it; None if none is known."""
    for kind in type(error).__mro__:
        if kind in _ADVICE:
            return _ADVICE[kind]
    return None
