"""The gallery's small pictures: one diagram of an example's figure, drawn anew with letters to read at 150 pixels."""

from math import ceil
from pathlib import Path
from typing import Any

from matplotlib import pyplot as plt
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.text import Text
from sphinx.application import Sphinx
from sphinx_gallery.scrapers import matplotlib_scraper

WIDTH, HEIGHT = 3.0, 2.1
"""Inches. The page shows 160 pixels for the width: letters of 13 points are as large there as small print."""


def thin_out(axis: Axis, room: int) -> None:
    """Leave as many of an axis' ticks as there is room for."""
    low, high = sorted(axis.get_view_interval())
    ticks = [(tick.get_loc(), tick.label1.get_text()) for tick in axis.get_major_ticks()]
    ticks = [(place, text) for place, text in ticks if low <= place <= high]
    step = ceil(len(ticks) / room) or 1
    axis.set_ticks([place for place, _ in ticks[::step]], labels=[text for _, text in ticks[::step]])


def make_small(figure: Figure) -> None:
    """Leave a figure its first diagram alone, small and in large letters."""
    first, *others = figure.axes
    for part in [*others, *figure.legends, *figure.texts, *first.texts, first.get_legend()]:
        if part is not None:
            part.remove()
    first.set_title("")
    first.set_subplotspec(figure.add_gridspec(1, 1)[0])
    figure.set_size_inches(WIDTH, HEIGHT)
    figure.set_layout_engine("constrained")
    for text in first.findobj(Text):
        text.set_fontsize(13.0)
    figure.draw_without_rendering()  # now ticks have their texts
    longest = max((len(label.get_text()) for label in first.get_xticklabels()), default=1)
    thin_out(first.xaxis, room=max(1, min(4, 24 // max(longest, 1))))
    thin_out(first.yaxis, room=5)
    for line in first.lines:
        line.set_linewidth(max(2.0, line.get_linewidth()))
    figure.draw_without_rendering()
    for label, room in (first.xaxis.label, figure.bbox.width), (first.yaxis.label, figure.bbox.height):
        extent = label.get_window_extent()
        if max(extent.width, extent.height) > 0.8 * room:
            label.set_text("")


def pictures(block: object, block_vars: dict[str, Any], gallery_conf: dict[str, Any]) -> str:
    """Save the figures as Sphinx-Gallery does, and then the one that stands for the example small."""
    paths, wanted = block_vars["image_path_iterator"], block_vars["file_conf"].get("thumbnail_number", 1)
    figures = dict(enumerate(map(plt.figure, plt.get_fignums()), len(paths) + 1))
    lines = matplotlib_scraper(block, block_vars, gallery_conf)
    if wanted in figures:
        make_small(figures[wanted])
        path = Path(paths.image_path)
        name = path.name.replace("_{0:03}.png", "_small.png")
        (path.parent / "thumb").mkdir(exist_ok=True)
        figures[wanted].savefig(path.parent / "thumb" / name, dpi=2 * 160 / WIDTH)
    return lines


def use_small_pictures(app: Sphinx) -> None:
    """Put them where Sphinx-Gallery, which has run before, has its own."""
    for path in Path(app.srcdir).glob("gallery/**/thumb/*_small.png"):
        path.replace(path.with_name(path.name.replace("_small", "_thumb")))


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect it, after Sphinx-Gallery."""
    app.connect("builder-inited", use_small_pictures, priority=900)
    return {"parallel_read_safe": True}
