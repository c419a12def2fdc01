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
    max_image_pixels: Annotated[int, Field(gt=0)] = Field(
        64_000_000, description="Pictures with more pixels are refused from their header."
    )
    max_image_bytes: Annotated[int, Field(gt=0)] = Field(
        20 * 2**20, description="Encoded pictures longer than this are refused."
    )
    min_image_side: Annotated[int, Field(gt=0)] = Field(
        1, description="Pictures with a smaller side of fewer pixels are refused."
    )
    image_mode: Literal["natural", "reference"] = Field(
        "natural",
        description="`natural` shows pictures as a person sees them; `reference` follows OpenCLIP to the bit.",
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


def load_settings() -> Settings:
    """The settings of the environment. Raises SettingInvalid with the variable's name."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]).upper() if first["loc"] else "settings"
        name = name if name.startswith("LOOKALIKE_") else f"LOOKALIKE_{name}"
        raise SettingInvalid(name, f"{first['msg']} (it is {first['input']!r})") from None
