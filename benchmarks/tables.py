"""The study's rows as Markdown tables and as a picture."""

LEARNING = ("equal_steps", "equal_time")


def report(rows: list[dict]) -> str:
    """Everything that was measured, as Markdown."""
    costs = (
        ("step", "training step, seconds", "cpu_seconds", 1.0),
        ("step", "peak memory, GB", "peak_bytes", 1e-9),
        ("decode", "decoding, ms a token", "cpu_seconds", 1e3),
    )
    parts = [
        learning_table(rows),
        *(cost_table(rows, *cost) for cost in costs),
        failures(rows),
    ]
    return "\n\n".join(part for part in parts if part)


def learning_table(rows: list[dict]) -> str:
    """What each contender learns, the best after equal steps first."""
    cells = {(row["mixer"], row["kind"]): row for row in rows if "failed" not in row}
    table = []
    for mixer in dict.fromkeys(row["mixer"] for row in rows):
        by_steps = cells.get((mixer, "equal_steps"))
        by_time = cells.get((mixer, "equal_time"))
        known = by_steps or by_time
        if not known:
            continue
        line = [mixer, f"{known['parameters']:,}", f"{known['step_seconds'] * 1e3:.0f}"]
        for cell in by_steps, by_time:
            line.append(f"{cell['nats_per_token']:.4f}" if cell else "")
        line.append(f"{by_time['steps']:,}" if by_time else "")
        table.append((by_steps["nats_per_token"] if by_steps else 9.0, line))
    if not table:
        return ""
    header = ["mixer", "parameters", "ms a step", "equal steps", "equal time", "steps"]
    return markdown(header, [line for _, line in sorted(table)])


def cost_table(rows: list[dict], kind: str, title: str, name: str, unit: float) -> str:
    """A number of each contender and length; empty where it was not measured.

    Args:
        rows: of the study.
        kind: of the rows that hold it.
        title: of the table, with the unit.
        name: of the number in the rows.
        unit: what it is multiplied by.
    """
    cells = {
        (row["mixer"], row["length"]): (
            "failed" if "failed" in row else f"{row[name] * unit:.2f}"
        )
        for row in rows
        if row["kind"] == kind
    }
    if not cells:
        return ""
    lengths = sorted({length for _, length in cells})
    lines = [
        [mixer, *(cells.get((mixer, length), "") for length in lengths)]
        for mixer in dict.fromkeys(mixer for mixer, _ in cells)
    ]
    return markdown([title, *map(str, lengths)], lines)


def failures(rows: list[dict]) -> str:
    """What failed, and why, as a list."""
    return "\n".join(
        f"- {row['kind']} of {row['mixer']} at {row['length']}: {row['failed']}"
        for row in rows
        if "failed" in row
    )


def markdown(header: list[str], lines: list[list[str]]) -> str:
    """A Markdown table."""
    rule = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join("| " + " | ".join(line) + " |" for line in [header, rule, *lines])


def draw(rows: list[dict], path: str) -> None:
    """Draws what was learnt against the time of a step, as a PNG.

    Filled: after equal steps; hollow: after equal time. A thin line joins the two of a
    mixer, whose number stands at the upper one.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 5), layout="constrained")
    axes = figure.subplots()
    learned = [row for row in rows if row["kind"] in LEARNING and "failed" not in row]
    learned.sort(key=lambda row: row["nats_per_token"])
    for index, mixer in enumerate(dict.fromkeys(row["mixer"] for row in learned)):
        color = f"C{index % 10}"
        own = {row["kind"]: row for row in learned if row["mixer"] == mixer}
        points = [
            (row["step_seconds"] * 1e3, row["nats_per_token"]) for row in own.values()
        ]
        # Both rows timed the step by themselves: one place for both.
        x = sum(x for x, _ in points) / len(points)
        axes.plot([x] * len(points), [y for _, y in points], color=color, linewidth=0.8)
        for kind, row in own.items():
            axes.plot(
                x,
                row["nats_per_token"],
                marker="o",
                color=color,
                markerfacecolor=color if kind == "equal_steps" else "white",
            )
        number = str(index + 1)
        place = (x, max(y for _, y in points))
        axes.annotate(number, place, (5, 4), textcoords="offset points", fontsize=8)
        axes.plot([], [], "o", color=color, label=f"{number} {mixer}")
    axes.plot([], [], "o", color="gray", label="after equal steps")
    axes.plot(
        [], [], "o", color="gray", markerfacecolor="white", label="after equal time"
    )
    axes.set_xscale("log")
    axes.set_yscale("log")
    for axis, form in ((axes.xaxis, "{x:.0f}"), (axes.yaxis, "{x:.1f}")):
        axis.set_minor_formatter(form)
        axis.set_major_formatter(form)
    axes.set_xlabel("a training step, milliseconds of one core")
    axes.set_ylabel("validation, nats per token")
    axes.grid(alpha=0.3)
    figure.legend(loc="outside right upper", fontsize=8)
    figure.savefig(path, dpi=130)
