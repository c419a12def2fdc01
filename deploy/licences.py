"""`make licences`: the licences of what the image contains, and a refusal of those that nobody has looked at.

The packages are those of requirements/runtime.txt, as they are installed. A licence that asks to publish one's
own source, or that is not in the list, is an error: add it here only after reading it.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

FINE = re.compile(
    r"MIT( License)?|MIT-0|MIT-CMU|ISC( License.*)?|0BSD|BSD License|BSD-[23]-Clause|3-Clause BSD License"
    r"|Apache-2\.0|Apache Software License|Apache License,?( Version)? 2\.0"
    r"|PSF-2\.0|Zlib|CC0-1\.0|Unlicense",
    re.IGNORECASE,
)
"""Licences that allow use and redistribution in a closed product, for a notice."""

WEAK = {
    "certifi": "MPL-2.0: the file of certificates, unchanged",
    "orjson": "MPL-2.0 in part: unchanged",
    "tqdm": "MPL-2.0 AND MIT: unchanged",
}
"""Weak copyleft: binding for changes to the package itself, which we don't make."""


def names() -> list[str]:
    lock = (ROOT / "requirements" / "runtime.txt").read_text(encoding="utf-8")
    return re.findall(r"^([\w.-]+)==", lock, re.MULTILINE)


def parts(licence: str) -> list[str]:
    """Each licence of an expression or list by itself. `A OR B` leaves the choice: one that is fine will do."""
    joined = re.split(r"\s+AND\s+|;|, (?!Version)", licence.replace("(", " ").replace(")", " "))
    return [one.strip() for one in joined if one.strip()]


def fine(licence: str) -> bool:
    def one(part: str) -> bool:
        choices = re.split(r"\s+OR\s+|/", part)
        # an exception such as LLVM's only adds permissions
        return any(FINE.fullmatch(re.sub(r"\s+WITH\s+.*", "", c).strip()) for c in choices)

    return all(one(part) for part in parts(licence))


def main(program: str) -> int:
    command = [
        program,
        "--python",
        sys.executable,
        "--from",
        "mixed",
        "--format",
        "json",
        "--packages",
    ]
    command += names()
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 (our own)
    found = sorted(json.loads(done.stdout), key=lambda one: one["Name"].lower())
    refused = []
    for one in found:
        name, licence = one["Name"], one["License"]
        if len(licence) > 200 or "\n" in licence:  # the text instead of the name
            licence = licence.strip().splitlines()[0][:100]
        note = WEAK.get(name.lower(), "")
        if not fine(licence) and not note:
            refused.append(name)
            note = "NOT KNOWN TO BE FINE"
        sys.stdout.write(
            f"{name:28} {one['Version']:18} {licence}{f'  [{note}]' if note else ''}\n"
        )
    sys.stdout.write(f"{len(found)} packages, {len(refused)} refused\n")
    return 1 if refused or len(found) < 40 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
