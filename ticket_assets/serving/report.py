"""What the command line prints when the line has run: scores, decision, bento, what to open next.

Belongs here: reading what the assets left, and its layout on a terminal.
Does not belong here: any arithmetic.
"""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from ticket_assets.models.candidate import LATEST, latest_version
from ticket_assets.models.outcome import SearchOutcome
from ticket_assets.models.plain_baseline import SCORE as BASELINE_SCORE
from ticket_assets.models.plain_baseline import baseline_score, below_baseline
from ticket_assets.models.reports import other_candidates
from ticket_assets.models.split import Holdout
from ticket_assets.serving.bento import bento_folder, bento_tag
from ticket_assets.serving.chronicle import Chronicle
from ticket_assets.serving.data_report import Recorded, data_lines
from ticket_assets.serving.fitted import ERASED, is_fitted_to_erased, lost_without_erased
from ticket_assets.serving.manifest import BundleError, BundleManifest
from ticket_assets.serving.missing_bento import why_no_bento
from ticket_assets.serving.record import RECORD, decisions, why_no_champion
from ticket_assets.serving.store import Champion, read_champion
from ticket_assets.settings import Settings
from ticket_assets.storage import ProfileFolders


def report_lines(settings: Settings, recorded: Recorded | None = None) -> Iterator[str]:
    """Lines for a terminal.

    Args:
        settings: with the profile.
        recorded: what assets recorded of the data (data_report.py).
    """
    folders = ProfileFolders(settings.profile_root)
    evaluated = folders.reports / "evaluation.json"
    if not evaluated.exists():
        yield f"profile {settings.profile} has no evaluation yet: make run PROFILE={settings.profile}"
        return
    report = json.loads(evaluated.read_text())
    yield ""
    yield f"profile {settings.profile} · hold-out {report['split']} ({report['rule']})"
    if other := other_candidates(report, {**report.get("candidates", {}), **_latest(folders, report["targets"])}):
        told = f"of other candidates than the latest of {', '.join(other)}"
        yield f"           {told}: make run PROFILE={settings.profile}"
    if report["split"] != _split_today(folders, report["split"]):
        yield f"           which an erasure made smaller since: make run PROFILE={settings.profile} scores on the rest"
    if lines := [*data_lines(recorded or {})]:
        yield from ("", *lines)
    for target, one in report["targets"].items():
        yield ""
        yield from _scores(target, one)
        searched = folders.reports / f"search_{target}.json"
        if searched.exists():
            yield from _search(SearchOutcome.from_dict(json.loads(searched.read_text())))
    champion = read_champion(folders.bundles)
    yield ""
    taken = decisions(folders.records)
    if taken.whole:
        yield f"decision   {_one_line(taken.whole[-1]['reason'])}"
    if taken.torn:
        yield f"records    left out: the last line of {RECORD} is torn, its writer was killed: {taken.torn[:60]!r}"
    if champion is None:
        yield f"champion   {_one_line(why_no_champion(folders.records))}"
        yield "bento      none: there is nothing to build"
    else:
        yield from _champion(settings.profile, folders, champion)


def _champion(profile: str, folders: ProfileFolders, champion: Champion) -> Iterator[str]:
    """Who it is, what speaks against it, its bento, and what to open or run next."""
    tag, missing = bento_tag(profile, champion), why_no_bento(folders, profile, champion)
    yield f"champion   v{champion.version}, bundle {champion.bundle}, since {champion.since}"
    try:
        manifest = BundleManifest.read(folders.bundles / champion.bundle)
    except BundleError as error:
        yield f"           which cannot be read: {error}"
    else:
        yield from (f"           {one}" for one in below_baseline(manifest.scores).values())
        if is_fitted_to_erased(folders.records, folders.trained, manifest):
            yield f"           its {ERASED}{_without_them(profile, folders)}"
    pin = Chronicle.read(folders.records, folders.bundles).pin(datetime.now(UTC))
    if pin:
        yield f"pin        {pin}; make unpin PROFILE={profile} takes it off"
    yield f"bento      {f'none: {missing}' if missing else tag}"
    yield ""
    yield "open next"
    yield f"  make ui PROFILE={profile}      the lineage, plots and checks on http://localhost:3000"
    if missing:
        yield f"  make run PROFILE={profile}     what is missing, then make serve PROFILE={profile}"
    else:
        yield f"  make serve PROFILE={profile}   the bento in {bento_folder(folders.bentos, tag)}"


