"""Tokens worked out by hand."""

import pytest

from cnnrnn.errors import UsageError
from cnnrnn.text.tokenizer import Tokenizer


@pytest.mark.parametrize(
    "text, tokens",
    [
        ("A dog RUNS.", ["a", "dog", "runs"]),
        ('Two "big" dogs (black), run; fast!', ["two", "big", "dogs", "black", "run", "fast"]),
        ("They don't stop", ["they", "don't", "stop"]),
        ("The dog's bone, the dogs' bones", ["the", "dog", "'s", "bone", "the", "dogs", "bones"]),
        ("A man 's hat does n't fit .", ["a", "man", "'s", "hat", "doesn't", "fit"]),
        ("It\u2019s 5 o\u2018clock", ["it", "'s", "5", "o'clock"]),
        ("a t-shirt - a merry-go-round --", ["a", "t-shirt", "a", "merry-go-round"]),
        ("1,000 cars, 3.5 m at 10:30.", ["1,000", "cars", "3.5", "m", "at", "10:30"]),
        ("$5 & #22 rock'n'roll 'slide'", ["5", "22", "rock'n'roll", "slide"]),
        ("a\tdog\n runs", ["a", "dog", "runs"]),
        ("Ein Mädchen, ÜBER", ["ein", "mädchen", "über"]),
        ("cafe\u0301", ["café"]),
        ("एक कुत्ता दौड़ता है।", ["एक", "कुत्ता", "दौड़ता", "है"]),
        ("ＡＢＣ，１２", ["abc", "12"]),
        ("", []),
        (" ... !?\U0001f600<>", []),
    ],
)
def test_words(text, tokens):
    assert Tokenizer()(text) == tokens


@pytest.mark.parametrize(
    "text, tokens",
    [
        ("一只 狗，在跑。", list("一只狗在跑")),
        ("ab  c!", ["a", "b", " ", "c"]),
        ("一件T恤 A B", ["一", "件", "t", "恤", "a", " ", "b"]),
        ("dog's", ["d", "o", "g", "'", "s"]),
        ("。！", []),
    ],
)
def test_characters(text, tokens):
    assert Tokenizer("characters")(text) == tokens


@pytest.mark.parametrize("mode", ["words", "characters"])
def test_join_is_undone_by_tokenizing(mode):
    tokenizer = Tokenizer(mode)
    for text in ("the dog's bone doesn't fit", "a t-shirt for 3.5 euros", "一只狗在跑", ""):
        assert tokenizer.join(tokenizer(text)) == text
    assert tokenizer.join([]) == ""


def test_special_words_cannot_be_typed():
    assert Tokenizer()("<pad> <unk>") == ["pad", "unk"]


def test_unknown_mode_is_a_usage_error():
    with pytest.raises(UsageError, match="words, characters"):
        Tokenizer("bytes")
