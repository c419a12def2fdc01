"""Every command that a page shows is run, or looked at as closely as can be done without what it calls.

The commands of blocks are run by bash, page by page, in one folder with pictures, feeds, models and collections
(stage.py). `lookalike` is the real command line, `curl` asks a service that runs, and of programs such as
`docker` it is checked that all they are told to use is there (programs.py). The guides' console blocks are not
among them: test_pages.py runs these as they stand, and holds their output to the page.

Commands within prose are read by the same parsers, and not run.
"""

import json
import re
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.deploy.dockerfile import ROOT
from tests.docs import programs
from tests.docs.markdown import Code, blocks, spans, typed
from tests.docs.shell import REAL, Call, CommandFailed, Shell, Wrong
from tests.docs.stage import PARSED, Stage, stage
from tests.docs.test_pages import GUIDES

PAGES = sorted(
    {
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
        *(ROOT / "deploy").rglob("*.md"),
        *(ROOT / "training").rglob("*.md"),
        *(ROOT / "benchmarks").rglob("*.md"),
    }
)


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


each_page = pytest.mark.parametrize("page", PAGES, ids=name)

SHELL = ("sh", "bash", "console", "shell")
OTHER = ("python", "json", "yaml", "ini", "text", "html", "nginx", "mermaid")
"""Languages of blocks that hold no commands."""

ELSEWHERE = {
    "docs/models.md": [("56baabef...", "$(sha256sum vit-b-32.tar | cut -c1-64)")],
    "docs/operations.md": [("/opt/lookalike/bin/", ""), ("/opt/lookalike", "environment")],
}
"""What a page can't know of here, and what stands for it."""

FAILS = {
    ("docs/catalogue.md", "lookalike search blue -c shop --model ./another-bundle"): (
        "it shows the refusal of another model"
    ),
    ("docs/operator-page.md", '-d \'{"image": "aGVsbG8="}\''): "it shows where an error is listed",
}
"""Commands, or the parts that tell them, that shall fail, and why."""

PLACEHOLDERS = {
    "COMMAND": "search",
    "FIELD=COLUMN": "id=sku",
    "FILE": "products.jsonl",
    "FOLDER": "photos",
    "IMAGE": "lookalike",
    "NAME": "ViT-B-32",
}
"""What stands for what in prose, so that it can be read by a parser."""

OPTIONS_OF_OTHERS = {}
"""Options within prose, without their command, that are not Lookalike's."""