def _without_them(profile: str, folders: ProfileFolders) -> str:
    """What brings a champion that was not fitted to erased tickets; a run alone does not once its challenger lost."""
    run, taken = f"make run PROFILE={profile}", decisions(folders.records).whole
    if not taken or not lost_without_erased(folders.records, folders.trained, taken[-1]):
        return f": {run} trains without them"
    return (
        f"; a challenger trained without them was refused: {run} does nothing before there are new tickets, which make "
        "another, or other settings such as promotion.max_loss, by which it is judged again"
    )


def _split_today(folders: ProfileFolders, evaluated: str) -> str:
    """Id of the hold-out as it is; frozen, it is another only after an erasure."""
    path = folders.split / "holdout.json"
    return Holdout.load(path).id if path.exists() else evaluated


def _latest(folders: ProfileFolders, targets: Iterable[str]) -> dict[str, str]:
    """Target to version of its latest candidate, where there is one."""
    here = [target for target in targets if (folders.candidates / target / LATEST).exists()]
    return {target: latest_version(folders.candidates / target) for target in here}


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _scores(target: str, one: dict[str, Any]) -> Iterator[str]:
    held = one["candidate"]
    yield f"{target}: {held['n']} held-out tickets, {len(one['labels'])} classes"
    yield f"  {'recipe':<26} {'macro F1 [95 %]':<22} {'accuracy':>8}  {'vs linear SVM':<24} {'random split':>12}"
    for row in one["standings"]:
        gain, random = row["against_linear_macro_f1"], one["random"].get(row["name"])
        yield (
            f"  {row['name']:<26} {_interval(row['macro_f1'], '.3f'):<22} {row['accuracy']['estimate']:>8.3f}  "
            f"{_interval(gain, '+.3f'):<24} {format(random['macro_f1'], '.3f') if random else '':>12}"
        ).rstrip()
    scores = {target: {"macro_f1": held["macro_f1"], BASELINE_SCORE: baseline_score(one["standings"])}}
    yield from (f"  {sentence}" for sentence in below_baseline(scores).values())
    bands = ", ".join(f"{band['name']} {100 * band['share']:.0f} %" for band in held["bands"])
    kept = [
        f"{band['name']} {band['promised']:.0%}, {band['or_above']['estimate']:.1%} here"
        for band in one["bands"]["standings"]
        if band["promised"] is not None and band["or_above"]
    ]
    yield (
        f"  calibration error {held['ece']:.3f} · top-2 {held['top2_accuracy']:.3f} · "
        f"{100 * held['coverage_at_90']:.0f} % answered at 90 % accuracy · bands: {bands}"
    )
    if kept:
        yield f"  promised accuracy: {'; '.join(kept)}"
    yield from (f"  {remark}" for remark in one["bands"]["remarks"])


def _search(outcome: SearchOutcome) -> Iterator[str]:
    yield (
        f"  search: {len(outcome.trials)} trials in {outcome.seconds_used:.0f} s, {outcome.pruned} pruned, which saved "
        f"{outcome.seconds_saved:.0f} s; best: {outcome.recipes[outcome.best].family}"
    )
    for one in outcome.leaders:
        yield (
            f"    {one.rank}. {one.family:<20} macro F1 {one.macro_f1:.3f} (folds {one.worst_fold:.3f} to "
            f"{one.best_fold:.3f}), {one.trials} trials, {one.seconds:.0f} s"
        )


def _interval(one: dict[str, float], form: str) -> str:
    return f"{one['estimate']:{form}} [{one['low']:{form}}, {one['high']:{form}}]"
