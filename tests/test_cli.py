"""The whole command tree: help, examples, exit codes, typos, and what a call costs."""

from __future__ import annotations

import json
import os
import resource
import shlex
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from cnnrnn import __version__, console, options, verbs
from cnnrnn.cli import main
from cnnrnn.errors import CnnRnnError
from cnnrnn.files import cache_root

HELP_SECONDS = 0.2  # of CPU, for any --help


def walk(command, context=None, path=("cnnrnn",)):
    """Every command below `command` with the words that call it and its context."""
    context = click.Context(command, parent=context, info_name=path[-1])
    yield path, command, context
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            yield from walk(command.get_command(context, name), context, (*path, name))


TREE = list(walk(main))
COMMANDS = [pytest.param(*entry, id=" ".join(entry[0])) for entry in TREE]


@pytest.fixture(autouse=True)
def loud():
    yield
    console.set_verbosity(False)
    console.set_debug(False)


def call(command, *args, **kwargs):
    return CliRunner().invoke(command, args, prog_name="cnnrnn", **kwargs)


@pytest.mark.parametrize(("path", "command", "context"), COMMANDS)
def test_every_command_has_help_with_its_examples_first(path, command, context):
    result = call(main, *path[1:], "--help")
    assert result.exit_code == 0
    assert command.help and command.help.strip(), "no description"
    lines = result.output.splitlines()
    assert lines[0].startswith(f"Usage: {' '.join(path)}")
    assert lines[2] == "Examples:"
    assert result.output.index("Examples:") < result.output.index("Options:")


@pytest.mark.parametrize(("path", "command", "context"), COMMANDS)
def test_every_option_has_help(path, command, context):
    for parameter in command.get_params(context):
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{' '.join(path)} {parameter.opts}"


@pytest.mark.parametrize(("path", "command", "context"), COMMANDS)
def test_every_example_is_a_valid_call(path, command, context):
    """Parses each example with the command that it names, without running it."""
    for line, _ in command.examples:
        words = shlex.split(line.split(" | ")[-1].split(" > ")[0])
        assert words[0] == "cnnrnn"
        target = main
        while isinstance(target, click.Group):
            words = words[1:]
            target = target.get_command(click.Context(target), words[0])
            assert target, f"{line}: no command {words[0]}"
        target.make_context(words[0], words[1:]).close()


@pytest.mark.parametrize(("path", "command", "context"), COMMANDS)
def test_a_wrong_option_is_one_line_and_code_2(path, command, context):
    result = call(main, *path[1:], "--no-such-option")
    assert result.exit_code == 2
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: No such option") and "--no-such-option" in line
    assert f"(see {' '.join(path)} --help)" in line


@pytest.mark.parametrize(
    ("path", "command", "context"),
    [p for p in COMMANDS if not isinstance(p.values[1], click.Group)],
)
def test_every_command_can_be_quiet_and_debugged(path, command, context):
    names = {name for p in command.get_params(context) for name in p.opts}
    assert {"-q", "--quiet", "--debug", "-h", "--help"} <= names


@pytest.mark.parametrize("path", [entry[0] for entry in TREE], ids=" ".join)
def test_help_is_cheap_and_imports_nothing_heavy(path):
    code = (
        "import sys\nfrom cnnrnn.cli import main\n"
        "try: main()\n"
        "finally: print(sorted({'numpy','cv2','h5py','keras','tensorflow'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", code, *path[1:], "--help"]
    best = float("inf")
    for _ in range(3):  # the least of three: other processes on the machine must not count
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
        best = min(best, spent)
    assert done.stdout.endswith("[]\n")
    assert best < HELP_SECONDS


def test_version():
    assert call(main, "--version").output == f"cnnrnn, version {__version__}\n"


