"""What to do about an error, where its own words don't say so already."""

from lookalike import errors

_ADVICE: dict[type[errors.LookalikeError], str] = {
    errors.ModelUnknown: "see `lookalike models list`",
    errors.CardInvalid: "if the model is in the cache, `lookalike models pull NAME` mends it",
    errors.BundleInvalid: "if the model is in the cache, `lookalike models pull NAME` mends it; if that is "
    "offline, import it again",
    errors.HubUnreachable: "check the network, HTTPS_PROXY, and HF_ENDPOINT if you have a mirror; without "
    "internet, carry the model: see `lookalike models export --help`",
    errors.DownloadDamaged: "try again; if it stays so, something between here and the hub alters files",
    errors.SourceChanged: "do not use this model before you know why; if the change is meant, "
    "`lookalike models remove --forget NAME` drops the record",
    errors.CacheFull: "free some space (`lookalike models prune` removes earlier versions), or put the cache "
    "elsewhere with LOOKALIKE_HOME",
    errors.CacheUnwritable: "give this user the right to write there, or put the cache elsewhere with "
    "LOOKALIKE_HOME",
    errors.LockInvalid: "if it is damaged, remove the model's folder; the model is then pulled anew, and "
    "nothing is left to hold it against",
    errors.GoldenMismatch: "do not use this model before you know why; --unchecked installs it all the same",
    errors.ModelInUse: "stop that process first; it keeps the model until then, also after an update",
    errors.ModelNotInstalled: "`lookalike models list` shows what is here",
    errors.ArchiveInvalid: "copy it here again, and compare its sha256 with what export printed",
    errors.WeightsInvalid: "this is not a CLIP model in OpenCLIP's or Hugging Face's layout; "
    "see `lookalike models list` for ones that are",
    errors.TowerNotLoaded: "choose a model that has it with --model; `lookalike models show` tells",
    errors.DeviceUnavailable: "use --device cpu, or --device auto to take what there is",
    errors.PrecisionUnavailable: "use --precision auto to take the best there is",
    errors.QuantizationFailed: "give more, and more typical, pictures and texts, or lower --min-cosine or "
    "--min-kept",
    errors.ClusterUnreachable: "`ray status` on that machine tells whether it runs; --ray-address local "
    "starts workers on this machine alone",
    errors.WorkerUnfit: "every machine of the cluster needs the same version of lookalike, and the model: in "
    "its cache, in a folder of the same path, or from the hub",
    errors.WorkersDiffer: "give all machines the same lookalike and the same model, and start again: what was "
    "stored stays",
    errors.WorkersLost: "if it was memory, fewer --workers with more LOOKALIKE_THREADS each need less; if "
    "these entries do it alone, leave them out of the feed",
    errors.InferenceFailed: "try --device cpu --precision fp32",
}


def advice(error: Exception) -> str | None:
    """The next step after `error`, for its class or the nearest one above it; None if none is known."""
    for kind in type(error).__mro__:
        if kind in _ADVICE:
            return _ADVICE[kind]
    return None
