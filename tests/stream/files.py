"""Tables in a file, as streams write them."""

from contextlib import contextmanager

import numpy as np

from sknet._stream.records import ScratchFiles, choose_format
from sknet._stream.sources import Chunk
from sknet._stream.stored import NumberCollector, SourceWriter
from tests.tables.examples import column_choices


@contextmanager
def stored_table(X, folder, chunk_rows=40):
    """An array or a data frame as a table in a file, in an order of its own."""
    with ScratchFiles(folder) as files:
        choices, all_rows = column_choices(), np.arange(float(len(X)))
        writer = SourceWriter(files, NumberCollector(), lambda X: choose_format(X, choices, files), "source")
        for start in range(0, len(X), chunk_rows):
            rows = slice(start, min(start + chunk_rows, len(X)))
            writer.append(Chunk(1, X[rows], all_rows[rows], None, None), X[rows][:2])
        yield writer.finish().table
