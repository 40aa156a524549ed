"""What a benchmark leaves behind: a table for people, flat figures as JSON, a plot."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).parent / "results"
Figures = dict[str, float]

# One colour per thing measured, the same in every plot.
COLOURS = {
    "ours": "#1b7f8c",
    "bound": "#555555",
    "direct": "#b5651d",
    "nginx": "#7a9a3a",
    "nginx cache": "#7a9a3a",
    "BitTorrent": "#8c5a9e",
    "super-seeding": "#c49bd4",
    "olah": "#d0a03c",
}


def show(title: str, figures: Figures, json_file: Path | None) -> None:
    """Print the table and, if asked, write the figures."""
    table = Table(title=title)
    table.add_column("figure")
    table.add_column("value", justify="right")
    for name, value in figures.items():
        table.add_row(name, f"{value:.4g}" if isinstance(value, float) else str(value))
    Console().print(table)
    if json_file is not None:
        json_file.write_text(json.dumps(figures, indent=2) + "\n")


def bars(
    name: str,
    title: str,
    axis: str,
    groups: Sequence[str],
    series: Mapping[str, Sequence[float]],
    *,
    log: bool = False,
) -> Path:
    """A group of bars for each of ``groups``, one bar a series, each with its figure on top."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(max(5.0, 1.2 * len(groups) * len(series) ** 0.5), 3.6))
    width = 0.8 / len(series)
    for index, (label, values) in enumerate(series.items()):
        places = [group + (index - (len(series) - 1) / 2) * width for group in range(len(groups))]
        drawn = axes.bar(places, values, width * 0.92, label=label, color=COLOURS.get(label))
        axes.bar_label(drawn, fmt="%.3g", fontsize=7)
    axes.set_xticks(range(len(groups)), groups)
    axes.set_ylabel(axis)
    axes.set_title(title, fontsize=10)
    if log:
        axes.set_yscale("log")
    return _finish(name, figure, axes)


def curves(
    name: str,
    title: str,
    axes_names: tuple[str, str],
    series: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    *,
    log_x: bool = False,
) -> Path:
    """One line a series, given as its x and its y values."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6.4, 3.6))
    for label, (xs, ys) in series.items():
        axes.plot(xs, ys, marker="o", markersize=3, label=label, color=COLOURS.get(label))
    axes.set_xlabel(axes_names[0])
    axes.set_ylabel(axes_names[1])
    axes.set_title(title, fontsize=10)
    if log_x:
        axes.set_xscale("log")
    return _finish(name, figure, axes)


def _finish(name: str, figure, axes) -> Path:  # type: ignore[no-untyped-def]
    import matplotlib.pyplot as plt

    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(fontsize=7, frameon=False)
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.png"
    figure.tight_layout()
    figure.savefig(path, dpi=130)
    plt.close(figure)
    return path
