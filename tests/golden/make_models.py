"""Make the golden models: small, of random weights, with the vectors the reference implementations give.

    python -m tests.golden.make_models      (in the reference environment, see reference_env.sh)

One folder per model in `tests/golden/models/`: its weights in the layout of its kind, and `golden.npz` with
pixels, token ids, and the vectors that OpenCLIP or transformers computes from them. The tokenizer is a
small one, trained here on the words below.
"""

import json
import platform
from pathlib import Path

import numpy as np
import open_clip
import torch
import transformers
from safetensors.torch import save_file
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

HERE = Path(__file__).parent / "models"
MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
VOCABULARY, CONTEXT = 600, 20
START, END = "<|startoftext|>", "<|endoftext|>"
WORDS = """a photo of red blue green yellow black white dress shirt shoe boot bag hat coat skirt trousers
sofa chair table lamp vase mug plate bowl apple banana lemon bread milk striped spotted plain small large
wooden leather cotton woollen for with and the on in summer winter men women children new old""".split()

TEXT = {"context_length": CONTEXT, "vocab_size": VOCABULARY, "width": 48, "heads": 4, "layers": 3}
OPENCLIP = {
    # a picture that is not square, and not a multiple of the patch
    "openclip-vit-quickgelu": {
        "embed_dim": 40,
        "quick_gelu": True,
        "vision_cfg": {
            "image_size": [44, 61], "patch_size": 8, "width": 64, "head_width": 16, "layers": 3
        },
        "text_cfg": TEXT,
    },
    "openclip-vit-gelu": {
        "embed_dim": 32,
        "vision_cfg": {
            "image_size": 56, "patch_size": 14, "width": 48, "head_width": 12, "layers": 2,
            "mlp_ratio": 3.0, "ls_init_value": 0.1,
        },
        "text_cfg": TEXT,
    },
    "openclip-vit-mean": {
        "embed_dim": 32,
        "vision_cfg": {
            "image_size": 48, "patch_size": 16, "width": 48, "head_width": 16, "layers": 2,
            "pool_type": "avg", "no_ln_pre": True, "final_ln_after_pool": True,
        },
        "text_cfg": {
            **TEXT, "no_causal_mask": True, "pool_type": "last", "proj_bias": True, "act_kwargs":
            {"approximate": "tanh"}, "norm_kwargs": {"eps": 1e-6},
        },
        "custom_text": True,
    },
    "openclip-resnet": {
        "embed_dim": 36,
        "quick_gelu": True,
        "vision_cfg": {"image_size": 96, "layers": [1, 2, 1, 1], "width": 8, "head_width": 32},
        "text_cfg": TEXT,
    },
}  # fmt: skip
HUGGINGFACE = {
    "huggingface-quickgelu": {
        "projection_dim": 40,
        "vision_config": {
            "image_size": 45, "patch_size": 9, "hidden_size": 48, "num_hidden_layers": 3,
            "num_attention_heads": 4, "intermediate_size": 100, "hidden_act": "quick_gelu",
        },
        "text_config": {
            "vocab_size": VOCABULARY, "max_position_embeddings": CONTEXT, "hidden_size": 36,
            "num_hidden_layers": 2, "num_attention_heads": 3, "intermediate_size": 90,
            "hidden_act": "quick_gelu", "eos_token_id": VOCABULARY - 1,
            "bos_token_id": VOCABULARY - 2,
        },
    },
    # as the configurations from before transformers 4.31, which say 2 and mean the highest id
    "huggingface-gelu-old": {
        "projection_dim": 24,
        "vision_config": {
            "image_size": 32, "patch_size": 16, "hidden_size": 32, "num_hidden_layers": 2,
            "num_attention_heads": 2, "intermediate_size": 64, "hidden_act": "gelu",
        },
        "text_config": {
            "vocab_size": VOCABULARY, "max_position_embeddings": CONTEXT, "hidden_size": 32,
            "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64,
            "hidden_act": "gelu", "eos_token_id": 2,
        },
    },
}  # fmt: skip


