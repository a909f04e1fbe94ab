"""`sknet.stream`: as a fit in memory whatever the source and its chunks, and predictions chunk by chunk."""

import os
import signal
import stat
import subprocess
import sys
import textwrap
import tracemalloc

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.metrics import log_loss

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor, load, save, stream
from tests.stream.limits import buffer_bytes, held_out_rows, pool_bytes
from tests.tables.examples import count_texts
from tests.tables.limits import large_table_rows, sample_rows

N = 3000
RNG = np.random.default_rng(0)


def make(n, rng):
    frame = pd.DataFrame(
        {
            "a": rng.normal(size=n),
            "b": rng.lognormal(size=n),
            "city": pd.Series(rng.choice(list("uvwxyz"), n), dtype=object),
            "user": rng.choice([f"u{i}" for i in range(200)], n),
            "note": [" ".join(words) for words in rng.choice(["a", "new", "flat", "of", "quiet", "near"], (n, 6))],
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 10**7, n), unit="s"),
            "w": rng.integers(0, 3, n) * 0.5,
            "g": rng.integers(0, 40, n),
        }
    )
    effect = frame["city"].map({c: i - 2.5 for i, c in enumerate("uvwxyz")}) + 2 * frame["user"].str[-1].isin(
        list("13579")
    )
    frame["y"] = (frame["a"] * 2 + effect + frame["day"].dt.hour / 12 + rng.logistic(size=n) > 1).astype(int)
    frame.loc[rng.choice(n, n // 20, replace=False), ["a", "city", "note"]] = None
    return frame


TABLE, TEST = make(N, RNG).sort_values("y", kind="stable", ignore_index=True), make(N, RNG)
FEATURES = ["a", "b", "city", "user", "note", "day"]
QUICK = {"hidden_layer_sizes": 16, "max_iter": 12, "random_state": 0, "max_categories": 50, "dtype": "float64"}


def in_chunks(size, table=TABLE, columns=(*FEATURES, "y")):
    return lambda: (table[list(columns)][i : i + size] for i in range(0, len(table), size))


@pytest.fixture(scope="module")
def parquet(tmp_path_factory):
    pytest.importorskip("pyarrow")
    folder = tmp_path_factory.mktemp("table")
    TABLE[:1000].to_parquet(folder / "0.parquet")
    TABLE[1000:].to_parquet(folder / "1.parquet", row_group_size=300)
    return folder


@pytest.fixture(scope="module")
def fitted():
    return stream.fit(SigmoidMLPClassifier(**QUICK), in_chunks(700), target="y")


def same(one, other):
    pairs = zip([*one.coefs_, *one.intercepts_], [*other.coefs_, *other.intercepts_], strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


# --- fits


def test_a_sorted_table_is_learnt_as_well_as_in_memory(fitted):
    net = SigmoidMLPClassifier(**QUICK, early_stopping=True, n_members=1).fit(TABLE[FEATURES], TABLE["y"])
    losses = [log_loss(TEST["y"], one.predict_proba(TEST[FEATURES])) for one in (net, fitted)]
    assert losses[1] < 1.02 * losses[0]
    assert fitted.resolved_params_ == net.resolved_params_
    assert fitted.n_iter_ > 3
    assert len(fitted.network_feature_names_) == len(net.network_feature_names_)


def test_chunks_change_no_bit(fitted):
    for size in (N, 411):
        assert same(fitted, stream.fit(SigmoidMLPClassifier(**QUICK), in_chunks(size), target="y"))
    pieces = lambda: ((X[FEATURES], X["y"]) for X in in_chunks(1000)())  # noqa: E731
    assert same(fitted, stream.fit(SigmoidMLPClassifier(**QUICK), pieces))


def test_small_pools_train_as_well(fitted):
    with pool_bytes(2**12, encoded=2**14):
        net = stream.fit(SigmoidMLPClassifier(**QUICK), in_chunks(700), target="y")
    losses = [log_loss(TEST["y"], one.predict_proba(TEST[FEATURES])) for one in (net, fitted)]
    assert losses[0] < 1.05 * losses[1]
    assert net.t_ == fitted.t_


def test_texts_are_encoded_once_and_not_in_every_epoch():
    with count_texts() as n_encoded:
        net = stream.fit(SigmoidMLPClassifier(**QUICK), in_chunks(700), target="y")
    assert net.n_iter_ > 3
    assert net.resolved_params_["text_features"] == ["note"]
    assert N <= sum(n_encoded) < 1.5 * N  # all rows, and once more those that are held out


def test_parquet_equals_chunks(parquet, fitted):
    columns = [*FEATURES, "y"]
    dataset = pytest.importorskip("pyarrow.dataset")
    table = dataset.dataset(parquet).to_table(columns=columns)
    net = stream.fit(SigmoidMLPClassifier(**QUICK), dataset.dataset(table), target="y")
    assert same(net, fitted)


def test_weights_groups_and_a_validation_source(parquet):
    net = stream.fit(SigmoidMLPClassifier(**QUICK), parquet, target="y", sample_weight="w", groups="g")
    assert net.feature_names_in_.tolist() == FEATURES
    assert net.validation_scores_ is not None
    with pytest.warns(UserWarning, match="groups has no effect"):
        own = stream.fit(
            SigmoidMLPClassifier(**QUICK), parquet, target="y", sample_weight="w", validation=lambda: iter([TEST]),
            groups="g",
        )  # fmt: skip
    assert own.t_ == own.n_iter_ * (TABLE["w"] > 0).sum()


def test_a_memory_mapped_array_is_learnt_from(tmp_path):
    X = np.random.default_rng(0).normal(size=(2000, 4)).astype(np.float32)
    np.save(tmp_path / "X.npy", X)
    mapped, y = np.load(tmp_path / "X.npy", mmap_mode="r"), np.column_stack([X[:, 0], X[:, 1] ** 2])
    net = stream.fit(SigmoidMLPRegressor(max_iter=20, random_state=0), mapped, target=y, validation=None)
    assert net.score(X, y) > 0.9
    assert net.coefs_[0].dtype == np.float32
    for chosen in ({"validation": mapped, "validation_target": y}, {}):
        stream.fit(SigmoidMLPRegressor(max_iter=1, random_state=0, loss="huber"), mapped, target=y, **chosen)


@pytest.mark.parametrize(
    "parameters", [{"class_weight": "balanced"}, {"category_encoding": "target"}, {"input_scaling": "quantile"}]
)
def test_settings_mean_what_they_mean_in_memory(parameters):
    p = QUICK | {"numeric_encoding": "piecewise_linear", "early_stopping": False} | parameters
    net = SigmoidMLPClassifier(**p).fit(TABLE[FEATURES], TABLE["y"])
    found = stream.fit(SigmoidMLPClassifier(**p), in_chunks(800), target="y")
    losses = [log_loss(TEST["y"], one.predict_proba(TEST[FEATURES])) for one in (net, found)]
    assert losses[1] == pytest.approx(losses[0], rel=0.05)
    if "input_scaling" in parameters:
        pd.testing.assert_frame_equal(found.inputs_.sort_index(), net.inputs_.sort_index())


def test_few_rows_are_trained_on_without_validation():
    few = TABLE.iloc[::100][["a", "b", "y"]]
    chunks = in_chunks(9, few, few.columns)
    assert stream.fit(SigmoidMLPClassifier(**QUICK), chunks, target="y").validation_scores_ is None
    with pytest.warns(RuntimeWarning, match="fewer than 10 rows"):
        stream.fit(SigmoidMLPClassifier(**QUICK, early_stopping=True), chunks, target="y")


def test_the_result_is_the_plain_estimator(tmp_path, fitted):
    save(fitted, tmp_path / "net.safetensors")
    np.testing.assert_array_equal(
        load(tmp_path / "net.safetensors").predict(TEST[FEATURES]), fitted.predict(TEST[FEATURES])
    )
    net = stream.fit(SigmoidMLPClassifier(**QUICK), in_chunks(1500), target="y")
    before = net.t_
    assert net.partial_fit(TEST[FEATURES], TEST["y"]).t_ == before + len(TEST)


def test_a_run_is_resumed_bit_for_bit(tmp_path, fitted):
    from sknet import Checkpoint

    pytest.importorskip("sklearn.callback")
    path = tmp_path / "run.npz"
    make = lambda: SigmoidMLPClassifier(**QUICK, n_iter_no_change=99)  # noqa: E731
    whole = stream.fit(make().set_callbacks(Checkpoint(path, every=5)), in_chunks(999), target="y")
    again = stream.fit(make(), in_chunks(700), target="y", resume=path)
    assert same(again, whole)
    assert again.n_iter_ == whole.n_iter_ == 12
    with pytest.raises(ValueError, match="on other data, which differ in X, y"):
        stream.fit(make(), in_chunks(700, TABLE[::-1]), target="y", resume=path)


def test_a_checkpoint_that_cannot_be_written_is_told_before_a_chunk_is_read(tmp_path):
    from sknet import Checkpoint

    pytest.importorskip("sklearn.callback")
    net = SigmoidMLPClassifier(**QUICK).set_callbacks(Checkpoint(tmp_path / "no folder" / "run.safetensors"))
    with pytest.raises(OSError, match="run.safetensors cannot be written"):
        stream.fit(net, lambda: (pytest.fail("a chunk was read") for _ in range(1)), target="y")


def test_empty_chunks_are_skipped(fitted, parquet, tmp_path):
    pieces = [TABLE[:0], *in_chunks(700)(), TABLE[:0]]
    net = stream.fit(SigmoidMLPClassifier(**QUICK), lambda: (X[[*FEATURES, "y"]] for X in pieces), target="y")
    assert same(net, fitted)
    X, y, w = TEST[FEATURES], TEST["y"], np.repeat([0.0, 1.0], N // 2)
    held_out = [(X[:0], y[:0], w[:0]), (X[:99], y[:99], w[:99]), (X[99:], y[99:], w[99:])]  # the second weighs nothing
    few = SigmoidMLPClassifier(**QUICK | {"max_iter": 1})
    nets = [
        stream.fit(clone(few), lambda: iter([(TABLE[FEATURES], TABLE["y"])]), validation=lambda held=held: iter(held))
        for held in (held_out, [(X, y, w)])
    ]
    assert same(*nets)
    assert nets[0].validation_scores_ == nets[1].validation_scores_
    found = list(stream.predict(fitted, [TEST[:0], TEST, TEST[:0]]))
    assert len(found) == 1
    np.testing.assert_array_equal(found[0], fitted.predict(TEST[FEATURES]))


def test_a_group_is_held_out_whatever_the_types_of_its_chunks():
    numbers = [np.arange(60) / 2, np.arange(60.0), 2.0 ** np.arange(40, 100), 3e290 * np.arange(1, 61)]
    for values in numbers:
        table = TABLE[["a", "b", "y"]][: N // 2].assign(g=np.repeat(values, 25))
        cut = table.iloc[np.random.default_rng(0).permutation(N // 2)]
        nets = []
        for size in (N // 2, 10):
            pieces = [cut[i : i + size] for i in range(0, N // 2, size)]
            pieces[-1] = pieces[-1].astype({"g": object})
            whole = [X.assign(g=X["g"].astype(int)) if (X["g"] % 1 == 0).all() and X["g"].max() < 2**62 else X
                     for X in pieces]  # fmt: skip
            net = SigmoidMLPClassifier(**QUICK | {"max_iter": 2})
            nets.append(stream.fit(net, lambda whole=whole: iter(whole), target="y", groups="g"))
        assert same(*nets)
        assert 0 < nets[0].t_ // nets[0].n_iter_ < N // 2
        assert nets[0].t_ % 25 == 0


def write_parts(folder, *columns):
    """Write a Parquet file for each column, which is called b and stands beside others."""
    for i, values in enumerate(columns):
        part = TABLE.iloc[i::20][["a", "y"]].assign(b=values)
        part.to_parquet(folder / f"{i}.parquet", index=False)
    return folder


def test_files_of_other_schemas_are_unified(tmp_path):
    pytest.importorskip("pyarrow")
    n, net = N // 20, SigmoidMLPClassifier(**QUICK | {"max_iter": 1})
    text = list("xyz") * (n // 3)
    for i, (columns, names) in enumerate([
        (([None] * n, np.arange(n) / 2), ["b", "b_missing"]),
        ((np.arange(n), np.arange(n) / 2), ["b"]),
        ((pd.Categorical(text), text, [None] * n), ["b_x", "b_y", "b_z", "b_missing"]),
    ]):  # fmt: skip
        folder = tmp_path / str(i)
        folder.mkdir()
        stream.fit(net, write_parts(folder, *columns), target="y")
        assert net.network_feature_names_.tolist() == ["a", "a_missing", *names]
        assert len(np.concatenate(list(stream.predict(net, folder)))) == n * len(columns)


def test_files_of_other_schemas_that_lose_something_are_named(tmp_path):
    pytest.importorskip("pyarrow")
    n, net = N // 20, SigmoidMLPClassifier(**QUICK)
    write_parts(tmp_path, np.arange(n), ["x"] * n)
    with pytest.raises(ValueError, match=r"Column 'b' holds int64 in .*0\.parquet and .*string in .*1\.parquet: write"):
        stream.fit(net, tmp_path, target="y")
    TABLE[["a", "y"]].to_parquet(tmp_path / "1.parquet")
    with pytest.raises(ValueError, match=r"1\.parquet has no column 'b': give all files the same columns, or leave"):
        stream.fit(net, tmp_path, target="y")
    write_parts(tmp_path, [b"x"] * n, [b"y"] * n)
    with pytest.raises(TypeError, match="Column 'b' of X holds bytes values .*: decode it to strings"):
        stream.fit(net, tmp_path, target="y")
    assert not hasattr(net, "coefs_")


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_a_killed_process_leaves_nothing_on_the_disk(tmp_path):
    code = """
        import itertools, sys, numpy as np
        from sknet import SigmoidMLPClassifier, stream
        X = np.random.default_rng(0).normal(size=(40_000, 100))
        def chunks():
            for i in itertools.count():
                yield X, X[:, 0] > 0
                if i == 2:
                    print("written", flush=True)
        stream.fit(SigmoidMLPClassifier(), chunks, cache_dir=sys.argv[1])
    """
    command = [sys.executable, "-c", textwrap.dedent(code), str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "written\n"
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    stream.fit(SigmoidMLPClassifier(**QUICK | {"max_iter": 1}), in_chunks(700), target="y", cache_dir=tmp_path)
    assert not list(tmp_path.iterdir())


# --- what is refused


ONES, BOTH = np.ones((4, 2)), np.array([0, 1, 0, 1])
GOOD = (ONES, BOTH)
INFINITE = (ONES * np.inf, BOTH)
WEIGHTED = (ONES, BOTH, np.ones(4))


@pytest.mark.parametrize(
    ("pieces", "message"),
    [
        ([], "source gave no rows"),
        ([(ONES, BOTH, np.zeros(4))] * 2, "The source has no row of positive weight"),
        ([(ONES, BOTH[:3])], "Chunk 1: X has 4 rows and y 3"),
        ([(ONES, BOTH, np.ones(3))], "Chunk 1: sample_weight has shape"),
        ([(ONES, BOTH, -np.ones(4))], "Chunk 1: sample_weight holds a negative"),
        ([GOOD, INFINITE], "Chunk 2: .*contains infinity"),
        ([GOOD, (ONES[:, :1], BOTH)], "Chunk 2: .*2 features"),
        ([GOOD, (ONES, list("abab"))], "Chunk 2: y mixes strings"),
        ([GOOD, (pd.DataFrame(ONES), BOTH)], "Chunk 2: it is a data frame, and the first chunk is an array"),
        ([(ONES.astype("float32"), BOTH), GOOD], "Chunk 2: X is float32 in the first chunk"),
        (
            [(pd.DataFrame({"a": [None]}), [0]), (pd.DataFrame({"a": ["b"]}, dtype=object), [1])],
            "Chunk 2: Column 'a' of X has no value in the first chunk, and values that are no numbers in another",
        ),
        (
            [(pd.DataFrame({"a": [1.0]}), [0]), (pd.DataFrame({"a": [np.inf]}), [1])],
            "Chunk 2: Column 'a' of X contains infinity",
        ),
        (
            [GOOD, (ONES[:0], BOTH[:0]), (ONES, [0, 1, None, 1], [0, 1, 1, 1])],
            "Chunk 3: Input y contains NaN.* row 2 first",
        ),
        ([(TABLE[["a"]], TABLE["y"], None, np.zeros(N))], "single group"),
    ],
)
def test_a_chunk_that_cannot_be_used_is_named(pieces, message):
    with pytest.raises((TypeError, ValueError), match=message):
        stream.fit(SigmoidMLPClassifier(**QUICK), lambda: iter(pieces))


@pytest.mark.parametrize(
    ("pieces", "message"),
    [
        ([(ONES[:0], BOTH[:0]), GOOD, INFINITE], "Chunk 3: .*contains infinity"),
        ([WEIGHTED, GOOD], "Chunk 2: Some chunks have sample weights and some have none"),
    ],
)
def test_a_chunk_of_the_validation_set_is_named_as_such(pieces, message):
    with pytest.raises(ValueError, match=f"^validation: {message}"):
        stream.fit(SigmoidMLPClassifier(**QUICK), lambda: iter([GOOD] * 2), validation=lambda: iter(pieces))


def test_a_chunk_that_cannot_be_predicted_is_named(fitted):
    with pytest.raises(ValueError, match="^Chunk 2: .*feature names"):
        list(stream.predict(fitted, [TEST, TEST[["a"]]]))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"cache_dir": "nowhere"}, FileNotFoundError, "cache_dir='nowhere' is no folder: make it"),
        (
            {"validation_target": [1]},
            ValueError,
            "validation_target is given, and validation is not: give both, or neither",
        ),
    ],
)
def test_arguments_that_cannot_be_used_are_named(arguments, error, message):
    with pytest.raises(error, match=message):
        stream.fit(SigmoidMLPClassifier(**QUICK), in_chunks(700), target="y", **arguments)


def test_what_is_none_of_the_estimators_is_refused():
    with pytest.raises(TypeError, match="neither"):
        stream.fit("net", in_chunks(10))


# --- predictions


@pytest.mark.parametrize("method", ["predict", "predict_proba", "decision_function"])
def test_predictions_of_chunks(parquet, fitted, method, tmp_path):
    expected = getattr(fitted, method)(TABLE[FEATURES])
    for source in (parquet, in_chunks(800), [TABLE[:1500], TABLE[1500:]], TABLE):
        found = np.concatenate(list(stream.predict(fitted, source, method=method)))
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)  # of single precision, near 0
    assert stream.predict(fitted, parquet, method=method, to=tmp_path / "p.parquet") is None
    written = pd.read_parquet(tmp_path / "p.parquet")
    np.testing.assert_allclose(written.to_numpy().reshape(expected.shape), expected, rtol=1e-5, atol=1e-6)
    names = {"predict_proba": ["predict_proba_0", "predict_proba_1"]}.get(method, [method])
    assert list(written.columns) == names
    assert list(tmp_path.iterdir()) == [tmp_path / "p.parquet"]


def test_predictions_of_several_outputs_are_written(tmp_path):
    pytest.importorskip("pyarrow")
    X = np.random.default_rng(0).normal(size=(200, 3))
    y = np.column_stack([X[:, 0] > 0, np.digitize(X[:, 1], [-1, 1])])
    net = SigmoidMLPClassifier(max_iter=2, random_state=0).fit(X, y)
    stream.predict(net, X, method="predict_proba", to=tmp_path / "p.parquet")
    assert pd.read_parquet(tmp_path / "p.parquet").shape == (200, 5)


def test_arguments_of_the_method_are_passed_on():
    X = np.random.default_rng(0).normal(size=(200, 3))
    net = SigmoidMLPRegressor(max_iter=2, random_state=0, early_stopping=True).fit(X, X[:, 0])
    for method, arguments in ("predict_quantiles", {"quantiles": [0.2, 0.5]}), ("predict_interval", {"coverage": 0.6}):
        (found,) = stream.predict(net, X, method=method, **arguments)
        np.testing.assert_array_equal(found, getattr(net, method)(X, **arguments))


def test_predictions_that_cannot_be_made_are_named(fitted, tmp_path):
    with pytest.raises(ValueError, match="method='fit'"):
        stream.predict(fitted, in_chunks(10), method="fit")
    with pytest.raises(OSError, match="cannot be written: Is a directory. Give another path"):
        stream.predict(fitted, in_chunks(700), to=tmp_path)
    with pytest.raises(TypeError, match="to=3 is no path"):
        stream.predict(fitted, in_chunks(700), to=3)
    with pytest.raises(ValueError, match="no rows"):
        stream.predict(fitted, [], to=tmp_path / "p.parquet")


def test_predictions_do_not_replace_what_they_are_made_of(fitted, tmp_path):
    pytest.importorskip("pyarrow")
    from pyarrow import dataset

    file, link, other = tmp_path / "table.parquet", tmp_path / "link.parquet", tmp_path / "other.parquet"
    TABLE[:50].to_parquet(file)
    TABLE[50:90].to_parquet(other)
    link.symlink_to(file)
    content = file.read_bytes()
    union = dataset.dataset([dataset.dataset(other), dataset.dataset(file)])
    for source in (file, str(link), tmp_path, f"{tmp_path}/*.parquet", dataset.dataset(file), union):
        for to in (file, link):
            with pytest.raises(ValueError, match="is a file of the source, which would be lost: give another path"):
                stream.predict(fitted, source, to=to)
    assert file.read_bytes() == content
    stream.predict(fitted, file, to=other)  # another file is replaced
    assert list(pd.read_parquet(other).columns) == ["predict"]


def test_predictions_do_not_replace_a_memory_mapped_table(tmp_path):
    pytest.importorskip("pyarrow")
    X, path = np.random.default_rng(0).normal(size=(200, 3)), tmp_path / "X.npy"
    np.save(path, X)
    content, mapped = path.read_bytes(), np.load(path, mmap_mode="r")
    net = SigmoidMLPRegressor(max_iter=2, random_state=0).fit(X, X[:, 0])
    for source in (mapped, np.asarray(mapped)[10:]):
        with pytest.raises(ValueError, match="is a file of the source"):
            stream.predict(net, source, to=path)
    assert path.read_bytes() == content


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes of POSIX")
def test_predictions_do_not_replace_a_pipe(fitted, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="cannot be written: it is a pipe"):
        stream.predict(fitted, TABLE, to=tmp_path / "pipe")
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


# --- memory


def peak_of(n):
    """Return the bytes that a fit of n rows, 168 bytes each, allocates at its peak."""

    def chunks():
        for start in range(0, n, 500):
            X = np.random.default_rng(start).normal(size=(500, 20))
            yield X, (X[:, 0] > X[:, 1]).astype(int)

    tracemalloc.start()
    stream.fit(SigmoidMLPClassifier(8, max_iter=2, random_state=0, numeric_encoding="raw"), chunks)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_memory_grows_by_targets_and_row_numbers_alone():
    with (
        pool_bytes(2**18, encoded=2**17), held_out_rows(500), sample_rows(500, drawn_at_once=2**11),
        large_table_rows(2**10), buffer_bytes(2**17),
    ):  # fmt: skip
        few, many = peak_of(10_000), peak_of(40_000)
    assert many - few < 48 * 30_000  # bytes: some numbers for each row, whatever the number of columns


# --- encoders first


def test_encoders_may_be_learnt_before_the_first_chunk():
    X, y = np.sort(np.random.default_rng(1).normal(size=(3000, 1)), axis=0), np.arange(3000) % 2
    net = stream.prepare(SigmoidMLPClassifier(**QUICK), X[::7], y[::7], classes=[0, 1, 2])
    assert net.n_iter_ == 0
    assert net.t_ == 0
    assert len(net.history_) == 0
    assert net.predict(X).shape == (3000,)
    center = net.inputs_["centre"].iloc[0]
    net.partial_fit(X[:300], y[:300])
    assert net.t_ == 300
    assert net.inputs_["centre"].iloc[0] == center
    assert len(net.classes_) == 3


def test_a_solver_without_partial_fit_cannot_prepare():
    with pytest.raises(AttributeError, match="stochastic"):
        stream.prepare(SigmoidMLPClassifier(solver="lbfgs"), np.ones((3, 1)), [0, 1, 0])
