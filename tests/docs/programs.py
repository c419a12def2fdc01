"""What can be said of a command without the program that it calls: whether all that it names is there."""

import argparse
import functools
import importlib.util
import os
import re
import runpy
import secrets
import subprocess
import sys
import tomllib
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any
from unittest.mock import patch

import typer
import yaml

from lookalike.cli.app import COMMANDS, build
from lookalike.settings import Settings
from tests.deploy.dockerfile import ROOT
from tests.docs.shell import Call, Wrong, options_of

SETTINGS = {f"LOOKALIKE_{name.upper()}" for name in Settings.model_fields}
COMPOSE = {path.name: path.read_text() for path in ROOT.glob("docker-compose*.yml")}
OF_COMPOSE = {
    name
    for text in COMPOSE.values()
    for name in re.findall(r"\$\{([A-Z_]+)", text)
    if name not in SETTINGS
}
"""Variables that only the compose files read."""
DOCKERFILE = (ROOT / "Dockerfile").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def is_there(call: Call, path: str) -> Path:
    """A path that a command reads. Raises Wrong."""
    if not (found := call.folder / path).exists():
        raise Wrong(f"{path} is not there")
    return found


def settings_of(call: Call, known: set[str]) -> None:
    """Raises Wrong if a variable that a page sets for a command is not one of `known`. (No page is run with
    variables of this kind that it did not set.)"""
    for name in call.environment:
        if name.startswith("LOOKALIKE_") and name not in known:
            raise Wrong(f"nothing reads {name}")


# The command line of the package


LACKING = ("BadOptionUsage", "MissingParameter", "NoArgsIsHelpError")
"""Errors of the parser (it is Typer's own, and not for import) that say that something must follow."""


def parse(arguments: list[str], *, mention: bool = False) -> None:
    """Raises Wrong if the command line refuses `arguments`. A mention may lack what a command needs."""
    root = typer.main.get_command(build(arguments))
    for command in _leaves(root):
        command.callback = lambda **_: None
    words = [word for word in arguments if not word.startswith("-")]
    if words and words[0] not in COMMANDS:
        raise Wrong(f"there is no command {words[0]!r}")
    try:
        root.main(arguments, prog_name="lookalike", standalone_mode=False)
    except Exception as error:
        kind = type(error).__name__
        if not (mention and kind in LACKING):
            raise Wrong(f"{getattr(error, 'message', '') or error}") from None


def _leaves(command: Any) -> Iterator[Any]:
    for inner in getattr(command, "commands", {}).values():
        yield from _leaves(inner)
    if not hasattr(command, "commands"):
        yield command


@functools.cache
def options() -> frozenset[str]:
    """Of all commands together, of the benchmarks and the training, and of `docker run`."""
    modules = [*(ROOT / "benchmarks").rglob("*.py"), *(ROOT / "training").rglob("*.py")]
    others = {
        option
        for path in modules
        for option in re.findall(r'add_argument\(\s*"(--[\w-]+)"', path.read_text())
    }
    return (
        others
        | set(" ".join(RUN).split())
        | {"--help", "--version", "--verbose"}
        | frozenset(
            name
            for command in COMMANDS
            for leaf in _leaves(typer.main.get_command(build([command])))
            for parameter in leaf.params
            for name in (*parameter.opts, *parameter.secondary_opts)
            if name.startswith("--")
        )
    )


# Containers


def docker(call: Call) -> None:
    """Files, arguments of the build, variables, services, volumes, tags."""
    verb, *rest = call.arguments
    {
        "build": _docker_build,
        "buildx": _docker_build,
        "compose": _docker_compose,
        "load": _docker_load,
        "pull": _docker_pull,
        "run": _docker_run,
        "save": _docker_save,
    }.get(verb, _unknown_verb)(call, rest)


def _unknown_verb(call: Call, rest: list[str]) -> None:
    raise Wrong(f"this test doesn't know {call.program} {call.arguments[0]}")


