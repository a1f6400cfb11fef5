"""Every captioner of the registry: training and decoding agree; it saves; it learns.

Sizes are tiny: V 11 words, H 16, E 6, features of 5 numbers, a grid of 2 x 3 cells.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from cnnrnn import backend
from cnnrnn.caption import settings
from cnnrnn.caption.models import FUSIONS, MODELS, Attention, Inject, InjectInit, Merge
from cnnrnn.text.decoder import DecodeSettings, decode
from cnnrnn.text.heads import HEADS, SHARPNESS
from cnnrnn.text.language import RNNS
from cnnrnn.text.losses import CosineDistance, WordCrossEntropy
from cnnrnn.text.vocabulary import END, PAD, START, UNKNOWN
from cnnrnn.text.writer import GraphSteps

keras = backend.keras()
ops = keras.ops

V, H, E, D, CELLS = 11, 16, 6, 5, 6
SHAPES = {"pooled": (D,), "grid": (2, 3, D), "steps": (3, D)}
# Three captions of a picture and one of another: words are 4 to 10.
CAPTIONS = [[[4, 5, 6], [7], [4, 4]], [[8, 9]]]


# Every model of the registry, and together every way in which one can be changed.
VARIANTS = {name: (name, {}) for name in MODELS} | {
    "deep": ("attention", {"layers": 2, "head": "tied"}),
    "gru": ("merge", {"fusion": "add", "rnn": "gru", "layers": 2}),
    "vectors": ("inject", {"head": "nearest", "frozen_words": True}),
}


def made(name: str, **changes):
    """A model that was seeded and built."""
    keras.utils.set_random_seed(5)
    name, variant = VARIANTS[name]
    kind = MODELS[name]
    settings = {"hidden": H, "embedding": E, **variant, **changes}
    model = kind(V, SHAPES[kind.feature_output], **settings)
    model.build()
    return model


def loss_of(model):
    """The loss that goes with a model's head."""
    nearest = model.get_config()["head"] == "nearest"
    return CosineDistance() if nearest else WordCrossEntropy()


def features(model, count=2) -> np.ndarray:
    shape = SHAPES[model.feature_output]
    return np.random.default_rng(1).normal(size=(count, *shape)).astype(np.float16)


def batch(model, captions=CAPTIONS, length=None, rows=None):
    """Captions as training sees them. `length`, `rows`: more room than they need."""
    length = length or 1 + max(len(text) for texts in captions for text in texts)
    rows = rows or max(map(len, captions))
    words = np.full((len(captions), rows, length), PAD, np.int32)
    targets = np.full_like(words, PAD)
    for picture, texts in enumerate(captions):
        for row, text in enumerate(texts):
            words[picture, row, : len(text) + 1] = [START, *text]
            targets[picture, row, : len(text) + 1] = [*text, END]
    positions = np.flatnonzero(targets).astype(np.int32)
    inputs = {"features": features(model, len(captions)), "words": words, "positions": positions}
    return inputs, targets.ravel()[positions]


def numpy(tensor) -> np.ndarray:
    return ops.convert_to_numpy(tensor)


@pytest.fixture(scope="module", params=VARIANTS)
def name(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def model(name):
    return made(name)


def test_the_command_offers_the_registry():
    assert set(settings.MODELS) == set(MODELS)
    assert set(settings.RNNS) == set(RNNS) and set(settings.FUSIONS) == set(FUSIONS)


def test_one_row_of_logits_for_each_real_word(model):
    inputs, targets = batch(model)
    assert len(targets) == (4 + 2 + 3) + 3
    logits = numpy(model(inputs))
    assert logits.shape == (12, V) and logits.dtype == np.float32 and np.isfinite(logits).all()


def test_every_weight_exists_before_the_first_call(name):
    model = made(name)
    before = [weight.path for weight in model.weights]
    model(batch(model)[0])
    assert [weight.path for weight in model.weights] == before


def test_room_for_padding_changes_nothing(model):
    inputs, targets = batch(model)
    roomy, same = batch(model, length=9, rows=5)
    assert targets.tolist() == same.tolist()
    np.testing.assert_allclose(numpy(model(roomy)), numpy(model(inputs)), atol=1e-6)


def test_other_pictures_of_the_batch_change_nothing(model):
    inputs, _ = batch(model)
    alone, targets = batch(model, CAPTIONS[:1])
    many = numpy(model(inputs))[: len(targets)]
    np.testing.assert_allclose(numpy(model(alone)), many, rtol=1e-5, atol=1e-6)


def test_a_word_sees_no_later_word(model):
    inputs, _ = batch(model, [[[4, 5, 6]]])
    other, _ = batch(model, [[[4, 5, 9]]])
    before, after = numpy(model(inputs)), numpy(model(other))
    np.testing.assert_allclose(before[:3], after[:3], atol=1e-6)
    assert np.abs(before[3] - after[3]).max() > 5e-6  # a fresh deep net hardly moves


def log_softmax(logits: np.ndarray) -> np.ndarray:
    return logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))


