"""The answer space, words of a run, replies of each head, confidence, blind rivals: by hand."""

from __future__ import annotations

import numpy as np
import pytest

from cnnrnn.errors import CnnRnnError
from cnnrnn.text.vectors import WordVectors
from cnnrnn.text.vocabulary import PAD, Vocabulary
from cnnrnn.training.run import Run
from cnnrnn.vqa.answers import NONE, Answers
from cnnrnn.vqa.baselines import BASELINES, Majority
from cnnrnn.vqa.confidence import Confidence, best_temperature, learned
from cnnrnn.vqa.example import Example
from cnnrnn.vqa.prepare import Words
from cnnrnn.vqa.replies import ClassifyReplies, RegressReplies, distinct, ranked, softmax
from cnnrnn.vqa.settings import TrainSettings


def asked(question: str, answer: str, kind: str = "", candidates=()) -> Example:
    return Example(f"{question}{answer}", None, question, (answer,), tuple(candidates), kind)


TRAINING = [
    asked("What colour is the dog?", "red", "colour"),
    asked("what colour is the dog?", "red", "colour"),
    asked("what colour is the cat?", "blue", "colour"),
    asked("is it big?", "yes", "yes/no"),
    asked("is it small?", "yes", "yes/no"),
    asked("is it a cat?", "no", "yes/no"),
]


# -- answers --------------------------------------------------------------------------------------


def test_answers_are_numbered_by_frequency():
    answers = Answers.build(each.answer for each in TRAINING)
    assert answers.counts == {"red": 2, "yes": 2, "blue": 1, "no": 1}
    assert answers.numbers(["no", "green", "Red."]).tolist() == [3, NONE, 0]
    assert "The red" in answers and "green" not in answers
    assert answers.coverage(["red", "green", "no", "no"]) == 0.75 and answers.coverage([]) == 0


def test_only_the_most_frequent_answers():
    texts = [each.answer for each in TRAINING]
    assert Answers.build(texts, most=1).texts == ("red",)
    assert Answers.build(texts, min_count=2).texts == ("red", "yes")
    with pytest.raises(CnnRnnError, match="no answer occurs at least 9 times"):
        Answers.build(texts, min_count=9)
    with pytest.raises(CnnRnnError, match="among 0 different"):
        Answers.build(["", ""])


def test_spellings_of_one_answer_are_one():
    answers = Answers.build(["Dog", "dog", "dog", "the dog", "猫", "?"])
    assert answers.counts == {"dog": 4, "?": 1, "猫": 1}
    assert answers.numbers(["A dog!", "猫", "?", "!"]).tolist() == [0, 2, 1, NONE]


def test_answers_are_read_as_they_were_written(tmp_path):
    answers = Answers.build(each.answer for each in TRAINING)
    answers.judge([(["how", "many"], "nine")] * 20 + [(["what", "colour"], "red")] * 20)
    answers.save(tmp_path / "answers.json")
    again = Answers.load(tmp_path / "answers.json")
    assert again.counts == answers.counts and again.texts == answers.texts
    assert again.held(["how", "many", "dogs"]) == 0 and again.held(["what", "colour"]) is None
    for content in ("[]", "{}", '{"format": "cnnrnn-answers", "version": 9}',
                    '{"format": "cnnrnn-answers", "version": 1, "answers": {}}'):  # fmt: skip
        (tmp_path / "bad.json").write_text(content)
        with pytest.raises(CnnRnnError):
            Answers.load(tmp_path / "bad.json")


def test_a_kind_of_question_that_the_answers_do_not_hold():
    answers = Answers.build(["red", "red", "blue"])
    few = [(["how", "many"], "nine")] * 19
    answers.judge(few)
    assert answers.held(["how", "many"]) is None  # too few to say
    answers.judge(few + [(["how", "many"], "red")] * 6)
    assert answers.held(["how", "many", "cups"]) == pytest.approx(6 / 25)


# -- words ----------------------------------------------------------------------------------------


def settings(**changes) -> TrainSettings:
    return TrainSettings(**({"min_count": 1, "min_answers": 1} | changes))


