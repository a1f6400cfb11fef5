"""METEOR's Java process: its numbers, and what happens when it is absent or fails."""

from __future__ import annotations

import os
import shutil

import numpy as np
import pytest

from cnnrnn.errors import CnnRnnError
from cnnrnn.text import meteor as meteor_program
from cnnrnn.text import metrics

needs_java = pytest.mark.skipif(shutil.which("java") is None, reason="METEOR needs Java")

REFERENCES = {
    "1": ["A dog runs on the grass .", "A brown dog is running."],
    "2": ["Two men ride a bike.", "People on a bicycle"],
    "3": ["A cat sleeps"],
}
CAPTIONS = {"1": "a dog runs on grass", "2": "two men on a bike", "3": "a dog sleeps"}


@pytest.fixture
def no_shared_program(monkeypatch):
    """For tests that replace Java: they must not meet a real program, nor leave a false one."""
    monkeypatch.setattr(meteor_program, "_shared", None)
    yield
    if meteor_program._shared is not None:
        meteor_program._shared.close()


@needs_java
def test_meteor_process():
    """One process for all scores, equal to its own figures, gone after close, back after death."""
    found = metrics.score(REFERENCES, {**CAPTIONS, "2": "", "3": "A cat sleeps"})
    program = meteor_program.shared()
    assert found.missing == {}
    assert found.each["METEOR"][1:] == pytest.approx([0, 1])
    assert found.of("METEOR", np.array([0])) == pytest.approx(found.each["METEOR"][0])
    stats = " ||| ".join(" ".join(map(str, row)) for row in found.counts["METEOR"])
    program._process.stdin.write(f"EVAL ||| {stats}\n".encode())
    program._process.stdin.flush()
    *each, overall = (float(program._process.stdout.readline()) for _ in range(4))
    assert found.each["METEOR"] == pytest.approx(each, abs=1e-12)
    assert found.overall["METEOR"] == pytest.approx(overall, abs=1e-12)

    metrics.score(REFERENCES, CAPTIONS)
    assert meteor_program.shared() is program
    program.close()
    assert program._process.returncode is not None  # waited for: no zombie
    program.close()
    with pytest.raises(CnnRnnError, match="METEOR's Java program failed"):
        program.counts([["a"]], ["a"])
    assert meteor_program.shared() is not program


def test_without_java_stems_stand_in_for_meteor(no_shared_program, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    found = metrics.score(REFERENCES, CAPTIONS)
    assert "no java is on the PATH" in found.missing["METEOR"]
    assert list(found.overall) == [key for key in metrics.KEYS if key != "METEOR"]
    assert [metrics.heading(key) for key in found.overall][4:] == [
        "StemMatch (METEOR needs Java)", "ROUGE_L", "CIDEr",
    ]  # fmt: skip
    same = metrics.score({"a": ["two dogs run"]}, {"a": "two dogs run"})
    assert same.overall["StemMatch"] == 1 and "METEOR" not in same.overall


LINE = " ".join(["1.0"] * 23)


@pytest.mark.parametrize(
    "script, reason",
    [
        ("echo Could not reserve enough space >&2; exit 1", "Could not reserve enough space"),
        ("exit 3", "it ended with status 3"),
        (f"read line; echo {LINE}; echo died >&2", "died"),
        ("read line; echo nonsense; cat", "unexpected answer 'nonsense'"),
        ("read line; echo 1.0 2.0; cat", "unexpected answer '1.0 2.0'"),
    ],
)
@pytest.mark.skipif(os.name != "posix", reason="the false Java is a shell script")
def test_a_failing_program_is_told(no_shared_program, monkeypatch, tmp_path, script, reason):
    java = tmp_path / "java"
    java.write_text(f"#!/bin/sh\n{script}\n")
    java.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    found = metrics.score(REFERENCES, CAPTIONS)
    assert reason in found.missing["METEOR"]
    assert "METEOR" not in found.overall and "METEOR" not in found.each
    assert found.overall["CIDEr"] > 0
    assert not meteor_program._shared.running
    assert meteor_program._shared._process.returncode is not None


def test_a_java_that_does_not_start_is_told(no_shared_program, monkeypatch, tmp_path):
    java = tmp_path / "java"
    java.write_bytes(b"\x7fELF not really")
    java.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "does not start" in metrics.score(REFERENCES, CAPTIONS).missing["METEOR"]


@pytest.mark.skipif(os.name != "posix", reason="the false Java is a shell script")
def test_interrupted_in_an_answer_the_program_is_closed(no_shared_program, monkeypatch, tmp_path):
    java = tmp_path / "java"
    java.write_text("#!/bin/sh\nexec cat >/dev/null\n")
    java.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    program = meteor_program.Meteor()

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(program, "_ask", interrupt)
    with pytest.raises(KeyboardInterrupt):
        program.counts([["a"]], ["a"])
    assert not program.running
