"""`make parity`: full-size models of random weights against OpenCLIP, at fp32, bf16 and int8, as a table.

Runs in the reference environment (tests/golden/reference_env.sh), which has PyTorch.
"""

import json
import sys

import numpy as np
import open_clip
import torch
from benchmarks.random_model import CONFIGS, OPENAI, random_bundle, random_source
from safetensors.torch import load_file

from lookalike.encoder.runtimes import Wanted, load_tower, plan

MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
CASES = [("openvino", "fp32"), ("onnxruntime", "fp32"), ("openvino", "bf16"), ("openvino", "int8")]
LARGEST = {"fp32": 1e-5, "bf16": 0.03, "int8": 0.03}
COSINE = {"fp32": 0.999999, "bf16": 0.999, "int8": 0.998}


def inputs() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    # smooth pictures with some noise: pure noise is nothing that a picture tower ever sees
    small = rng.integers(0, 256, (4, 7, 7, 3)).repeat(32, 1).repeat(32, 2)
    pixels = np.clip(small + rng.integers(-20, 21, small.shape), 0, 255).astype(np.uint8)
    ids = np.zeros((4, 77), np.int64)
    for row, length in zip(ids, (2, 8, 30, 77), strict=True):
        row[:length] = rng.integers(1, 49406, length)
        row[0], row[length - 1] = 49406, 49407
    return pixels, ids


@torch.no_grad()
def reference(name: str, pixels: np.ndarray, ids: np.ndarray) -> dict[str, np.ndarray]:
    model = open_clip.CLIP(**json.loads(json.dumps(OPENAI | CONFIGS[name]))).eval()
    model.load_state_dict(
        load_file(random_source(name) / "open_clip_model.safetensors"), strict=False
    )
    x = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
    x = (x - torch.tensor(MEAN).view(1, 3, 1, 1)) / torch.tensor(STD).view(1, 3, 1, 1)
    return {
        "image": model.encode_image(x, normalize=True).numpy(),
        "text": model.encode_text(torch.from_numpy(ids), normalize=True).numpy(),
    }


def main() -> int:
    pixels, ids = inputs()
    failed = 0
    print("| model | tower | runtime | precision | largest difference | least cosine | |")
    print("|---|---|---|---|---|---|---|")
    for name in sys.argv[1:] or CONFIGS:
        theirs = reference(name, pixels, ids)
        bundle = random_bundle(name)
        for tower, batch in (("image", pixels), ("text", ids)):
            for runtime, precision in CASES:
                wanted = Wanted("cpu", precision, 0, runtime)
                ours = load_tower(plan(wanted, bundle, (tower,)), bundle, tower, batch[:1])(batch)
                difference = float(np.abs(ours - theirs[tower]).max())
                cosine = float((ours * theirs[tower]).sum(1).min())
                good = difference <= LARGEST[precision] and cosine >= COSINE[precision]
                failed += not good
                print(
                    f"| {name} | {tower} | {runtime} | {precision} | {difference:.1e} "
                    f"| {cosine:.7f} | {'ok' if good else 'FAILED'} |",
                    flush=True,
                )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
