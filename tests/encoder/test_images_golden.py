"""Golden pictures: what `tests/golden/make_images.py` made with OpenCLIP itself."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lookalike.encoder.images import ImagePreprocessor
from lookalike.models.cards import ImageSpec

FOLDER = Path(__file__).parents[1] / "golden" / "images"
CASES: list[dict[str, Any]] = json.loads((FOLDER / "index.json").read_text(encoding="utf-8"))[
    "cases"
]


def check(case: dict[str, Any]) -> None:
    spec = ImageSpec(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5), **case["spec"])
    preprocess = ImagePreprocessor(spec, case["mode"])
    data = (FOLDER / case["file"]).read_bytes()
    pixels = preprocess(data)
    assert pixels.shape == (spec.height, spec.width, 3)
    assert pixels.dtype == np.uint8
    if "expected" in case:
        with np.load(FOLDER / "expected.npz") as expected:
            np.testing.assert_array_equal(pixels, expected[case["expected"]])
    assert hashlib.sha256(pixels.tobytes()).hexdigest() == case["sha256"]
    np.testing.assert_array_equal(preprocess.pixels(preprocess.decode(data)), pixels)


def name(case: dict[str, Any]) -> str:
    return f"{case['file']}-{'-'.join(str(value) for value in case['spec'].values())}"


@pytest.mark.parametrize("case", [c for c in CASES if c["mode"] == "reference"], ids=name)
def test_reference_mode_gives_openclips_pixels_to_the_bit(case: dict[str, Any]) -> None:
    check(case)


@pytest.mark.parametrize("case", [c for c in CASES if c["mode"] == "natural"], ids=name)
def test_natural_mode_shows_pictures_as_a_person_sees_them(case: dict[str, Any]) -> None:
    check(case)


@pytest.mark.parametrize(
    "case",
    [c for c in CASES if c["file"].startswith("rgb-") and "turned" not in c["file"]],
    ids=name,
)
def test_on_upright_rgb_both_modes_agree_exactly(case: dict[str, Any]) -> None:
    check({**case, "mode": "natural"})
