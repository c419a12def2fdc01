"""A shell for what the pages show: bash itself, on a path of few programs, most of which only ask this process.

So bash does what only bash can (quotes, pipes, here-documents, variables), and this process says what becomes
of `docker` or `lookalike`, with the real standard streams of the command. A program that is neither real nor
asked for is not found, and the page fails.
"""

import json
import os
import selectors
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TextIO

REAL = ("cat", "cp", "cut", "gzip", "head", "sha256sum", "sleep", "tar")
"""Programs that a page may use as they are: they read and write files of the folder it runs in."""

ASKS = """\
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as wire:
    wire.connect(os.environ["ASK"])
    call = json.dumps([os.path.basename(sys.argv[0]), sys.argv[1:], os.getcwd(), dict(os.environ)])
    socket.send_fds(wire, [b"?"], [0, 1, 2])
    wire.sendall(call.encode())
    wire.shutdown(socket.SHUT_WR)
    sys.exit(int(wire.recv(8) or b"70"))
"""

# -E: the trap holds in functions and in $( ) too. Its line is that of the page, see `run`.
PREAMBLE = """\
set -eEo pipefail
trap 'echo "line $LINENO: $BASH_COMMAND" >&2' ERR
"""

_NO_MORE = 65_536


@dataclass(frozen=True)
class Call:
    """A program that a page runs."""

    program: str
    arguments: list[str]
    folder: Path
    environment: dict[str, str]
    stdin: TextIO
    stdout: TextIO
    stderr: TextIO


class Wrong(Exception):
    """What a page says can't be."""


Answer = Callable[[Call], int | None]
"""Does what the program would, or looks whether it could. Gives its status, None for 0. Raises Wrong."""


class CommandFailed(Exception):
    """A command of a page ended with a status other than 0; says which, and what it said."""


class Shell:
    """Runs scripts. A context manager."""

    def __init__(self, answers: dict[str, Answer]) -> None:
        self._answers = answers
        # a folder with a short name: that of a socket has 107 bytes at most
        self._folder = Path(tempfile.mkdtemp(prefix="docs-"))
        self._bin = self._folder / "bin"
        self._bin.mkdir()
        asks = self._folder / "asks"
        # the streams alone are used: no site packages, so that it starts in no time
        asks.write_text(f"#!{os.path.realpath(sys.executable)} -SE\n{ASKS}")
        asks.chmod(0o755)
        for name in answers:
            (self._bin / name).symlink_to(asks)
        for name in REAL:
            (self._bin / name).symlink_to(str(shutil.which(name)))
        (self._folder / "preamble").write_text(PREAMBLE)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self._folder / "ask"))
        self._listener.listen()

    def __enter__(self) -> "Shell":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._listener.close()
        shutil.rmtree(self._folder)

    def run(self, script: str, line: int, folder: Path, environment: dict[str, str]) -> None:
        """Every command of `script`, which begins at `line` of its page. Raises CommandFailed."""
        path = self._folder / "script"
        path.write_text("\n" * (line - 1) + script, encoding="utf-8")
        process = subprocess.Popen(
            [str(shutil.which("bash")), str(path)],
            cwd=folder,
            env={
                **environment,
                "PATH": str(self._bin),
                "BASH_ENV": str(self._folder / "preamble"),
                "ASK": str(self._folder / "ask"),
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert process.stdout
        said = bytearray()
        with process.stdout, selectors.DefaultSelector() as ready:
            ready.register(process.stdout, selectors.EVENT_READ)
            ready.register(self._listener, selectors.EVENT_READ)
            while True:
                awake = {key.fileobj for key, _ in ready.select()}
                if self._listener in awake:
                    self._answer()
                if process.stdout in awake:
                    chunk = os.read(process.stdout.fileno(), _NO_MORE)
                    if not chunk:
                        break
                    said += chunk
        if process.wait() != 0:
            raise CommandFailed(said.decode(errors="replace"))

    def _answer(self) -> None:
        wire, _ = self._listener.accept()
        with wire:
            _, streams, _, _ = socket.recv_fds(wire, 1, 3)
            with (
                os.fdopen(streams[0], "r") as stdin,
                os.fdopen(streams[1], "w") as stdout,
                os.fdopen(streams[2], "w") as stderr,
            ):
                message = b"".join(iter(lambda: wire.recv(_NO_MORE), b""))
                program, arguments, folder, environment = json.loads(message)
                call = Call(program, arguments, Path(folder), environment, stdin, stdout, stderr)
                try:
                    status = self._answers[program](call) or 0
                except Wrong as wrong:
                    print(f"{program}: {wrong}", file=stderr)
                    status = 1
            wire.sendall(str(status).encode())


def options_of(
    arguments: Iterable[str], alone: str, with_value: str = "", *, before: bool = False
) -> tuple[list[tuple[str, str]], list[str]]:
    """The options with their values, and the other arguments. Raises Wrong at an unknown option.

    `alone`, `with_value`: the options there are, with spaces between them. `before`: options end at the first
    argument, and what follows is another program's.
    """
    options: list[tuple[str, str]] = []
    others: list[str] = []
    left = iter(arguments)
    for word in left:
        name, equals, value = word.partition("=")
        if not word.startswith("-") or word == "-":
            others.append(word)
            if before:
                return options, [*others, *left]
        elif name in with_value.split():
            try:
                options.append((name, value if equals else next(left)))
            except StopIteration:
                raise Wrong(f"{name} needs a value") from None
        elif word in alone.split():
            options.append((word, ""))
        else:
            raise Wrong(f"there is no option {word}, or this test doesn't know it")
    return options, others
