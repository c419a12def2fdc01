"""What the encoder costs: `python -m benchmarks.encoder`.

Full-size ViT-B/32 of random weights, in one run: milliseconds at batch 1, 8 and 32 for every runtime and
precision that is here, texts of 4, 8, 16 and 77 tokens, decoding, memory, loading. Beside it transformers'
eager PyTorch, if it is installed here or in the environment whose Python `--reference` names. Everything is
measured in a process of its own, one after the other; read the ratios, for machines are noisy.
"""

import argparse
import io
import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.rendering import Rendered

MODEL = "ViT-B-32"
BATCHES = (1, 8, 32)
LENGTHS = (4, 8, 16, 77)
Row = dict[str, Any]


def milliseconds(call: Callable[[], Any], *, seconds: float = 2.0, least: int = 5) -> float:
    """The median of as many calls as fit into `seconds`, after one that is not counted."""
    call()
    taken: list[float] = []
    end = time.perf_counter() + seconds
    while len(taken) < least or time.perf_counter() < end:
        start = time.perf_counter()
        call()
        taken.append(time.perf_counter() - start)
    return 1000 * float(np.median(taken))


def pixels(batch: int, size: int = 224) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (batch, size, size, 3), dtype=np.uint8)


def token_ids(length: int) -> np.ndarray:
    ids = np.random.default_rng(0).integers(1, 49406, (1, length))
    ids[0, 0], ids[0, -1] = 49406, 49407
    return ids.astype(np.int64)


def memory() -> dict[str, int]:
    """Resident memory now and at its peak, in MB (of /proc; zeros elsewhere)."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return {"resident": 0, "peak": 0}
    known = dict(line.split(":", 1) for line in lines if ":" in line)
    return {
        "resident": int(known["VmRSS"].split()[0]) // 1024,
        "peak": int(known["VmHWM"].split()[0]) // 1024,
    }


def measure_lookalike(runtime: str, precision: str, towers: list[str]) -> Row:
    start = time.perf_counter()
    from lookalike.encoder import Encoder
    from lookalike.encoder.runtimes import Wanted

    imported = time.perf_counter() - start
    from benchmarks.random_model import random_bundle

    bundle = random_bundle(MODEL)
    start = time.perf_counter()
    wanted = Wanted("cuda" if precision == "fp16" else "cpu", precision, 0, runtime)
    encoder = Encoder(bundle, wanted=wanted, towers=towers)
    row: Row = {
        "what": f"{encoder.info.runtime} {encoder.info.precision}",
        "threads": encoder.info.threads,
        "import_s": imported,
        "load_s": time.perf_counter() - start,
        "loaded": memory(),
    }
    if "image" in towers:
        row["image"] = {
            str(n): milliseconds(lambda n=n: encoder.encode_pixels(pixels(n))) / n for n in BATCHES
        }
    if "text" in towers:
        row["text"] = {
            str(n): milliseconds(lambda n=n: encoder.encode_tokens(token_ids(n))) for n in LENGTHS
        }
    row["used"] = memory()
    return row


def measure_build() -> Row:
    """Conversion: its time, and its peak memory over the model's size."""
    import shutil
    import tempfile

    from benchmarks.random_model import random_source
    from lookalike.models.convert import convert

    source = random_source(MODEL)
    size = (source / "open_clip_model.safetensors").stat().st_size / 2**20
    before = memory()["peak"]
    with tempfile.TemporaryDirectory() as work:
        start = time.perf_counter()
        bundle = convert(source, Path(work) / "bundle", name="x", precisions=("fp32",))
        exact = time.perf_counter() - start
        shutil.rmtree(bundle.path)
        start = time.perf_counter()
        bundle = convert(source, Path(work) / "bundle", name="x")
        both = time.perf_counter() - start
        disk = sum(path.stat().st_size for path in bundle.path.iterdir()) / 2**20
    return {"fp32_s": exact, "both_s": both, "source_mb": size, "bundle_mb": disk,
            "before": before, "peak": memory()["peak"]}  # fmt: skip


def measure_decode() -> Row:
    """One picture of 800x800, JPEG of quality 90, to the tower's pixels, on one thread."""
    import simplejpeg
    from PIL import Image

    from lookalike.encoder.images import ImagePreprocessor
    from lookalike.models.cards import ImageSpec

    rng = np.random.default_rng(0)
    coarse = Image.fromarray(rng.integers(0, 256, (25, 25, 3), dtype=np.uint8))
    file = io.BytesIO()
    coarse.resize((800, 800), Image.Resampling.BICUBIC).save(file, "JPEG", quality=90)
    data = file.getvalue()
    spec = ImageSpec(height=224, width=224, mean=(0.5,) * 3, std=(0.5,) * 3)
    prepare = ImagePreprocessor(spec)
    picture = prepare.decode(data)
    return {
        "pillow_decode": milliseconds(lambda: Image.open(io.BytesIO(data)).load()),
        "simplejpeg_decode": milliseconds(lambda: simplejpeg.decode_jpeg(data)),
        "resize_and_crop": milliseconds(lambda: prepare.pixels(picture)),
        "whole": milliseconds(lambda: prepare(data)),
    }


