"""What executes a graph on a device: OpenVINO on the CPU, ONNX Runtime on CUDA and as the CPU's fallback."""

from lookalike.encoder.runtimes.base import LoadedTower, RuntimeName, Wanted
from lookalike.encoder.runtimes.select import load_tower, plan

__all__ = ["LoadedTower", "RuntimeName", "Wanted", "load_tower", "plan"]
