"""Train an answering model: look at the data, extract, fit, and tell what came of it."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from cnnrnn import backend, console
from cnnrnn.features.familiarity import SAMPLE, Familiarity
from cnnrnn.features.selection import tell_failures
from cnnrnn.training.check import Check
from cnnrnn.training.chosen import check_same
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
from cnnrnn.vqa import check as checks
from cnnrnn.vqa import data as readers
from cnnrnn.vqa.answerer import BLIND, TASK
from cnnrnn.vqa.batches import places_for
from cnnrnn.vqa.prepare import (
    Questions,
    Words,
    batches,
    extractor,
    hold_out,
    identity,
    with_features,
)
from cnnrnn.vqa.settings import QUESTION_ONLY, TrainSettings
from cnnrnn.vqa.validate import MONITOR, Validation

_TRIAL_PICTURES = 64
_MEASURED = 256  # training pictures by which features are scaled


@dataclass
class Prepared:
    """The data of one training, decided and checked."""

    settings: TrainSettings
    words: Words
    data: readers.VqaData
    check: Check


def read(settings: TrainSettings) -> readers.VqaData:
    """The data that the settings name."""
    return readers.load(settings.data, settings.format, settings.limit, settings.fold)


def prepare(settings: TrainSettings, data: readers.VqaData | None = None) -> Prepared:
    """Read and check the data and decide what the settings left open; touches no pixels.

    Args:
        settings: what was chosen.
        data: what `read` gave for such settings; None: it is read now.
    """
    if settings.backbone:
        extractor(settings)  # what cannot be meant is told before the data is read
    data = data or read(settings)
    training = [each for each in data.split("train") if each.answers]
    if not training:
        checks.check(data)  # says what is wrong
    pictures = len({id(each.source) for each in training})
    settings = settings.resolved(pictures, len(training))
    extractor(settings)
    words = Words.build(settings, training)
    return Prepared(settings, words, data, checks.check(data, words.answers))


def train(
    settings: TrainSettings,
    root: Path | str = "runs",
    name: str | None = None,
    flags: Flags = NO_FLAGS,
    resume: Path | str | None = None,
    brief: bool = False,
    data: readers.VqaData | None = None,
) -> TrainOutcome:
    """Train an answering model and keep it as a run.

    Args:
        settings: see `TrainSettings`; with `resume` those of the run are taken instead.
        root: the folder of all runs.
        name: of the new run; None counts on.
        flags: see `outline.Flags`; with `resume` those of the run too.
        resume: a run to go on with after its last finished epoch.
        brief: tell nothing of the data, train no question-only rival and write no report; for many
            trainings on the same data.
        data: what `read` gave for such settings; None: it is read now.

    Raises:
        CnnRnnError: no data, a run that does not fit, a loss that is no number.
        Interrupted: Ctrl-C; the run can be resumed.
    """
    begun = begin(TrainSettings, settings, TASK, root, name, flags, resume)
    run, flags = begun.run, begun.flags
    prepared = prepare(begun.settings, data)
    settings = prepared.settings
    config = settings.as_config() | asdict(flags)
    if run:
        check_same(run, _provenance(prepared))
        run.record_command()
    if not brief:
        prepared.check.tell()
    backend.configure(
        seed=settings.seed, deterministic=flags.deterministic, precision=settings.precision
    )
    training, aside, failures = _sides(prepared)
    tell_failures(prepared.data.name, failures, "pictures")
    usable = len(training.examples) + len(aside.examples)
    if run:
        check_usable(run, usable, "questions")
    else:
        config |= _provenance(prepared) | {"places": places_for(training.index)}
        run = new_run(root, TASK, name, config, usable, "questions")
        prepared.words.save(run)
    result = fitted(run, prepared, training, aside, bool(resume))
    if brief:
        _finish(run, aside, result, {})
        return TrainOutcome(run, "", failures)
    if settings.model != QUESTION_ONLY:
        _fit_blind(run, prepared, training, aside)
    return TrainOutcome(run, _conclude(run, prepared, training, aside, result), failures)


def _sides(prepared: Prepared) -> tuple[Questions, Questions, list[tuple[str, str]]]:
    """Questions to train on, questions that choose the epoch (the split `val`, else those of
    pictures kept aside), and the failures."""
    settings, data = prepared.settings, prepared.data
    wanted = [each for each in data.split("train") if each.answers]
    training = with_features(settings, wanted)
    val = [each for each in data.examples if each.split == "val" and each.answers]
    if val and settings.holdout:
        aside = with_features(settings, val, "features of the split val")
        return training, aside, training.failures + aside.failures
    kept, aside = hold_out(settings, training)
    return training.part(kept), training.part(aside), training.failures


def dry_run(settings: TrainSettings) -> dict[str, float]:
    """Check the data and estimate time and disk, by trying some pictures and steps.

    Returns:
        `questions`, `extraction_seconds`, `training_seconds` (all epochs), `disk_bytes`.
    """
    prepared = prepare(settings)
    prepared.check.tell()
    settings = prepared.settings
    backend.configure(seed=settings.seed, precision=settings.precision)
    examples = [each for each in prepared.data.split("train") if each.answers]
    pictures = len({id(each.source) for each in examples})
    made, extraction, row_bytes = extractor(settings), 0.0, 0
    shown = list({id(each.source): each.source for each in examples}.values())[:_TRIAL_PICTURES]
    some = {id(source) for source in shown}
    trial = with_features(settings, [each for each in examples if id(each.source) in some])
    if made is not None:
        looked = [source.read(max(made.size)) for source in trial.media[: _TRIAL_PICTURES // 4]]
        made.compute(looked)  # builds the network
        began = time.perf_counter()
        made.compute(looked)
        extraction = (time.perf_counter() - began) / len(looked)
        row_bytes = int(np.prod(made.row_shape)) * (1 if settings.own else 2)
    places = places_for(trial.index)
    source = batches(trial, prepared.words, settings.batch, places)
    batch = next(iter(source.epoch(np.random.default_rng(0))))
    model = _model(prepared, trial)
    step = step_seconds(model, _loss(settings), [batch])
    steps = source.steps() * len(examples) / len(trial.examples)
    return {
        "questions": len(examples),
        "extraction_seconds": extraction * pictures,
        "training_seconds": step * steps * settings.epochs,
        "disk_bytes": run_bytes(model) + row_bytes * pictures,
    }


def _provenance(prepared: Prepared) -> dict:
    """What else decides the result, for config.json."""
    settings, words = prepared.settings, prepared.words
    found = {
        "data_fingerprint": prepared.data.fingerprint(),
        "questions": len(prepared.data.examples),
        "question_words": words.length,
        "answer_count": len(words.answers),
        "vocabulary_size": len(words.vocabulary),
    }
    if settings.built_in:
        from cnnrnn import scenes
        from cnnrnn.scenes import riddles

        found |= {"scenes_version": scenes.VERSION, "riddles_version": riddles.VERSION}
    if settings.embeddings:
        found["embeddings"] = str(Path(settings.embeddings).resolve())
    return found | weights_place(settings.weights) | identity(extractor(settings))


def _model(prepared: Prepared, questions: Questions):
    from cnnrnn.vqa.models import MODELS

    settings, words = prepared.settings, prepared.words
    kind = MODELS[settings.model]
    shape = () if questions.features is None else questions.features.row_shape
    model = kind(
        words=len(words.vocabulary),
        length=words.length,
        feature_shape=shape,
        answer=settings.answer,
        size=words.size,
        hidden=settings.hidden,
        embedding=words.first.size if words.first else settings.embedding,
        dropout=settings.dropout,
        feature_dropout=settings.feature_dropout,
        own=settings.own and bool(shape),
        width=settings.width,
        shift=settings.shift,
        **{option: getattr(settings, option) for option in kind.OPTIONS},
    )
    model.build()
    if shape:
        seen = np.unique(questions.index)
        some = np.random.default_rng([settings.seed, 2]).permutation(seen)[:_MEASURED]
        model.measure(questions.features.read(np.sort(some)))
    if words.first:
        model.begin_with(words.first_vectors())
    return model


def _loss(settings: TrainSettings):
    from cnnrnn.vqa.losses import loss_of

    return loss_of(settings.answer, settings.smoothing)


def fitted(run: Run, prepared: Prepared, training: Questions, aside: Questions, resume: bool):
    """Fit a model and keep it in `run`; the `training.fit.FitResult`."""
    from cnnrnn.training.fit import FitSettings, averaging_of, fit, last_epoch

    settings, words = prepared.settings, prepared.words
    places = run.config["places"]
    # A backbone that was built because its features were not cached has drawn numbers too.
    backend.configure(seed=settings.seed)
    source, loss = batches(training, words, settings.batch, places), _loss(settings)
    validate, monitor = last_epoch, UNCHOSEN
    if aside.examples:
        answers = [each.answer for each in aside.examples]
        validate = Validation(
            batches(aside, words, settings.batch, places), answers, words, loss
        )
        monitor = MONITOR
    return fit(
        _model(prepared, training), loss, source, validate, monitor,
        FitSettings.of(settings, averaging=averaging_of(2 * source.steps())), run, resume,
    )  # fmt: skip


def _fit_blind(run: Run, prepared: Prepared, training: Questions, aside: Questions) -> None:
    """Train the question-only rival beside the run; a finished one is left as it is."""
    path = run.path / BLIND
    own = Run(path, run.config | {"model": QUESTION_ONLY})
    if own.usable and not own.last.exists():
        return
    path.mkdir(exist_ok=True)
    console.info(f"the {own.config['model']} rival, which sees no pictures:")
    settings = replace(prepared.settings, model=QUESTION_ONLY, backbone=None)
    blind = [replace(each, features=None) for each in (training, aside)]
    fitted(own, replace(prepared, settings=settings), *blind, (path / "state.json").exists())
    for left in (own.last, path / "state.json"):
        left.unlink(missing_ok=True)


def _finish(run: Run, aside: Questions, result, scores: dict[str, float]) -> None:
    monitor = MONITOR if aside.examples else UNCHOSEN
    run.finish(monitor, result.best_value, result.best_epoch, scores)


def _learn_familiarity(training: Questions, aside: Questions, seed: int) -> Familiarity:
    """What the pictures of the training look like, and how far those kept aside are from that."""
    seen = np.unique(training.index)
    sample = np.sort(np.random.default_rng([seed, 1]).permutation(seen)[:SAMPLE])
    other = np.unique(aside.index)[:SAMPLE]
    features = aside.features if len(other) else training.features
    return Familiarity.measure(
        training.features.part(sample).pooled(), features.part(other).pooled()
    )


def _conclude(
    run: Run, prepared: Prepared, training: Questions, aside: Questions, result
) -> str:
    """Calibrate and score the best epoch on the questions kept aside, beside its rivals; write card
    and report."""
    from cnnrnn.vqa.answerer import Answerer
    from cnnrnn.vqa.card import write_card
    from cnnrnn.vqa.judge import calibrated, figures, score_answerer
    from cnnrnn.vqa.report import write_report

    if training.features is not None and not prepared.settings.own:
        _learn_familiarity(training, aside, prepared.settings.seed).save(
            run.path / "familiarity.npz"
        )
    answerer = Answerer.load(run.path)
    which = "questions kept aside" if aside.examples else "training questions"
    shown = aside if aside.examples else training
    answerer.trust(calibrated(answerer, shown))
    run.write_json("confidence.json", answerer.confidence.as_json())
    evaluations = score_answerer(answerer, shown, training.examples)
    _finish(run, aside, result, figures(evaluations))
    write_card(run, answerer, evaluations, f"{len(shown.examples)} {which}")
    write_report(run, answerer, evaluations, shown, which)
    rivals = ", ".join(f"{each.name} {each.scores.overall:.3f}" for each in evaluations[1:])
    return reached(
        result,
        f"accuracy {evaluations[0].scores.overall:.3f} ({rivals}) on {len(shown.examples)} {which}",
    )
