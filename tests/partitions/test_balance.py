"""Parts stay where they are, unless one worker has many more rows than its share."""

import pytest

from sknet._partitions.balance import balanced


@pytest.mark.parametrize(
    ("homes", "lengths", "placed"),
    [
        (["a", "b", "a", "b"], [5, 5, 5, 5], {"a": [0, 2], "b": [1, 3]}),
        (["a", "a", "a", "a"], [5, 5, 5, 5], {"a": [0, 1], "b": [2, 3]}),
        (["a", "a"], [9, 1], {"a": [0], "b": [1]}),  # with the other, it would have more than 1.25 times its share
        ([None, "gone"], [3, 4], {"a": [0], "b": [1]}),
        (["a", "b"], [3, 0], {"a": [0]}),  # a worker without rows gets no shard
    ],
)
def test_each_worker_gets_its_share(homes, lengths, placed):
    assert balanced(homes, lengths, ["a", "b"]) == placed
