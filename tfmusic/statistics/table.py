"""The statistics of music as lines for people."""

from __future__ import annotations

from typing import Any

HEADINGS = ("feature", "generated", "real", "overlap", "real:real", "KL")


def format_report(numbers: dict[str, Any]) -> str:
    """Tables of what `music_evaluation` found.

    Args:
        numbers: `MusicReport.numbers`.
    """
    generated, real = numbers["generated"], numbers["real"]
    lines = [
        f"{generated['pieces']} generated pieces beside {real['pieces']} of "
        f"{numbers['dataset']} {numbers['split']}",
        "",
        *_columns([HEADINGS, *map(_feature_row, *_items(numbers["features"]))]),
        "",
        "overlap    of the distances within the real set and between the sets: 1 is "
        "alike",
        "real:real  the same between two halves of the real set: what can be reached",
        "KL         divergence of the same two, in nats: 0 is alike",
        "apart      half the sum of the differences of two mean histograms, 0 to 1",
        "",
        *_columns(
            [
                ("longest run also in the training set", "generated", "held out"),
                *map(_copy_row, *_items(numbers["copies"])),
            ]
        ),
        "",
        *map(_longest_line, *_items(numbers["copies"])),
    ]
    return "\n".join(lines)


def _items(values: dict[str, Any]) -> tuple[tuple, tuple]:
    return tuple(values), tuple(values.values())


def _feature_row(name: str, report: dict[str, Any]) -> tuple[str, ...]:
    name = name.replace("_", " ")
    if "classes" in report:
        values = f"{report['difference']:.2f} apart", ""
    else:
        name = f"{name} ({report['unit']})"
        values = tuple(
            f"{report[which]['mean']:.2f} ± {report[which]['std']:.2f}"
            for which in ("generated", "real")
        )
    halves = report["real_halves"]
    reached = f"{halves['overlap_area']:.2f}" if halves else "-"
    scores = f"{report['overlap_area']:.2f}", reached, f"{report['kl_divergence']:.2f}"
    return name, *values, *scores


def _copy_row(reading: str, report: dict[str, Any]) -> tuple[str, ...]:
    summaries = report["generated"], report["held_out"]
    return (
        {"tokens": "tokens", "notes": "notes, in any key"}.get(
            reading, "notes, in any key and rhythm"
        ),
        *(f"{s['median']:g}, at most {s['longest']}" if s else "-" for s in summaries),
    )


def _longest_line(reading: str, report: dict[str, Any]) -> str:
    longest = max(report["pieces"], key=lambda piece: piece["length"])
    if not longest["length"]:
        return f"{reading}: no run is shared"
    unit = "token" if reading == "tokens" else "note"
    return (
        f"{reading}: {longest['name']} has {longest['length']} from {unit} "
        f"{longest['offset']} on as {longest['training_piece']} has from "
        f"{longest['training_offset']} on"
    )


def _columns(rows: list[tuple[str, ...]]) -> list[str]:
    """Rows of cells, the first column to the left and the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            [row[0].ljust(widths[0])]
            + [
                cell.rjust(width)
                for cell, width in zip(row[1:], widths[1:], strict=True)
            ]
        ).rstrip()
        for row in rows
    ]
