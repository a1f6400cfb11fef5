"""What is true of a clip, and what its captions tell of it."""

from __future__ import annotations

import pytest

from cnnrnn.scenes import Fact, clips
from cnnrnn.scenes.clip_facts import clip_facts, told_of_clip


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("the door of a red house opens", "door opens"),
        ("in this clip a striped cube gets bigger and bigger", "grows"),
        ("a blue ball gets smaller and smaller and a dog does not move", "shrinks"),
        ("a basket gets a red ball", "put in"),
        ("first a ball is in a box and then outside of it", "taken out"),
        ("a car moves from the right towards the left on a road", "moves left"),
        ("a wheel turns", None),
        ("a red ball", None),
    ],
)
def test_what_a_text_says_happens(text, label):
    happens = {fact.words[0] for fact in told_of_clip(text) if fact.group == "action"}
    assert happens == ({label} if label else set())


def test_every_caption_tells_what_happens_in_its_clip_and_nothing_untrue_of_it():
    for index in range(100):
        clip = clips.clip("val", index)
        for text in clips.captions(clip):
            found = told_of_clip(text)
            assert {f for f in found if f.group == "action"} == {Fact("action", (clip.label,))}
            things = {f for f in found if f.group in ("object", "colour")}
            assert things <= clip_facts(clip), text


def test_a_clip_and_the_same_clip_backwards_differ_by_what_happens():
    forwards, backwards = (clip_facts(clips.clip("test", index)) for index in (0, 1))
    assert {fact.group for fact in forwards ^ backwards} == {"action"}
