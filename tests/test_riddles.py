"""Riddles: what decides is far from what shows the answer, and words alone say nothing."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict

import numpy as np
import pytest

from cnnrnn import scenes
from cnnrnn.errors import CnnRnnError, UsageError
from cnnrnn.media.sources import Source, expand
from cnnrnn.scenes import riddles
from cnnrnn.scenes.arrange import plain_box
from cnnrnn.scenes.draw import box_of, layout
from cnnrnn.scenes.splits import colours_of
from cnnrnn.scenes.world import COLOURS, PORTABLE, holds

SAMPLE = 120
FROZEN = "3e30be48d2ec94d8"
STRIDE, BEFORE, BEHIND = 8, 13, 28  # a cell of the backbone sees from 8 i - 13 to 8 i + 28 pixels
EDGE = 3.0  # units of what decides that the last cell of a wide content may still see


@pytest.fixture(scope="module")
def sample():
    return {split: [riddles.scene(split, i) for i in range(SAMPLE)] for split in scenes.SPLITS}


def asked_of(sample):
    return [
        (scene, riddle)
        for pictures in sample.values() for scene in pictures for riddle in riddles.riddles(scene)
    ]  # fmt: skip


def test_version_2_is_frozen(sample):
    """Whoever changes what is drawn or asked bumps `riddles.VERSION` and this digest."""
    digest = hashlib.sha256(f"version {riddles.VERSION}".encode())
    for scene, riddle in asked_of(sample):
        question = riddle.question
        boxes = {n: [round(s, 1) for s in b] for n, b in riddles.boxes(scene, riddle).items()}
        facts = [scene.background, question.text, question.answer, question.candidates, boxes]
        digest.update(json.dumps(facts).encode())
    assert digest.hexdigest()[:16] == FROZEN


def test_a_picture_depends_on_its_number_alone():
    first = riddles.scene("val", 7)
    riddles.scene("val", 8)
    assert riddles.scene("val", 7) == first
    assert riddles.scene("train", 7) != first
    with pytest.raises(CnnRnnError, match="no split 'dev'"):
        riddles.scene("dev", 0)


def test_full_containers_of_one_kind_and_many_colours_stand_far_apart(sample):
    for scene, _ in asked_of(sample):
        full = [thing for thing in scene.things if scene.inside(thing)]
        assert len(full) == (4 if scene.plan == "riddle beside" else 3)
        assert len({t.kind for t in full}) == 1
        assert len({t.colour for t in full}) == len(full)
        assert len({scene.inside(t).kind for t in full}) == len(full)
        places = np.array([(t.state.x, t.state.y) for t in full])
        apart = np.linalg.norm(places[:, None] - places, axis=2)
        assert apart[~np.eye(len(full), dtype=bool)].min() > 33


def test_answers_are_true(sample):
    kinds = Counter()
    for scene, riddle in asked_of(sample):
        question = riddle.question
        outer, inner = scene.things[riddle.container], scene.things[riddle.content]
        assert scene.inside(outer) is inner
        colour = question.text.startswith("what colour")
        assert question.answer == (inner.colour if colour else inner.kind)
        assert question.candidates == (tuple(COLOURS) if colour else PORTABLE)
        name = question.text.removesuffix("?").split("in the ")[1]
        kinds[question.kind] += 1
        if riddle.anchor is None:
            assert question.kind == "two-step" and name == f"{outer.colour} {outer.kind}"
            continue
        anchor = scene.things[riddle.anchor]
        assert question.kind == "chained"
        relation = name.removeprefix(f"{outer.kind} ").removesuffix(f" the {anchor.kind}")
        assert holds(relation, plain_box(outer), plain_box(anchor))
        others = [t.kind for t in scene.things if t is not anchor]
        assert anchor.kind not in others
    full = sum(3.5 * len(pictures) for pictures in sample.values())  # three or four in turn
    assert kinds == {"two-step": full, "chained": full}


def test_what_decides_is_out_of_sight_of_the_cells_that_show_the_answer(sample):
    def seen(cell, low, high):
        """How far a span reaches into what a cell sees, units."""
        return min(STRIDE * cell + BEHIND, high) - max(STRIDE * cell - BEFORE, low)

    checked = 0
    for scene, riddle in asked_of({"train": sample["train"]}):
        if riddle.anchor is None:
            continue
        shown = layout(scene).things == riddle.content
        x1, y1, x2, y2 = box_of(scene.things[riddle.anchor])
        y, x = np.argwhere(shown).mean(0).astype(int) // STRIDE
        assert min(seen(x, x1, x2), seen(y, y1, y2)) <= 0
        cells = shown.reshape(14, STRIDE, 14, STRIDE).sum((1, 3))
        for y, x in np.argwhere(cells >= 12):
            checked += 1
            assert min(seen(x, x1, x2), seen(y, y1, y2)) <= EDGE
    assert checked > 1000


def test_contents_are_in_sight(sample):
    for scene in sample["test"]:
        shown = layout(scene).shown
        for number, thing in enumerate(scene.things):
            if thing.state.relation == "in":
                assert shown[number] > 0.8


def test_the_position_of_what_is_named_is_drawn_by_lot(sample):
    """Else a model could learn where to look without seeing what is named."""
    columns, sides = Counter(), Counter()
    for scene, riddle in asked_of(sample):
        if riddle.anchor is None:
            continue
        state = scene.things[riddle.container].state
        if scene.plan == "riddle beside":
            sides["above" if state.y < 80 else "below"] += 1
        else:
            columns[(state.x > 37) + (state.x > 75)] += 1
    assert set(columns) == {0, 1, 2}
    for counts in (columns, sides):
        share = np.array(list(counts.values())) / sum(counts.values())
        assert np.abs(share - 1 / len(counts)).max() < 0.08


def test_splits_share_no_content(sample):
    seen = {
        split: {(t.kind, t.colour) for s in pictures for t in s.things if t.state.relation == "in"}
        for split, pictures in sample.items()
    }
    assert len(seen["train"]) > 80 and len(seen["test"]) == len(seen["val"]) == 16
    assert not seen["train"] & seen["test"] and not seen["train"] & seen["val"]
    assert not seen["val"] & seen["test"]
    for kind, colour in seen["test"]:
        assert colours_of(kind, "in", "test") == (colour,)


def test_boxes_scale_and_hold_what_they_name(sample):
    scene = sample["train"][0]
    chained, direct = riddles.riddles(scene)[0], riddles.riddles(scene)[-1]
    small, large = riddles.boxes(scene, chained), riddles.boxes(scene, chained, 224)
    assert set(small) == {"anchor", "container", "content"}
    assert set(riddles.boxes(scene, direct)) == {"container", "content"}
    for name, box in small.items():
        assert large[name] == pytest.approx([2 * side for side in box])
    outer, inner = small["container"], small["content"]
    assert outer[0] < (inner[0] + inner[2]) / 2 < outer[2] and inner[3] < outer[3]


def test_words_alone_do_not_answer():
    """Blind accuracy: the most frequent answer to the same words, and to the same kind."""
    asked = {
        split: [r.question for i in range(n) for r in riddles.riddles(riddles.scene(split, i))]
        for split, n in riddles.SIZES.items()
    }
    by_text, by_kind = defaultdict(Counter), defaultdict(Counter)
    for question in asked["train"]:
        by_text[question.text][question.answer] += 1
        by_kind[question.kind, question.candidates][question.answer] += 1
    for kind in ("two-step", "chained"):
        for candidates in (PORTABLE, tuple(COLOURS)):
            test = [
                q for q in asked["test"] if q.kind == kind and q.candidates == candidates
            ]
            rest = by_kind[kind, candidates]
            words = np.mean([
                max(candidates, key=lambda c, q=q: (by_text[q.text][c], rest[c])) == q.answer
                for q in test
            ])
            blind = np.mean([max(candidates, key=rest.get) == q.answer for q in test])
            chance = 1 / len(candidates)
            print(f"\n{kind:9} {len(test):5} {words:.3f} {blind:.3f} {chance:.3f}")
            assert len(test) > 400
            assert abs(words - chance) < 0.03 and abs(blind - chance) < 0.03


def test_riddles_are_sources():
    source, = expand(["scenes:test-riddles:3"])
    assert source.scene == ("test-riddles", 3)
    assert np.array_equal(source.read(), scenes.render(riddles.scene("test", 3)))
    assert source.key() != Source("s", scene=("test", 3)).key()
    assert source.key() != Source("s", scene=("test-riddles", 4)).key()
    assert len(list(expand(["scenes:train-riddles:0-9"]))) == 10
    with pytest.raises(UsageError, match="test-riddles"):
        expand(["scenes:riddles:3"])