def test_decoding_step_by_step_gives_the_logits_of_training(model):
    """Two captions of each of two pictures, all of three words."""
    captions = [[[4, 5, 6], [7, 8, 9]], [[10, 4, 4], [5, 5, 8]]]
    inputs, _ = batch(model, captions)
    logits = numpy(model(inputs)).reshape(4, 4, V)
    logits[:, :, [PAD, START, UNKNOWN]] = -3e4  # what decoding never offers
    expected = log_softmax(logits)

    memory, state = model.begin(inputs["features"])
    state = [ops.repeat(part, 2, axis=0) for part in state]
    maps_seen = []
    for step, words in enumerate(inputs["words"].reshape(4, 4).T):
        found, state, maps = model.advance(memory, state, ops.convert_to_tensor(words))
        np.testing.assert_allclose(numpy(found), expected[:, step], atol=2e-5)
        maps_seen.append(maps)
    if model.feature_output == "grid":
        assert maps_seen[0].shape == (4, CELLS)
        np.testing.assert_allclose(numpy(maps_seen[-1]).sum(axis=1), 1, atol=1e-5)
    else:
        assert maps_seen == [None] * 4


def test_dropout_is_off_outside_training(model):
    inputs, _ = batch(model)
    np.testing.assert_array_equal(numpy(model(inputs)), numpy(model(inputs)))
    assert np.abs(numpy(model(inputs, training=True)) - numpy(model(inputs))).max() > 1e-3


@pytest.mark.parametrize("compiled", [False, True])
def test_saved_and_opened_again_it_gives_the_same(name, tmp_path, compiled):
    model = made(name, dropout=0.2, feature_dropout=0.1)
    if compiled:
        model.compile("adam", loss_of(model))
        model.train_on_batch(*batch(model))
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    assert type(again) is type(model) and again.vocabulary_size == V
    assert again.get_config() == model.get_config()
    inputs, _ = batch(model)
    np.testing.assert_allclose(numpy(again(inputs)), numpy(model(inputs)), atol=1e-6)


def test_every_weight_learns(name):
    model = made(name)
    before = [weight.copy() for weight in model.get_weights()]
    model.compile(keras.optimizers.SGD(1.0), loss_of(model))
    model.train_on_batch(*batch(model))
    still = [
        weight.path
        for weight, old in zip(model.weights, before, strict=True)
        if np.array_equal(numpy(weight), old) and weight.trainable
    ]
    assert still == []


def test_it_learns_captions_by_heart_and_says_them(name):
    model = made(name, embedding=16, dropout=0.0, feature_dropout=0.0)
    random = np.random.default_rng(2)
    captions = [[random.integers(4, V, random.integers(2, 5)).tolist()] for _ in range(8)]
    model.compile(keras.optimizers.Adam(0.02), loss_of(model))
    inputs, targets = batch(model, captions)
    for _ in range(80):
        loss = float(np.ravel(model.train_on_batch(inputs, targets))[0])
    assert loss < (0.1 if name == "vectors" else 0.03)  # of vectors it is a distance
    steps = GraphSteps(model, offered=5)
    for width in (1, 3):
        found = decode(steps, inputs["features"], DecodeSettings(width, max_words=8))
        assert [each[0].words for each in found] == [texts[0] for texts in captions]
    if name == "vectors":
        return  # its loss is no sum of log-probabilities
    gain = sum(each[0].log_probability for each in found)
    assert gain == pytest.approx(-loss * len(targets), rel=0.2)


def test_decoding_offers_words_only(model):
    steps = GraphSteps(model, offered=V - 3)
    found = decode(steps, features(model), DecodeSettings(beam_width=20, max_words=2))
    words = {word for each in found for sentence in each for word in sentence.words}
    assert words and words.isdisjoint({PAD, START, END, UNKNOWN})


def set_weights(layer, *values):
    layer.set_weights([np.asarray(value, np.float32) for value in values])


def silent(layer):
    """All weights of a layer 0."""
    layer.set_weights([np.zeros_like(weight) for weight in layer.get_weights()])


