"""The curves as tables and plots."""

from collections.abc import Callable, Sequence

from benchmarks.growth.alone import BATCHES, TOGETHER, Row
from benchmarks.plots import Axis, Line, line_chart
from benchmarks.rendering import Figures, Rendered


def cores(rows: Sequence[Row]) -> Rendered:
    """By precision and number of cores."""
    here = sorted({row["cores"] for row in rows})
    axis = Axis("cores", "log", tuple(here))
    kinds = _distinct(rows, "precision")
    plotted = Rendered().table(
        ["", "cores", "threads", "pictures a second", "one picture, ms", "texts a second",
         "one text, ms", "resident, MB", "peak, MB"],
        [
            [
                row["precision"],
                f"{row['cores']:g}" + (" by quota" if row["by"] == "quota" else ""),
                str(row["threads"]),
                f"{row['pictures_per_second']:.1f}",
                f"{row['picture_ms']:.1f}",
                f"{row['texts_per_second']:.0f}",
                f"{row['text_ms']:.1f}",
                str(row["resident_mb"]),
                str(row["peak_mb"]),
            ]
            for row in rows
        ],
    )  # fmt: skip
    return plotted.plot(
        "growth-cores",
        "Pictures a second by cores",
        line_chart(
            f"JPEGs of 800x800, {TOGETHER} at once",
            axis,
            Axis("pictures a second"),
            [Line(kind, _points(rows, kind, "cores", "pictures_per_second")) for kind in kinds],
        ),
    )


def batch(rows: Sequence[Row]) -> Rendered:
    """By tower, precision and batch."""
    rendered = Rendered()
    what = {"picture": "pixels already prepared", "text": f"{rows[0]['tokens']} tokens"}
    for tower in _distinct(rows, "tower"):
        of = [row for row in rows if row["tower"] == tower]
        found = {(row["precision"], row["batch"]): row["ms"] for row in of}
        kinds = _distinct(of, "precision")
        rendered.table(
            [f"ms a {tower}", *(f"batch {size}" for size in BATCHES)],
            [[kind, *(f"{found[kind, size]:.1f}" for size in BATCHES)] for kind in kinds],
        )
        rendered.plot(
            f"growth-batch-{tower}",
            f"Milliseconds a {tower} by batch",
            line_chart(
                f"A {tower} in a batch ({what[tower]})",
                Axis("batch", "log", BATCHES),
                Axis(f"milliseconds a {tower}"),
                [Line(kind, _points(of, kind, "batch", "ms")) for kind in kinds],
            ),
        )
    return rendered


def picture(rows: Sequence[Row]) -> Rendered:
    """By format and size."""
    rendered = Rendered().table(
        ["", "side", "kB", "decode, ms", "resize and crop, ms", "whole, ms", "whole, mode `fast`"],
        [
            [
                row["format"],
                str(row["side"]),
                f"{row['kilobytes']:,.0f}",
                *(f"{row[name]:.1f}" for name in ("decode_ms", "resize_ms", "whole_ms", "fast_ms")),
            ]
            for row in rows
        ],
    )

    def line(name: str, kind: str, value: str) -> Line:
        # at 224 there is nothing to resize
        least = 225 if value == "resize_ms" else 0
        of = [row for row in rows if row["format"] == kind and row["side"] >= least]
        return Line(name, tuple((row["side"], row[value]) for row in of))

    return rendered.plot(
        "growth-picture",
        "Milliseconds to prepare a picture by its size",
        line_chart(
            "From file to pixels, one thread",
            Axis("pixels a side", "log", tuple(sorted({row["side"] for row in rows}))),
            Axis("milliseconds", "log"),
            [
                line("JPEG, decode", "JPEG", "decode_ms"),
                line("JPEG, resize", "JPEG", "resize_ms"),
                line("JPEG, mode fast, whole", "JPEG", "fast_ms"),
                line("PNG, whole", "PNG", "whole_ms"),
                line("WebP, whole", "WebP", "whole_ms"),
            ],
        ),
    )


