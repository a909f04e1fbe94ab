"""Hostile model files and checkpoints: mutants of whole ones, and crafted ones.

    python -m tests.fuzz.model_files [count]

Of every mutant either the one error comes, or an estimator that predicts; a file whose bytes were changed without its
digest gives the error or the same predictions. Nothing is imported or called, and memory stays below the file's size
and 64 MB. The program prints the longest processor time that a file has taken.
"""

import json
import os
import resource
import sys
import time
import warnings
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from safetensors.numpy import load
from safetensors.numpy import save as to_bytes

import sknet
from sknet import Checkpoint, SigmoidMLPClassifier, SigmoidMLPRegressor
from tests.storage.forged import MINOR_VERSION, VERSION, evaluate_annotations, header, read_checkpoint, signed

EPOCH = ("loss", "validation_loss", "validation_score", "learning_rate", "gradient_norm", "seconds")
MEMORY = 64 * 2**20
FORBIDDEN = ("import", "exec", "compile", "os.system", "subprocess.", "socket.", "ctypes.", "marshal.", "pickle.")


# --- what is attacked ------------------------------------------------------------------------------------------------


def estimators():
    """Small fitted estimators that have every part a file may have, each with a table to predict."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 3))
    X[3, 1] = np.nan
    frame = pd.DataFrame({"a": X[:, 0], "b": rng.choice(["u", "v", "w"], 80), "c": rng.choice(["x", "y"], 80)})
    how = dict(hidden_layer_sizes=4, max_iter=2, random_state=0)
    several = np.c_[rng.integers(0, 2, 80), rng.integers(4, 7, 80)]
    yield SigmoidMLPClassifier(**how).fit(frame, rng.choice(["p", "q", "r"], 80)), frame
    yield SigmoidMLPClassifier(**how, class_weight={0: 1.0, 1: 2.0}).partial_fit(X, rng.integers(0, 2, 80)), X
    yield SigmoidMLPClassifier(**how).fit(X, several), X
    yield SigmoidMLPClassifier(**how).fit(X, several[:, [0, 0]]), X
    yield SigmoidMLPRegressor(**how, loss="quantile", quantile=(0.1, 0.5, 0.9)).fit(X, X[:, 0]), X
    yield SigmoidMLPRegressor(**how).fit(X, X[:, :1] * [1, 2]), X
    since = pd.Timestamp("2020", tz="Europe/Berlin") + pd.to_timedelta(rng.integers(0, 10**8, 80), unit="s")
    mixed = frame.assign(when=since, key=[f"row {k}" for k in range(80)])
    mixed.loc[3:9, ["when", "key", "b"]] = None
    every = dict(numeric_encoding="piecewise_linear", n_bins=3, max_categories=2, category_encoding="both")
    yield SigmoidMLPRegressor(**how, **every).fit(mixed, X[:, 0]), mixed
    every["input_scaling"] = "quantile"
    yield SigmoidMLPClassifier(**how, **every).fit(mixed, rng.choice(["p", "q", "r"], 80)), mixed


def checkpoint(path):
    """Write a checkpoint, and return how it is resumed."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(80, 3)), rng.normal(size=80)
    net = lambda: SigmoidMLPRegressor(hidden_layer_sizes=4, max_iter=2, random_state=0, learning_rate="cosine")  # noqa: E731
    net().set_callbacks(Checkpoint(path)).fit(X, y)
    return lambda: net().resume(path, X, y)


# --- mutants ---------------------------------------------------------------------------------------------------------


