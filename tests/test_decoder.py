"""Greedy and beam search on small language models whose best sentences are worked out by hand."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from cnnrnn.errors import UsageError
from cnnrnn.text.decoder import DecodeSettings, decode, sample
from cnnrnn.text.vocabulary import END, PAD

A, B, C = 4, 5, 6
SIZE = 7
CELLS = 6


class Told:
    """A language model that is a table: for each picture, prefix -> {word: probability}.

    A prefix that is not in the table ends the sentence. A feature is the number of a table. The
    state of a sequence is its prefix, and its attention map spells that prefix, so that a map which
    was taken from another hypothesis is seen.
    """

    def __init__(self, *tables, offered=SIZE, attends=True):
        self.tables, self.offered, self.attends = tables, offered, attends
        self.steps = 0

    def begin(self, features, copies):
        return np.repeat(features, copies), [None] * (len(features) * copies)

    def advance(self, memory, state, parents, words):
        self.steps += 1
        # START came first; it is no part of the prefix.
        state = [
            () if state[parent] is None else (*state[parent], int(word))
            for parent, word in zip(parents, words, strict=True)
        ]
        gains = np.full((len(state), SIZE), -np.inf, np.float32)
        for row, (picture, prefix) in enumerate(zip(memory, state, strict=True)):
            for word, share in self.tables[picture].get(prefix, {END: 1.0}).items():
                gains[row, word] = math.log(share)
        order = np.argsort(-gains, axis=1, kind="stable")[:, : self.offered]
        maps = np.stack([spelled(prefix) for prefix in state]) if self.attends else None
        return np.take_along_axis(gains, order, 1), order, state, maps


def spelled(prefix) -> np.ndarray:
    """A prefix as an attention map."""
    return np.array([*prefix, *[0] * CELLS][:CELLS], np.float32)


def sentences(table, start=(), **settings):
    return decode(Told(table), np.array([0]), DecodeSettings(**settings), start)[0]


def shares(found) -> list[tuple[list[int], float]]:
    """Sentences with their probabilities."""
    return [(each.words, round(math.exp(each.log_probability), 6)) for each in found]


# The likeliest first word leads greedy search to "a c" (0.6 * 0.35 = 0.21); "b" is worth more
# (0.4 * 0.9 = 0.36).
TRAP = {
    (): {A: 0.6, B: 0.4},
    (A,): {C: 0.35, B: 0.33, END: 0.32},
    (B,): {END: 0.9, A: 0.1},
}


def test_greedy_takes_the_likeliest_word_at_each_step():
    assert shares(sentences(TRAP, beam_width=1)) == [([A, C], 0.21)]


def test_a_beam_of_two_finds_the_sentence_that_greedy_misses():
    found = sentences(TRAP, beam_width=2, length_penalty=0.0)
    assert shares(found) == [([B], 0.36), ([A, C], 0.21)]
    assert found[0].score == pytest.approx(math.log(0.36), rel=1e-6)


@pytest.mark.parametrize(("penalty", "best"), [(0.0, [B]), (1.0, [B]), (1.5, [A, C])])
def test_length_penalty_divides_by_the_words_and_the_end(penalty, best):
    """log 0.36 / 2 ** a against log 0.21 / 3 ** a: longer wins above a = 1.045."""
    found = sentences(TRAP, beam_width=2, length_penalty=penalty)
    assert found[0].words == best
    by_words = {tuple(each.words): each.score for each in found}
    assert by_words[(B,)] == pytest.approx(math.log(0.36) / 2**penalty, rel=1e-6)
    assert by_words[(A, C)] == pytest.approx(math.log(0.21) / 3**penalty, rel=1e-6)


def test_a_finished_hypothesis_stays_as_it_is_while_another_grows():
    table = {(): {END: 0.4, A: 0.6}}
    table |= {(A,) * n: {A: 0.9, END: 0.1} for n in range(1, 9)}
    found = sentences(table, beam_width=2, max_words=8, length_penalty=0.0)
    assert shares(found) == [([], 0.4), ([A] * 8, round(0.6 * 0.9**7, 6))]
    assert found[0].attention is None and found[0].word_log_probabilities == []


def test_search_ends_when_every_hypothesis_is_finished():
    model = Told(TRAP)
    decode(model, np.array([0]), DecodeSettings(beam_width=2, max_words=50))
    assert model.steps == 3  # "b", its end, and the end of "a c"


def test_a_sentence_is_cut_after_the_most_words():
    endless = {(A,) * n: {A: 0.5, B: 0.5} for n in range(20)}
    found = sentences(endless, beam_width=1, max_words=5)
    assert shares(found) == [([A] * 5, 0.5**5)]
    assert found[0].score == pytest.approx(5 * math.log(0.5) / 5**0.4)  # no end was written


# After two words the hypotheses change places: "b c" (0.36) comes before "a c" (0.30).
SWAP = {
    (): {A: 0.6, B: 0.4},
    (A,): {C: 0.5, END: 0.3, B: 0.2},
    (B,): {C: 0.9, END: 0.1},
    (B, C): {A: 0.55, END: 0.45},
    (A, C): {END: 0.9, A: 0.1},
    (B, C, A): {END: 1.0},
}


def test_words_maps_and_gains_are_read_back_through_changed_places():
    found = sentences(SWAP, beam_width=2, length_penalty=0.0)
    assert shares(found) == [([A, C], 0.27), ([B, C, A], 0.198)]
    for each in found:
        looked = [spelled(each.words[:n]) for n in range(len(each.words))]
        np.testing.assert_array_equal(each.attention, looked)
    gains = [np.exp(each.word_log_probabilities).round(6).tolist() for each in found]
    assert gains == [[0.6, 0.5], [0.4, 0.9, 0.55]]


def test_choices_are_the_best_words_before_each_chosen_one():
    def shown(sentence):
        return [[(word, round(p, 6)) for word, p in step[:2] if p] for step in sentence.choices]

    first, second = sentences(SWAP, beam_width=2, length_penalty=0.0)
    assert shown(first) == [[(A, 0.6), (B, 0.4)], [(C, 0.5), (END, 0.3)], [(END, 0.9), (A, 0.1)]]
    assert shown(second)[1:] == [[(C, 0.9), (END, 0.1)], [(A, 0.55), (END, 0.45)], [(END, 1.0)]]
    cut = sentences(SWAP, beam_width=2, max_words=2)[0]
    assert shown(cut) == shown(second)[:2]


def test_a_model_without_attention_gives_none():
    found = decode(Told(SWAP, attends=False), np.array([0]), DecodeSettings())[0]
    assert found[0].words == [A, C] and found[0].attention is None


def test_a_beginning_is_kept_and_not_counted_as_the_models_own():
    found = sentences(SWAP, start=[B, C], beam_width=2, length_penalty=1.0)
    assert shares(found) == [([B, C, A], 0.55), ([B, C], 0.45)]
    best = found[0]
    assert best.score == pytest.approx(math.log(0.55) / 4)  # three words and the end
    assert np.isnan(best.word_log_probabilities[:2]).all()
    assert best.word_log_probabilities[2] == pytest.approx(math.log(0.55))
    np.testing.assert_array_equal(best.attention[1], spelled([B]))
    assert [step[0][0] for step in best.choices] == [A, C, A, END]  # what it would have said itself


def test_a_beginning_may_be_unlikely_or_impossible_words_of_the_model():
    assert shares(sentences(SWAP, start=[C, C])) == [([C, C], 1.0)]


def test_a_beginning_leaves_room_for_a_word():
    assert sentences(SWAP, start=[A], max_words=2)[0].words == [A, C]
    with pytest.raises(UsageError, match="beginning has 2 words and a sentence at most 2"):
        sentences(SWAP, start=[A, C], max_words=2)


@pytest.mark.parametrize("width", [1, 2, 3])
def test_pictures_of_a_batch_do_not_touch_each_other(width):
    settings = DecodeSettings(beam_width=width)
    tables = [TRAP, SWAP, {(): {C: 0.7, END: 0.3}}]
    together = decode(Told(*tables), np.array([2, 0, 1, 0]), settings)
    for picture, found in zip([2, 0, 1, 0], together, strict=True):
        alone = decode(Told(tables[picture]), np.array([0]), settings)[0]
        assert [each.words for each in found] == [each.words for each in alone]
        assert [each.log_probability for each in found] == [e.log_probability for e in alone]
        for each, other in zip(found, alone, strict=True):
            np.testing.assert_array_equal(each.attention, other.attention)


def test_a_beam_wider_than_the_vocabulary_gives_each_sentence_once():
    """Two words can be next: four sentences of at most three words, and their shares sum to 1."""
    table = {(A,) * n: {A: 0.5, END: 0.5} for n in range(3)}
    found = decode(
        Told(table, offered=2), np.array([0]), DecodeSettings(10, max_words=3, length_penalty=0.0)
    )[0]
    assert shares(found) == [
        ([], 0.5),
        ([A], 0.25),
        ([A, A], 0.125),
        ([A, A, A], 0.125),
    ]


def test_a_wide_beam_is_an_exhaustive_search():
    """Against all sentences of up to three words, each worked out on its own."""
    random = np.random.default_rng(3)
    words = [A, B, C]
    table = {}
    for length in range(3):
        for prefix in itertools.product(words, repeat=length):
            table[prefix] = dict(zip([*words, END], random.dirichlet(np.ones(4)), strict=True))
    expected = {}
    for length in range(4):
        for sentence in itertools.product(words, repeat=length):
            share = math.prod(table[sentence[:n]][word] for n, word in enumerate(sentence))
            expected[sentence] = share * (table[sentence][END] if length < 3 else 1.0)
    found = sentences(table, beam_width=64, max_words=3, length_penalty=0.0)
    assert [tuple(each.words) for each in found] == sorted(expected, key=expected.get, reverse=True)
    assert sum(math.exp(each.log_probability) for each in found) == pytest.approx(1.0, abs=1e-6)


def test_sentences_come_best_first_and_differ():
    for width in (2, 3, 5):
        found = sentences(SWAP, beam_width=width)
        assert [each.score for each in found] == sorted((e.score for e in found), reverse=True)
        assert len({tuple(each.words) for each in found}) == len(found) <= width


def test_settings_that_leave_no_sentence_are_refused():
    with pytest.raises(UsageError, match="width 0"):
        DecodeSettings(beam_width=0)
    with pytest.raises(UsageError, match="at most 0 words"):
        DecodeSettings(max_words=0)


# -- sampling ------------------------------------------------------------------------------------


def test_sentences_are_drawn_as_often_as_they_are_likely():
    drawn = sample(Told(TRAP), np.array([0]), 4000, 4, np.random.default_rng(0))
    assert drawn.shape == (1, 4000, 4)
    found = [tuple(row[row > PAD]) for row in drawn[0]]
    assert found.count((A, C, END)) / 4000 == pytest.approx(0.6 * 0.35, abs=0.02)
    assert found.count((B, END)) / 4000 == pytest.approx(0.4 * 0.9, abs=0.02)
    for row in drawn[0]:
        end = row.tolist().index(END)
        assert PAD not in row[:end] and (row[end + 1 :] == PAD).all()


def test_only_what_the_model_offers_is_drawn():
    drawn = sample(Told(TRAP, offered=1), np.array([0]), 50, 4, np.random.default_rng(0))
    assert (drawn == [A, C, END, PAD]).all()


def test_a_drawn_sentence_is_cut():
    drawn = sample(Told(TRAP), np.array([0, 0]), 3, 1, np.random.default_rng(0))
    assert drawn.shape == (2, 3, 1) and set(drawn.ravel()) <= {A, B}


# -- length, groups, drawing -----------------------------------------------------------------------


def test_a_sentence_does_not_end_too_early():
    """TRAP ends "b" at once; with two words it must go on, to "b a" (0.4 * 0.1) or "a c"."""
    found = sentences(TRAP, beam_width=2, length_penalty=0.0, min_words=2)
    assert shares(found) == [([A, C], 0.21), ([A, B], 0.198)]
    assert sentences(TRAP, start=[B], min_words=2)[0].words == [B, A]  # the beginning counts
    longest = sentences({(A,) * n: {END: 0.9, A: 0.1} for n in range(9)}, min_words=4, max_words=4)
    assert longest[0].words == [A] * 4


def test_groups_avoid_each_others_words_by_hand():
    """Two beams of one. The first says "a c" (greedy); to the second "a" costs so much that it
    takes "b", and where nothing is dear both say the same, which is told once."""
    found = sentences(TRAP, beam_width=2, groups=2, diversity=5.0, length_penalty=0.0)
    assert shares(found) == [([B], 0.36), ([A, C], 0.21)]
    assert shares(sentences(TRAP, beam_width=2, groups=2, diversity=0.0)) == [([A, C], 0.21)]


def test_a_group_pays_for_each_time_a_word_was_chosen():
    """Log-probabilities of a, b, c: -0.5, -1.2, -2. A word costs 0.6 for each earlier group."""
    table = {(): {A: math.exp(-0.5), B: math.exp(-1.2), C: math.exp(-2.0)}}
    found = sentences(table, beam_width=4, groups=4, diversity=0.6, length_penalty=0.0)
    # a; a (-1.1 before b -1.2); b (before a -1.7); a (-1.7 before b -1.8).
    assert {tuple(each.words) for each in found} == {(A,), (B,)}
    dearer = sentences(table, beam_width=4, groups=4, diversity=1.6, length_penalty=0.0)
    assert {tuple(each.words) for each in dearer} == {(A,), (B,), (C,)}


@pytest.mark.parametrize("groups", [2, 3])
def test_groups_search_within_themselves_and_pictures_apart(groups):
    settings = DecodeSettings(beam_width=2 * groups, groups=groups, diversity=0.3)
    together = decode(Told(TRAP, SWAP), np.array([1, 0]), settings)
    for table, found in zip((SWAP, TRAP), together, strict=True):
        alone = decode(Told(table), np.array([0]), settings)[0]
        assert [each.words for each in found] == [each.words for each in alone]
        assert len({tuple(each.words) for each in found}) == len(found)


def drawn(table, **settings):
    return sentences(table, draw=True, **{"beam_width": 4000, "length_penalty": 0.0, **settings})


def share_of(found, words) -> float:
    return sum(each.words == words for each in found) / len(found)


def test_sentences_are_drawn_with_their_probability_and_told_best_first():
    found = drawn(TRAP)
    assert len(found) == 4000
    assert share_of(found, [A, C]) == pytest.approx(0.21, abs=0.03)
    assert share_of(found, [B]) == pytest.approx(0.36, abs=0.03)
    assert found[0].log_probability == pytest.approx(math.log(0.36), rel=1e-5)
    assert [each.score for each in found] == sorted((e.score for e in found), reverse=True)


def test_temperature_by_hand():
    """At 1/2 the shares 0.6 and 0.4 become 0.36 : 0.16."""
    found = drawn({(): {A: 0.6, B: 0.4}}, temperature=0.5)
    assert share_of(found, [A]) == pytest.approx(0.36 / 0.52, abs=0.03)
    assert shares(found)[0] == ([A], 0.6)  # what the model itself gives it


def test_the_nucleus_by_hand():
    """0.5 and 0.3 together reach 0.7, so the third is never drawn; the two stand 5 : 3."""
    table = {(): {A: 0.5, B: 0.3, C: 0.2}}
    found = drawn(table, top_p=0.7)
    assert share_of(found, [C]) == 0
    assert share_of(found, [A]) == pytest.approx(5 / 8, abs=0.03)
    assert share_of(drawn(table, top_p=0.1), [A]) == 1  # the likeliest is always there


def test_a_seed_draws_the_same_and_a_shorter_sentence_is_not_drawn():
    one, same, other = (drawn(TRAP, beam_width=20, seed=seed) for seed in (1, 1, 2))
    assert [each.words for each in one] == [each.words for each in same]
    assert [each.words for each in one] != [each.words for each in other]
    assert all(len(each.words) >= 2 for each in drawn(TRAP, beam_width=200, min_words=2))


@pytest.mark.parametrize(
    "wrong",
    [
        {"min_words": 21, "max_words": 20}, {"min_words": -1}, {"groups": 2}, {"groups": 0},
        {"temperature": 0.0}, {"top_p": 0.0}, {"top_p": 1.1}, {"diversity": -1.0},
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(wrong):
    with pytest.raises(UsageError):
        DecodeSettings(**wrong)
