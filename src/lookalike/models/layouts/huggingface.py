"""Hugging Face's layout: `config.json`, `model.safetensors`, `preprocessor_config.json`, `tokenizer.json`."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from lookalike.models.architecture import (
    Activation,
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

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
SHARDS = "model.safetensors.index.json"
PREPROCESSOR = "preprocessor_config.json"
TOKENIZER = "tokenizer.json"

_IGNORED = ("*.position_ids",)

_ACTIVATIONS: dict[str, Activation] = {
    "quick_gelu": "quick_gelu",
    "gelu": "gelu",
    "gelu_new": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
}

# OpenCLIP's names, which the graph builders use, to Hugging Face's. The transposed ones are plain
# parameters there and dense layers here.
_OUTER: dict[str, Piece] = {
    "visual.class_embedding": Piece("vision_model.embeddings.class_embedding"),
    "visual.positional_embedding": Piece("vision_model.embeddings.position_embedding.weight"),
    "visual.conv1.weight": Piece("vision_model.embeddings.patch_embedding.weight"),
    # (sic)
    "visual.ln_pre.weight": Piece("vision_model.pre_layrnorm.weight"),
    "visual.ln_pre.bias": Piece("vision_model.pre_layrnorm.bias"),
    "visual.ln_post.weight": Piece("vision_model.post_layernorm.weight"),
    "visual.ln_post.bias": Piece("vision_model.post_layernorm.bias"),
    "visual.proj": Piece("visual_projection.weight", transposed=True),
    "token_embedding.weight": Piece("text_model.embeddings.token_embedding.weight"),
    "positional_embedding": Piece("text_model.embeddings.position_embedding.weight"),
    "ln_final.weight": Piece("text_model.final_layer_norm.weight"),
    "ln_final.bias": Piece("text_model.final_layer_norm.bias"),
    "text_projection": Piece("text_projection.weight", transposed=True),
}
_BLOCK = re.compile(r"(visual\.)?transformer\.resblocks\.(\d+)\.(.+)")
_INNER: dict[str, list[str]] = {
    "attn.in_proj_weight": [f"self_attn.{p}_proj.weight" for p in "qkv"],
    "attn.in_proj_bias": [f"self_attn.{p}_proj.bias" for p in "qkv"],
} | {
    f"{ours}.{kind}": [f"{theirs}.{kind}"]
    for ours, theirs in {
        "attn.out_proj": "self_attn.out_proj",
        "ln_1": "layer_norm1",
        "ln_2": "layer_norm2",
        "mlp.c_fc": "mlp.fc1",
        "mlp.c_proj": "mlp.fc2",
    }.items()
    for kind in ("weight", "bias")
}


def describe(folder: Path) -> ModelDescription:
    """Read a folder in Hugging Face's layout. Raises CardInvalid."""
    config = Config.read(folder / CONFIG)
    if config.raw("model_type") != "clip":
        raise config.wrong(
            "model_type", f"is {config.raw('model_type')!r}; only 'clip' is supported"
        )
    vision, text = config.section("vision_config"), config.section("text_config")
    dimension = config.whole("projection_dim", 512)
    height, width = vision.pair("image_size", 224)
    image = VisionTransformer(
        height=height,
        width=width,
        patch=vision.pair("patch_size", 32),
        transformer=_transformer(vision, width=768, heads=12, mlp_width=3072),
        dimension=dimension,
    )
    end_id = text.whole("eos_token_id", 49407, least=0)
    tower = TextTransformer(
        vocab_size=text.whole("vocab_size", 49408),
        context_length=text.whole("max_position_embeddings", 77),
        transformer=_transformer(text, width=512, heads=8, mlp_width=2048),
        dimension=dimension,
        # Configurations from before transformers 4.31 say 2 where 49407 is meant, and mean the highest id.
        end_id=None if end_id == 2 else end_id,
    )
    tokenizer = folder / TOKENIZER
    start, end = special_ids(tokenizer, "<|startoftext|>", "<|endoftext|>")
    return ModelDescription(
        layout="huggingface",
        image=image,
        text=tower,
        image_spec=_image_spec(folder / PREPROCESSOR, image),
        text_spec=checked(
            config.path,
            lambda: TextSpec(
                context_length=tower.context_length,
                vocab_size=tower.vocab_size,
                start_id=start,
                end_id=end,
                pad_id=end,
                clean="none",
            ),
        ),
        weight_files=_weight_files(folder),
        config_files=tuple(
            path
            for path in (folder / CONFIG, folder / PREPROCESSOR, folder / SHARDS)
            if path.exists()
        ),
        tokenizer_file=tokenizer,
        pieces=_pieces,
        logit_scale="logit_scale",
        logit_bias="logit_bias",
        ignored=_IGNORED,
    )


