"""The reference tokens: examples, and all captions of Flickr8k against the Java program."""

from __future__ import annotations

import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest

from cnnrnn.text import ptb

needs_java = pytest.mark.skipif(shutil.which("java") is None, reason="compares to a Java program")


@pytest.mark.parametrize(
    "text, tokens",
    [
        ("A man's dog doesn't run.", "a man 's dog does n't run"),
        ("They can't; I cannot -- gonna!", "they ca n't i can not gon na"),
        ('"Hi," (left) he said...', "hi -lrb- left -rrb- he said"),
        ("a black-and-white T-shirt - 3.5 m, 1,000", "a black-and-white t-shirt 3.5 m 1,000"),
        (
            "Mr. Smith in the U.S. at 5 p.m. on St. Paul",
            "mr. smith in the u.s. at 5 p.m. on st. paul",
        ),
        ("the end. vitamin c.", "the end vitamin c"),
        ("what?! 50% #1 & R&B", "what ?! 50 % # 1 & r&b"),
        ("o'clock rock 'n' roll '70s dogs' it’s", "o'clock rock 'n' roll '70s dogs it 's"),
        ("and/or 1/2 no. 5, no way", "and/or 1/2 no. 5 no way"),
        ("caf\u00e9 \U0001f600 \u2014 \u00bd \u2026", "caf\u00e9 1/2"),
        ("", ""),
        (" . , ' ", ""),
    ],
)
def test_reference_tokens(text, tokens):
    assert " ".join(ptb.tokenize(text)) == tokens


def java_tokens(captions: list[str]) -> list[list[str]]:
    tokenizer = Path(find_spec("pycocoevalcap.tokenizer.ptbtokenizer").origin).parent
    command = ["java", "-Dfile.encoding=UTF-8", "-cp", str(next(tokenizer.glob("*.jar")))]
    command += ["edu.stanford.nlp.process.PTBTokenizer", "-preserveLines", "-lowerCase"]
    output = subprocess.run(
        command, input="\n".join(captions).encode(), capture_output=True, check=True
    ).stdout.decode()
    dropped = {"''", "'", "``", "`", ".", "?", "!", ",", ":", "-", "--", "...", ";"}
    return [[w for w in line.split() if w not in dropped] for line in output.split("\n")]


@needs_java
def test_tokens_of_all_flickr8k_captions_are_java_s(shared_data):
    path = shared_data / "flickr8k" / "Flickr8k.token.txt"
    lines = path.read_text(encoding="utf-8").splitlines()
    captions = [line.split("\t")[1] for line in lines]
    lines = java_tokens(captions)[: len(captions)]
    assert len(lines) == len(captions) > 30_000
    different = [
        text for text, line in zip(captions, lines, strict=True) if ptb.tokenize(text) != line
    ]
    assert different == []
