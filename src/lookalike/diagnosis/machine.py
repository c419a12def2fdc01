"""The machine: versions, processor, cores and memory that this process may use."""

import os
import platform
import sys
from importlib import metadata
from pathlib import Path

from lookalike.diagnosis.finding import Finding, State
from lookalike.encoder.cores import CGROUP, inference_threads, own_groups, usable_cores
from lookalike.settings import Settings

_PACKAGES = (
    "openvino",
    "onnxruntime",
    "onnxruntime-gpu",
    "numpy",
    "tokenizers",
    "huggingface-hub",
    "qdrant-edge-py",
    "qdrant-client",
    "fastapi",
)
_RUNTIMES = ("openvino", "onnxruntime", "onnxruntime-gpu")
_FEATURES = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_bf16", "amx_int8")
_ARM_FEATURES = ("asimd", "asimddp", "i8mm", "bf16", "sve")
_LITTLE_MEMORY = 900 * 2**20
"""ViT-B-32 at bf16 takes some 560 MB at its peak; the rest is the service and its requests."""


def versions(settings: Settings) -> Finding:  # noqa: ARG001 (all checks take them)
    found = {"lookalike": _version("lookalike"), "python": platform.python_version()}
    found |= {name: _version(name) for name in _PACKAGES}
    here = {name: version for name, version in found.items() if version is not None}
    text = ", ".join(f"{name} {version}" for name, version in here.items())
    if not any(name in here for name in _RUNTIMES):
        return Finding(
            State.BROKEN,
            f"{text}; there is no runtime",
            "install one: pip install openvino, or 'lookalike[onnxruntime]'",
            here,
        )
    facts = here | {"platform": platform.platform(), "executable": sys.executable}
    return Finding(State.OK, f"{text}; {platform.system()} {platform.machine()}", facts=facts)


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def processor(settings: Settings, cpuinfo: Path = Path("/proc/cpuinfo")) -> Finding:  # noqa: ARG001
    try:
        text = cpuinfo.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return Finding(State.OK, platform.processor() or platform.machine())
    lines = [line.partition(":") for line in text.splitlines()]
    fields = {name.strip(): value.strip() for name, _, value in reversed(lines)}
    flags = set((fields.get("flags") or fields.get("Features") or "").split())
    is_x86 = "flags" in fields
    has = [name for name in (_FEATURES if is_x86 else _ARM_FEATURES) if name in flags]
    name = fields.get("model name") or platform.machine()
    facts = {"name": name, "features": has}
    if is_x86 and "avx2" not in flags:
        return Finding(
            State.WARNING,
            f"{name}, without AVX2: inference is several times slower than it could be",
            "use a newer processor; in a virtual machine, let it pass the host's features through",
            facts,
        )
    brief = " and ".join(
        [*(["bf16"] if flags & {"avx512_bf16", "amx_bf16", "bf16"} else []), "fp32"]
    )
    return Finding(State.OK, f"{name} ({', '.join(has) or 'no extensions'}): {brief}", facts=facts)


def cores(settings: Settings) -> Finding:
    usable, there = usable_cores(), os.cpu_count() or 1
    threads = inference_threads(settings.threads)
    facts = {"usable": usable, "machine": there, "threads": threads}
    text = f"{usable:g} of {there} may be used; inference takes {threads} threads"
    if threads > usable and threads > 1:
        return Finding(
            State.WARNING,
            f"{text}, more than there are cores: they wait for each other",
            "unset LOOKALIKE_THREADS",
            facts,
        )
    if usable < 0.5:
        return Finding(State.WARNING, text, "give the container at least half a core", facts)
    return Finding(State.OK, text, facts=facts)


def memory(
    settings: Settings,  # noqa: ARG001
    meminfo: Path = Path("/proc/meminfo"),
    cgroup: Path = CGROUP,
) -> Finding:
    try:
        lines = meminfo.read_text(encoding="ascii").splitlines()
    except OSError:
        return Finding(State.OK, "not known on this system")
    fields = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines if "kB" in line}
    total, available = fields["MemTotal"], fields["MemAvailable"]
    limited = False
    for folder in own_groups(cgroup):
        limit = _bytes(folder / "memory.max") or _bytes(folder / "memory.limit_in_bytes")
        used = _bytes(folder / "memory.current") or _bytes(folder / "memory.usage_in_bytes") or 0
        if limit is not None and limit < total:
            total, limited = limit, True
            available = min(available, max(0, limit - used))
    facts = {"limit": total, "available": available}
    text = (
        f"{total / 2**20:,.0f} MiB {'by the limit of the container' if limited else 'in the machine'}, "
        f"{available / 2**20:,.0f} MiB available"
    )
    if total < _LITTLE_MEMORY:
        return Finding(
            State.WARNING,
            text,
            "give it 1 GiB for ViT-B-32 at bf16 or int8; with less use the model tiny",
            facts,
        )
    return Finding(State.OK, text, facts=facts)


def _bytes(path: Path) -> int | None:
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):  # also `max`: no limit
        return None