def mutated_bytes(rng, content):
    """Change a few bytes, or cut, insert, repeat and zero some."""
    data = bytearray(content)
    # half of the time in the header, where all decisions are
    end = 8 + int.from_bytes(content[:8], "little") if rng.random() < 0.5 else len(data)
    end = min(max(end, 1), len(data))
    for _ in range(rng.integers(1, 4)):
        at, length = int(rng.integers(0, end)), int(rng.integers(1, 40))
        way = rng.integers(0, 6)
        if way == 0:
            data[at] ^= 1 << rng.integers(0, 8)
        elif way == 1:
            data[at : at + length] = rng.bytes(length)
        elif way == 2:
            del data[at : len(data) if rng.random() < 0.3 else at + length]
        elif way == 3:
            data[at:at] = data[at : at + length]
        elif way == 4:
            data[at : at + length] = bytes(length)
        else:
            data[at : at + 1] = rng.choice([b"{", b"[", b'"', b"9", b"-", b",", b"}", b"\\"])
        end = min(end, len(data)) or 1
        if not data:
            break
    return bytes(data)


STRANGE = [
    None, True, False, -1, 0, 1, 2**31, 2**63, 10**30, 1e308, -0.0, float("nan"), "", "model", "rows", "float32",
    "object", "log_loss", "sigmoid", "os.system", "__class__", "builtins.eval", "dateutil//etc/passwd", [], {},
    [[]], [None] * 5,
    {"is": "piece", "number": 0}, {"is": "array"}, {"is": "rows", "of": "Epoch"}, {"is": "characters"}, {"is": "Model"},
    {"is": "State"}, {"is": "list", "items": [1]}, {"is": "dtype", "name": "O"},
    {"is": "dict", "keys": [], "values": []},
    {"is": "RandomState", "state": {"is": "array"}}, {"is": "Generator", "state": 1}, {"is": "objects", "items": ["a"]},
]  # fmt: skip


def _places(tree, found):
    """Every container of a JSON tree with the keys of its parts."""
    items = list(tree.items()) if isinstance(tree, dict) else list(enumerate(tree)) if isinstance(tree, list) else []
    for key, part in items:
        found.append((tree, key))
        _places(part, found)
    return found


def mutated_tree(rng, settings, arrays):
    """Change the settings' values or the arrays, and sign the result: the reader's checks alone stand against it."""
    plain, arrays = json.loads(settings), dict(arrays)
    for _ in range(rng.integers(1, 4)):
        places = _places(plain["value"], [])
        where, key = places[rng.integers(len(places))]
        other, name = places[rng.integers(len(places))]
        array, another = map(str, rng.choice(list(arrays) or [""], 2))
        way = rng.integers(0, 9)
        if way == 0:
            where[key] = STRANGE[rng.integers(len(STRANGE))]
        elif way == 1:
            where[key] = json.loads(json.dumps(other[name]))
        elif way == 2:
            del where[key]
        elif way == 3 and isinstance(where, dict):
            where[str(rng.choice(["is", "name", "x", "categories", "of", "0", "a.b"]))] = STRANGE[
                rng.integers(len(STRANGE))
            ]
        elif way == 4 and isinstance(where[key], list):
            where[key] = where[key] * int(rng.integers(2, 10**4))  # what it refers to, again and again
        elif way == 5 and isinstance(where[key], int | float):
            where[key] = where[key] * float(rng.normal()) if rng.random() < 0.5 else int(rng.integers(-5, 10**6))
        elif way == 6:
            arrays[array], arrays[another] = arrays.get(another), arrays.get(array)
        elif way == 7:
            arrays.pop(array, None)
        else:
            arrays[array] = _mutated_array(rng, arrays.get(array, np.zeros(3)))
        arrays = {name: array for name, array in arrays.items() if array is not None}
    return signed(json.dumps(plain), arrays)