def _docker_build(call: Call, rest: list[str]) -> None:
    if call.arguments[0] == "buildx" and rest.pop(0) != "build":
        raise Wrong("only buildx build is known")
    given, context = options_of(rest, "", "-t --build-arg --platform --target")
    if len(context) != 1 or not (is_there(call, context[0]) / "Dockerfile").exists():
        raise Wrong("a build wants one folder with a Dockerfile")
    for name, value in given:
        argument = value.partition("=")[0]
        if name == "--build-arg" and not re.search(rf"^ARG {argument}\b", DOCKERFILE, re.M):
            raise Wrong(f"the Dockerfile has no argument {argument}")
        if name == "-t" and value.partition(":")[0] != "lookalike":
            raise Wrong(f"no page calls an image {value}")


def _docker_compose(call: Call, rest: list[str]) -> None:
    given, (verb, *rest) = options_of(rest, "", "-f", before=True)
    names = [value for name, value in given if name == "-f"] or ["docker-compose.yml"]
    text = "".join(is_there(call, name).read_text() for name in names)
    services = {one for name in names for one in yaml.load(COMPOSE[name], _Compose)["services"]}
    known = {
        "up": ("--detach --wait --build --no-build", "--pull"),
        "down": ("--volumes", ""),
        "logs": ("--follow", ""),
    }
    if verb not in known:
        raise Wrong(f"this test doesn't know compose {verb}")
    _, named = options_of(rest, *known[verb])
    if unknown := set(named) - services:
        raise Wrong(f"no such services: {unknown}")
    settings_of(call, set(re.findall(r"\$\{([A-Z_]+)", text)))
    for name in set(re.findall(r"\$\{([A-Z_]+):\?", text)):
        if name not in call.environment:
            raise Wrong(f"{name} must be set for {names}")


class _Compose(yaml.SafeLoader):
    """Reads compose's own tags, such as !reset, as nothing."""


_Compose.add_multi_constructor("!", lambda *_: None)


RUN = ("--rm --detach --read-only", "-p -v -e --name --tmpfs --cap-drop --security-opt")
"""Options of `docker run`, without and with a value."""


def _docker_run(call: Call, rest: list[str]) -> None:
    given, (image, *command) = options_of(rest, *RUN, before=True)
    _image(image)
    volumes = re.findall(r'"(/[^"]+)"', re.findall(r"^VOLUME (.*)$", DOCKERFILE, re.M)[-1])
    for name, value in given:
        if name == "-v" and value.split(":")[1] not in volumes:
            raise Wrong(f"the image has no volume {value}")
        if name == "-p" and not re.search(
            rf"^EXPOSE {value.rpartition(':')[2]}$", DOCKERFILE, re.M
        ):
            raise Wrong(f"the image does not listen on {value}")
        if name == "-e" and value.startswith("LOOKALIKE_") and value.split("=")[0] not in SETTINGS:
            raise Wrong(f"nothing reads {value}")
    if command:
        parse(command)


def _docker_pull(call: Call, rest: list[str]) -> None:
    for image in rest:
        _image(image)


def _docker_save(call: Call, rest: list[str]) -> None:
    _docker_pull(call, rest)
    print("images", file=call.stdout)


def _docker_load(call: Call, rest: list[str]) -> None:
    for _, path in options_of(rest, "", "--input")[0]:
        is_there(call, path)


def _image(name: str) -> None:
    """Raises Wrong unless it is the project's, or one that the compose files use."""
    plain = {
        re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", image)
        for text in COMPOSE.values()
        for image in re.findall(r"image: (\S+)", text)
    }
    if name.partition(":")[0] != "lookalike" and name not in plain:
        raise Wrong(f"no compose file uses {name}")


# Clusters and clouds

MANIFESTS = [
    document
    for path in sorted((ROOT / "deploy/kubernetes").rglob("*.yaml"))
    for document in yaml.safe_load_all(path.read_text())
]


