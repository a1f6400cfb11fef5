"""The built-in clips: the order of the frames says what happens, and nothing else does."""

from __future__ import annotations

import zlib
from collections import Counter

import numpy as np
import pytest

from cnnrnn import scenes
from cnnrnn.errors import CnnRnnError, UsageError
from cnnrnn.scenes import clips
from cnnrnn.scenes.actions import ACTIONS, colours_of

LABELS = len(clips.LABELS)


@pytest.fixture(scope="module")
def everything():
    """All clips of the default sizes, not drawn."""
    return {s: [clips.clip(s, i) for i in range(n)] for s, n in clips.SIZES.items()}


def _rounded(clip):
    """What a clip is made of, without the last digits that another machine may compute."""
    things = [
        (t.kind, t.colour, t.texture, t.facing, t.floats, [
            tuple(round(v, 3) for v in (s.x, s.y, s.scale, s.angle, s.open)) for s in t.states
        ])
        for t in clip.scene.things
    ]
    return repr((clip.label, things, clip.order, clip.distractors)).encode()


def test_a_clip_depends_on_its_number_alone():
    first = clips.clip("val", 7)
    clips.clip("val", 8, busy=True)
    assert clips.clip("val", 7) == first
    assert np.array_equal(clips.render_clip(first), clips.render_clip(first))
    assert clips.clip("train", 17).scene != first.scene != clips.clip("val", 17).scene


def test_the_clips_are_those_of_version_1():
    """A change here needs another VERSION: models shipped and numbers told are of these clips."""
    assert clips.VERSION == 1
    made = b"".join(
        _rounded(clips.clip(split, i, busy))
        for split in scenes.SPLITS for busy in (False, True) for i in range(LABELS)
    )
    assert zlib.crc32(made) == 1688618274
    # Mean levels of quarters of frames: other versions of OpenCV may differ by a hair.
    seen = {
        0: [170.4, 178.3, 144.6, 142.8],
        7: [194.3, 191.5, 144.4, 131.9],
        18: [215.2, 195.6, 198.7, 175.5],
    }
    for index, levels in seen.items():
        middle = clips.render_clip(clips.clip("train", index))[12].astype(float)
        quarters = middle.reshape(2, 56, 2, 56, 3).mean((1, 3, 4)).ravel()
        assert quarters == pytest.approx(levels, abs=0.5)


def test_frames_are_bytes_of_any_size():
    clip = clips.clip("train", 8)
    small, large = clips.render_clip(clip, 56), clips.render_clip(clip, 112)
    assert small.dtype == large.dtype == np.uint8
    assert small.shape == (24, 56, 56, 3) and large.shape == (24, 112, 112, 3)
    shrunk = large.reshape(24, 56, 2, 56, 2, 3).mean((2, 4))
    assert np.abs(shrunk - small).mean() < 6
    with pytest.raises(UsageError, match="sizes are"):
        clips.render_clip(clip, 5)
    with pytest.raises(CnnRnnError, match="no split"):
        clips.clip("dev", 0)


def test_every_frame_has_noise_of_its_own():
    clip = next(
        c for c in (clips.clip("train", i) for i in range(0, 100, 10))
        if c.scene.things[0].states[0] == c.scene.things[0].states[1]
    )
    first, second = clips.render_clip(clip)[:2].astype(int)
    assert 3 < np.abs(first - second).mean() < 7


def test_labels_are_balanced(everything):
    for split, made in everything.items():
        counts = Counter(clip.label for clip in made)
        assert set(counts) == set(clips.LABELS) and len(set(counts.values())) == 1
        assert [clip.label for clip in made[:LABELS]] == list(clips.LABELS)
        assert len(made) == clips.SIZES[split]
    assert [label for pair in clips.PAIRS for label in pair] == list(clips.LABELS)


def test_splits_share_no_combination(everything):
    seen = {split: {clip.combination for clip in made} for split, made in everything.items()}
    assert len(seen["train"]) > 250 and len(seen["val"]) > 50 and len(seen["test"]) > 60
    assert not seen["train"] & seen["test"]
    assert not seen["train"] & seen["val"]
    assert not seen["val"] & seen["test"]
    for action in ACTIONS:
        assert [len(colours_of("dog", action, split)) for split in scenes.SPLITS] == [6, 1, 1]
    assert colours_of("bird", "door", "val") == ("red",)  # the square begins here