def test_python_dash_m_is_the_same_program():
    done = subprocess.run(
        [sys.executable, "-m", "cnnrnn", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"cnnrnn, version {__version__}\n"


def test_shell_completion_lists_the_commands():
    done = subprocess.run(
        [sys.executable, "-m", "cnnrnn"], capture_output=True, text=True, check=True,
        env=os.environ | {
            "_CNNRNN_COMPLETE": "bash_complete", "COMP_WORDS": "cnnrnn ", "COMP_CWORD": "1"
        },
    )
    commands = main.list_commands(click.Context(main))
    assert done.stdout.splitlines() == [f"plain,{name}" for name in commands]


def test_no_command_shows_the_help_and_is_a_usage_error():
    result = call(main)
    assert result.exit_code == 2 and result.output.startswith("Usage: cnnrnn")


# A small program of the same blocks, so that what they do is tested whatever tasks there are.


@click.group(cls=options.ExampleGroup, examples=["toy draw"])
def toy():
    """A toy."""


@toy.command(examples=[("toy draw a.jpg", "draws")])
@options.sources_argument
@options.data_options(("auto", "csv"))
@options.model_option(("attention", "inject-init"))
@options.run_option
@options.name_option
@options.seed_options
@options.device_options
@options.backbone_options
@options.features_option
@options.output_options
def draw(**given):
    """Draw."""
    console.info("drawing")
    failure = {"bad": CnnRnnError("bad picture", "look"), "stop": KeyboardInterrupt()}
    first = given["sources"][0]
    if first in failure:
        raise failure[first]
    console.result(" ".join(sorted(given)))
    return len(given["sources"]) - 1


@toy.command(examples=["toy erase"])
def erase():
    """Erase."""


def test_shared_options_reach_the_callback_under_their_names():
    result = call(toy, "draw", "a.jpg")
    assert result.exit_code == 0
    assert result.stdout.split() == [
        "backbone", "data", "deterministic", "device", "features", "format", "image_size", "json",
        "limit", "model", "name", "output", "run", "seed", "sources", "threads", "weights",
    ]
    assert result.stderr == "drawing\n"


def test_options_are_listed_in_the_order_given():
    text = call(toy, "draw", "--help").output
    places = [text.index(name) for name in ("--data", "--format", "--limit", "--model", "--seed",
                                            "--device", "--threads", "--json", "--quiet")]
    assert places == sorted(places)


def test_the_callback_returns_the_exit_code():
    assert call(toy, "draw", "a.jpg", "b.jpg").exit_code == 1


def test_failures_are_one_line_with_their_code():
    result = call(toy, "draw", "bad", "-q")
    assert (result.exit_code, result.stderr) == (1, "error: bad picture (look)\n")
    result = call(toy, "draw", "stop", "-q")
    assert (result.exit_code, result.stderr) == (130, "stopped\n")


def test_quiet_and_debug_do_not_outlive_their_call():
    call(toy, "draw", "a.jpg", "-q", "--debug")
    assert call(toy, "draw", "bad").stderr == "drawing\nerror: bad picture (look)\n"
    assert "Traceback" in call(toy, "draw", "bad", "--debug").stderr
    assert "Traceback" in call(toy, "draw", "bad", env={"CNNRNN_DEBUG": "1"}).stderr


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (("drow",), "No such command 'drow'. Did you mean 'draw'? (see cnnrnn --help)"),
        (("xyz",), "No such command 'xyz'. Commands: draw, erase (see cnnrnn --help)"),
        (("draw", "a", "--model", "atention"), "Invalid value for '--model': 'atention'"),
        (("draw", "a", "--limit", "0"), "Invalid value for '--limit': 0"),
        (("draw", "a", "--limt", "0"), "Did you mean '--limit'?"),
        (("draw",), "Missing argument 'SOURCES...'"),
    ],
)
def test_usage_errors_are_one_line_that_helps(args, line):
    result = call(toy, *args)
    (message,) = result.stderr.splitlines()
    assert line in message and result.exit_code == 2


def test_a_reader_that_leaves_early_is_no_failure_to_speak_of():
    code = "from cnnrnn import console, options\n" \
        "import click\n" \
        "@click.command(cls=options.ExampleCommand)\n" \
        "def many():\n" \
        "    for n in range(100000): console.result(str(n))\n" \
        "many()"
    done = subprocess.run(
        f"{shlex.quote(sys.executable)} -c {shlex.quote(code)} | head -n 1", shell=True,
        capture_output=True, text=True, check=True,
    )
    assert (done.stdout, done.stderr) == ("0\n", "")


# The shared verbs.


