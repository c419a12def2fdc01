"""What every peer gets: the same weights in each one's layout, the same pictures, the same texts.

All of it lies in one folder (`.bench/peers`), made when first asked for:

    openclip/   ViT-B/32 of random weights in OpenCLIP's layout (a link to benchmarks.random_model's)
    hf/         the same weights in Hugging Face's layout
    sentence/   the same, as sentence-transformers wants to find a CLIP
    pictures/   64 JPEGs of 800x800
    texts.txt   2,000 distinct short texts, one a line
"""

import json
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from benchmarks.load import jpegs
from benchmarks.random_model import CACHE, random_source

FOLDER = CACHE / "peers"
MODEL = "ViT-B-32"
PICTURES, TEXTS = 64, 2_000
MEAN = [0.48145466, 0.4578275, 0.40821073]
STD = [0.26862954, 0.26130258, 0.27577711]
COLOURS = "red blue green black white grey brown pink yellow purple beige navy".split()
STUFFS = "cotton leather woollen linen denim silk velvet canvas knitted suede".split()
THINGS = "dress shirt shoe boot bag hat coat jacket skirt scarf belt sock jumper vest".split()
FOR = "summer winter work parties hiking running children travel rain evenings".split()

NAMES = {
    "ln_1": "layer_norm1",
    "ln_2": "layer_norm2",
    "attn.out_proj": "self_attn.out_proj",
    "mlp.c_fc": "mlp.fc1",
    "mlp.c_proj": "mlp.fc2",
}
"""Of a block: OpenCLIP's name to Hugging Face's."""
WHOLE = {
    "logit_scale": "logit_scale",
    "visual.class_embedding": "vision_model.embeddings.class_embedding",
    "visual.conv1.weight": "vision_model.embeddings.patch_embedding.weight",
    "visual.positional_embedding": "vision_model.embeddings.position_embedding.weight",
    "visual.ln_pre.weight": "vision_model.pre_layrnorm.weight",
    "visual.ln_pre.bias": "vision_model.pre_layrnorm.bias",
    "visual.ln_post.weight": "vision_model.post_layernorm.weight",
    "visual.ln_post.bias": "vision_model.post_layernorm.bias",
    "token_embedding.weight": "text_model.embeddings.token_embedding.weight",
    "positional_embedding": "text_model.embeddings.position_embedding.weight",
    "ln_final.weight": "text_model.final_layer_norm.weight",
    "ln_final.bias": "text_model.final_layer_norm.bias",
}


def to_hugging_face(weights: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The same weights under the names, and in the shapes, of transformers' CLIPModel."""
    return dict(_renamed(weights))


def _renamed(weights: dict[str, np.ndarray]) -> Iterator[tuple[str, np.ndarray]]:
    for name, value in weights.items():
        if name in WHOLE:
            yield WHOLE[name], value
        elif name in {"visual.proj", "text_projection"}:
            tower = "visual" if name == "visual.proj" else "text"
            yield f"{tower}_projection.weight", np.ascontiguousarray(value.T)
        else:
            prefix, _, rest = name.partition("transformer.resblocks.")
            number, _, part = rest.partition(".")
            tower = "vision_model" if prefix == "visual." else "text_model"
            base = f"{tower}.encoder.layers.{number}"
            if part.startswith("attn.in_proj_"):
                kind = part.removeprefix("attn.in_proj_")
                for letter, third in zip("qkv", np.split(value, 3), strict=True):
                    yield f"{base}.self_attn.{letter}_proj.{kind}", np.ascontiguousarray(third)
            else:
                inner, _, kind = part.rpartition(".")
                yield f"{base}.{NAMES[inner]}.{kind}", value


def write_hugging_face(folder: Path) -> None:
    """A repository as the hub would have OpenAI's `clip-vit-base-patch32`, of the random weights."""
    folder.mkdir(parents=True, exist_ok=True)
    source = random_source(MODEL)
    save_file(
        to_hugging_face(load_file(source / "open_clip_model.safetensors")),
        folder / "model.safetensors",
        metadata={"format": "pt"},
    )
    shutil.copy(source / "tokenizer.json", folder / "tokenizer.json")
    vocabulary = json.loads((source / "tokenizer.json").read_text())["model"]
    pairs = [pair if isinstance(pair, str) else " ".join(pair) for pair in vocabulary["merges"]]
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(pairs) + "\n")
    documents = {
        "vocab.json": vocabulary["vocab"],
        "config.json": {
            "architectures": ["CLIPModel"],
            "model_type": "clip",
            "projection_dim": 512,
            "logit_scale_init_value": 2.6592,
            "text_config": {
                "model_type": "clip_text_model",
                "hidden_size": 512,
                "intermediate_size": 2048,
                "num_hidden_layers": 12,
                "num_attention_heads": 8,
                "bos_token_id": 49406,
                "eos_token_id": 49407,
                "pad_token_id": 49407,
            },
            "vision_config": {
                "model_type": "clip_vision_model",
                "hidden_size": 768,
                "intermediate_size": 3072,
                "num_hidden_layers": 12,
                "num_attention_heads": 12,
                "image_size": 224,
                "patch_size": 32,
            },
        },
        "preprocessor_config.json": {
            "image_processor_type": "CLIPImageProcessor",
            "feature_extractor_type": "CLIPFeatureExtractor",
            "crop_size": {"height": 224, "width": 224},
            "do_center_crop": True,
            "do_normalize": True,
            "do_resize": True,
            "image_mean": MEAN,
            "image_std": STD,
            "resample": 3,
            "size": {"shortest_edge": 224},
        },
        "tokenizer_config.json": {
            "tokenizer_class": "CLIPTokenizer",
            "model_max_length": 77,
            "bos_token": "<|startoftext|>",
            "eos_token": "<|endoftext|>",
            "pad_token": "<|endoftext|>",
            "unk_token": "<|endoftext|>",
        },
        "special_tokens_map.json": {
            "bos_token": "<|startoftext|>",
            "eos_token": "<|endoftext|>",
            "pad_token": "<|endoftext|>",
            "unk_token": "<|endoftext|>",
        },
    }
    for name, document in documents.items():
        (folder / name).write_text(json.dumps(document))


def write_sentence_transformers(folder: Path, hugging_face: Path) -> None:
    """A folder that `SentenceTransformer(folder)` opens as a CLIP."""
    shutil.copytree(hugging_face, folder / "0_CLIPModel", dirs_exist_ok=True)
    modules = [{"idx": 0, "name": "0", "path": "0_CLIPModel",
                "type": "sentence_transformers.models.CLIPModel"}]  # fmt: skip
    (folder / "modules.json").write_text(json.dumps(modules))


def write_pictures(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number, jpeg in enumerate(jpegs(PICTURES)):
        (folder / f"{number:02}.jpg").write_bytes(jpeg)


def distinct_texts() -> list[str]:
    """Of 4 to 6 words, as a shop's customers ask."""
    whole = [f"a {colour} {stuff} {thing} for {when}"
             for colour in COLOURS for stuff in STUFFS for thing in THINGS for when in FOR]  # fmt: skip
    return random.Random(0).sample(whole, TEXTS)


def prepare() -> Path:
    """The folder with all of it."""
    done = FOLDER / "done"
    if not done.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        write_hugging_face(FOLDER / "hf")
        write_sentence_transformers(FOLDER / "sentence", FOLDER / "hf")
        write_pictures(FOLDER / "pictures")
        (FOLDER / "texts.txt").write_text("\n".join(distinct_texts()) + "\n")
        done.touch()
    return FOLDER


if __name__ == "__main__":
    print(prepare())
