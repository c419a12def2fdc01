"""Options that several commands have, spelled once."""

from typing import Annotated

import typer

from lookalike.settings import Device, Precision

ModelOption = Annotated[
    str | None,
    typer.Option(
        "--model",
        "-m",
        metavar="NAME",
        help="A name of [bold]lookalike models list[/bold], hf:owner/repo, or a bundle's folder. "
        "Default: $MODEL_NAME, else ViT-B-32.",
    ),
]
DeviceOption = Annotated[
    Device | None,
    typer.Option("--device", help="Where to compute. Default: $MODEL_DEVICE, else auto."),
]
PrecisionOption = Annotated[
    Precision | None,
    typer.Option(
        "--precision",
        help="auto is bf16 where the processor has it, else fp32. Default: $LOOKALIKE_PRECISION, else auto.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]
