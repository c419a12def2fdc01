"""Whatever the bytes are: one of the documented errors or pixels, soon, and in bounded memory."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

COUNT = 20_000
SEED = 1


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak memory from /proc")
def test_damaged_pictures_make_only_documented_errors_in_bounded_memory_and_time() -> None:
    command = [sys.executable, "-m", "tests.encoder.fuzz_images", str(COUNT), str(SEED)]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, f"a decoder crashed: {done.returncode}\n{done.stderr[-2000:]}"
    result = json.loads(done.stdout)

    assert result["undocumented"] == []
    # Pictures may have a million pixels here. Allowed for each is what ImageLimits says, 16 bytes.
    assert result["megabytes"] < 64
    assert result["slowest"] < 2

    # Was anything tried at all?
    outcomes = result["outcomes"]
    assert sum(sum(of.values()) for of in outcomes.values()) == COUNT
    for kind, of in outcomes.items():
        assert of["read"] > COUNT / len(outcomes) / 50, kind
        assert of["ImageUnreadable"] > COUNT / len(outcomes) / 10, kind
    seen = {outcome for of in outcomes.values() for outcome in of}
    assert {"ImageTooLarge", "ImageTooSmall", "ImageFormatUnsupported"} <= seen