def kubectl(call: Call) -> None:
    """Folders, namespaces, and secrets with their keys."""
    given, verb = options_of(call.arguments, "", "-n -k --from-file --from-literal --namespace")
    options = dict(given)
    namespaces = {one["metadata"]["name"] for one in MANIFESTS if one["kind"] == "Namespace"}
    if (inside := options.get("-n")) is not None and inside not in namespaces:
        raise Wrong(f"no manifest makes the namespace {inside}")
    match verb:
        case ["apply"]:
            is_there(call, f"{options['-k']}/kustomization.yaml")
        case ["create", "namespace", name]:
            if name not in namespaces:
                raise Wrong(f"no manifest uses the namespace {name}")
        case ["create", "secret", "generic", name]:
            if "--from-file" in options:
                key = Path(is_there(call, options["--from-file"])).name
            else:
                key = options["--from-literal"].partition("=")[0]
            if (name, key) not in set(_secrets(MANIFESTS)):
                raise Wrong(f"no manifest reads {key} of a secret {name}")
        case _:
            raise Wrong(f"this test doesn't know kubectl {verb}")


def _secrets(node: Any) -> Iterator[tuple[str, str]]:
    """Name and key of every secret that is read anywhere below `node`."""
    if isinstance(node, list):
        for one in node:
            yield from _secrets(one)
    elif isinstance(node, dict):
        if reference := node.get("secretKeyRef"):
            yield reference["name"], reference["key"]
        if name := node.get("secretName"):
            yield from ((name, item["key"]) for item in node.get("items", []))
        yield from _secrets(list(node.values()))


def kustomize(call: Call) -> None:
    """`edit set image` of an image that the manifests use."""
    if call.arguments[:3] != ["edit", "set", "image"]:
        raise Wrong("only edit set image is known")
    here = yaml.safe_load(is_there(call, "kustomization.yaml").read_text())
    if call.arguments[3].partition("=")[0] not in {image["name"] for image in here["images"]}:
        raise Wrong("kustomization.yaml names no such image")


def az(call: Call) -> None:
    """`containerapp create` from a template that is there."""
    if call.arguments[:2] != ["containerapp", "create"]:
        raise Wrong("only containerapp create is known")
    for name, value in options_of(call.arguments[2:], "", "--resource-group --name --yaml")[0]:
        if name == "--yaml":
            is_there(call, value)


def openssl(call: Call) -> None:
    """`rand -hex`, as it does it."""
    match call.arguments:
        case ["rand", "-hex", count]:
            print(secrets.token_hex(int(count)), file=call.stdout)
        case _:
            raise Wrong("only rand -hex is known")


def ray(call: Call) -> None:
    """Its own parser, where it is installed."""
    if importlib.util.find_spec("ray") is None:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # parts of Ray that have nothing to do with this
        from ray.scripts.scripts import cli

    name, *rest = call.arguments
    if name not in cli.commands:
        raise Wrong(f"Ray has no command {name}")
    try:
        cli.commands[name].make_context(name, rest)
    except Exception as error:
        raise Wrong(f"{getattr(error, 'message', '') or error}") from None


# Python and make


def make(call: Call) -> int:
    """A target is one if make can plan it."""
    return subprocess.run(
        ["make", "--dry-run", *call.arguments],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=call.stderr,
        check=False,
    ).returncode


def python(call: Call) -> None:
    """`-m` with pip, venv, or a module of the project."""
    match call.arguments:
        case ["-m", "pip", *rest]:
            _pip(call, rest)
        case ["-m", "venv", *rest]:
            options_of(rest, "")
        case ["-m", module, *rest]:
            _module(module, rest)
        case ["docs/generate.py"] | ["docs/commands.py", _]:
            is_there(call, call.arguments[0])
        case _:
            raise Wrong("this test doesn't know what it runs")


def pip(call: Call) -> None:
    """As `python -m pip`."""
    _pip(call, call.arguments)