OF_TESTS = {"LOOKALIKE_REPLAY"}
"""Variables that only tests read."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage(tmp_path_factory.mktemp("docs")) as one:
        yield one


@pytest.fixture(scope="module")
def shell(made: Stage) -> Iterator[Shell]:
    with Shell(made.answers) as one:
        yield one


def commands_of(page: Path) -> list[Code]:
    """The blocks with commands that only this test runs."""
    guide = page in GUIDES
    return [
        b for b in blocks(page) if b.language in SHELL and not (guide and b.language == "console")
    ]


def prepared(page: Path, script: str, made: Stage) -> str:
    """With what stands for what isn't here; a command that shall fail is a failure if it doesn't."""
    for where, part in FAILS:
        if where == name(page):
            found = rf"^(.*{re.escape(part)}.*)$"
            script = re.sub(
                found, r"if \1; then echo 'it does not fail'; false; fi", script, flags=re.M
            )
    for part, instead in ELSEWHERE.get(name(page), []):
        script = script.replace(part, instead)
    return made.here(script)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("page", [page for page in PAGES if commands_of(page)], ids=name)
def test_commands_of_a_page_run(page: Path, made: Stage, shell: Shell) -> None:
    for block in commands_of(page):
        script = prepared(page, typed(block), made)
        shell.run(script, block.line, made.folder, made.environment)


@each_page
def test_a_block_says_its_language_so_that_no_command_is_passed_over(page: Path) -> None:
    for block in blocks(page):
        assert block.language in SHELL + OTHER, f"{name(page)}:{block.line}"
        if block.language in ("text", "ini"):
            assert not re.search(r"^(\$ |lookalike |curl |docker |make )", block.text, re.M)


def in_prose(span: Code) -> list[tuple[dict[str, str], list[str]]]:
    """The commands of a span: variables that are set for each, and its words."""
    try:
        words = shlex.split(span.text)
    except ValueError:
        return []
    found: list[tuple[dict[str, str], list[str]]] = [({}, [])]
    for word in words:
        variables, command = found[-1]
        if word == "&&":
            found.append(({}, []))
        elif not command and re.match(r"[A-Z_]+=", word):
            variables.update([word.split("=", 1)])
        else:
            command.append(PLACEHOLDERS.get(word, word))
    return [one for one in found if one[1]]


def looked_at(words: list[str], made: Stage, document: dict) -> Callable[[Call], object] | None:
    """How a command within prose is read; None: it is none."""
    program, *rest = words
    program = program.removeprefix(".venv/bin/").removeprefix("/usr/bin/")
    if program in ("models", "collections") and rest:  # as the pages say for short
        program, rest = "lookalike", [program, *rest]
    if program == "time":
        rest = rest[rest.index("lookalike") :]
        program, *rest = rest
    if program == "lookalike":
        return lambda _: programs.parse(rest, mention=True)
    if program == "curl":
        url = next(word for word in rest if "/" in word)
        method = "POST" if "-d" in rest or "-F" in rest else "GET"
        return lambda _: programs.route(document, method, re.sub(r"^[^/]*(//[^/]+)?", "", url))
    if re.match(r"deploy/.*\.sh$", program):
        return programs.script
    return programs.CHECKED.get(program) if rest else None


@each_page
def test_commands_within_prose_are_right(
    page: Path, made: Stage, capfd: pytest.CaptureFixture[str]
) -> None:
    document = json.loads((ROOT / "docs/openapi.json").read_text())
    for span in spans(page):
        folder = ROOT
        for variables, words in in_prose(span):
            if words[0] == "cd":
                folder = ROOT / words[1]
                assert folder.is_dir(), f"{name(page)}:{span.line}: {span.text}"
            elif (look := looked_at(words, made, document)) is not None:
                program, *rest = words
                call = Call(program, rest, folder, variables, sys.stdin, sys.stdout, sys.stderr)
                try:
                    assert not look(call), capfd.readouterr().err
                except Wrong as wrong:
                    pytest.fail(f"{name(page)}:{span.line}: `{span.text}`: {wrong}")


def lone_options(page: Path) -> set[str]:
    return {
        word.partition("=")[0]
        for span in spans(page)
        if span.text.startswith("--")
        for word in span.text.split()
        if word.startswith("--")
    }


@each_page
def test_options_within_prose_are_some_commands(page: Path) -> None:
    assert lone_options(page) - programs.options() - OPTIONS_OF_OTHERS.keys() == set()


@each_page
def test_variables_that_are_named_are_settings(page: Path) -> None:
    named = set(re.findall(r"\bLOOKALIKE_[A-Z_]*[A-Z]\b", page.read_text()))
    assert named - programs.SETTINGS - programs.OF_COMPOSE == set()


DEPLOYED = (".yaml", ".yml", ".service", ".sh", ".cfg", ".conf")


@pytest.mark.parametrize(
    "path",
    sorted(path for path in (ROOT / "deploy").rglob("*") if path.suffix in DEPLOYED),
    ids=name,
)
def test_variables_of_what_is_deployed_are_settings(path: Path) -> None:
    named = set(re.findall(r"\bLOOKALIKE_[A-Z_]*[A-Z]\b", path.read_text()))
    assert named - programs.SETTINGS - programs.OF_COMPOSE - OF_TESTS == set()


def test_no_exception_has_outlived_what_it_is_for() -> None:
    for table in (ELSEWHERE, {where: [(part, "")] for (where, part) in FAILS}):
        for where, parts in table.items():
            text = (ROOT / where).read_text()
            for part, _ in parts:
                assert part in text, (where, part)
    lines = [
        line
        for page in PAGES
        for code in (*blocks(page), *spans(page))
        for line in code.text.split("\n")
    ]
    for words in (*PARSED, *((program,) for program in (*programs.CHECKED, *REAL))):
        assert any(set(words) <= set(re.findall(r"[\w-]+", line)) for line in lines), words
    named = set().union(*map(lone_options, PAGES))
    assert OPTIONS_OF_OTHERS.keys() <= named
    assert not OPTIONS_OF_OTHERS.keys() & programs.options()


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("lookalike search --nonsense", "No such option: --nonsense"),
        ("lookalike nonsense", "nonsense"),
        ("nonsense", "command not found"),
        ("curl -s localhost:8000/nonsense", "404"),
        ("docker build --build-arg NONSENSE=1 .", "no argument NONSENSE"),
        ("docker compose -f nonsense.yml up", "nonsense.yml is not there"),
        ("docker compose up nonsense", "nonsense"),
        ("LOOKALIKE_NONSENSE=1 docker compose up", "nothing reads LOOKALIKE_NONSENSE"),
        ("LOOKALIKE_NONSENSE=1 lookalike models list", "nothing reads LOOKALIKE_NONSENSE"),
        ("kubectl apply -k nonsense", "is not there"),
        ("kubectl -n lookalike create secret generic nonsense --from-literal=a=b", "nonsense"),
        ("make nonsense", "nonsense"),
        ("python -m benchmarks.nonsense", "no module benchmarks.nonsense"),
        ("python -m benchmarks.service --nonsense", "refuses"),
        ("pip install 'lookalike[nonsense]'", "no extra nonsense"),
        ("pip download --nonsense", "--nonsense"),
        ("lookalike models compare --nonsense tiny", "--nonsense"),
    ],
)
def test_what_is_not_there_is_found(command: str, says: str, made: Stage, shell: Shell) -> None:
    with pytest.raises(CommandFailed) as caught:
        shell.run(f"true\n{made.here(command)}\n", 7, made.folder, made.environment)
    assert says in str(caught.value)
    assert "line 8: " in str(caught.value)
