"""The figures as Markdown, as docs/benchmarks.md publishes them: a section of each part."""

from collections.abc import Sequence
from typing import Any

Figures = dict[str, Any]


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return ["| " + " | ".join(head) + " |", "|" + "---|" * len(head),
            *("| " + " | ".join(row) + " |" for row in rows), ""]  # fmt: skip


def library(rows: list[Figures]) -> list[str]:
    lines = ["## As a library", "",
             "Milliseconds a picture or text at batch 1 / 8 / 32; a picture is a JPEG of 800x800, decoding"
             " included; in the next column, prepared already. Rates: pictures and texts a second with all"
             " cores, the better of one caller and of one for each core, 32 at a time. Starts: seconds from"
             " the process's start to its first answers, cold (nothing compiled, files not in memory) and"
             " warm. Memory: loaded, and at its peak.",
             "The lowest cosine to eager fp32 over 8 pictures and 8 texts shows that the weights are the"
             " same.", ""]  # fmt: skip
    cells = []
    for row in rows:
        if "failed" in row:
            cells.append([row["peer"], row["setting"], f"failed: {row['failed']}", *[""] * 7])
            continue
        both = (" / ".join(f"{row[kind][n]:.1f}" for n in ("1", "8", "32"))
                for kind in ("image", "tower", "text"))  # fmt: skip
        cosines = row.get("least_cosine", {})
        cells.append([row["peer"], row["setting"], *both,
                      f"{row['rate']['image']:.1f} / {row['rate']['text']:.0f}",
                      f"{row['cold_s']:.1f} / {row['load_s']:.1f}",
                      f"{row['loaded_mb']:,} / {row['used_mb']['peak']:,}",
                      " / ".join(f"{cosines[kind]:.4f}" for kind in cosines)])  # fmt: skip
    head = ["", "setting", "picture", "tower alone", "text", "a second", "start, s", "MB", "cosine"]
    versions = sorted({f"{name} {value}" for row in rows
                       for name, value in row.get("versions", {}).items()})  # fmt: skip
    return [*lines, *table(head, cells), "Versions: " + ", ".join(versions) + ".", ""]


def serving(rows: list[Figures]) -> list[str]:
    """Loads first, then ratios to each peer, then what is said once of each server."""
    loads = [row for row in rows if "load" in row]
    memory = {row["server"]: row["resident_mb"] for row in rows if "resident_mb" in row}
    lines = ["## As a service", "",
             "Over loopback, one picture (JPEG of 800x800) or one distinct text a request; of four requests of"
             " the mix one is a picture. Milliseconds as the client sees them; `processor`: of all the server's"
             " processes, a request; `client`: of the load, which is made on the same cores. Servers are asked"
             " in turn, figure by figure. `open`: Poisson arrivals at that share of the best closed rate.",
             ""]  # fmt: skip
    for kind in dict.fromkeys(row["kind"] for row in loads):
        cells = [[row["server"], row["load"], f"{row['rate']:.1f}", f"{row['p50']:.1f}",
                  f"{row['p95']:.1f}", f"{row['p99']:.1f}", f"{row['processor_ms']:.1f}",
                  f"{row['client_ms']:.2f}", str(row["refused"]), str(row["failed"])]
                 for row in loads if row["kind"] == kind]  # fmt: skip
        head = [
            "",
            "load",
            "a second",
            "p50",
            "p95",
            "p99",
            "processor",
            "client",
            "refused",
            "failed",
        ]
        lines += [f"### {kind[:1].upper()}{kind[1:]}", "", *table(head, cells)]
    lines += ["### Ratios", "", *_ratios(loads, memory)]
    resident = ", ".join(f"{name} {mb:,.0f} MB" for name, mb in memory.items())
    lines += [f"Resident memory after all loads: {resident}.", ""]
    if own := [row for row in rows if "own_cpu_ms" in row]:
        said = ", ".join(f"{row['server']} {row['own_cpu_ms']:.2f} ms" for row in own)
        lines += [
            f"Processor time of a request for which the model does nothing (a cached text): {said}.",
            "",
        ]
    if idle := [row for row in rows if "idle" in row]:
        said = ", ".join(f"{row['server']} {row['idle']:.1%}" for row in idle)
        lines += [f"Of a core, while another is asked: {said}.", ""]
    lines += [line for row in rows if "not_started" in row
              for line in (f"{row['server']} did not start: {row['not_started']}", "")]  # fmt: skip
    return lines


