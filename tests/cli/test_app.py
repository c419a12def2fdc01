import os
import re
import signal
import subprocess
import sys
from importlib import import_module, metadata
from pathlib import Path

import pytest
import typer

from lookalike.cli.app import COMMANDS, build
from lookalike.cli.console import show_error
from lookalike.errors import DeviceUnavailable, ModelError
from tests.cli.conftest import Command

LOOKALIKE = [sys.executable, "-c", "from lookalike.cli import main; main()"]


def names(app: typer.Typer) -> dict[str, str | None]:
    group = typer.main.get_command(app)
    return {name: command.help for name, command in group.commands.items()}


def test_version(lookalike: Command) -> None:
    assert lookalike("--version").out == f"lookalike {metadata.version('lookalike')}\n"


def test_help_names_every_command_with_its_summary(lookalike: Command) -> None:
    run = lookalike("--help")
    assert run.status == 0
    for name, command in COMMANDS.items():
        assert re.search(rf"{name} +{re.escape(command.summary)}", run.out)


@pytest.mark.parametrize("name", COMMANDS)
def test_summary_is_the_first_line_of_the_loaded_commands_help(name: str) -> None:
    loaded = names(build([name]))
    assert (loaded[name] or "").splitlines()[0] == COMMANDS[name].summary


@pytest.mark.parametrize("module", sorted({command.module for command in COMMANDS.values()}))
def test_a_module_registers_the_commands_that_the_table_says(module: str) -> None:
    app = typer.Typer()
    app.callback()(lambda: None)
    import_module(f"lookalike.cli.{module}").register(app)
    assert set(names(app)) == {
        name for name, command in COMMANDS.items() if command.module == module
    }


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(name: str, lookalike: Command) -> None:
    group = typer.main.get_command(build([name])).commands[name]
    for inner in getattr(group, "commands", {"": None}):
        run = lookalike(*([name, inner] if inner else [name]), "--help")
        assert run.status == 0
        assert "Example" in run.out
        assert f"lookalike {name} {inner}".strip() in run.out


def test_help_loads_nothing_that_is_slow() -> None:
    code = (
        "import sys\n"
        "from lookalike.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "slow = {'numpy', 'pydantic', 'onnx', 'onnxruntime', 'openvino', 'qdrant_edge', 'fastapi'}\n"
        "print(sorted(slow & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    "arguments", [["nix"], ["embed"], ["embed", "--device", "tpu", "x"], ["models", "nix"]]
)
def test_wrong_usage_is_status_2_and_says_how(lookalike: Command, arguments: list[str]) -> None:
    run = lookalike(*arguments)
    assert (run.status, run.out) == (2, "")
    assert "--help" in run.err
    assert "Traceback" not in run.err


def test_slip_in_a_commands_name_is_answered_with_the_right_one(lookalike: Command) -> None:
    assert "'models'" in lookalike("model").err


def test_error_is_one_line_and_one_of_advice_without_traceback(lookalike: Command) -> None:
    run = lookalike("embed", "--model", "nix", "hello")
    assert (run.status, run.out) == (1, "")
    error, advice = run.err.splitlines()
    assert error.startswith("error: no model is called 'nix'")
    assert advice == "help: see `lookalike models list`"


def test_invalid_setting_names_its_variable(
    lookalike: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOOKALIKE_THREADS", "many")
    run = lookalike("embed", "hello")
    assert run.status == 1
    assert run.err.startswith("error: LOOKALIKE_THREADS: ")


def test_advice_is_that_of_the_nearest_class(capfd: pytest.CaptureFixture[str]) -> None:
    show_error(DeviceUnavailable("cuda", "there is none"))
    show_error(ModelError("something else"))
    assert capfd.readouterr().err.splitlines() == [
        "error: device cuda can't be used: there is none",
        "help: use --device cpu, or --device auto to take what there is",
        "error: something else",
    ]


def test_error_with_markup_in_it_is_shown_as_it_is(capfd: pytest.CaptureFixture[str]) -> None:
    show_error(ModelError("[bold]x[/nix]"))
    assert capfd.readouterr().err == "error: [bold]x[/nix]\n"


def test_closed_pipe_is_quiet(small: Path) -> None:
    process = subprocess.Popen(
        [*LOOKALIKE, "embed", "--stdin", "--model", str(small)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin
    assert process.stdout
    process.stdout.close()
    _, err = process.communicate(b"text\n" * 200)
    assert (process.returncode, err) == (1, b"")


@pytest.mark.skipif(os.name == "nt", reason="there is no such signal")
def test_ctrl_c_is_status_130_and_quiet(small: Path) -> None:
    process = subprocess.Popen(
        [*LOOKALIKE, "embed", "--stdin", "--model", str(small)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin
    assert process.stdout
    process.stdin.write(b"text\n" * 200)
    process.stdin.flush()
    process.stdout.readline()  # it is under way, and waits for more
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    assert (process.returncode, err) == (130, b"")
