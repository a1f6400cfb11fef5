"""Training batches: their layout by hand, which pictures they hold, mirrors, draws, order."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from cnnrnn.caption.batches import CAPTIONS, CaptionBatches, EncodedCaptions, encoded, mirrorable
from cnnrnn.caption.data import Example
from cnnrnn.media.sources import Source
from cnnrnn.text.tokenizer import Tokenizer
from cnnrnn.text.vocabulary import END, PAD, START, UNKNOWN, Vocabulary


class Table:
    """Features that name their picture: row i is (i, i) plus `shift`."""

    row_shape = (2,)

    def __init__(self, pictures, shift=0):
        self.pictures, self.shift, self.reads = pictures, shift, []

    def read(self, indices):
        indices = np.asarray(indices)
        assert indices.max() < self.pictures
        self.reads.append(indices.tolist())
        return np.repeat(indices[:, None], 2, axis=1).astype(np.float16) + self.shift


def example(*captions: str) -> Example:
    return Example("x", Source("x"), captions, "train")


def batches(lengths: list[int], batch=4, mirrored=False, allowed=None) -> CaptionBatches:
    """One caption a picture; its words say which picture it is."""
    captions = [[[10 + number] * length] for number, length in enumerate(lengths)]
    count = len(lengths)
    turned = Table(count, shift=1000) if mirrored else None
    allowed = np.ones(count, bool) if allowed is None else np.array(allowed)
    return CaptionBatches(captions, Table(count), turned, allowed, batch)


def random(seed=0):
    return np.random.default_rng(seed)


def test_a_batch_by_hand():
    captions = [[[4, 5, 6], [7]], [[8]]]
    [(inputs, targets)] = CaptionBatches(captions, Table(2)).in_order()
    assert inputs["words"].tolist() == [
        [[START, 4, 5, 6], [START, 7, PAD, PAD]],
        [[START, 8, PAD, PAD], [PAD, PAD, PAD, PAD]],
    ]
    # Positions count through all 16 words; padding and the second picture's empty row have none.
    assert inputs["positions"].tolist() == [0, 1, 2, 3, 4, 5, 8, 9]
    assert targets.tolist() == [4, 5, 6, END, 7, END, 8, END]
    assert inputs["features"].tolist() == [[0, 0], [1, 1]]
    assert inputs["words"].dtype == inputs["positions"].dtype == targets.dtype == np.int32


def test_an_unknown_word_is_learnt_as_unknown():
    [(inputs, targets)] = CaptionBatches([[[UNKNOWN]]], Table(1)).in_order()
    assert inputs["words"].tolist() == [[[START, UNKNOWN]]] and targets.tolist() == [UNKNOWN, END]


def test_captions_are_encoded_and_cut():
    vocabulary = Vocabulary.build([["a", "dog", "a"]])
    found = encoded([example("A dog!", "a " * 500), example("a cat")], vocabulary)
    lists = [[text.tolist() for text in texts] for texts in found]
    assert len(found) == 2 and lists == [[[4, 5], [4] * 30], [[4, UNKNOWN]]]
    characters = Vocabulary.build([["狗"]], tokenizer="characters")
    assert len(encoded([example("狗" * 500)], characters)[0][0]) == 60


def test_packed_captions_make_the_same_batches():
    lists = [[[4, 5, 6], [7]], [[8]], [[9, 4], [5]]]
    made = [
        list(CaptionBatches(captions, Table(3), batch=2).epoch(np.random.default_rng(1)))
        for captions in (lists, EncodedCaptions(lists))
    ]
    for (inputs, targets), (packed, packed_targets) in zip(*made, strict=True):
        assert targets.tolist() == packed_targets.tolist()
        assert {k: v.tolist() for k, v in inputs.items()} == {
            k: v.tolist() for k, v in packed.items()
        }


@pytest.mark.parametrize("count", [1, 3, 4, 5, 37, 70])
def test_an_epoch_holds_every_picture_once(count):
    lengths = random(1).integers(1, 9, count).tolist()
    made = batches(lengths)
    seen = Counter()
    sizes = []
    for inputs, _ in made.epoch(random(2)):
        numbers = inputs["features"][:, 0].astype(int)
        sizes.append(len(numbers))
        seen.update(numbers.tolist())
        assert np.all(np.diff(numbers) > 0)  # rows are read in the order in which they lie
        assert inputs["words"][:, 0, 1].tolist() == (10 + numbers).tolist()
    assert seen == Counter(range(count)) and len(sizes) == made.steps() == -(-count // 4)
    assert sorted(sizes)[1:] == [4] * (len(sizes) - 1)


def test_pictures_of_like_length_share_a_batch():
    """32 pictures of one pool: sorted, 8 batches of 4 need no padding at all."""
    lengths = random().permutation(np.repeat(np.arange(1, 9), 4)).tolist()
    for inputs, targets in batches(lengths).epoch(random(5)):
        assert inputs["words"].size == len(targets)


def test_the_order_is_decided_by_the_generator():
    made = batches(random().integers(1, 9, 50).tolist(), mirrored=True)

    def order(seed):
        return [inputs["features"].tolist() for inputs, _ in made.epoch(random(seed))]

    assert order(1) == order(1) != order(2)


def test_of_many_captions_five_are_drawn_and_others_the_next_time():
    captions = [[[10 + k] for k in range(8)], [[4], [5]]]
    made = CaptionBatches(captions, Table(2))
    drawn = set()
    for epoch in range(30):
        [(inputs, targets)] = made.epoch(random(epoch))
        assert inputs["words"].shape == (2, CAPTIONS, 2)
        said = inputs["words"][0, :, 1].tolist()
        assert len(set(said)) == CAPTIONS
        drawn.add(tuple(sorted(said)))
        assert inputs["words"][1, :, 1].tolist() == [4, 5, PAD, PAD, PAD]
        assert len(targets) == 2 * (CAPTIONS + 2)
    assert len(drawn) > 10
    [(inputs, _)] = made.in_order()
    assert inputs["words"][0, :, 1].tolist() == [10, 11, 12, 13, 14]


def test_validation_takes_every_picture_in_order_and_unmirrored():
    made = batches([3, 1, 2, 5, 4, 1], mirrored=True)
    features = [inputs["features"][:, 0].tolist() for inputs, _ in made.in_order()]
    assert features == [[0, 1, 2, 3], [4, 5]]


def test_half_of_the_pictures_are_mirrored_but_none_that_may_not():
    allowed = [number % 2 == 0 for number in range(40)]
    made = batches([1] * 40, mirrored=True, allowed=allowed)
    turned = Counter()
    for epoch in range(50):
        for inputs, _ in made.epoch(random(epoch)):
            features = inputs["features"][:, 0].astype(int)
            numbers = features % 1000
            assert inputs["words"][:, 0, 1].tolist() == (10 + numbers).tolist()
            turned.update(numbers[features >= 1000].tolist())
    assert set(turned) == set(range(0, 40, 2))
    assert all(10 <= times <= 40 for times in turned.values())  # 50 draws of one half


@pytest.mark.parametrize(
    ("mode", "captions", "may"),
    [
        ("words", ["a dog on the left", "a dog"], False),
        ("words", ["Right!"], False),
        ("words", ["a bright dog left-handed leftover"], True),
        ("words", ["一只狗 在 左 边"], False),
        ("characters", ["一只狗在右边"], False),
        ("characters", ["一只狗"], True),
    ],
)
def test_a_picture_whose_captions_name_a_side_is_not_mirrored(mode, captions, may):
    assert mirrorable([example(*captions)], Tokenizer(mode)).tolist() == [may]


def test_a_batch_reads_only_its_own_rows():
    made = batches([1] * 8)
    first = next(made.epoch(random()))
    assert made.features.reads == [first[0]["features"][:, 0].astype(int).tolist()]


def test_large_batches_have_a_round_number_of_words_and_lose_few():
    rng = np.random.default_rng(0)
    captions = [[[4] * int(rng.integers(5, 15)) for _ in range(5)] for _ in range(64)]
    batches = CaptionBatches(captions, Table(64))
    [(inputs, targets)] = batches.epoch(np.random.default_rng(3))
    [(every, _)] = batches.in_order()  # nothing is left out where it is only measured
    assert len(every["positions"]) == sum(len(text) + 1 for texts in captions for text in texts)
    assert len(targets) == len(inputs["positions"]) == len(every["positions"]) // 64 * 64
    assert len(set(inputs["positions"].tolist())) == len(targets) and PAD not in targets
    assert (np.diff(inputs["positions"]) > 0).all()