def catalogue(rows: Sequence[Row]) -> Rendered:
    """By the number of vectors."""
    rendered = Rendered().table(
        ["vectors", "p50, ms", "p99, ms", "engine alone, p50", "recall@10", "store, s", "build, s",
         "memory, MB", "disk, MB"],
        [
            [
                f"{row['vectors']:,}" + (", int8 copies" if row["quantized"] else ""),
                f"{row['p50_ms']:.2f}",
                f"{row['p99_ms']:.2f}",
                f"{row['engine_p50_ms']:.2f}",
                f"{row['recall_at_10']:.3f}",
                f"{row['upsert_s']:.1f}",
                f"{row['build_s']:.1f}" if row["build_s"] else "exact",
                f"{row['memory_mb']:.0f}",
                f"{row['disk_mb']:.0f}",
            ]
            for row in rows
        ],
    )  # fmt: skip
    return rendered.plot(
        "growth-catalogue",
        "Milliseconds of a search by size of the catalogue",
        line_chart(
            "A search, one client, top 10 with payloads",
            Axis("vectors of 512", "log"),
            Axis("milliseconds", "log"),
            [
                Line(name, tuple((row["vectors"], row[f"{name}_ms"]) for row in rows))
                for name in ("p50", "p99")
            ],
        ),
    )


def filters(rows: Sequence[Row]) -> Rendered:
    """By the number of conditions, and by the share that passes."""
    rendered = Rendered().table(
        ["conditions", "pass", "p50, ms", "p99, ms", "recall@10"],
        [
            [
                str(row["conditions"]),
                f"{row['share']:.1%}",
                f"{row['p50_ms']:.2f}",
                f"{row['p99_ms']:.2f}",
                f"{row['recall_at_10']:.3f}",
            ]
            for row in rows
        ],
    )
    among = f"{rows[0]['vectors']:,}"
    if built := rows[0]["build_s"]:
        rendered.text(
            f"The index of {among} items with eight indexed attributes took {built:.0f} s to build."
        )
    by_number = [row for row in rows if row["curve"] == "conditions"]
    by_share = [row for row in rows if row["curve"] == "share"]
    rendered.plot(
        "growth-conditions",
        "Milliseconds of a search by number of conditions",
        line_chart(
            f"A search among {among}: one in ten passes, however many conditions",
            Axis("conditions", ticks=tuple(row["conditions"] for row in by_number)),
            Axis("milliseconds"),
            [
                Line(name, tuple((row["conditions"], row[f"{name}_ms"]) for row in by_number))
                for name in ("p50", "p99")
            ],
        ),
    )
    return rendered.plot(
        "growth-share",
        "Milliseconds of a search by share of the catalogue that passes",
        line_chart(
            f"A search among {among} with one condition",
            Axis("share that passes", "log", (1, 10, 50, 100), "%"),
            Axis("milliseconds"),
            [
                Line(name, tuple((100 * row["share"], row[f"{name}_ms"]) for row in by_share))
                for name in ("p50", "p99")
            ],
        ),
    )


PARTS: dict[str, Callable[[Sequence[Row]], Rendered]] = {
    "cores": cores,
    "batch": batch,
    "picture": picture,
    "catalogue": catalogue,
    "filters": filters,
}


def markdown(figures: Figures) -> str:
    """All parts that were measured, for reading in a terminal."""
    measured = {part: found["rows"] for part, found in figures.items() if found["rows"]}
    parts = [(part, PARTS[part](rows)) for part, rows in measured.items()]
    return "\n\n".join("\n".join([f"## {part}", "", *done.lines]) for part, done in parts)


def _distinct(rows: Sequence[Row], name: str) -> list[str]:
    return list(dict.fromkeys(row[name] for row in rows))


def _points(rows: Sequence[Row], precision: str, x: str, y: str) -> tuple[tuple[float, float], ...]:
    of = [row for row in rows if row["precision"] == precision]
    return tuple(sorted((row[x], row[y]) for row in of))
