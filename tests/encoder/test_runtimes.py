"""What runs where one of the two runtimes, or both, are not installed."""

import subprocess
import sys
from pathlib import Path

import pytest

from lookalike.models.bundle import Bundle
from lookalike.models.convert import convert

GOLDEN = Path(__file__).parents[1] / "golden" / "models" / "openclip-vit-quickgelu"

SCRIPT = """
import importlib.abc, sys
from pathlib import Path

class Blocked(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(f"{{name}} is not installed", name=name)

import importlib.util
real = importlib.util.find_spec
def find_spec(name, package=None):
    return None if name.partition(".")[0] in {blocked!r} else real(name, package)
importlib.util.find_spec = find_spec
sys.meta_path.insert(0, Blocked())

from lookalike.encoder import Encoder
from lookalike.encoder.runtimes import Wanted
from lookalike.errors import LookalikeError
from lookalike.models.bundle import open_bundle

try:
    wanted = Wanted(device={device!r}, precision="fp32", threads=1, runtime={runtime!r})
    with Encoder(open_bundle(Path({path!r})), wanted=wanted) as encoder:
        print(encoder.info.runtime, encoder.encode_texts(["a shoe"]).shape[0])
except LookalikeError as error:
    print(error.code, "|", error)
"""


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return convert(GOLDEN, tmp_path_factory.mktemp("b") / "b", name="b", precisions=("fp32",))


@pytest.mark.parametrize(
    ("blocked", "runtime", "device", "told"),
    [
        (["onnxruntime"], "auto", "auto", "openvino 1"),
        (["onnxruntime"], "onnxruntime", "cpu", "runtime_missing | ONNX Runtime is not installed; "
         "install it with: pip install 'lookalike[onnxruntime]'"),
        (["onnxruntime"], "auto", "cuda", "device_unavailable | device cuda can't be used: "
         "install it with: pip install 'lookalike[cuda]'"),
        (["openvino"], "auto", "auto", "onnxruntime 1"),
        (["openvino"], "openvino", "cpu", "runtime_missing | OpenVINO is not installed; "
         "install it with: pip install 'openvino'"),
        (["openvino", "onnxruntime"], "auto", "auto", "runtime_missing | ONNX Runtime is not "
         "installed; install it with: pip install 'lookalike[onnxruntime]'"),
    ],
)  # fmt: skip
def test_a_runtime_that_is_not_installed_is_done_without_or_named(
    bundle: Bundle, blocked: list[str], runtime: str, device: str, told: str
) -> None:
    script = SCRIPT.format(blocked=blocked, runtime=runtime, device=device, path=str(bundle.path))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == told, done.stderr