def _mutated_array(rng, array):
    ways = [
        lambda: array.reshape(-1)[: array.size // 2], lambda: array.astype(np.float64), lambda: array.astype(np.int8),
        lambda: array[..., None], lambda: np.concatenate([array.reshape(-1)] * 3), lambda: np.zeros(0),
        lambda: array.astype(bool), lambda: np.full(array.shape, np.nan), lambda: np.full(array.shape, 2**31),
        lambda: array.T.copy(), lambda: np.zeros((0, 5)), lambda: array.astype(np.uint32), lambda: np.array(7),
    ]  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ways[rng.integers(len(ways))]()


def opened(content):
    """The settings and the arrays of a file's bytes."""
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    return header["__metadata__"]["settings"], dict(sorted(load(content).items()))


# --- crafted files ---------------------------------------------------------------------------------------------------


def header_only(header, data=b"", length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(text) if length is None else length).to_bytes(8, "little") + text + data


def strange_columns():
    """Columns of every kind whose parts do not go together."""
    number = {"is": "NumberColumn", "centre": 0.0, "factor": 1.0, "bend": True, "shift": True}
    bins = {"is": "BinnedColumn", "number": number, "edges": [0.0, 1.0]}
    dates = {"is": "DatetimeColumn", "seconds": number, "cycles": [], "zone": None, "is_duration": False}
    return {
        "bins without edges": bins | {"edges": []},
        "quantiles of another count": {"is": "QuantileColumn", "quantiles": {"is": "array"}},
        "means of no level": {
            "is": "TargetEncodedColumn", "categories": ["a"], "means": {"is": "array"}, "factor": {"is": "array"},
            "one_hot": None,
        },
        "a cycle that is not known": dates | {"cycles": ["__import__"]},
        "a time zone that pandas reads from a file": dates | {"zone": "dateutil//etc/passwd", "cycles": ["hour"]},
        "numbers that are text": number | {"centre": "0"},
    }  # fmt: skip


def crafted():
    """Files made to hurt, by what they do."""
    estimator, _ = next(estimators())
    with TemporaryDirectory() as folder:
        path = Path(folder) / "m"
        sknet.save(estimator, path)
        sknet.load(path)  # what is imported once is imported
        whole = path.read_bytes()
    settings, arrays = opened(whole)
    tensor = lambda shape, start, stop, dtype="F32": {"dtype": dtype, "shape": shape, "data_offsets": [start, stop]}  # noqa: E731
    model = json.loads(settings)

    def changed(change, sknet=MINOR_VERSION, **more):
        plain = json.loads(settings)
        change(plain)
        kept = {name: array for name, array in (arrays | more).items() if array is not None}
        return signed(json.dumps(plain), kept, sknet=sknet)

    fitted = lambda plain: plain["value"]["fitted"]["model"]  # noqa: E731
    head = "fitted.model.encoding.head.labels.class_labels"
    yield "nothing", b""
    yield "seven bytes", b"\0" * 7
    yield "a length of zero", bytes(8)
    yield "a length of 2^63", header_only(b"{}", length=2**63)
    yield "a length of all ones", b"\xff" * 64
    yield "a length beyond the end", header_only(b"{}", length=1000)
    yield "a header of the file's length less one", header_only(b"{}" + b" " * 50, length=51)
    yield "text", b"Dear diary, " * 100
    yield "a pickle", b"\x80\x04cos\nsystem\n(S'touch /tmp/owned'\ntR."
    yield "an archive", b"PK\x03\x04" + bytes(200)
    yield "a header that is a list", header_only(b"[]")
    yield "a header of brackets", header_only(b"[" * 10**6)
    yield "a header of nested objects", header_only(b'{"a":' * 10**5 + b"1" + b"}" * 10**5)
    yield "a header of a hundred megabytes", header_only(b" " * 10**8)
    yield "a header that is no text", header_only(b"\xff\xfe" * 100)
    yield "a header with a NUL", header_only(b"{}\0\0")
    yield "no metadata", header_only({"t": tensor([1], 0, 4)}, b"\0" * 4)
    yield "metadata of numbers", header_only({"__metadata__": {"format": 1}})
    yield "metadata of a list", header_only({"__metadata__": []})
    yield "another format", to_bytes({"t": np.zeros(3)}, {"format": "pt"})
    yield "no format", to_bytes({"t": np.zeros(3)}, {"settings": "{}"})
    yield "a format before version 1", signed(settings, arrays, format="sknet")
    yield "a later version", signed(settings, arrays, version=str(VERSION + 1))
    yield "a later sknet, which has added a field", changed(lambda p: fitted(p).update(later=1), sknet="9.9")
    yield "written by no version of sknet", signed(settings, arrays, sknet="9" * 10**5)
    yield "an array that nothing refers to", signed(settings, arrays | {"fitted.later": np.zeros(3)})
    yield "a version that is no number", signed(settings, arrays, version="one")
    yield "a version of many digits", signed(settings, arrays, version="9" * 10**5)
    yield "no settings", to_bytes({"t": np.zeros(3)}, header())
    yield "another digest", whole[:-1] + b"?"
    yield "a tensor beyond the end", header_only({"t": tensor([10**9], 0, 4 * 10**9)}, b"\0" * 4)
    yield "a tensor of a negative size", header_only({"t": tensor([-1], 0, -4)}, b"\0" * 4)
    yield "a tensor that ends before it starts", header_only({"t": tensor([1], 4, 0)}, b"\0" * 4)
    yield "a shape that overflows", header_only({"t": tensor([2**32, 2**32, 2**32], 0, 4)}, b"\0" * 4)
    yield "a shape of a million ones", header_only({"t": tensor([1] * 10**6, 0, 4)}, b"\0" * 4)
    yield "overlapping tensors", header_only({"a": tensor([1], 0, 4), "b": tensor([1], 0, 4)}, b"\0" * 4)
    yield "a hole between tensors", header_only({"a": tensor([1], 0, 4), "b": tensor([1], 8, 12)}, b"\0" * 12)
    yield "bytes after the end", whole + b"\0" * 8
    yield "an unknown type", header_only({"t": tensor([1], 0, 4, "C128")}, b"\0" * 4)
    yield "a type that NumPy lacks", header_only({"t": tensor([2], 0, 4, "BF16")}, b"\0" * 4)
    yield (
        "the same tensor twice",
        header_only(b'{"t":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},' * 2 + b'"x":0}'),
    )
    yield "a hundred thousand tensors", header_only({f"t{k}": tensor([0], 0, 0) for k in range(10**5)})
    yield "no settings but a number", signed("7", arrays)
    yield "settings that are no JSON", signed("{", arrays)
    yield "settings of brackets", signed("[" * 10**5 + "]" * 10**5, arrays)
    yield "settings of a million objects", signed("[" + "{}," * 10**6 + "{}]", arrays)
    yield "settings of one huge number", signed("1" * 10**6, arrays)
    yield "settings of one long text", signed('"' + "a" * 4 * 10**6 + '"', arrays)
    yield "settings of NaN", signed('{"estimator": NaN}', arrays)
    yield "an estimator that is a module", changed(lambda p: p["value"].update(estimator="os"))
    yield "an estimator that is a list", changed(lambda p: p["value"].update(estimator=["classifier"]))
    yield "a regressor with a classifier's head", changed(lambda p: p["value"].update(estimator="regressor"))
    yield "a parameter that is not known", changed(lambda p: p["value"]["parameters"]["keys"].__setitem__(0, "shell"))
    yield (
        "a piece called eval",
        changed(lambda p: (p.update(pieces=["eval"]), fitted(p).update(network={"is": "piece", "number": 0}))),
    )
    yield (
        "an activation that is not known",
        changed(lambda p: fitted(p)["network"].update(activations=[{"is": "activation", "name": "__import__"}])),
    )
    yield (
        "a loss that is not known",
        changed(lambda p: fitted(p)["encoding"]["head"]["settings"].update(loss="os.system")),
    )
    yield (
        "an object type",
        changed(lambda p: fitted(p)["encoding"].update(compute_dtype={"is": "dtype", "name": "object"})),
    )
    yield "a kind that is not known", changed(lambda p: fitted(p).update({"is": "subprocess.Popen"}))
    yield (
        "an encoder in place of a network",
        changed(lambda p: fitted(p).update(network=fitted(p)["encoding"]["encoder"])),
    )
    yield (
        "a model within a model",
        changed(lambda p: fitted(p)["encoding"].update(encoder=model["value"]["fitted"]["model"])),
    )
    for what, column in strange_columns().items():
        names = [name for name, part in column.items() if part == {"is": "array"}]
        more = {f"fitted.model.encoding.encoder.columns.0.{name}": np.zeros(3) for name in names}
        change = lambda p, column=column: fitted(p)["encoding"]["encoder"]["columns"].__setitem__(0, column)  # noqa: E731
        yield what, changed(change, **more)
    yield "no columns", changed(lambda p: fitted(p)["encoding"]["encoder"].update(columns=[]))
    yield "weights of another shape", changed(lambda p: None, **{name: a.reshape(-1) for name, a in arrays.items()})
    number = {"centre": np.zeros(10**5), "factor": np.ones(10**5)}
    number |= dict.fromkeys(["bend", "shift", "has_missing_indicator"], np.zeros(10**5, bool))
    yield (
        "a hundred thousand columns",
        changed(
            lambda p: fitted(p)["encoding"]["encoder"].update(columns={"is": "rows", "of": "NumberColumn"}),
            **{f"fitted.model.encoding.encoder.columns.{name}": array for name, array in number.items()},
        ),
    )
    epochs = {name: np.arange(10**6).astype(np.float16) for name in EPOCH}
    rows = {"is": "rows", "of": "Epoch"}
    yield (
        "a million epochs in few bytes",
        changed(
            lambda p: p["value"]["fitted"].update(history=rows),
            **{f"fitted.history.{name}": array for name, array in epochs.items()},
        ),
    )
    yield (
        "one array as the epochs of a hundred members",
        changed(
            lambda p: p["value"]["fitted"].update(member_epochs=[rows] * 100),
            **{f"fitted.member_epochs.0.{name}": array[: 10**5] for name, array in epochs.items()},
        ),
    )
    yield (
        "one array by two paths",
        changed(lambda p: fitted(p)["network"].update({"coefs.items": [{"is": "array"}], "coefs.0": {"is": "array"}})),
    )
    yield "a resolved parameter is not there", changed(lambda p: p["value"]["fitted"]["resolved"]["keys"].pop())
    yield "characters beyond all characters", changed(lambda p: None, **{head: np.full((3, 4), 2**31, np.uint32)})
    yield "text of no width", changed(lambda p: None, **{head: np.zeros((3, 0), np.uint32)})
    yield "a shape of huge numbers", header_only({"t": tensor([10**4000] * 1000, 0, 4)}, b"\0" * 4)
    yield (
        "settings whose marks are escaped",
        header_only(
            b'{"__metadata__":%b,"settings":"[' % json.dumps(header())[:-1].encode() + b"0\\u002c" * 700_000 + b'0]"}}'
        ),
    )
    yield "booleans of 7", signed(settings, arrays | {"t": np.array([7], np.uint8).view(bool)})
    yield (
        "an indicator of 2^60 labels",
        changed(
            lambda p: fitted(p)["encoding"]["head"].update(
                labels={"is": "IndicatorLabels", "n_labels": 2**60, "values": {"is": "array"}}
            ),
            **{"fitted.model.encoding.head.labels.values": np.array([0, 1]), head: None},
        ),
    )


# --- one file --------------------------------------------------------------------------------------------------------


class Watch:
    """An audit hook that counts what must not happen, while it is open."""

    def __init__(self):
        self.is_open, self.seen, self.longest = False, [], 0.0
        evaluate_annotations()
        sys.addaudithook(self._hear)

    def _hear(self, event, args):
        if self.is_open and event.startswith(FORBIDDEN):
            self.seen.append((event, str(args)[:200]))

    def __enter__(self):
        self.is_open = True

    def __exit__(self, *how):
        self.is_open = False


def outputs(estimator, X):
    found = estimator.predict_proba(X) if hasattr(estimator, "predict_proba") else estimator.predict(X)
    return found if isinstance(found, list) else [found]


def load_and_judge(path, watch, read=sknet.load):
    """Load a file; return what came of it. Fails if it was another error, or if loading did what it must not."""
    size = os.path.getsize(path)
    before = memory(afresh=True)
    start = time.process_time()
    try:
        with watch:
            found = read(path)
    except sknet.ModelFileError:
        found = None
    watch.longest = max(watch.longest, time.process_time() - start)
    used = memory() - before
    assert used < size + MEMORY, f"{used / 2**20:.0f} MB"
    assert not watch.seen, watch.seen
    return found


def memory(afresh=False):
    """The most memory that this process has had, in bytes; `afresh` forgets what it had before, where Linux lets it."""
    if not os.access("/proc/self/clear_refs", os.W_OK):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    if afresh:
        Path("/proc/self/clear_refs").write_text("5")
    return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) * 1024