@pytest.mark.parametrize("kind", [InjectInit, Attention])
def test_the_picture_enters_the_lstm_by_hand(kind):
    """The picture's mean features (0.5, 1.5) are summed to x = 2, which only the cell sees.

    Gates are sigmoid(0) = 1/2, so c = tanh(2) / 2 and h = tanh(c) / 2.
    """
    grid = kind is Attention
    shape = (1, 2, 2) if grid else (2,)
    model = kind(V, shape, hidden=1, embedding=1, **({"heads": 1} if grid else {}))
    model.build()
    set_weights(model.opening, [[1], [1]], [0])
    set_weights(model.lstm, [[0, 0, 1, 0]], np.zeros((1, 4)), np.zeros(4))  # order i f c o
    seen = [[[[0.0, 1.0], [1.0, 2.0]]]] if grid else [[0.5, 1.5]]
    _, (hidden, cell) = model.begin(np.array(seen, np.float32))
    expected = math.tanh(2) / 2
    assert numpy(cell)[0, 0] == pytest.approx(expected, rel=1e-6)
    assert numpy(hidden)[0, 0] == pytest.approx(math.tanh(expected) / 2, rel=1e-6)


def test_inject_reads_the_picture_with_every_word_by_hand():
    """The word's vector is 1, the picture's 2: x = 1 + 2 goes to the cell, gates are 1/2."""
    model = Inject(V, (1,), hidden=1, embedding=1)
    model.build()
    set_weights(model.opening, [[1]], [0])
    set_weights(model.embed, np.ones((V, 1)))
    set_weights(model.lstm, [[0, 0, 1, 0], [0, 0, 1, 0]], np.zeros((1, 4)), np.zeros(4))
    memory, state = model.begin(np.array([[2.0]], np.float32))
    assert [float(part[0, 0]) for part in state] == [0, 0]
    cell = 0.0
    for _ in range(2):
        _, state, _ = model.advance(memory, state, ops.convert_to_tensor(np.array([START])))
        cell = cell / 2 + math.tanh(3) / 2
        assert float(state[1][0, 0]) == pytest.approx(cell, rel=1e-6)


def test_a_clip_of_fewer_frames_is_watched_as_far_as_it_goes():
    model = made("clip-lstm")
    seen = features(model, 1)
    cut = seen.copy()
    cut[:, 2] = 0
    shorter = np.concatenate([cut[:, :2], np.zeros_like(cut)], axis=1)  # 2 frames of 5
    _, state = model.begin(cut)
    _, same = model.begin(shorter)
    _, other = model.begin(seen)
    np.testing.assert_allclose(numpy(state[0]), numpy(same[0]), atol=1e-6)
    assert np.abs(numpy(state[0]) - numpy(other[0])).max() > 1e-6


@pytest.mark.parametrize(("fusion", "joined"), [("multiply", 0.0), ("add", math.tanh(0.7))])
def test_merge_joins_after_the_net_by_hand(fusion, joined):
    """The silent net says h = 0, the picture tanh(0.7); the word is read from their fusion."""
    model = Merge(V, (1,), hidden=1, embedding=1, fusion=fusion)
    model.build()
    silent(model.lstm)
    set_weights(model.opening, [[1]], [0])
    set_weights(model.join, [[1]], [0])
    silent(model.vocabulary)
    kernel = np.zeros((1, V))
    kernel[0, 4] = 1
    set_weights(model.vocabulary, kernel, np.zeros(V))
    memory, state = model.begin(np.array([[0.7]], np.float32))
    found, _, _ = model.advance(memory, state, ops.convert_to_tensor(np.array([START])))
    logit = math.tanh(joined)
    expected = logit - math.log(math.exp(logit) + V - 4)
    assert numpy(found)[0, 4] == pytest.approx(expected, rel=1e-5)


def test_merge_shows_the_net_no_picture():
    model = made("merge")
    memory, state = model.begin(features(model))
    _, state, _ = model.advance(memory, state, ops.convert_to_tensor(np.array([4, 4])))
    np.testing.assert_array_equal(numpy(state[0])[0], numpy(state[0])[1])


def test_the_second_layer_reads_the_first_by_hand():
    """GRU layers of one unit whose gates are 1/2 and whose candidate is tanh of the input."""
    model = InjectInit(V, (1,), hidden=1, embedding=1, rnn="gru", layers=2)
    model.build()
    set_weights(model.opening, [[1]], [0])
    for layer in model.recurrent:  # order: update, reset, candidate
        set_weights(layer, [[0, 0, 1]], np.zeros((1, 3)), np.zeros((2, 3)))
    _, state = model.begin(np.array([[2.0]], np.float32))
    first = math.tanh(2) / 2
    assert [float(part[0, 0]) for part in state] == pytest.approx([first, math.tanh(first) / 2])


