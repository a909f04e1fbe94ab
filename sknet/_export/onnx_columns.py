"""Columns of a table as nodes of an ONNX graph: each simple kind of column has its converter.

A missing number is NaN; a missing text is the empty string, as ONNX has none; a missing date the least whole number.

Conventions
-----------
block : (n, n_inputs)        what columns of a feed become, in the type of the arithmetic
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from sknet._export.onnx_categories import encode_categories, encode_means
from sknet._export.onnx_graph import TARGET, Block, Feed, Graph
from sknet._export.onnx_numbers import (
    encode_bins,
    encode_cycles,
    encode_missing,
    encode_numbers,
    encode_quantiles,
    seconds_of,
)
from sknet._export.parts import ExportError
from sknet._export.simple_columns import Bins, Cycles, Missing, Placed, simple_columns
from sknet._tables.columns.category import CategoryColumn
from sknet._tables.columns.number import NumberColumn
from sknet._tables.columns.quantile import QuantileColumn
from sknet._tables.columns.target import TargetColumn
from sknet._tables.encoding import TableEncoder

Converter = Callable[[Graph, Feed, Sequence[Placed]], Iterator[Block]]

CONVERTERS: dict[type, Converter] = {
    NumberColumn: encode_numbers,
    QuantileColumn: encode_quantiles,
    Bins: encode_bins,
    Cycles: encode_cycles,
    Missing: encode_missing,
    CategoryColumn: encode_categories,
    TargetColumn: encode_means,
}
"""How the columns of each simple kind in one feed are written."""


def encode(graph: Graph, encoder: TableEncoder, feeds: Sequence[Feed]) -> list[Block]:
    """Write the encoding of a table; the blocks hold each of the network's inputs once, in any order."""
    width = sum(feed.width for feed in feeds)
    if width != encoder.n_columns:
        raise ExportError(
            f"The graph's inputs have {width} columns, and the estimator was fitted with {encoder.n_columns}: give "
            "initial_types with one column each, or one input that has them all."
        )
    placed = simple_columns(encoder, TARGET)
    starts = np.cumsum([0, *(feed.width for feed in feeds)]).tolist()
    blocks: list[Block] = []
    for feed, start in zip(feeds, starts, strict=False):
        own = [replace(one, place=one.place - start) for one in placed if 0 <= one.place - start < feed.width]
        blocks += _encode_feed(graph, feed, own)
    return blocks


def _encode_feed(graph: Graph, feed: Feed, placed: Sequence[Placed]) -> Iterator[Block]:
    """Write the columns of a feed, those of one kind together, whatever stands between them."""
    dates = [one for one in placed if one.of_dates]
    if dates:
        yield from _encode_alike(graph, *seconds_of(graph, feed, dates))
    yield from _encode_alike(graph, feed, [one for one in placed if not one.of_dates])


def _encode_alike(graph: Graph, feed: Feed, placed: Sequence[Placed]) -> Iterator[Block]:
    for kind in dict.fromkeys(type(one.column) for one in placed):
        yield from CONVERTERS[kind](graph, feed, [one for one in placed if type(one.column) is kind])