def _ratios(loads: list[Figures], memory: dict[str, float]) -> list[str]:
    """Of the two forms that all peers take, at one client and at 16."""
    loads = [row for row in loads
             if row["kind"] in ("data URI", "text") and row["load"] in ("1 clients", "16 clients")]  # fmt: skip
    found = {(row["server"], row["kind"], row["load"]): row for row in loads}
    servers = list(dict.fromkeys(row["server"] for row in loads))
    cells = []
    for peer in (name for name in servers if not name.startswith("Lookalike")):
        for mine in (name for name in servers if name.startswith("Lookalike")):
            for kind in dict.fromkeys(row["kind"] for row in loads):
                for load in dict.fromkeys(row["load"] for row in loads):
                    a, b = found.get((mine, kind, load)), found.get((peer, kind, load))
                    if a and b and b["rate"] and b["p50"] and peer in memory:
                        cells.append([mine, peer, kind, load, f"{a['rate'] / b['rate']:.1f}",
                                      f"{a['p50'] / b['p50']:.2f}",
                                      f"{memory.get(mine, 0) / memory[peer]:.2f}"])  # fmt: skip
    return table(["", "to", "", "load", "rate, times", "p50, share", "memory, share"], cells)


def whole(rows: list[Figures]) -> list[str]:
    lines = ["## The whole: a folder of pictures, searched by words", "",
             "Infinity and a script that fills Qdrant's engine, beside `lookalike index` and its service; both"
             " servers run already. JPEGs of 800x800. `search`: milliseconds from a text to the 10 nearest"
             " pictures. Processor time and memory are of all processes of each side.", ""]  # fmt: skip
    cells = []
    for row in rows:
        if "failed" in row:
            cells.append([row["way"], f"failed: {row['failed']}", *[""] * 5])
            continue
        cells.append([row["way"], str(row["pictures"]), f"{row['pictures'] / row['ingest_s']:.1f}",
                      f"{row['p50']:.1f}", f"{row['p95']:.1f}", f"{row['processor_s']:.1f}",
                      f"{row['memory_mb']:,.0f}"])  # fmt: skip
    head = [
        "",
        "pictures",
        "taken in, a second",
        "search, p50",
        "p95",
        "processor, s",
        "memory, MB",
    ]
    return [*lines, *table(head, cells)]


def engines(rows: list[Figures]) -> list[str]:
    cells = [[row["engine"], f"{row['vectors']:,}", f"{row['recall_at_10']:.3f}", f"{row['p50']:.2f}",
              f"{row['p99']:.2f}", f"{row['build_s']:.1f}", f"{row['memory_mb']:.0f}"]
             for row in rows]  # fmt: skip
    head = ["", "vectors", "recall@10", "p50, ms", "p99, ms", "build, s", "memory, MB"]
    return ["## As a search engine", "", *table(head, cells)]


def floor(rows: list[Figures]) -> list[str]:
    cells = [[row["stage"], f"{row['floor_ms']:.1f}", f"{row['ours_ms']:.1f}", f"{row['share']:.0%}",
              f"{row['floor_gmacs']:.0f}" if "floor_gmacs" in row else "",
              ", ".join(f"{count} {name}" for name, count in row.get("kernels", {}).items())]
             for row in rows]  # fmt: skip
    lines = ["## The floor", "",
             "Milliseconds a picture: of nothing but the tower's matrix products, and of the whole stage;"
             " billions of multiply-adds a second of the former, and the kernels it ran in.", ""]  # fmt: skip
    head = ["stage", "floor, ms", "ours, ms", "reached", "GMAC/s", "kernels"]
    return [*lines, *table(head, cells)]


PARTS = {"library": library, "service": serving, "whole": whole, "engines": engines, "floor": floor}


def markdown(figures: dict[str, Any]) -> str:
    machine = figures["machine"]
    lines = [f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gb']} GB.", ""]
    for part, write in PARTS.items():
        if figures.get(part):
            lines += write(figures[part])
    return "\n".join(lines)
