"""From a folder of published weights to a bundle."""

import math
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from lookalike.durable import sync
from lookalike.models.architecture import ModifiedResNet
from lookalike.models.bundle import CARD, Bundle, GraphPrecision, open_bundle, sha256
from lookalike.models.cards import ModelCard, Source, TowerGraphs, TowerName
from lookalike.models.graphs.builder import Compute, GraphBuilder
from lookalike.models.graphs.resnet import build_modified_resnet
from lookalike.models.graphs.text import build_text_transformer
from lookalike.models.graphs.vision import build_vision_transformer
from lookalike.models.layouts import ModelDescription, describe
from lookalike.models.weights import Checkpoint, Weights, fits_float16

DEFAULT_LOGIT_SCALE = 100.0

_COMPUTE: dict[GraphPrecision, Compute] = {
    "fp32": "float32",
    "bf16": "bfloat16",
    "fp16": "float16",
    "int8": "int8",
}


def graph_name(tower: TowerName, precision: GraphPrecision) -> str:
    """The graph's file in a bundle: `image.onnx`, `image.bf16.onnx`, ..."""
    return f"{tower}.onnx" if precision == "fp32" else f"{tower}.{precision}.onnx"


def convert(
    folder: Path,
    destination: Path,
    *,
    name: str,
    repository: str | None = None,
    revision: str | None = None,
    licence: str | None = None,
    precisions: Sequence[GraphPrecision] = ("fp32", "bf16", "int8"),
) -> Bundle:
    """Build the bundle of the model in `folder` (either layout) at `destination`, which must not exist.

    `precisions`: the graphs to write, `fp32` always among them; `fp16` is for GPUs.
    It appears there whole or not at all. Needs little more memory than the largest weight. Raises
    CardInvalid, WeightMissing, WeightsLeftOver, WeightShapeWrong, WeightsInvalid.
    """
    description = describe(folder)
    destination.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{destination.name}.", dir=destination.parent))
    try:
        card = _build(description, work, name, repository, revision, licence, precisions)
        card.write(work / CARD)
        work.chmod(0o755)  # mkdtemp's 0700 would hide the model from others who share the cache
        for path in work.iterdir():
            sync(path)
        work.rename(destination)
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise
    sync(destination.parent)
    return open_bundle(destination)


def _build(
    description: ModelDescription,
    work: Path,
    name: str,
    repository: str | None,
    revision: str | None,
    licence: str | None,
    precisions: Sequence[GraphPrecision],
) -> ModelCard:
    spec, image, text = description.image_spec, description.image, description.text

    def image_graph(graph: GraphBuilder, weights: Weights) -> None:
        if isinstance(image, ModifiedResNet):
            build_modified_resnet(graph, weights, image, spec.mean, spec.std)
        else:
            build_vision_transformer(graph, weights, image, spec.mean, spec.std)

    def text_graph(graph: GraphBuilder, weights: Weights) -> None:
        build_text_transformer(graph, weights, text)

    builders: dict[TowerName, Callable[[GraphBuilder, Weights], None]] = {
        "image": image_graph,
        "text": text_graph,
    }
    graphs: dict[TowerName, TowerGraphs] = {}
    with Checkpoint(description.weight_files) as checkpoint:
        float16 = _lossless_as_float16(checkpoint)
        weights = Weights(checkpoint, description.pieces)
        for tower, build in builders.items():
            parameters = 0
            for precision, compute in _COMPUTE.items():
                if precision not in precisions:
                    continue
                path = work / graph_name(tower, precision)
                with GraphBuilder(path, compute=compute, float16=float16) as graph:
                    build(graph, weights)
                parameters = graph.parameters
            graphs[tower] = TowerGraphs(
                **{p: graph_name(tower, p) for p in precisions},
                parameters=parameters,
                stored="float16" if float16 else "float32",
            )
        scale = _scalar(weights, description.logit_scale, math.log(DEFAULT_LOGIT_SCALE))
        bias = _scalar(weights, description.logit_bias, 0.0)
        weights.close(ignored=description.ignored)
    shutil.copyfile(description.tokenizer_file, work / description.text_spec.tokenizer)
    sources = (*description.config_files, *description.weight_files, description.tokenizer_file)
    return ModelCard(
        name=name,
        architecture=type(image).__name__,
        activation=text.transformer.activation,
        dimension=text.dimension,
        logit_scale=math.exp(scale),
        logit_bias=bias,
        image=spec,
        text=description.text_spec,
        graphs=graphs,
        source=Source(
            repository=repository,
            revision=revision,
            layout=description.layout,
            files={path.name: sha256(path) for path in sources},
        ),
        files={path.name: sha256(path) for path in sorted(work.iterdir())},
        licence=licence,
    )


def _lossless_as_float16(checkpoint: Checkpoint) -> bool:
    """Whether float16 holds all matrices exactly. The vectors (biases, norms) are too small to matter."""
    return all(
        fits_float16(checkpoint.read(name))
        for name in sorted(checkpoint.names)
        if len(checkpoint.shape(name)) >= 2
    )


def _scalar(weights: Weights, name: str, default: float) -> float:
    return float(weights.take(name, ()).item()) if name in weights else default