def fuzz(count, seed=0, watch=None):
    """Try `count` mutants; return how often each outcome came."""
    rng, watch, outcomes = np.random.default_rng(seed), watch or Watch(), Counter()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "m"
        whole = []
        for estimator, X in estimators():
            sknet.save(estimator, path)
            content = path.read_bytes()
            sknet.load(path)  # what is imported or read once is imported and read
            whole.append((content, *opened(content), X, outputs(estimator, X)))
        for k in range(count):
            content, settings, arrays, X, expected = whole[k % len(whole)]
            unsigned = rng.random() < 0.5
            path.write_bytes(mutated_bytes(rng, content) if unsigned else mutated_tree(rng, settings, arrays))
            found = load_and_judge(path, watch)
            if found is None:
                outcomes["refused, unsigned" if unsigned else "refused, signed"] += 1
            elif unsigned:
                assert all(map(np.array_equal, outputs(found, X), expected)), "another model"
                outcomes["the same model"] += 1
            else:
                outcomes[usable(found, X)] += 1
    return outcomes


def usable(estimator, X):
    """What a file that was signed by whoever changed it gives: an estimator that predicts, or says why not."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            outputs(estimator, X)
        except (ValueError, TypeError) as error:  # fitted to another table than this one
            return f"accepted, signed: {type(error).__name__}"
    return "accepted, signed: predicts"


def fuzz_checkpoints(count, seed=0, watch=None):
    rng, watch, outcomes = np.random.default_rng(seed), watch or Watch(), Counter()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "run.safetensors"
        resume = checkpoint(path)
        content, expected = path.read_bytes(), resume().coefs_
        whole = opened(content)
        for _ in range(count):
            unsigned = rng.random() < 0.5
            path.write_bytes(mutated_bytes(rng, content) if unsigned else mutated_tree(rng, *whole))
            if load_and_judge(path, watch, read_checkpoint) is None:
                outcomes["refused, unsigned" if unsigned else "refused, signed"] += 1
                continue
            try:
                found = resume()
            except sknet.ModelFileError:
                outcomes["refused where it is taken up"] += 1
            except ValueError as error:  # who signs a file decides what is trained on
                assert not unsigned, error
                outcomes[f"of another run, signed: {type(error).__name__}"] += 1
            else:
                same = all(map(np.array_equal, found.coefs_, expected))
                assert same or not unsigned, "another run"
                outcomes["the same run" if same else "another run, signed"] += 1
    return outcomes


def try_crafted(watch=None, folder=None):
    watch, outcomes = watch or Watch(), {}
    with TemporaryDirectory() as own:
        path = Path(folder or own) / "m"
        for what, content in crafted():
            path.write_bytes(content)
            try:
                outcomes[what] = load_and_judge(path, watch)
            except AssertionError as error:
                raise AssertionError(f"{what}: {error}") from error
    return outcomes


if __name__ == "__main__":
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    hook = Watch()
    started = time.perf_counter()
    for outcome, times in fuzz(n, watch=hook).most_common():
        print(f"{times:6d} {outcome}")
    for outcome, times in fuzz_checkpoints(n // 10, watch=hook).most_common():
        print(f"{times:6d} checkpoints: {outcome}")
    found = try_crafted(hook)
    accepted = [what for what, estimator in found.items() if estimator is not None]
    print(f"{len(found)} crafted, accepted: {accepted}")
    print(f"{time.perf_counter() - started:.0f} s; {hook.longest:.2f} s of processor time for a file at most")