def measure_reference(precision: str) -> Row:
    """transformers' eager PyTorch, on a model of the same size."""
    import torch
    from transformers import CLIPConfig, CLIPModel

    torch.manual_seed(0)
    model = CLIPModel(CLIPConfig()).eval()
    kind = torch.bfloat16 if precision == "bf16" else torch.float32
    model = model.to(kind)
    row: Row = {"what": f"transformers {precision}", "threads": torch.get_num_threads()}
    with torch.inference_mode():
        images = {n: torch.randn(n, 3, 224, 224).to(kind) for n in BATCHES}
        texts = {n: torch.from_numpy(token_ids(n)) for n in LENGTHS}
        row["image"] = {
            str(n): milliseconds(lambda x=x: model.get_image_features(x)) / n
            for n, x in images.items()
        }
        row["text"] = {
            str(n): milliseconds(lambda x=x: model.get_text_features(x)) for n, x in texts.items()
        }
    row["used"] = memory()
    return row


def child(task: str, *arguments: str, python: str = sys.executable) -> Row | None:
    """Measure in a process of its own; None if that can't be done here."""
    result = subprocess.run(
        [python, "-m", "benchmarks.encoder", "--task", json.dumps([task, *arguments])],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[1],
    )
    if result.returncode:
        reason = (result.stderr.strip().splitlines() or ["no reason given"])[-1]
        print(f"- left out: {task} {' '.join(arguments)}: {reason}", file=sys.stderr)
        return None
    row: Row = json.loads(result.stdout.splitlines()[-1])
    return row


def figures(reference: str) -> dict[str, Any]:
    """Everything, each in a process of its own. `reference`: a Python with transformers, if there is one."""
    kinds = [
        ("openvino", "fp32"),
        ("openvino", "bf16"),
        ("openvino", "int8"),
        ("onnxruntime", "fp32"),
    ]
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        kinds += [("onnxruntime", "fp16")]
    child(
        "lookalike", "openvino", "fp32", "image,text"
    )  # makes the model, and warms the disk's cache
    rows = [row for precision in ("fp32", "bf16")
            if (row := child("reference", precision, python=reference))]  # fmt: skip
    rows += [row for kind in kinds if (row := child("lookalike", *kind, "image,text"))]
    loads = []
    for precision in ("bf16", "int8", "fp32"):
        for towers in ("image,text", "image", "text"):
            first = child("lookalike", "openvino", precision, towers)
            second = child("lookalike", "openvino", precision, towers)
            if first and second:
                loads.append({"precision": precision, "towers": towers, "load_s": first["load_s"],
                              "again_s": second["load_s"], "loaded": second["loaded"],
                              "used": second["used"]})  # fmt: skip
    return {"times": rows, "loads": loads, "build": child("build"), "decode": child("decode")}


def rendered(found: Mapping[str, Any]) -> Rendered:
    """The figures as tables."""
    rows = found["times"]
    eager = next((row for row in rows if row["what"] == "transformers fp32"), None)

    def cell(row: Row, kind: str, key: str, base: str) -> str:
        value = row[kind][key]
        return f"{value:.1f}" + (f" ({eager[kind][base] / value:.1f}x)" if eager else "")

    page = Rendered().text(
        "Milliseconds a picture (pixels already prepared) or text"
        + ("; in brackets how many times as fast as eager fp32 PyTorch (texts: at 77 tokens, to which it"
           " pads)." if eager else ".")
    )  # fmt: skip
    page.table(
        ["", "threads", *(f"image, batch {n}" for n in BATCHES), *(f"{n} tokens" for n in LENGTHS)],
        [
            [
                row["what"],
                str(row["threads"]),
                *(cell(row, "image", str(n), str(n)) for n in BATCHES),
                *(cell(row, "text", str(n), "77") for n in LENGTHS),
            ]
            for row in rows
        ],
    )
    page.text("Resident memory of a process that loads and then uses the towers.")
    page.table(
        ["", "towers", "load, s", "again, s", "loaded, MB", "used, MB", "peak, MB"],
        [
            [
                f"OpenVINO {row['precision']}",
                row["towers"].replace(",", " and "),
                f"{row['load_s']:.2f}",
                f"{row['again_s']:.2f}",
                str(row["loaded"]["resident"]),
                str(row["used"]["resident"]),
                str(row["used"]["peak"]),
            ]
            for row in found["loads"]
        ],
    )
    if build := found["build"]:
        page.text(
            f"Conversion: {build['fp32_s']:.1f} s for the exact graphs, {build['both_s']:.1f} s for all; "
            f"source {build['source_mb']:.0f} MB, bundle {build['bundle_mb']:.0f} MB, "
            f"peak {build['peak']} MB of which {build['before']} MB before it began."
        )
    if decode := found["decode"]:
        each = ", ".join(f"{name.replace('_', ' ')} {ms:.1f}" for name, ms in decode.items())
        page.text(f"A JPEG of 800x800, one thread, milliseconds: {each}.")
    return page


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the encoder")
    parser.add_argument("--reference", default=sys.executable, help="a Python with transformers")
    parser.add_argument("--json", type=Path, help="write the figures there too")
    parser.add_argument("--task", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.task is None:
        from benchmarks.machine import machine  # not in the processes that measure memory

        found = {"machine": machine(), **figures(options.reference)}
        if options.json:
            options.json.write_text(json.dumps(found, indent=1))
        print("\n".join(rendered(found).lines))
        return
    task, *arguments = json.loads(options.task)
    if task == "lookalike":
        row = measure_lookalike(arguments[0], arguments[1], arguments[2].split(","))
    else:
        row = {"reference": measure_reference, "build": measure_build, "decode": measure_decode}[
            task
        ](*arguments)
    print(json.dumps(row))


if __name__ == "__main__":
    main()