def test_words_of_the_training_questions():
    words = Words.build(settings(), TRAINING)
    assert words.length == 5 and words.size == 4
    numbers = words.encoded(["is it blue?", "what colour is the dog in the house?", ""])
    assert numbers.shape == (3, 5) and (numbers[0, 3:] == PAD).all() and (numbers[2] == 0).all()
    assert words.vocabulary.decode(numbers[0]) == ["is", "it", "<unk>"]
    assert words.targets(["no", "green", ""]).tolist() == [3, NONE, NONE]
    assert words.said(["no"]) is None


def test_words_that_are_written_or_hit():
    words = Words.build(settings(answer="generate"), TRAINING)
    assert words.size == 4 + 4  # with the special words
    assert words.said(["red", "green", ""]) == [words.spoken.encode(["red"]), [], []]
    words = Words.build(settings(answer="regress"), TRAINING)
    targets = words.targets(["red", "", "red blue"])
    np.testing.assert_allclose(np.linalg.norm(targets, axis=1), [1, 0, 1], rtol=1e-5)


@pytest.mark.parametrize("answer", ["classify", "regress", "generate"])
def test_words_are_read_as_they_were_written(tmp_path, answer):
    words = Words.build(settings(answer=answer), TRAINING)
    run = Run(tmp_path, {"answer": answer, "question_words": words.length})
    words.save(run)
    again = Words.load(run)
    assert (again.size, again.length) == (words.size, words.length)
    np.testing.assert_array_equal(again.encoded(["is it red?"]), words.encoded(["is it red?"]))
    np.testing.assert_array_equal(again.targets(["no"]), words.targets(["no"]))


def test_first_vectors_come_from_the_file(tmp_path):
    WordVectors(["dog", "sky"], np.array([[1.0, 0], [0, 2]])).save(tmp_path / "v.npz")
    words = Words.build(settings(embeddings=str(tmp_path / "v.npz")), TRAINING)
    found = words.first_vectors()
    place = words.vocabulary.words.index("dog")
    assert found.shape == (len(words.vocabulary), 2)
    assert found[place].tolist() == [1, 0] and np.isnan(np.delete(found, place, 0)).all()


# -- replies --------------------------------------------------------------------------------------


def test_the_best_answers_by_hand():
    replies = ClassifyReplies(Words.build(settings(), TRAINING))
    logits = np.log([[0.1, 0.2, 0.3, 0.4]])
    [best] = replies.open(logits, 2)
    assert [text for text, _ in best] == ["no", "blue"]
    np.testing.assert_allclose([share for _, share in best], [0.4, 0.3])
    replies.temperature = 0.5
    assert replies.open(logits, 1)[0][0][1] == pytest.approx(0.16 / 0.3)


def test_choices_by_hand():
    """Outside the vocabulary, equal ones, one alone, none that can be said."""
    replies = ClassifyReplies(Words.build(settings(), TRAINING))
    logits = np.log([[0.1, 0.2, 0.3, 0.4]] * 4)
    found = replies.choose(
        logits, [["red", "zebra", "blue"], ["blue", "Blue!", "no"], ["red"], ["zebra", "gnu"]]
    )
    assert [text for text, _ in found[0]] == ["blue", "red", "zebra"]
    np.testing.assert_allclose([share for _, share in found[0]], [0.75, 0.25, 0])
    assert [text for text, _ in found[1]] == ["no", "blue"]
    assert found[2] == [("red", pytest.approx(1.0))]
    assert found[3] == [("zebra", 0.0), ("gnu", 0.0)]
    assert replies.can_say("Yes.") and not replies.can_say("zebra")


def test_a_vector_scores_choices_that_were_never_trained_on():
    words = Words.build(settings(answer="regress"), TRAINING)
    axes = ["red", "blue", "yes", "no", "green"]
    words.vectors = WordVectors(axes, np.eye(5))
    replies = RegressReplies(words, temperature=0.1)
    [best] = replies.open(np.array([[0.0, 9, 0, 3, 0]]), 2)
    assert [text for text, _ in best] == ["blue", "no"]
    [chosen] = replies.choose(np.array([[0.0, 0.1, 0, 0, 5]]), [["blue", "green", "xyzzy"]])
    assert [text for text, _ in chosen] == ["green", "blue", "xyzzy"]
    assert chosen[2][1] == 0 and not replies.can_say("xyzzy") and replies.can_say("green")
    assert RegressReplies(Words.build(settings(answer="regress"), TRAINING)).can_say("xyzzy")


