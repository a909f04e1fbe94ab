"""Tables in a file, as streams write them."""

from contextlib import contextmanager
from pathlib import Path
from tempfile import gettempdir

import numpy as np

from sknet._stream.records import choose_format
from sknet._stream.sources import Chunk
from sknet._stream.storage import ScratchFiles
from sknet._stream.stored import NumberTargetCollector, SourceWriter
from tests.tables.examples import column_choices


@contextmanager
def stored_table(X, folder, chunk_rows=40):
    """An array or a data frame as a table in a file, in an order of its own."""
    with ScratchFiles(folder) as files:
        choices, all_rows = column_choices(), np.arange(float(len(X)))
        chunks = [Chunk(1, X[i : i + chunk_rows], all_rows[i : i + chunk_rows]) for i in range(0, len(X), chunk_rows)]
        table_format = choose_format(chunks[0].X, choices, files)
        writer = SourceWriter(files, table_format, NumberTargetCollector(), chunks[0], X[:2])
        for chunk in chunks:
            writer.append(chunk)
        yield writer.finish().table


def there_and_back(chunks, categorical_features="from_dtype", text_features=None, *, as_passed=False):
    """Write chunks of a table as records, and read them again as one table."""
    with ScratchFiles(Path(gettempdir())) as files:
        how = choose_format(chunks[0], column_choices(categorical_features, text_features), files)
        records = [np.zeros(len(chunk), how.record_dtype) for chunk in chunks]
        for chunk, into in zip(chunks, records, strict=True):
            how.pack_into(chunk, into)
        return how.unpack(np.concatenate(records), as_passed=as_passed)
