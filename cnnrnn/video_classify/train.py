"""Train a video classifier: look at the data, extract, fit, and tell what came of it."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from cnnrnn import backend, console
from cnnrnn.features.selection import tell_failures
from cnnrnn.training.check import Check, named
from cnnrnn.training.chosen import check_same
from cnnrnn.training.dataset import limited
from cnnrnn.training.outline import (
    NO_FLAGS,
    Flags,
    TrainOutcome,
    begin,
    check_usable,
    new_run,
    reached,
    run_bytes,
    step_seconds,
    weights_place,
)
from cnnrnn.training.run import Run
from cnnrnn.training.settings import UNCHOSEN
from cnnrnn.video_classify import check as checks
from cnnrnn.video_classify import data as readers
from cnnrnn.video_classify.batches import ClipBatches, inputs
from cnnrnn.video_classify.prepare import (
    Clips,
    extractors,
    hold_out,
    identity,
    look_alikes,
    pictures,
    with_features,
)
from cnnrnn.video_classify.settings import TrainSettings
from cnnrnn.video_classify.validate import MONITOR, Validation

TASK = "video-classify"
_TRIAL_CLIPS = 16
_MEASURED = 512  # training clips by which the streams are scaled


@dataclass
class Prepared:
    """The data of one training, decided and checked."""

    settings: TrainSettings
    labels: list[str]
    data: readers.VideoData
    check: Check


def prepare(settings: TrainSettings) -> Prepared:
    """Read and check the data and decide what the settings left open; decodes nothing."""
    data = readers.load(settings)
    found = checks.check(data)
    settings = settings.resolved(len(data.split("train")), data.uneven)
    return Prepared(settings, data.labels, data, found)


def train(
    settings: TrainSettings,
    root: Path | str = "runs",
    name: str | None = None,
    flags: Flags = NO_FLAGS,
    resume: Path | str | None = None,
    brief: bool = False,
) -> TrainOutcome:
    """Train a video classifier and keep it as a run.

    Args:
        settings: see `TrainSettings`; with `resume` those of the run are taken instead.
        root: the folder of all runs.
        name: of the new run; None counts on.
        flags: see `outline.Flags`; with `resume` those of the run too.
        resume: a run to go on with after its last finished epoch.
        brief: tell nothing of the data and write no report; for many trainings on the same data.

    Raises:
        CnnRnnError: no data, a run that does not fit, a loss that is no number.
        Interrupted: Ctrl-C; the run can be resumed.
    """
    begun = begin(TrainSettings, settings, TASK, root, name, flags, resume)
    run, flags = begun.run, begun.flags
    prepared = prepare(begun.settings)
    settings = prepared.settings
    config = settings.as_config() | asdict(flags)
    if run:
        check_same(run, _provenance(prepared))
        run.record_command()
    if not brief:
        prepared.check.tell()
        if not settings.built_in:
            _tell_alikes(prepared.data)
    backend.configure(seed=settings.seed, deterministic=flags.deterministic)
    training, aside, failures = _sides(prepared)
    tell_failures(prepared.data.name, failures, "clips")
    usable = len(training.examples) + len(aside.examples)
    if run:
        check_usable(run, usable, "clips")
    else:
        run = new_run(root, TASK, name, config | _provenance(prepared), usable, "clips")
        run.write_json("labels.json", prepared.labels)
    result = _fit(run, prepared, training, aside, bool(resume))
    if brief:
        _finish(run, aside, result, {})
        return TrainOutcome(run, "", failures)
    summary = _conclude(run, prepared, training, aside, result)
    return TrainOutcome(run, summary, failures)


def _tell_alikes(data: readers.VideoData) -> None:
    alike = [f"{one} = {other}" for one, other in look_alikes(data.examples)]
    if alike:
        console.warn(
            f"{len(alike)} clips look like a training clip and are not in training: "
            f"{named(alike)}"
        )


def _sides(prepared: Prepared) -> tuple[Clips, Clips, list[tuple[str, str]]]:
    """Clips to train on, clips that choose the epoch (the split `val`, else kept aside), and the
    failures."""
    settings, data = prepared.settings, prepared.data
    training = with_features(settings, data.split("train"))
    if any(each.split == "val" for each in data.examples) and settings.holdout:
        aside = with_features(settings, data.split("val"))
        return training, aside, training.failures + aside.failures
    kept, aside = hold_out(settings, training)
    return training.part(kept), training.part(aside), training.failures


def dry_run(settings: TrainSettings) -> dict[str, float]:
    """Check the data and estimate time and disk, by trying some clips and steps.

    Returns:
        `clips`, `extraction_seconds`, `training_seconds` (all epochs), `disk_bytes`.
    """
    prepared = prepare(settings)
    prepared.check.tell()
    settings = prepared.settings
    if not settings.built_in:
        _tell_alikes(prepared.data)
    backend.configure(seed=settings.seed)
    examples = prepared.data.split("train")
    some = limited(examples, _TRIAL_CLIPS, [each.label for each in examples])
    trial, extraction = with_features(settings, some), 0.0
    for extractor in extractors(settings).values():
        began = time.perf_counter()
        extractor.compute_steps([extractor.pixels(trial.examples[0].source)])
        extraction += time.perf_counter() - began
    batch = next(_batches(prepared, trial).epoch(np.random.default_rng(0)))
    model = _model(prepared, trial)
    step = step_seconds(model, _loss(prepared, trial), [batch])
    clip = step / len(batch[1])
    row_bytes = sum(
        int(np.prod(shape)) * (1 if settings.model == "c3d" else 2)
        for shape in trial.shapes.values()
    )
    return {
        "clips": len(examples),
        "extraction_seconds": extraction * len(examples),
        "training_seconds": clip * settings.epochs * len(examples),
        "disk_bytes": run_bytes(model) + row_bytes * len(examples),
    }


def _provenance(prepared: Prepared) -> dict:
    """What else decides the result, for config.json."""
    settings = prepared.settings
    found = {
        "data_fingerprint": prepared.data.fingerprint(),
        "clips": len(prepared.data.examples),
        "labels": prepared.labels,
    }
    if settings.built_in:
        from cnnrnn.scenes import clips

        found["clips_version"] = clips.VERSION
    return found | weights_place(settings.weights) | identity(extractors(settings))


def _model(prepared: Prepared, clips: Clips):
    """The model, scaled by some training clips."""
    from cnnrnn.video_classify.models import MODELS

    settings = prepared.settings
    kind = MODELS[settings.model]
    model = kind(
        labels=len(prepared.labels),
        shapes=clips.shapes,
        pictures=pictures(settings),
        hidden=settings.hidden,
        dropout=settings.dropout,
        feature_dropout=settings.feature_dropout,
        **{option: getattr(settings, option) for option in kind.OPTIONS},
    )
    model.build()
    count = len(clips.examples)
    chosen = np.sort(np.random.default_rng([settings.seed, 2]).permutation(count)[:_MEASURED])
    rows = inputs(clips.streams, chosen)
    model.measure({stream: rows[stream] for stream in clips.streams}, rows["mask"])
    return model


def _loss(prepared: Prepared, clips: Clips):
    from cnnrnn.video_classify.losses import LabelCrossEntropy, class_weights

    settings = prepared.settings
    weights = None
    if settings.balance:
        weights = class_weights(clips.numbers(prepared.labels), len(prepared.labels))
    return LabelCrossEntropy(weights, settings.smoothing)


def _batches(prepared: Prepared, clips: Clips) -> ClipBatches:
    return ClipBatches(clips.streams, clips.numbers(prepared.labels), prepared.settings.batch)


def _fit(run: Run, prepared: Prepared, training: Clips, aside: Clips, resume: bool):
    from cnnrnn.training.fit import FitSettings, averaging_of, fit, last_epoch

    settings = prepared.settings
    validate, monitor = last_epoch, UNCHOSEN
    if aside.examples:
        validate, monitor = Validation(aside, prepared.labels, settings.batch), MONITOR
    # A backbone that was built because its features were not cached has drawn numbers too.
    backend.configure(seed=settings.seed)
    return fit(
        _model(prepared, training),
        _loss(prepared, training),
        _batches(prepared, training),
        validate,
        monitor,
        FitSettings.of(
            settings, averaging=averaging_of(2 * len(training.examples) / settings.batch)
        ),
        run,
        resume,
    )


def _finish(run: Run, aside: Clips, result, scores: dict[str, float]) -> None:
    monitor = MONITOR if aside.examples else UNCHOSEN
    lower = monitor == MONITOR
    run.finish(monitor, result.best_value, result.best_epoch, scores, lower_is_better=lower)


def _conclude(run: Run, prepared: Prepared, training: Clips, aside: Clips, result) -> str:
    """Score the best epoch on the clips kept aside, beside the majority; write card and report."""
    from cnnrnn.video_classify.card import write_card
    from cnnrnn.video_classify.classifier import VideoClassifier
    from cnnrnn.video_classify.evaluate import score_classifier
    from cnnrnn.video_classify.report import write_report

    classifier = VideoClassifier.load(run.path)
    shown, which = (aside, "clips kept aside") if aside.examples else (training, "training clips")
    names = [each.label for each in training.examples]
    evaluations = score_classifier(
        classifier, shown, names, prepared.data.pairs, seed=prepared.settings.seed
    )
    best = evaluations[0]
    _finish(run, aside, result, best.scores.overall)
    write_card(run, classifier, evaluations, f"{len(shown.examples)} {which}")
    write_report(run, classifier, evaluations, shown, which)
    overall = best.scores.overall
    return reached(
        result,
        f"top-1 {overall['top1']:.3f}, mean class {overall['mean_class']:.3f} on "
        f"{len(shown.examples)} {which}",
    )
