"""A captioner that begins with another run's weights: what is kept, word by word."""

from __future__ import annotations

import numpy as np
import pytest

from cnnrnn import backend
from cnnrnn.caption.models import MODELS
from cnnrnn.caption.settings import TrainSettings
from cnnrnn.caption.warm_start import begun_from, check_alike, warm_start
from cnnrnn.errors import CnnRnnError, UsageError
from cnnrnn.text.vocabulary import Vocabulary
from cnnrnn.training.run import Run

numpy = backend.keras().ops.convert_to_numpy

OLD = Vocabulary([("dog", 3), ("cat", 2), ("red", 1)])
NEW = Vocabulary([("red", 3), ("house", 2), ("dog", 1), ("on", 1)])


def captioner(vocabulary, kind="attention", hidden=8, **changes):
    shape = (2, 2, 6) if kind == "attention" else (6,)
    model = MODELS[kind](len(vocabulary), shape, hidden, 4, 0.0, 0.0, **changes)
    model.build()
    return model


@pytest.fixture
def old(tmp_path):
    backend.configure(seed=1)
    model = captioner(OLD)
    for variable in model.weights:  # biases too should be told apart
        variable.assign(np.random.default_rng(0).standard_normal(variable.shape))
    run = Run.create(tmp_path, "caption", "old")
    run.save_best(model.save)
    OLD.save(run.path / "vocabulary.json")
    return run, model


def test_shared_words_keep_their_rows_and_new_ones_their_first_weights(old):
    run, before = old
    model = captioner(NEW)
    fresh = numpy(model.embed.embeddings)
    warm_start(model, NEW, run.path)
    embeddings, known = numpy(model.embed.embeddings), numpy(before.embed.embeddings)
    for word in ("<start>", "red", "dog"):
        new, there = NEW.encode([word])[0], OLD.encode([word])[0]
        if word == "<start>":
            new = there = 1
        np.testing.assert_array_equal(embeddings[new], known[there])
        np.testing.assert_array_equal(
            numpy(model.vocabulary.kernel)[:, new],
            numpy(before.vocabulary.kernel)[:, there],
        )
        assert float(model.vocabulary.bias[new]) == float(before.vocabulary.bias[there])
    house = NEW.encode(["house"])[0]
    np.testing.assert_array_equal(embeddings[house], fresh[house])
    for name in ("lstm", "join", "project", "query", "opening"):
        for ours, theirs in zip(
            getattr(model, name).get_weights(), getattr(before, name).get_weights(), strict=True
        ):
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    ("kind", "changes", "differs"),
    [
        ("attention", {"hidden": 16}, "has --hidden 8, not 16"),
        ("attention", {"rnn": "gru"}, "has --rnn lstm, not gru"),
        ("attention", {"layers": 2}, "has --layers 1, not 2"),
        ("attention", {"head": "tied"}, "has the output free, not tied"),
        ("inject-init", {}, "has --model attention, not inject-init"),
    ],
)
def test_a_run_of_another_shape_is_one_clear_line(old, kind, changes, differs):
    model = captioner(NEW, kind, **changes)
    before = [weight.copy() for weight in model.get_weights()]
    with pytest.raises(CnnRnnError, match=f"another shape: it {differs}"):
        warm_start(model, NEW, old[0].path)
    for now, then in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_a_run_that_is_none_is_refused(tmp_path):
    with pytest.raises(CnnRnnError, match="does not exist"):
        warm_start(captioner(NEW), NEW, tmp_path / "nothing")


def run_of(folder, **chosen):
    """A run whose config.json has these settings, decided."""
    settings = TrainSettings(**chosen).resolved(6000, 30_000)
    return Run.create(folder, "caption", "first", settings.as_config()).path


def test_the_run_begun_from_gives_its_data_and_its_net(tmp_path):
    first = run_of(tmp_path, data="a.csv", model="merge", fine_tune=True, cnn_rate=1.0, epochs=3)
    found = begun_from(first, {})
    assert (found.data, found.model, found.min_count, found.holdout) == ("a.csv", "merge", 5, 500)
    assert found.fine_tune and found.cnn_rate is None and found.epochs is None
    assert found.init == str(first)


def test_of_other_data_is_decided_anew_what_was_decided_of_the_runs_own(tmp_path):
    first = run_of(tmp_path, data="a.csv", format="csv", limit=9000, hidden=64)
    found = begun_from(first, {"data": "b.json", "epochs": 4})
    assert (found.data, found.format, found.limit, found.epochs) == ("b.json", "auto", None, 4)
    assert found.min_count is None and found.holdout is None and found.hidden == 64


def test_another_model_cannot_be_begun_with_a_run(tmp_path):
    first = run_of(tmp_path, data="a.csv", model="merge")
    with pytest.raises(UsageError, match="is merge, not inject .leave out --model"):
        begun_from(first, {"model": "inject"})
    with pytest.raises(UsageError, match="the output of .* is words, not vectors .leave out --out"):
        begun_from(first, {"output": "vectors"})
    with pytest.raises(UsageError, match="is words, not characters .leave out --tokenizer"):
        begun_from(first, {"tokenizer": "characters"})


def test_a_run_for_clips_can_begin_one_for_pictures(tmp_path):
    (tmp_path / "photos.csv").write_text("image,caption\na.jpg,a dog\n")
    (tmp_path / "films.csv").write_text("clip,caption\na.mp4,a dog barks\n")
    (tmp_path / "gifs.csv").write_text("clip,caption\na.gif,a dog barks\n")
    first = run_of(tmp_path, data="clips", model="merge", frames=6)
    frames = {
        name: begun_from(first, {"data": str(tmp_path / name)}).frames
        for name in ("photos.csv", "films.csv", "gifs.csv")
    }
    assert frames == {"photos.csv": None, "films.csv": 6, "gifs.csv": 6}


def test_features_of_another_size_are_found_out_early(tmp_path):
    first = run_of(tmp_path, data="a.csv")
    table = tmp_path / "f.npz"
    np.savez(table, names=["1.jpg"], features=np.zeros((1, 2, 2, 7), np.float32))
    for changes, size in (({"backbone": "resnet50"}, 2048), ({"features": str(table)}, 7)):
        begun = begun_from(first, changes).resolved(6000, 30_000)
        with pytest.raises(CnnRnnError, match=f"features of 1280, not {size}"):
            check_alike(begun)