def test_the_nearest_word_is_the_likeliest_by_hand():
    """The net says (3, 4); the words' vectors point along the axes, whatever their length."""
    head = HEADS["nearest"].layer(4)
    vectors = np.array([[1, 0], [0, 2], [-1, 0], [0, -1]], np.float32)
    found = numpy(head(np.array([[3.0, 4.0]], np.float32), vectors))
    np.testing.assert_allclose(found, [SHARPNESS * np.array([0.6, 0.8, -0.6, -0.8])], 1e-5)


def test_what_all_vectors_have_in_common_brings_no_word_nearer():
    """Vectors (0.8, 0.6) and (0.8, -0.6) are (0, 0.6) and (0, -0.6) from their mean."""
    head = HEADS["nearest"].layer(2)
    vectors = np.array([[0.8, 0.6], [1.6, -1.2]], np.float32)
    found = numpy(head(np.array([[3.0, 4.0]], np.float32), vectors))
    np.testing.assert_allclose(found, [[SHARPNESS * 0.8, -SHARPNESS * 0.8]], 1e-5)


def test_tied_words_by_hand():
    head = HEADS["tied"].layer(2)
    head.build((None, 2))
    set_weights(head, [0.5, 0.0])
    found = head(np.array([[3.0, 4.0]], np.float32), np.array([[1.0, 0.0], [0.0, 2.0]], np.float32))
    np.testing.assert_allclose(numpy(found), [[3.5, 8.0]])


@pytest.mark.parametrize("name", ["deep", "vectors"])
def test_these_have_no_weights_a_word_beside_its_vector(name):
    shapes = [tuple(weight.shape) for weight in made(name).weights]
    assert shapes.count((V, E)) == 1 and (E, V) not in shapes


def test_frozen_vectors_stay():
    model = made("vectors")
    vectors = np.random.default_rng(0).normal(size=(V, E)).astype(np.float32)
    model.begin_with(vectors)
    model.compile(keras.optimizers.SGD(1.0), loss_of(model))
    model.train_on_batch(*batch(model))
    np.testing.assert_array_equal(model.word_vectors(), vectors)


def gazing(query: float):
    """Attention with one unit and one head over the cells (1, 3); the query is `query`."""
    model = Attention(V, (1, 2, 1), hidden=1, embedding=1, heads=1)
    model.build()
    silent(model.lstm)
    set_weights(model.project, [[1]], [0])
    set_weights(model.query, [[0]], [query])
    # The word is read from the context alone: the joined vector is (h, context).
    set_weights(model.join, [[0], [0.1]], [0])
    silent(model.vocabulary)
    kernel = np.zeros((1, V))
    kernel[0, 4] = 1
    set_weights(model.vocabulary, kernel, np.zeros(V))
    return model


@pytest.mark.parametrize("query", [0.0, 1.0])
def test_attention_by_hand(query):
    """Cells 1 and 3: without a query the context is their mean 2; with it, softmax(1, 3)."""
    model = gazing(query)
    memory, state = model.begin(np.array([[[[1.0], [3.0]]]], np.float32))
    found, _, maps = model.advance(memory, state, ops.convert_to_tensor(np.array([START])))
    far = math.exp(3 * query) / (math.exp(query) + math.exp(3 * query))
    np.testing.assert_allclose(numpy(maps), [[1 - far, far]], rtol=1e-5)
    context = (1 - far) * 1 + far * 3
    logit = math.tanh(0.1 * context)
    others = V - 4  # all but PAD, START, UNKNOWN and word 4 have logit 0
    expected = logit - math.log(math.exp(logit) + others)
    assert numpy(found)[0, 4] == pytest.approx(expected, rel=1e-5)


def test_maps_are_the_mean_of_the_heads():
    """Two heads: one looks nowhere in particular (1/2, 1/2), one at the second cell (0, 1)."""
    model = Attention(V, (1, 2, 2), hidden=2, embedding=1, heads=2)
    model.build()
    silent(model.lstm)
    set_weights(model.project, np.eye(2), [0, 0])
    set_weights(model.query, np.zeros((2, 2)), [0, 100])
    memory, state = model.begin(np.array([[[[5.0, 0.0], [1.0, 1.0]]]], np.float32))
    _, _, maps = model.advance(memory, state, ops.convert_to_tensor(np.array([START])))
    np.testing.assert_allclose(numpy(maps), [[0.25, 0.75]], atol=1e-6)


@pytest.mark.parametrize(("hidden", "heads"), [(16, 8), (20, 4), (7, 1), (2, 2)])
def test_heads_divide_the_hidden_size(hidden, heads):
    model = made("attention", hidden=hidden)
    assert model.heads == heads
    assert numpy(model(batch(model)[0])).shape == (12, V)


def test_inject_init_has_no_maps_and_takes_vectors():
    assert InjectInit.feature_output == "pooled" and Attention.feature_output == "grid"