def _pip(call: Call, arguments: list[str]) -> None:
    verb, *rest = arguments
    if unknown := {word for word in rest if word.startswith("--")} - _pip_options(verb):
        raise Wrong(f"pip {verb} has no options {unknown}")
    for before, word in zip(arguments, rest, strict=False):
        if before in ("-r", "--find-links") or word == "." or word.endswith(".whl"):
            is_there(call, word)
        if own := re.fullmatch(rf"{PROJECT['name']}(?:\[([\w,]+)\])?", word):
            for extra in filter(None, (own[1] or "").split(",")):
                if extra not in PROJECT["optional-dependencies"]:
                    raise Wrong(f"there is no extra {extra}")
    if verb == "wheel" and "--wheel-dir" in rest:
        made = call.folder / rest[rest.index("--wheel-dir") + 1]
        made.mkdir(exist_ok=True)
        (made / f"lookalike-{metadata.version('lookalike')}-py3-none-any.whl").touch()


@functools.cache
def _pip_options(verb: str) -> frozenset[str]:
    command = [sys.executable, "-m", "pip", "help", verb]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return frozenset(re.findall(r"--[a-z][\w-]+", shown))


def _module(name: str, arguments: list[str]) -> None:
    """Raises Wrong unless `python -m name` is a program of the project that takes `arguments`."""
    try:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.submodule_search_locations is not None:
            spec = importlib.util.find_spec(f"{name}.__main__")
    except ModuleNotFoundError:
        spec = None
    if spec is None or spec.origin is None:
        raise Wrong(f"there is no module {name}")
    text = Path(spec.origin).read_text()
    if '__name__ == "__main__"' not in text and not spec.origin.endswith("__main__.py"):
        raise Wrong(f"{name} is no program")
    if "argparse" not in text:
        if arguments and "sys.argv" not in text:
            raise Wrong(f"{name} takes no arguments")
        return
    with (
        _arguments_alone(),
        patch.object(sys, "argv", [name, *arguments]),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore", RuntimeWarning)  # it may have been imported before
        try:
            runpy.run_module(name, run_name="__main__")
        except _Parsed:
            return
        except ModuleNotFoundError as missing:
            if str(missing.name).startswith(("benchmarks", "lookalike", "training")):
                raise
            return  # it needs what is only installed where it is used
        except SystemExit as refused:
            raise Wrong(f"{name} refuses {arguments}") from refused
    raise Wrong(f"{name} ran without reading its arguments")


class _Parsed(BaseException):
    """The arguments are fine; nothing else should be done."""


@contextmanager
def _arguments_alone() -> Iterator[None]:
    """A program ends as soon as it has read its arguments."""
    real = argparse.ArgumentParser.parse_args

    def parse_args(self: argparse.ArgumentParser, *given: Any, **more: Any) -> Any:
        real(self, *given, **more)
        raise _Parsed

    with patch.object(argparse.ArgumentParser, "parse_args", parse_args):
        yield


def script(call: Call) -> int:
    """A script of the repository: bash can read it, and it may be run."""
    path = is_there(call, call.program)
    if not os.access(path, os.X_OK):
        raise Wrong(f"{call.program} can't be executed")
    return subprocess.run(["bash", "-n", str(path)], stderr=call.stderr, check=False).returncode


# The service


def route(document: dict[str, Any], method: str, path: str) -> None:
    """Raises Wrong if the API has no such method and path."""
    for pattern, operations in document["paths"].items():
        here = re.fullmatch(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(pattern)), path)
        if here and method.lower() in operations:
            return
    raise Wrong(f"there is no route {method} {path}")


CHECKED: dict[str, Callable[[Call], int | None]] = {
    "az": az,
    "docker": docker,
    "kubectl": kubectl,
    "kustomize": kustomize,
    "make": make,
    "openssl": openssl,
    "pip": pip,
    "python": python,
    "python3": python,
    "ray": ray,
}
"""Programs that are not run, and what is looked at in their place."""
