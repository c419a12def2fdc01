"""Every setting, in one class, read once from the environment.

The prefix is `LOOKALIKE_`; the few names that operators know without it are accepted both ways.
"""

from pathlib import Path
from typing import Annotated, Literal

import platformdirs
from pydantic import AliasChoices, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from lookalike.errors import SettingInvalid

Device = Literal["auto", "cpu", "cuda"]
Precision = Literal["auto", "fp32", "bf16", "fp16", "int8"]


def _both(name: str) -> AliasChoices:
    return AliasChoices(f"LOOKALIKE_{name}", name)


class Settings(BaseSettings):
    """What the environment may say. Command line options override it."""

    model_config = SettingsConfigDict(env_prefix="LOOKALIKE_", extra="ignore", frozen=True)

    home: Path = Field(
        default_factory=lambda: Path(platformdirs.user_cache_dir("lookalike")),
        description="Where models are cached.",
    )
    data: Path = Field(
        default_factory=lambda: Path(platformdirs.user_data_dir("lookalike")),
        description="Where catalogues live.",
    )
    model_name: str = Field(
        "ViT-B-32",
        validation_alias=_both("MODEL_NAME"),
        description="The model: a name of `lookalike models list`, `hf:owner/repo`, or a bundle's folder.",
    )
    model_device: Device = Field(
        "auto", validation_alias=_both("MODEL_DEVICE"), description="`auto`, `cpu` or `cuda`."
    )
    precision: Precision = Field(
        "auto",
        description="`auto` (bf16 where the processor has it, else fp32), `fp32`, `bf16`, `fp16`, `int8`.",
    )
    threads: Annotated[int, Field(ge=0)] = Field(
        0, description="Threads for inference; 0 means the cores that this process may use."
    )
    compile_cache: bool = Field(
        False,
        description="Keep OpenVINO's compiled models under `LOOKALIKE_HOME`: starts are some tenths of a "
        "second faster, for as much disk as the model takes. Nothing checks those files for damage.",
    )
    offline: bool = Field(False, description="Never ask the model hub, even if a model is missing.")
    verify: Literal["fast", "full"] = Field(
        "fast",
        description="How a cached model is held against its lock at every start: `fast` by size and time of "
        "its files, `full` by their hashes, which takes seconds for each GB.",
    )
    max_image_pixels: Annotated[int, Field(gt=0)] = Field(
        64_000_000, description="Pictures with more pixels are refused from their header."
    )
    max_image_bytes: Annotated[int, Field(gt=0)] = Field(
        20 * 2**20, description="Encoded pictures longer than this are refused."
    )
    min_image_side: Annotated[int, Field(gt=0)] = Field(
        1, description="Pictures with a smaller side of fewer pixels are refused."
    )
    image_mode: Literal["natural", "reference", "fast"] = Field(
        "natural",
        description="`natural` shows pictures as a person sees them; `reference` follows OpenCLIP to the bit; "
        "`fast` is `natural` in less than half the time, with vectors of cosine 0.9999 to it (extra `fast`).",
    )
    qdrant_url: str | None = Field(
        None,
        validation_alias=_both("QDRANT_URL"),
        description="A Qdrant server or cluster; without it the embedded engine is used.",
    )
    qdrant_api_key: str | None = Field(
        None,
        validation_alias=_both("QDRANT_API_KEY"),
        description="The key of that server.",
        repr=False,
    )

    # The service

    host: str | None = Field(
        None,
        description="The address to serve on; without it, all addresses if there are API keys, else loopback.",
    )
    port: Annotated[int, Field(ge=0, le=65535)] = Field(8000, description="The port to serve on.")
    batch_size: Annotated[int, Field(gt=0, le=1024)] = Field(
        16,
        validation_alias=_both("BATCH_SIZE"),
        description="Pictures or texts that go through the model at once.",
    )
    queue_items: Annotated[int, Field(gt=0)] = Field(
        512, description="Pictures, and as many texts, that may wait for the model; beyond: 429."
    )
    queue_bytes: Annotated[int, Field(gt=0)] = Field(
        64 * 2**20, description="Bytes of pictures (and of texts) that may wait; beyond: 429."
    )
    text_cache: Annotated[int, Field(ge=0)] = Field(
        10_000, description="Vectors of texts that are kept for when they are asked again; 0: none."
    )
    request_seconds: Annotated[float, Field(gt=0)] = Field(
        30.0, description="A request that is not answered after so long is dropped: 503."
    )
    stall_seconds: Annotated[float, Field(gt=0)] = Field(
        60.0,
        description="An inference that takes longer, and ten times longer than others of its size, hangs: "
        "it fails, and the model is loaded again, once.",
    )
    body_seconds: Annotated[float, Field(gt=0)] = Field(
        30.0, description="A body must have arrived after so long: 408."
    )
    ingest_seconds: Annotated[float, Field(gt=0)] = Field(
        3600.0, description="The same for items that are sent to a collection as a stream."
    )
    job_seconds: Annotated[float, Field(gt=0)] = Field(
        6 * 3600.0,
        description="The longest that duplicates, an export, import, snapshot, restore or reindex may take.",
    )
    grace_seconds: Annotated[float, Field(ge=0)] = Field(
        20.0, description="When told to stop, what was accepted has so long to finish."
    )
    max_body_bytes: Annotated[int, Field(gt=0)] = Field(
        32 * 2**20, description="Longer bodies are refused while they arrive: 413."
    )
    max_stream_bytes: Annotated[int, Field(gt=0)] = Field(
        4 * 2**30, description="The same for items that are sent to a collection as a stream."
    )
    max_pending_bytes: Annotated[int, Field(gt=0)] = Field(
        64 * 2**20, description="Bytes of all bodies held at one moment; beyond: 429."
    )
    max_requests: Annotated[int, Field(gt=0)] = Field(
        1024, description="Requests served at one moment; beyond: 429."
    )
    max_pictures: Annotated[int, Field(gt=0)] = Field(
        64, description="Pictures of one request; beyond: 422."
    )
    max_texts: Annotated[int, Field(gt=0)] = Field(
        512, description="Texts of one request; beyond: 422."
    )
    max_characters: Annotated[int, Field(gt=0)] = Field(
        100_000, description="Characters of one text; beyond: 422."
    )
    max_items: Annotated[int, Field(gt=0)] = Field(
        100_000,
        description="Items that one request may send to a collection; beyond, they are refused.",
    )
    max_hits: Annotated[int, Field(gt=0, le=10_000)] = Field(
        1000, description="The largest `limit` of a search."
    )
    max_map_points: Annotated[int, Field(gt=0, le=20_000)] = Field(
        5000, description="The largest `limit` of a map."
    )
    api_key: str | None = Field(
        None, description="The key that commands with `--url` send to the service.", repr=False
    )
    api_keys: str | None = Field(
        None,
        description="Keys, separated by commas; `read:KEY` may not change collections.",
        repr=False,
    )
    api_keys_file: Path | None = Field(
        None, description="A file of such keys, one a line; `#` begins a comment."
    )
    open_health: bool = Field(True, description="Health and readiness need no key.")
    open_metrics: bool = Field(True, description="Metrics need no key.")
    cors_origins: str = Field(
        "",
        description="Origins whose pages may call the service, separated by commas; none unless set.",
    )
    allowed_hosts: str = Field(
        "",
        description="Names that requests may address the service by, separated by commas. Without it: any, "
        "but on loopback without keys only localhost, so that no web page reaches it by a name of its own.",
    )
    model_aliases: str = Field(
        "",
        description="Further names of the model that clients may ask for, separated by commas; `*`: any.",
    )
    fetch_urls: bool = Field(
        False, description="Fetch pictures by URL, from public addresses only."
    )
    catalogue: bool = Field(True, description="Serve collections; without, only embeddings.")
    log_format: Literal["auto", "json", "human"] = Field(
        "auto", description="`auto`: for people on a terminal, else JSON."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="What is logged."
    )
    traces: bool = Field(
        False,
        description="Send OpenTelemetry traces, as OTEL_* variables say; needs the extra `otel`.",
    )


def load_settings() -> Settings:
    """The settings of the environment. Raises SettingInvalid with the variable's name."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]).upper() if first["loc"] else "settings"
        name = name if name.startswith("LOOKALIKE_") else f"LOOKALIKE_{name}"
        raise SettingInvalid(name, f"{first['msg']} (it is {first['input']!r})") from None