def test_written_answers_and_choices():
    from cnnrnn.vqa.models.heads import Generate
    from cnnrnn.vqa.replies import GenerateReplies

    words = Words.build(settings(answer="generate"), [*TRAINING, asked("is it?", "red dog")])
    head = Generate(words.size, 6, 4)
    head.build()
    replies = GenerateReplies(words, language=head.language)
    codes = np.random.default_rng(0).normal(size=(2, 6)).astype(np.float32)
    for best in replies.open(codes, 3):
        shares = [share for _, share in best]
        assert len(best) == 3 and shares == sorted(shares, reverse=True) and sum(shares) < 1
    everything = [["red", "red dog", "zebra", "no"]] * 2
    for chosen, written in zip(replies.choose(codes, everything), replies.open(codes, 99),
                               strict=True):
        found, known = dict(chosen), dict(written)
        assert sum(found.values()) == pytest.approx(1) and found["zebra"] == 0
        if "red" in known and "no" in known:  # as probable as they are when they are written
            assert found["red"] / found["no"] == pytest.approx(known["red"] / known["no"], rel=1e-3)
    assert not replies.can_say("") and not replies.can_say("red zebra")


def test_ranks_keep_the_order_of_equals():
    assert ranked(["a", "b", "c"], np.array([0.2, 0.4, 0.4])) == [("b", 0.4), ("c", 0.4),
                                                                 ("a", 0.2)]
    assert distinct(["Two", "2", "two!", "one"]) == ["Two", "one"]


# -- confidence -----------------------------------------------------------------------------------


def test_the_temperature_by_hand():
    """Always logit 2 for one of two, right in 3 of 4: 1 / (1 + e^(-2/T)) = 3/4."""
    scores = np.array([[2.0, 0]] * 4)
    found = best_temperature(scores, np.array([0, 0, 0, 1]))
    assert found == pytest.approx(2 / np.log(3), rel=0.06)
    assert softmax(scores / found)[0, 0] == pytest.approx(0.75, abs=0.02)
    assert best_temperature(scores, np.array([NONE] * 4)) == 1
    assert best_temperature(scores, np.array([0, 0, 0, NONE])) == pytest.approx(0.01)


def test_the_threshold_is_learned_and_kept():
    probabilities = np.array([0.9, 0.8, 0.7, 0.3, 0.2, 0.1])
    found = learned(1.5, probabilities, np.array([1.0, 1, 1, 0, 1, 0]))
    assert 0.1 < found.threshold <= 0.3
    assert found.temperature == 1.5 and 0 < found.right <= 1
    assert Confidence.from_json(found.as_json()) == found
    for content in ([], {"temperature": 0}, {"temperature": "x"}, {"other": 1}):
        with pytest.raises(CnnRnnError):
            Confidence.from_json(content)


# -- blind rivals ---------------------------------------------------------------------------------


def test_majorities_by_hand():
    questions = [
        asked("what colour is the cat?", "?", "colour"),
        asked("what colour is the bird?", "?", "colour"),
        asked("is it big?", "?", "yes/no", ["no", "maybe"]),
        asked("why?", "?", "reason", ["maybe", "perhaps"]),
    ]
    made = {name: Majority(TRAINING, keys) for name, keys in BASELINES.items()}
    assert made["majority"](questions) == ["red"] * 4
    assert made["majority per kind"](questions) == ["red", "red", "yes", "red"]
    assert made["lookup"](questions) == ["blue", "red", "yes", "red"]
    assert made["lookup"].choose(questions)[2:] == ["no", "maybe"]
    assert Majority([])(questions) == [""] * 4


def test_no_rival_sees_a_vocabulary_that_is_empty():
    with pytest.raises(CnnRnnError):
        Vocabulary.build([])
