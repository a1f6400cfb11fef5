"""Every command line that a README shows is run, in the order in which a newcomer meets them."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
# A test has not the minutes that a training takes: the same command on less, for shorter.
SMALLER = {
    ("caption", "train"): ["--limit", "40", "--epochs", "1", "--hidden", "16", "--batch", "8"],
    ("caption", "evaluate"): ["--limit", "40"],
    ("caption", "compare"): [
        "--limit", "20", "--epochs", "1", "--hidden", "8", "--models", "inject,merge",
    ],
    ("densecap", "train"): [
        "--limit", "40", "--epochs", "1", "--hidden", "8", "--code", "16", "--batch", "8",
    ],
    ("densecap", "evaluate"): ["--limit", "10"],
    ("densecap", "compare"): [
        "--limit", "40", "--epochs", "1", "--hidden", "8", "--code", "16", "--batch", "8",
        "--variants", "end-to-end",
    ],
    ("video-classify", "train"): ["--limit", "20", "--epochs", "1", "--hidden", "8"],
    ("video-classify", "evaluate"): ["--limit", "20"],
    ("video-classify", "compare"): [
        "--limit", "20", "--epochs", "1", "--hidden", "8", "--models", "mean,lstm",
    ],
    ("vqa", "train"): ["--limit", "20", "--epochs", "1", "--hidden", "8"],
    ("vqa", "evaluate"): ["--limit", "20"],
    ("vqa", "compare"): [
        "--limit", "20", "--epochs", "1", "--hidden", "8", "--models", "san,question-only",
    ],
}


def shown(path: str, language: str, prefix: str = "") -> list[str]:
    """The lines of all code blocks of a language that begin with a prefix, without it."""
    text = (ROOT / path).read_text(encoding="utf-8")
    blocks = re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    return [line.removeprefix(prefix) for line in lines if line.startswith(prefix)]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A folder with the samples, where runs and caches may be written."""
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copytree(ROOT / "data", folder / "data")
    return folder


@pytest.fixture
def inside(checkout, monkeypatch):
    """One cache for all commands, as a person has."""
    monkeypatch.chdir(checkout)
    monkeypatch.setenv("CNNRNN_CACHE", str(checkout / "cache"))


LINES = shown("README.md", "console", "$ ") + shown("data/README.md", "sh")


def marked(line: str):
    """A line that trains several models takes the better part of a minute."""
    return pytest.param(line, marks=pytest.mark.slow) if " compare" in line else line


@pytest.mark.parametrize("line", [marked(line) for line in LINES])
def test_the_command_works(line, inside):
    program, *arguments = shlex.split(line)
    if program == "python":
        subprocess.run([sys.executable, *arguments], check=True)
        return
    assert program == "cnnrnn"
    from cnnrnn.cli import main

    with pytest.raises(SystemExit) as stopped:
        main([*arguments, *_smaller(arguments)])
    assert stopped.value.code == 0


def _smaller(arguments: list[str]) -> list[str]:
    extra = SMALLER.get(tuple(arguments[:2]), [])
    pairs = zip(extra[::2], extra[1::2], strict=True)
    return [word for pair in pairs if pair[0] not in arguments for word in pair]


def test_the_python_example_works(inside, capsys):
    (code,) = ["\n".join(shown("README.md", "python"))]
    exec(compile(code, "README.md", "exec"), {})
    assert len(capsys.readouterr().out.split()) > 2


def test_the_set_up_commands_are_targets_of_make():
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for line in shown("README.md", "sh"):
        program, target = line.split()
        assert program == "make" and target in targets


def test_the_samples_are_what_their_readme_lists():
    text = (ROOT / "data" / "README.md").read_text()
    for path in (ROOT / "data").iterdir():
        assert path.name in text or re.fullmatch(r"scene-\d+\.jpg|README\.md", path.name)
