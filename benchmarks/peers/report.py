"""The figures as Markdown, as docs/benchmarks.md publishes them, and as one SVG."""

from collections.abc import Sequence
from typing import Any

Figures = dict[str, Any]


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return ["| " + " | ".join(head) + " |", "|" + "---|" * len(head),
            *("| " + " | ".join(row) + " |" for row in rows), ""]  # fmt: skip


def library(rows: list[Figures]) -> list[str]:
    lines = ["## As a library", "",
             "Milliseconds a picture or text at batch 1 / 8 / 32; a picture is a JPEG of 800x800, decoding"
             " included; in the next column, prepared already. Loading includes the first answers.",
             "The lowest cosine to eager fp32 over 8 pictures and 8 texts shows that the weights are the"
             " same.", ""]  # fmt: skip
    cells = []
    for row in rows:
        if "failed" in row:
            cells.append([row["peer"], row["setting"], f"failed: {row['failed']}", *[""] * 6])
            continue
        both = (" / ".join(f"{row[kind][n]:.1f}" for n in ("1", "8", "32"))
                for kind in ("image", "tower", "text"))  # fmt: skip
        cosines = row.get("least_cosine", {})
        cells.append([row["peer"], row["setting"], *both, f"{row['load_s']:.1f}",
                      str(row["loaded_mb"]), str(row["used_mb"]["peak"]),
                      " / ".join(f"{cosines[kind]:.4f}" for kind in cosines)])  # fmt: skip
    head = ["", "setting", "picture", "tower alone", "text", "load, s", "loaded, MB", "peak, MB",
            "cosine"]  # fmt: skip
    versions = sorted({f"{name} {value}" for row in rows
                       for name, value in row.get("versions", {}).items()})  # fmt: skip
    return [*lines, *table(head, cells), "Versions: " + ", ".join(versions) + ".", ""]


def serving(rows: list[Figures]) -> list[str]:
    loads = [row for row in rows if "load" in row]
    memory = {row["server"]: row["resident_mb"] for row in rows if "resident_mb" in row}
    lines = ["## As a service", "",
             "Over loopback, one picture (JPEG of 800x800 as data URI) or one distinct text a request;"
             " milliseconds as the client sees them; processor time a request, of all the server's"
             " processes.", ""]  # fmt: skip
    cells = [[row["server"], row["kind"], row["load"], f"{row['rate']:.1f}", f"{row['p50']:.1f}",
              f"{row['p95']:.1f}", f"{row['p99']:.1f}", f"{row['processor_ms']:.1f}",
              str(row["refused"]), str(row["failed"])] for row in loads]  # fmt: skip
    head = ["", "", "load", "a second", "p50", "p95", "p99", "processor", "refused", "failed"]
    lines += table(head, cells)
    found = {(row["server"], row["kind"], row["load"]): row for row in loads}
    ratios = []
    for peer in ("Infinity float32", "Infinity bfloat16"):
        for mine in ("Lookalike bf16", "Lookalike int8"):
            for kind in ("image", "text"):
                for load in ("1 clients", "16 clients"):
                    a, b = found.get((mine, kind, load)), found.get((peer, kind, load))
                    if a and b and b["rate"]:
                        ratios.append([mine, peer, kind, load, f"{a['rate'] / b['rate']:.1f}",
                                       f"{a['p50'] / b['p50']:.2f}",
                                       f"{memory.get(mine, 0) / max(1, memory.get(peer, 0)):.2f}"])  # fmt: skip
    lines += table(["", "to", "", "load", "rate, times", "p50, share", "memory, share"], ratios)
    resident = ", ".join(f"{name} {mb:.0f} MB" for name, mb in memory.items())
    lines += [f"Resident memory after the load: {resident}.", ""]
    return lines


def engines(rows: list[Figures]) -> list[str]:
    cells = [[row["engine"], f"{row['vectors']:,}", f"{row['recall_at_10']:.3f}", f"{row['p50']:.2f}",
              f"{row['p99']:.2f}", f"{row['build_s']:.1f}", f"{row['memory_mb']:.0f}"]
             for row in rows]  # fmt: skip
    head = ["", "vectors", "recall@10", "p50, ms", "p99, ms", "build, s", "memory, MB"]
    return ["## As a search engine", "", *table(head, cells)]


def floor(rows: list[Figures]) -> list[str]:
    cells = [[row["stage"], f"{row['floor_ms']:.1f}", f"{row['ours_ms']:.1f}", f"{row['share']:.0%}"]
             for row in rows]  # fmt: skip
    return ["## The floor", "", *table(["stage", "floor, ms", "ours, ms", "reached"], cells)]


PARTS = {"library": library, "service": serving, "engines": engines, "floor": floor}


def markdown(figures: dict[str, Any]) -> str:
    machine = figures["machine"]
    lines = [f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gb']} GB.", ""]
    for part, write in PARTS.items():
        if figures.get(part):
            lines += write(figures[part])
    return "\n".join(lines)
