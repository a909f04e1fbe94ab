"""Which worker gets which parts of a table."""

from collections.abc import Sequence

BUSY = 1.25
"""A worker keeps its own parts up to so many times its share of the rows."""


def balanced(homes: Sequence[str | None], lengths: Sequence[int], workers: Sequence[str]) -> dict[str, list[int]]:
    """Say which parts each worker gets: its own, unless these are many more rows than its share.

    Parameters
    ----------
    homes : sequence of str or None
        The worker that has each part.
    lengths : sequence of int
        How many rows each part has.
    workers : sequence of str

    Returns
    -------
    dict of str to list of int
        Of the workers that get parts.
    """
    share = BUSY * sum(lengths) / len(workers)
    load, placed = dict.fromkeys(workers, 0), {address: list[int]() for address in workers}
    away = []
    for number, (home, length) in enumerate(zip(homes, lengths, strict=True)):
        if home in load and (not load[home] or load[home] + length <= share):
            load[home] += length
            placed[home].append(number)
        else:
            away.append(number)
    for number in away:
        address = min(workers, key=load.__getitem__)
        load[address] += lengths[number]
        placed[address].append(number)
    return {address: sorted(numbers) for address, numbers in placed.items() if any(lengths[n] for n in numbers)}
