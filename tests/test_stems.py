"""The stemmer against the examples of Porter's paper, and `StemMatch` by hand."""

from __future__ import annotations

import pytest

from cnnrnn.text import stem_match
from cnnrnn.text.stems import stem

PAPER = """
    caresses caress ponies poni ties ti caress caress cats cat feed feed agreed agre
    plastered plaster bled bled motoring motor sing sing conflated conflat troubled troubl
    sized size hopping hop tanned tan falling fall hissing hiss fizzed fizz failing fail
    filing file happy happi sky sky relational relat conditional condit rational ration
    digitizer digit operator oper feudalism feudal decisiveness decis hopefulness hope
    callousness callous triplicate triplic formative form formalize formal electrical electr
    hopeful hope goodness good revival reviv allowance allow inference infer airliner airlin
    gyroscopic gyroscop adjustable adjust defensible defens irritant irrit replacement replac
    adjustment adjust dependent depend adoption adopt communism commun activate activ
    homologous homolog effective effect bowdlerize bowdler probate probat rate rate cease ceas
    roll roll toy toi a a 42 42
""".split()


@pytest.mark.parametrize("word, expected", list(zip(PAPER[::2], PAPER[1::2], strict=True)))
def test_the_examples_of_the_paper(word, expected):
    assert stem(word) == expected


def score(reference: str, hypothesis: str) -> float:
    return stem_match.scores([[reference]], [hypothesis])[0]


def test_equal_and_unequal_phrases():
    assert score("a red car", "a red car") == 1
    assert score("a red car", "blue sky") == 0
    assert score("", "car") == score("car", "") == 0


def test_one_word_of_two_by_hand():
    # P = 1 / 2, R = 1 / 2, so F = 1 / 2; one chunk of one match: 1 - 0.6 * 1.
    assert score("red car", "blue car") == pytest.approx(0.5 * 0.4)
    # One of one said, one of two wanted: F = P R / (0.85 P + 0.15 R) = 0.5 / 0.925.
    assert score("red car", "car") == pytest.approx(0.5 / 0.925 * 0.4)


def test_a_stem_counts_less_than_a_word():
    # cars and car: P = R = F = (1 + 0.6) / 2; two matches in one chunk.
    assert score("red cars", "red car") == pytest.approx(0.8 * (1 - 0.6 * 0.5**0.2))


def test_order_makes_chunks():
    # Both words match, in two chunks of two matches.
    assert score("red car", "car red") == pytest.approx(1 - 0.6)


def test_a_repeated_word_matches_once():
    assert score("car", "car car") == pytest.approx(0.5 / (0.85 * 0.5 + 0.15) * 0.4)


def test_the_best_reference_counts():
    found = stem_match.scores([["blue sky", "a car"], ["blue sky"]], ["a car", "a car"])
    assert found.tolist() == [1, 0]
