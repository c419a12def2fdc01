from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from lookalike.cli import main
from lookalike.models.convert import convert

GOLDEN = Path(__file__).parents[1] / "golden"


@dataclass(frozen=True)
class Run:
    """What a command left behind."""

    status: int
    out: str
    err: str


Command = Callable[..., Run]


@pytest.fixture
def lookalike(
    capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Command:
    """Run a command in this process, with a home of its own and nothing from the environment."""
    for name in ("MODEL_NAME", "MODEL_DEVICE", "LOOKALIKE_PRECISION", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LOOKALIKE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("TERM", "dumb")

    def run(*arguments: object) -> Run:
        capfdbinary.readouterr()
        with pytest.raises(SystemExit) as exit_:
            main([str(argument) for argument in arguments])
        captured = capfdbinary.readouterr()
        return Run(int(exit_.value.code or 0), captured.out.decode(), captured.err.decode())

    return run


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small model of random weights, with a context of 20 tokens and 40 dimensions."""
    target = tmp_path_factory.mktemp("bundle") / "small"
    return convert(GOLDEN / "models/openclip-vit-quickgelu", target, name="small").path