def _pieces(name: str) -> Sequence[Piece]:
    if block := _BLOCK.fullmatch(name):
        visual, index, inner = block.groups()
        tower = "vision_model" if visual else "text_model"
        return [Piece(f"{tower}.encoder.layers.{index}.{part}") for part in _INNER[inner]]
    return (_OUTER.get(name, Piece(name)),)


def _transformer(config: Config, *, width: int, heads: int, mlp_width: int) -> Transformer:
    width, heads = config.whole("hidden_size", width), config.whole("num_attention_heads", heads)
    if width % heads:
        raise config.wrong("hidden_size", f"({width}) can't be shared among {heads} heads")
    return Transformer(
        width=width,
        layers=config.whole("num_hidden_layers", 12),
        heads=heads,
        mlp_width=config.whole("intermediate_size", mlp_width),
        activation=config.choice("hidden_act", _ACTIVATIONS, "quick_gelu"),
        epsilon=config.number("layer_norm_eps", 1e-5),
    )


def _weight_files(folder: Path) -> tuple[Path, ...]:
    index = folder / SHARDS
    if (folder / WEIGHTS).exists() or not index.exists():
        return (folder / WEIGHTS,)
    names = set(Config.read(index).section("weight_map").keys())
    table = Config.read(index).section("weight_map")
    files = sorted({str(table.raw(name)) for name in names})
    if not files or any("/" in file or file.startswith(".") for file in files):
        raise Config.read(index).wrong("weight_map", "must name files of this folder")
    return tuple(folder / file for file in files)


def _image_spec(path: Path, image: VisionTransformer) -> ImageSpec:
    if not path.exists():
        return ImageSpec(height=image.height, width=image.width, mean=OPENAI_MEAN, std=OPENAI_STD)
    config = Config.read(path)
    size, crop = config.raw("size", image.height), config.raw("crop_size", image.height)
    sides = (image.height, image.width)
    if isinstance(crop, int):
        crop = {"height": crop, "width": crop}
    cropped = bool(config.raw("do_center_crop", True))
    if isinstance(size, int):
        size = {"shortest_edge": size} if cropped else {"height": size, "width": size}
    both = (size.get("height"), size.get("width")) if isinstance(size, dict) else None
    resize: Literal["squash", "shortest"]
    if both == sides and (not cropped or both == (crop.get("height"), crop.get("width"))):
        resize = "squash"
    elif (
        isinstance(size, dict)
        and cropped
        and size.get("shortest_edge") == min(sides)
        and (crop.get("height"), crop.get("width")) == sides
    ):
        resize = "shortest"
    else:
        raise config.wrong(
            "size", f"({size!r}, crop {crop!r}) doesn't lead to {sides[0]}x{sides[1]}"
        )
    return checked(
        path,
        lambda: ImageSpec(
            height=image.height,
            width=image.width,
            mean=config.channels("image_mean", OPENAI_MEAN),
            std=config.channels("image_std", OPENAI_STD),
            resize=resize,
            interpolation=config.choice("resample", {3: "bicubic", 2: "bilinear"}, 3),
        ),
    )