def tokenizer() -> Tokenizer:
    made = Tokenizer(models.BPE(unk_token=END, end_of_word_suffix="</w>"))
    made.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    pattern = Regex(r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+")
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(pattern, behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    made.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=256 + 80,  # leaves room for every byte at a word's end, below
        initial_alphabet=alphabet,
        end_of_word_suffix="</w>",
        show_progress=False,
    )
    made.train_from_iterator(WORDS * 3, trainer)
    # CLIP's tokenizers know every byte at a word's end as well; the trainer adds only those that it met
    model = json.loads(made.to_str())
    vocabulary = model["model"]["vocab"]
    for letter in alphabet:
        vocabulary.setdefault(letter + "</w>", len(vocabulary))
    assert len(vocabulary) <= VOCABULARY - 2, len(vocabulary)
    vocabulary[START], vocabulary[END] = VOCABULARY - 2, VOCABULARY - 1
    made = Tokenizer.from_str(json.dumps(model))
    made.add_special_tokens([START, END])
    return made


def inputs(rng: np.random.Generator, height: int, width: int, pad: int) -> dict[str, np.ndarray]:
    """Pixels of noise, of flat colours and of extremes; texts of every length."""
    pixels = rng.integers(0, 256, (6, height, width, 3), dtype=np.uint8)
    pixels[3], pixels[4], pixels[5] = 0, 255, (200, 30, 90)
    ids = np.full((8, CONTEXT), pad, np.int64)
    for row, length in enumerate([2, 3, 4, 7, 11, 16, CONTEXT - 1, CONTEXT]):
        ids[row, :length] = rng.integers(1, VOCABULARY - 2, length)
        ids[row, 0], ids[row, length - 1] = VOCABULARY - 2, VOCABULARY - 1
    return {"pixels": pixels, "ids": ids}


def normalised(pixels: np.ndarray) -> torch.Tensor:
    x = torch.from_numpy(pixels).permute(0, 3, 1, 2).double() / 255
    mean, std = (torch.tensor(v, dtype=torch.float64).view(1, 3, 1, 1) for v in (MEAN, STD))
    return ((x - mean) / std).float()


def randomise(model: torch.nn.Module, generator: torch.Generator) -> None:
    """Weights that make every part of the model matter: zero biases and unit scales would hide mistakes."""
    for name, value in model.state_dict().items():
        if not value.is_floating_point() or name.startswith("logit_"):
            continue
        noise = torch.randn(value.shape, generator=generator)
        if name.endswith("running_var"):
            value.copy_(noise.abs() + 0.5)
        elif value.ndim < 2:
            centre = 1.0 if name.endswith("weight") else 0.0
            value.copy_(centre + 0.2 * noise)
        else:
            value.copy_(noise * value[0].numel() ** -0.5 if value.ndim != 2 or "embed" not in name
                        else 0.5 * noise)  # fmt: skip


@torch.no_grad()
def make_openclip(name: str, config: dict, rng: np.random.Generator, *, half: bool) -> None:
    generator = torch.Generator().manual_seed(int(rng.integers(2**31)))
    config = json.loads(json.dumps(config))
    kind = open_clip.CustomTextCLIP if config.pop("custom_text", False) else open_clip.CLIP
    model = kind(**config).eval()
    randomise(model, generator)
    state = {k: v.contiguous() for k, v in model.state_dict().items()}
    if half:
        state = {k: v.half() if v.is_floating_point() else v for k, v in state.items()}
        model.load_state_dict(state)
    image = config["vision_cfg"]["image_size"]
    height, width = image if isinstance(image, list) else (image, image)
    golden = inputs(rng, height, width, pad=0)
    golden["image"] = model.encode_image(normalised(golden["pixels"]), normalize=True).numpy()
    golden["text"] = model.encode_text(torch.from_numpy(golden["ids"]), normalize=True).numpy()
    folder = HERE / name
    folder.mkdir(parents=True, exist_ok=True)
    save_file(state, folder / "open_clip_model.safetensors")
    whole = {**config, **({"custom_text": True} if kind is open_clip.CustomTextCLIP else {})}
    document = {"model_cfg": whole, "preprocess_cfg": {"mean": MEAN, "std": STD}}
    (folder / "open_clip_config.json").write_text(json.dumps(document, indent=1) + "\n")
    finish(folder, golden)


@torch.no_grad()
def make_huggingface(name: str, config: dict, rng: np.random.Generator) -> None:
    generator = torch.Generator().manual_seed(int(rng.integers(2**31)))
    model = transformers.CLIPModel(transformers.CLIPConfig(**config)).eval()
    randomise(model, generator)
    size = config["vision_config"]["image_size"]
    golden = inputs(rng, size, size, pad=VOCABULARY - 1)

    def unit(features: object) -> np.ndarray:
        vectors = getattr(features, "pooler_output", features)
        return torch.nn.functional.normalize(vectors, dim=-1).numpy()

    golden["image"] = unit(model.get_image_features(normalised(golden["pixels"])))
    golden["text"] = unit(model.get_text_features(torch.from_numpy(golden["ids"])))
    folder = HERE / name
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    processor = {"size": {"shortest_edge": size}, "crop_size": {"height": size, "width": size},
                 "do_center_crop": True, "resample": 3, "image_mean": MEAN, "image_std": STD}  # fmt: skip
    (folder / "preprocessor_config.json").write_text(json.dumps(processor, indent=1) + "\n")
    finish(folder, golden)


def finish(folder: Path, golden: dict[str, np.ndarray]) -> None:
    tokenizer().save(str(folder / "tokenizer.json"), pretty=False)
    np.savez_compressed(folder / "golden.npz", **golden)
    size = sum(path.stat().st_size for path in folder.iterdir())
    print(f"{folder.name}: {size / 1024:.0f} KiB")


def main() -> None:
    torch.set_num_threads(1)
    rng = np.random.default_rng(20261124)
    for name, config in OPENCLIP.items():
        make_openclip(name, config, rng, half=name in {"openclip-resnet", "openclip-vit-gelu"})
    for name, config in HUGGINGFACE.items():
        make_huggingface(name, config, rng)
    versions = {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "open_clip": open_clip.__version__,
        "transformers": transformers.__version__,
    }
    (HERE / "versions.json").write_text(json.dumps(versions, indent=1) + "\n")


if __name__ == "__main__":
    main()