def _facts(clip):
    """All of a clip but which way it runs, and the actor's states."""
    actor, *others = clip.scene.things
    fixed = (actor.kind, actor.colour, actor.texture, actor.facing, actor.floats, *others)
    scene = clip.scene
    return (fixed, scene.background, scene.horizon, scene.clutter, clip.distractors), actor.states


@pytest.mark.parametrize("busy", [False, True])
def test_no_lot_knows_which_way_a_clip_runs(busy):
    for index in range(2 * LABELS):
        forwards, backwards = (
            clips._composed("train", index, index, way, busy) for way in (False, True)
        )
        assert (forwards.label, backwards.label) in clips.PAIRS
        (facts, states), (other_facts, other_states) = _facts(forwards), _facts(backwards)
        assert facts == other_facts
        shown = [i for i, other in enumerate(forwards.distractors) if other is None]
        there = [states[i] for i in shown]
        assert [other_states[i] for i in shown] == there[::-1] and there[0] != there[-1]


def test_odd_clips_of_val_and_test_are_the_even_ones_backwards(everything):
    for split in ("val", "test"):
        for even, odd in zip(everything[split][::2], everything[split][1::2], strict=True):
            (facts, states), (other_facts, other_states) = _facts(even), _facts(odd)
            assert facts == other_facts and states == other_states[::-1]
            assert even.order == odd.order[::-1] == tuple(range(24))
    even, odd = (clips.render_clip(clips.clip("test", i)).astype(int) for i in (16, 17))
    # The same picture but for the noise, whose differences have a mean of 4.5 levels.
    assert np.abs(even - odd[::-1]).mean() < 5 < np.abs(even - odd).mean()
    # Of training clips no two are alike.
    assert len({clip.scene.clutter for clip in everything["train"]}) == clips.SIZES["train"]


def test_the_pace_has_the_same_law_backwards():
    rng = np.random.default_rng(0)
    for count in (6, 9, 24):
        paces = np.array([clips._phases(rng, count) for _ in range(4000)])
        assert paces.shape[1] == count and (np.diff(paces, axis=1) >= 0).all()
        assert (paces[:, 0] == 0).all() and (paces[:, -1] == 1).all()
        assert np.abs(paces.mean(0) + paces.mean(0)[::-1] - 1).max() < 0.02
        assert np.abs(paces.std(0) - paces.std(0)[::-1]).max() < 0.02


def _fitted(features, right, steps=300):
    """Weights of a logistic regression, by gradient descent with a little decay."""
    weights = np.zeros(features.shape[1])
    for _ in range(steps):
        error = 1 / (1 + np.exp(-features @ weights)) - right
        weights -= 0.5 * (features.T @ error / len(features) + 0.01 * weights)
    return weights


@pytest.mark.slow
def test_frames_without_their_order_do_not_tell():
    """Mean and standard deviation over time of small grey frames, judged pair by pair."""
    count = 800
    grey = np.stack([
        clips.render_clip(clips.clip("train", i), 32).mean(-1).reshape(24, 8, 4, 8, 4).mean((2, 4))
        for i in range(count)
    ])
    blind = np.concatenate([grey.mean(1), grey.std(1)], axis=1).reshape(count, -1)
    right = blind_right = 0
    for pair in range(LABELS // 2):
        mine = np.flatnonzero(np.arange(count) % LABELS // 2 == pair)
        features = blind[mine] - blind[mine].mean(0)
        features /= features.std(0) + 1e-6
        label = mine % 2
        half = len(mine) // 2
        weights = _fitted(features[:half], label[:half])
        blind_right += ((features[half:] @ weights > 0) == label[half:]).sum()
        right += half
    share, error = blind_right / right, np.sqrt(0.25 / right)
    print(f"\norder-blind: {share:.3f} of {right}, standard error {error:.3f}")
    assert abs(share - 0.5) < 3 * error
    # The same small frames in order do tell: a lit doorway makes the picture brighter.
    doors = np.arange(count) % LABELS < 2
    brighter = (grey[doors, -1] - grey[doors, 0]).sum((1, 2)) > 0
    assert np.mean(brighter == (np.arange(count)[doors] % 2 == 0)) > 0.9
