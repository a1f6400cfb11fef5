"""The run that a command uses: the one that is named, the newest that fits, or the starter."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from cnnrnn import console
from cnnrnn.errors import CnnRnnError
from cnnrnn.media.medium import CLIPS, PICTURES
from cnnrnn.training.run import Run, newest


def found_run(
    run: Path | str | None,
    root: Path | str,
    task: str,
    starter: Path,
    accepts: Callable[[Run], bool] | None = None,
) -> Run:
    """Find a run; it has a model to predict with.

    Args:
        run: its folder; None takes the newest one under `root`, else the shipped starter.
        root: the folder of all runs.
        task: of which it is.
        starter: the folder of the task's starter.
        accepts: see `newest`.

    Raises:
        CnnRnnError: no such run, or a damaged one.
    """
    found = Run.open(run, task) if run else newest(root, task, accepts) or Run.open(starter, task)
    if not found.usable:
        raise CnnRnnError(f"run {found.path} has no best.keras", "no epoch was finished there")
    return found


def check_weights(run: Run, weights_hash: str) -> None:
    """The backbone that is here is the one that the run was trained on.

    Args:
        run: its config.json holds `backbone`, `weights` and `weights_hash`.
        weights_hash: that of the backbone as it is here.

    Raises:
        CnnRnnError: its weights are others.
    """
    config = run.config
    if weights_hash != config.get("weights_hash"):
        raise CnnRnnError(
            f"the {config['backbone']} weights {config['weights']} are not those that "
            f"run {run.path} was trained with",
            "put the same weights file back, or train again",
        )


def tell_run(run: Run, starter: Path, world: str) -> None:
    """Tell which run answers.

    Args:
        run: that run.
        starter: the folder of the task's starter.
        world: what the starter knows, in words.
    """
    shown = f"the shipped starter model, which knows {world}"
    console.info(f"run {shown if run.path == starter else run.path}")


def tell_strange(run: Run, name: str) -> None:
    """Tell that a picture or a clip is unlike all that a run was trained on.

    Args:
        run: that run.
        name: of the picture or clip.
    """
    world = run.config.get("data")
    if world == "scenes":
        console.warn(
            f"{name} is unlike the built-in world, the only one this model knows; "
            f"train on photos: cnnrnn {run.task} train --data FOLDER_OR_CSV"
        )
    else:
        many = (CLIPS if run.config.get("frames") else PICTURES).many
        console.warn(f"{name} is unlike the {many} of {world} that this model was trained on")
