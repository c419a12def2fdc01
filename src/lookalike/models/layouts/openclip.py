"""OpenCLIP's layout: `open_clip_config.json`, `open_clip_model.safetensors`, `tokenizer.json`."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from lookalike.models.architecture import (
    Activation,
    ImageArchitecture,
    ModifiedResNet,
    TextTransformer,
    Transformer,
    VisionTransformer,
)
from lookalike.models.cards import ImageSpec, TextSpec
from lookalike.models.layouts.description import (
    OPENAI_MEAN,
    OPENAI_STD,
    Config,
    ModelDescription,
    checked,
    special_ids,
)
from lookalike.models.weights import Piece

CONFIG = "open_clip_config.json"
WEIGHTS = "open_clip_model.safetensors"
TOKENIZER = "tokenizer.json"

_START, _END = "<|startoftext|>", "<|endoftext|>"
_IGNORED = (
    "*.num_batches_tracked",
    "*attn_mask",
    "input_resolution",
    "context_length",
    "vocab_size",
)

# Keys of the configuration that change nothing here, or that are read below. Any other one that is set is a
# feature these graphs don't have, and ignoring it would give wrong vectors without a word.
_MODEL_KEYS = frozenset(
    "embed_dim vision_cfg text_cfg quick_gelu custom_text init_logit_scale init_logit_bias"
    " nonscalar_logit_scale output_dict cast_dtype".split()
)
_VISION_KEYS = frozenset(
    "image_size layers width head_width patch_size mlp_ratio ls_init_value patch_dropout no_ln_pre"
    " pos_embed_type final_ln_after_pool pool_type output_tokens act_kwargs norm_kwargs"
    " attn_pooler_queries attn_pooler_heads timm_pool timm_proj".split()
)
_TEXT_KEYS = frozenset(
    "context_length vocab_size width heads layers mlp_ratio ls_init_value pad_id eos_id no_causal_mask"
    " pool_type proj_bias output_tokens act_kwargs norm_kwargs hf_proj_type hf_pooler_type".split()
)
_PREPROCESS_KEYS = frozenset("size mode mean std interpolation resize_mode fill_color".split())


def describe(folder: Path) -> ModelDescription:
    """Read a folder in OpenCLIP's layout. Raises CardInvalid."""
    config = Config.read(folder / CONFIG)
    model, preprocess = config.section("model_cfg"), config.section("preprocess_cfg")
    vision, text = model.section("vision_cfg"), model.section("text_cfg")
    for section, known in (
        (model, _MODEL_KEYS),
        (vision, _VISION_KEYS),
        (text, _TEXT_KEYS),
        (preprocess, _PREPROCESS_KEYS),
    ):
        for key in sorted(section.keys() - known):
            if section.raw(key) not in (None, False, 0, "", {}, []):
                raise section.wrong(key, f"({section.raw(key)!r}) is not supported")

    dimension = model.whole("embed_dim")
    quick = bool(model.raw("quick_gelu", False))
    image = _image(vision, dimension, quick)
    tokenizer = folder / TOKENIZER
    start, end = special_ids(tokenizer, _START, _END)
    tower = TextTransformer(
        vocab_size=text.whole("vocab_size", 49408),
        context_length=text.whole("context_length", 77),
        transformer=_transformer(
            text,
            width=text.whole("width", 512),
            layers=text.whole("layers", 12),
            heads=text.whole("heads", 8),
            quick=quick,
        ),
        dimension=dimension,
        causal=not text.raw("no_causal_mask", False),
        end_id=text.whole("eos_id", 2) if text.raw("pool_type") == "eos" else None,
        pooling=text.choice(
            "pool_type", {"argmax": "end", "eos": "end", "first": "first", "last": "last"}, "argmax"
        ),
        projection_bias=bool(text.raw("proj_bias", False)),
    )
    return ModelDescription(
        layout="openclip",
        image=image,
        text=tower,
        image_spec=_image_spec(preprocess, image),
        text_spec=checked(
            config.path,
            lambda: TextSpec(
                context_length=tower.context_length,
                vocab_size=tower.vocab_size,
                start_id=start,
                end_id=end,
                pad_id=text.whole("pad_id", 0, least=0),
                clean="openclip",
                padding="trim" if tower.causal and tower.pooling != "last" else "context",
            ),
        ),
        weight_files=(folder / WEIGHTS,),
        config_files=(folder / CONFIG,),
        tokenizer_file=tokenizer,
        pieces=partial(_pieces, "text." if model.raw("custom_text", False) else ""),
        logit_scale="logit_scale",
        logit_bias="logit_bias",
        ignored=_IGNORED,
    )


def _pieces(text_prefix: str, name: str) -> Sequence[Piece]:
    return (Piece(name if name.startswith(("visual.", "logit_")) else text_prefix + name),)


def _image(vision: Config, dimension: int, quick: bool) -> ImageArchitecture:
    height, width = vision.pair("image_size", 224)
    layers = vision.raw("layers", 12)
    if isinstance(layers, list):
        if len(layers) != 4 or not all(isinstance(n, int) and n > 0 for n in layers):
            raise vision.wrong("layers", f"must be four whole numbers, not {layers!r}")
        channels = vision.whole("width", 64)
        return ModifiedResNet(
            height=height,
            width=width,
            layers=(layers[0], layers[1], layers[2], layers[3]),
            channels=channels,
            heads=channels * 32 // vision.whole("head_width", 64),
            dimension=dimension,
        )
    inner = vision.whole("width", 768)
    return VisionTransformer(
        height=height,
        width=width,
        patch=vision.pair("patch_size", 16),
        transformer=_transformer(
            vision,
            width=inner,
            layers=vision.whole("layers", 12),
            heads=inner // vision.whole("head_width", 64),
            quick=quick,
        ),
        dimension=dimension,
        pooling=vision.choice("pool_type", {"tok": "class", "avg": "mean"}, "tok"),
        norm_before=not vision.raw("no_ln_pre", False),
        norm_after_pooling=bool(vision.raw("final_ln_after_pool", False)),
    )


def _transformer(
    config: Config, *, width: int, layers: int, heads: int, quick: bool
) -> Transformer:
    if heads < 1 or width % heads:
        raise config.wrong("width", f"({width}) can't be shared among {heads} heads")
    activation: Activation = "quick_gelu" if quick else "gelu"
    approximate: Any = config.section("act_kwargs").raw("approximate", "none")
    if not quick and approximate == "tanh":
        activation = "gelu_tanh"
    return Transformer(
        width=width,
        layers=layers,
        heads=heads,
        mlp_width=int(width * config.number("mlp_ratio", 4.0)),
        activation=activation,
        epsilon=config.section("norm_kwargs").number("eps", 1e-5),
        layer_scale="ls_init_value" in config,
    )


def _image_spec(preprocess: Config, image: ImageArchitecture) -> ImageSpec:
    fill = preprocess.raw("fill_color", 0)
    return checked(
        preprocess.path,
        lambda: ImageSpec(
            height=image.height,
            width=image.width,
            mean=preprocess.channels("mean", OPENAI_MEAN),
            std=preprocess.channels("std", OPENAI_STD),
            resize=preprocess.raw("resize_mode", "shortest"),
            interpolation=preprocess.raw("interpolation", "bicubic"),
            fill=fill[0] if isinstance(fill, list) and len(set(fill)) == 1 else fill,
        ),
    )