def test_runs_lists_the_best_first(tmp_path, monkeypatch):
    from cnnrnn.training.run import Run

    monkeypatch.chdir(tmp_path)
    command = verbs.runs_command("caption")
    result = call(command)
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "no runs in runs/caption/; `cnnrnn caption train` makes one\n"
    for name, loss in (("worse", 3.0), ("better", 2.5)):
        run = Run.create("runs", "caption", name, {"model": "attention", "data": "scenes"})
        run.append_log({"epoch": 1, "val_loss": loss})
    head, _, first, second = call(command).stdout.splitlines()
    assert head.split()[:4] == ["run", "model", "data", "epochs"]
    assert first.split()[:6] == [
        os.path.join("runs", "caption", "better"), "attention", "scenes", "1", "val_loss", "2.500"
    ]
    assert "worse" in second
    assert '"name": "better"' in call(command, "--json").stdout.splitlines()[0]


@pytest.fixture
def pictures(tmp_path):
    """A folder of three pictures, two of them alike, and one file that is none."""
    import numpy as np

    from cnnrnn.media.opencv import cv2

    folder = tmp_path / "pictures"
    folder.mkdir()
    for name, grey in (("a.png", 10), ("b.png", 200), ("c.png", 10)):
        cv2.imwrite(str(folder / name), np.full((6, 8, 3), grey, np.uint8))
    (folder / "d.png").write_text("no picture")
    return folder


def test_features_counts_hits_misses_and_bad_sources(pictures):
    command = verbs.features_command("caption")
    # The output `pixels` needs no network, so the test needs no Keras.
    given = [str(pictures), "--layer", "pixels", "--image-size", "4"]
    result = call(command, *given)
    assert result.exit_code == 1
    assert result.stdout == (
        "4 pictures: 1 from the cache, 2 computed, 1 bad; each is 4 x 4 x 3 uint8 of pixels\n"
    )
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ") and "d.png" in line
    (pictures / "d.png").unlink()
    result = call(command, *given, "--json", "--limit", "2")
    assert (result.exit_code, result.stderr) == (0, "")
    assert json.loads(result.stdout) == {
        "backbone": "pixels", "output": "pixels", "row_shape": [4, 4, 3],
        "pictures": 2, "hits": 2, "misses": 0, "failed": [],
    }


def test_features_tells_whether_training_takes_them():
    assert "so that training finds them" in call(verbs.features_command("vqa"), "-h").output
    told = " ".join(call(verbs.features_command("densecap", trains=False), "-h").output.split())
    assert "training looks at the pictures anew" in told and "SOURCES are pictures" in told


def test_features_looks_after_the_cache(pictures):
    command = verbs.features_command("caption")
    call(command, str(pictures / "a.png"), "--layer", "pixels", "--image-size", "4")
    (info,) = map(json.loads, call(command, "--info", "--json").stdout.splitlines())
    assert (info["rows"], info["problem"]) == (1, "")
    assert info["file"] in call(command, "--info").stdout
    assert call(command, "--verify").exit_code == 0
    _flip_the_last_picture_byte(info)
    result = call(command, "--verify", "--json")
    assert (result.exit_code, json.loads(result.stdout)["damaged"]) == (1, 1)
    assert call(command, "--clear").stdout.startswith("freed ")
    assert call(command, "--info", "--json").stdout == ""


def _flip_the_last_picture_byte(info):
    path = cache_root() / "features" / info["file"]
    data = bytearray(path.read_bytes())
    place = data.rindex(bytes([10] * 48)) + 47  # 4 x 4 x 3 bytes of the grey 10
    data[place] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("args", [(), ("a.jpg", "--info")])
def test_features_takes_either_sources_or_a_cache_verb(args):
    result = call(verbs.features_command("caption"), *args)
    assert result.exit_code == 2 and "SOURCES" in result.stderr


def test_features_without_any_picture_is_a_failure(tmp_path):
    result = call(verbs.features_command("caption"), str(tmp_path), "--layer", "pixels")
    assert result.exit_code == 1 and result.stderr.startswith("error: ")
    assert len(result.stderr.splitlines()) == 1


def test_features_of_a_clip_are_not_those_of_pictures():
    for clip in ("clips:0-2", "door.mp4"):
        result = call(verbs.features_command("caption"), clip)
        assert result.exit_code == 2 and f"{clip} is a clip" in result.stderr
