"""Run the commands of a page, and write their real output into it.

    python docs/commands.py docs/first-steps.md

A page's ```console blocks are run in order, in one shell, in an empty folder that has `lookalike` and `python`
on its path and the built-in model as its default. A line that begins with `$ ` is a command, and goes on in
the next line after a backslash, or until its here-document ends. `localhost:8000` becomes whatever port is
free. The first command that fails ends it.
"""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

MARK = "::end of command "
BLOCK = re.compile(r"(^```console\n)(.*?)(^```$)", re.M | re.S)
HERE = re.compile(r"<<'(\w+)'$")
ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Ran:
    """A command of a page, and what it printed."""

    command: str
    output: str


class CommandFailed(Exception):
    """A command of a page ended with a status other than 0."""

    def __init__(self, command: str, output: str) -> None:
        self.command, self.output = command, output
        super().__init__(f"$ {command}\n{output}")


def commands_in(block: str) -> list[str]:
    """The commands of one block, without their output."""
    found: list[str] = []
    until: str | None = None  # the last line of a here-document
    goes_on = False
    for line in block.splitlines():
        if goes_on:
            found[-1] += "\n" + line
        elif line.startswith("$ "):
            found.append(line[2:])
            opened = HERE.search(line)
            until = opened[1] if opened else None
        else:
            continue
        goes_on = (until is not None and line != until) or line.endswith("\\")
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def run(page: str, seconds: float = 240.0) -> list[Ran]:
    """Every command of a page with its output. Raises CommandFailed."""
    commands = [command for block in BLOCK.finditer(page) for command in commands_in(block[2])]
    port = free_port()
    lines = ["set -eo pipefail", "exec 2>&1"]
    for number, command in enumerate(commands):
        lines += [command.replace("localhost:8000", f"localhost:{port}"), f"echo '{MARK}{number}'"]
    with tempfile.TemporaryDirectory() as folder:
        env = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "MODEL_NAME": "tiny",
            "LOOKALIKE_DATA": f"{folder}/.data",
            "LOOKALIKE_PORT": str(port),
            "NO_COLOR": "1",
            "COLUMNS": "100",
        }
        shell = subprocess.Popen(
            ["bash", "-c", "\n".join(lines)],
            cwd=folder,
            env=env,
            stdout=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        try:
            printed = _read(shell, len(commands), seconds)
        finally:
            # also what the page started in the background
            os.killpg(shell.pid, signal.SIGTERM)
            shell.wait()
    printed = ESCAPES.sub("", printed).replace(folder, "/home/me").replace(f":{port}", ":8000")
    outputs = re.split(re.escape(MARK) + r"\d+\n", printed)
    if len(outputs) <= len(commands):
        raise CommandFailed(commands[len(outputs) - 1], outputs[-1])
    return [Ran(*one) for one in zip(commands, outputs[:-1], strict=True)]


def _read(shell: subprocess.Popen[str], count: int, seconds: float) -> str:
    """Until the last command has ended: what runs in the background keeps the pipe open."""
    assert shell.stdout is not None
    signal.signal(signal.SIGALRM, lambda *_: os.killpg(shell.pid, signal.SIGTERM))
    signal.alarm(int(seconds))
    lines: list[str] = []
    for line in shell.stdout:
        lines.append(line)
        if line == f"{MARK}{count - 1}\n" or (shell.poll() is not None and MARK not in line):
            break
    signal.alarm(0)
    return "".join(lines)


def with_outputs(page: str, ran: list[Ran]) -> str:
    """The page, with what the commands printed this time."""
    left = iter(ran)

    def rewrite(block: re.Match[str]) -> str:
        lines = []
        for command in commands_in(block[2]):
            one = next(left)
            assert one.command == command
            printed = [line.rstrip() for line in one.output.rstrip().splitlines()]
            lines.append("\n".join([f"$ {command}", *printed]))
        return block[1] + "\n".join(lines) + "\n" + block[3]

    return BLOCK.sub(rewrite, page)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        path = Path(name)
        text = path.read_text(encoding="utf-8")
        path.write_text(with_outputs(text, run(text)), encoding="utf-8")
        print(name)
