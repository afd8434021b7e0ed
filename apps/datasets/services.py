"""Verbs on dataset versions: draft, build, seal, verify."""

import itertools
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.db import transaction
from django.db.models import Max, Q
from django.utils import timezone

from apps.core.bulk import insert_rows
from apps.core.errors import Conflict, InvalidInput
from apps.core.identity import new_id
from apps.core.thinking import split_thought
from apps.core.wakeups import ring
from apps.datasets import files
from apps.datasets.base import ExportItem, MissingThought, formats
from apps.datasets.models import Dataset, DatasetItem, DatasetVersion
from apps.datasets.splits import assign, checked_shares
from apps.datasets.verification import verify
from apps.grading.models import Grade
from apps.problems.models import Membership, Purpose
from apps.projects.models import Project
from apps.projects.services import record_audit
from apps.review.models import Decision
from apps.runs.services import sentence_of
from apps.traces.models import Derivation, Revision, TraceState
from apps.traces.queries import traces_matching

NAME = re.compile(r"^[a-z0-9]+(?:[-_][a-z0-9]+)*$")
LEASE = timedelta(minutes=10)
CHUNK = 500
ITEM_FIELDS = ("id", "version", "revision", "split", "position")


def parse_shares(text: str) -> dict[str, float]:
    """`train=0.9,test=0.1` as a dict; InvalidInput when it is not that or does not sum to 1."""
    shares: dict[str, float] = {}
    for part in filter(None, (p.strip() for p in text.split(","))):
        name, _, value = part.partition("=")
        try:
            shares[name.strip()] = float(value)
        except ValueError:
            raise InvalidInput("Write splits as name=share, for instance train=0.9,test=0.1.") from None
    return checked_shares(shares or {"train": 1.0})


@transaction.atomic
def draft_version(
    project: Project,
    name: str,
    *,
    by: Any,
    filter: str = "",
    format: str = "messages",
    params: dict[str, Any] | None = None,
    splits: dict[str, float] | None = None,
    split_seed: int = 0,
    container: str = "jsonl",
    description: str = "",
) -> DatasetVersion:
    """Order the next version of a dataset: approved traces that match `filter`, in a format.

    The list is frozen and the files are written in the background. Traces of problems in an
    evaluation set are refused by name of the set, withdrawn problems are left out.
    """
    if not NAME.match(name) or len(name) > 60:
        raise InvalidInput(
            f"«{name}» cannot be a dataset's name: use lower-case letters, digits and hyphens."
        )
    chosen = formats.get(format)
    try:
        values = chosen.params.model_validate(params or {}).model_dump(mode="json")
    except ValueError as error:
        raise InvalidInput(f"The parameters do not fit: {sentence_of(error)}.") from None
    if container not in ("jsonl", "parquet"):
        raise InvalidInput("Files are written as jsonl or parquet.")
    shares = checked_shares(splits or {"train": 1.0})
    if not approved(project, filter).exists():
        raise InvalidInput(
            "No approved trace matches this filter; approve some, or change the filter."
        )
    Project.objects.select_for_update().get(pk=project.pk)
    dataset, _ = Dataset.objects.get_or_create(
        project=project, name=name, defaults={"description": description}
    )
    last = dataset.versions.aggregate(last=Max("number"))["last"] or 0
    version = DatasetVersion.objects.create(
        dataset=dataset, number=last + 1, filter=filter, format=format,
        format_version=chosen.version, params=values, container=container, splits=shares,
        split_seed=split_seed, created_by=by,
    )
    record_audit(
        "draft-version", version, actor=by, project=project,
        after={"filter": filter, "format": format, "params": values, "splits": shares},
    )
    ring("build_version", version.pk)
    return version


def approved(project: Project, filter: str) -> Any:
    """Traces whose head is approved, that match, and whose problems may be trained on."""
    evaluation = Membership.objects.filter(
        problem_set__project=project, problem_set__purpose=Purpose.EVALUATION
    )
    return (
        traces_matching(project, filter)
        .filter(state=TraceState.APPROVED, head__isnull=False, problem__withdrawal=None)
        .exclude(problem__in=evaluation.values("problem_id"))
    )


def freeze(version: DatasetVersion) -> int:
    """Write the version's list of revisions once, by problem hash, then revision hash, then id."""
    with transaction.atomic():
        row = DatasetVersion.objects.select_for_update().get(pk=version.pk)
        if row.frozen:
            return row.rows
        traces = approved(row.dataset.project, row.filter).order_by(
            "problem__content_hash", "head__content_hash", "teacher", "label", "head_id"
        )
        total = 0
        pairs = traces.values_list("head_id", "problem__content_hash").iterator(chunk_size=2000)
        while part := list(itertools.islice(pairs, 2000)):
            insert_rows(
                DatasetItem,
                ITEM_FIELDS,
                (
                    (new_id(), row.pk, head, assign(problem, row.split_seed, row.splits), total + i)
                    for i, (head, problem) in enumerate(part)
                ),
            )
            total += len(part)
        DatasetVersion.objects.filter(pk=row.pk).update(frozen=True, rows=total)
        return total


def datasets_dir() -> Path:
    """Where sealed versions live, in folders named by their manifest's hash."""
    return settings.STILLROOM.made_dir("datasets")


def directory_of(version: DatasetVersion) -> Path:
    """The folder of a sealed version's files."""
    return datasets_dir() / version.manifest_hash / str(version)


def build_version(version_id: UUID) -> DatasetVersion:
    """Write the files of a version and seal it. Another worker's live lease is respected; twice
    the same list gives the same bytes, so that a repeated build changes nothing."""
    now = timezone.now()
    token = uuid4()
    free = Q(lease_expires_at=None) | Q(lease_expires_at__lt=now)
    claimed = DatasetVersion.objects.filter(free, pk=version_id, state="building").update(
        token=token, lease_expires_at=now + LEASE, error="", rows_written=0
    )
    version = DatasetVersion.objects.select_related("dataset__project").get(pk=version_id)
    if not claimed:
        return version
    try:
        freeze(version)
        version.refresh_from_db()
        manifest = files.write_version(
            datasets_dir(),
            meta=_meta(version),
            items=_items(version),
            format_=formats.get(version.format)(),
            params=formats.get(version.format).params.model_validate(version.params),
            container=version.container,
        )
    except MissingThought as error:
        return _failed(version, token, str(error))
    except OSError as error:
        return _failed(version, token, f"The files could not be written: {error.strerror or error}.")
    return seal_version(version, token, manifest)


def _failed(version: DatasetVersion, token: UUID, sentence: str) -> DatasetVersion:
    DatasetVersion.objects.filter(pk=version.pk, token=token).update(
        state="failed", error=sentence, token=None, lease_expires_at=None
    )
    version.refresh_from_db()
    return version


@transaction.atomic
def seal_version(version: DatasetVersion, token: UUID, manifest: dict[str, Any]) -> DatasetVersion:
    """`building` becomes `sealed`, once."""
    changed = DatasetVersion.objects.filter(pk=version.pk, token=token, state="building").update(
        state="sealed", manifest=manifest, manifest_hash=manifest["manifest_hash"], token=None,
        lease_expires_at=None, sealed_at=timezone.now(), rows_written=version.rows,
    )
    if changed:
        record_audit(
            "seal-version", version, actor=version.created_by, project=version.dataset.project,
            after={"rows": version.rows, "manifest_hash": manifest["manifest_hash"]},
        )
    version.refresh_from_db()
    return version


@transaction.atomic
def rebuild_version(version: DatasetVersion, *, by: Any) -> DatasetVersion:
    """Try a failed build again over the same frozen list."""
    changed = DatasetVersion.objects.filter(pk=version.pk, state="failed").update(
        state="building", error=""
    )
    if not changed:
        raise Conflict("Only a failed build can be tried again.")
    record_audit("rebuild-version", version, actor=by, project=version.dataset.project)
    ring("build_version", version.pk)
    version.refresh_from_db()
    return version


def verify_version(version: DatasetVersion) -> dict[str, Any]:
    """Check a sealed version's files against its manifest."""
    if version.state != "sealed":
        raise Conflict("Only a sealed version can be verified.")
    result = verify(directory_of(version))
    if result["ok"] and version.manifest_hash != (version.manifest or {}).get("manifest_hash"):
        result = {**result, "ok": False, "problems": ["The database holds another manifest hash."]}
    return result


def builds_to_continue() -> list[UUID]:
    """Versions whose build nobody works on."""
    free = Q(lease_expires_at=None) | Q(lease_expires_at__lt=timezone.now())
    return list(DatasetVersion.objects.filter(free, state="building").values_list("pk", flat=True))


def _meta(version: DatasetVersion) -> dict[str, Any]:
    project = version.dataset.project
    return {
        "name": version.dataset.name,
        "version": version.number,
        "project": project.slug,
        "filter": version.filter,
        "format": version.format,
        "format_version": version.format_version,
        "params": version.params,
        "container": version.container,
        "splits": version.splits,
        "split_seed": version.split_seed,
        "description": version.dataset.description,
        "code_version": settings.CODE_VERSION,
    }


def _items(version: DatasetVersion) -> Iterator[tuple[str, ExportItem, dict[str, Any]]]:
    """The version's items in order, read in chunks: (split, item, provenance)."""
    position = 0
    while True:
        rows = list(
            DatasetItem.objects.filter(
                version=version, position__gte=position, position__lt=position + CHUNK
            )
            .select_related("revision__body", "revision__trace__problem")
            .order_by("position")
        )
        if not rows:
            return
        yield from _with_provenance(rows)
        position += CHUNK
        DatasetVersion.objects.filter(pk=version.pk, state="building").update(
            rows_written=position, lease_expires_at=timezone.now() + LEASE
        )


def _with_provenance(rows: list[DatasetItem]) -> Iterator[tuple[str, ExportItem, dict[str, Any]]]:
    ids = [row.revision_id for row in rows]
    grades: dict[UUID, list[dict[str, Any]]] = {}
    fields = ("revision_id", "source", "grader", "grader_version", "verdict", "method")
    graded = Grade.objects.filter(revision__in=ids, step=None).order_by("grader", "grader_version", "verdict")
    for revision_id, *values in graded.values_list(*fields):
        grades.setdefault(revision_id, []).append(dict(zip(fields[1:], values, strict=True)))
    reviewers: dict[UUID, set[str]] = {}
    decided = Decision.objects.filter(revision__in=ids, undo=None, outcome="approve")
    for revision_id, name in decided.values_list("revision_id", "by__username"):
        reviewers.setdefault(revision_id, set()).add(name)
    parents: dict[UUID, list[dict[str, str]]] = {}
    derived = Derivation.objects.filter(child__in=ids).order_by("role", "parent__content_hash")
    for child, role, content in derived.values_list("child_id", "role", "parent__content_hash"):
        parents.setdefault(child, []).append({"role": role, "content_hash": content})
    for row in rows:
        yield row.split, export_item(row.revision), {
            "problem": row.revision.trace.problem.content_hash,
            "revision": row.revision.content_hash,
            "kind": row.revision.kind,
            "number": row.revision.number,
            "teacher": row.revision.trace.teacher,
            "method": row.revision.trace.method,
            "source": row.revision.trace.problem.source,
            "external_id": row.revision.trace.problem.external_id,
            "licence": row.revision.trace.problem.licence,
            "graders": grades.get(row.revision_id, []),
            "reviewers": sorted(reviewers.get(row.revision_id, ())),
            "parents": parents.get(row.revision_id, []),
            "provenance": portable(row.revision.provenance),
        }


def portable(provenance: dict[str, Any]) -> dict[str, Any]:
    """A revision's provenance without what only this database means (ids of its rows)."""
    kept = {k: v for k, v in provenance.items() if k != "run"}
    if isinstance(kept.get("teacher"), dict):
        kept["teacher"] = {
            k: v for k, v in kept["teacher"].items() if k not in ("teacher", "endpoint")
        }
    return kept


def export_item(revision: Revision) -> ExportItem:
    """A revision (with its text, trace and problem loaded) as formats see it."""
    text = revision.body.text
    split = split_thought(text)
    problem = revision.trace.problem
    return ExportItem(
        statement=problem.statement,
        text=text,
        reasoning=text[slice(*split.reasoning)],
        answer=text[slice(*split.answer)],
        has_thought=split.reasoning[1] > split.reasoning[0],
        reference_answer=problem.reference_answer,
        problem_hash=problem.content_hash,
        content_hash=revision.content_hash,
    )


def preview(project: Project, *, filter: str, format: str, params: dict[str, Any], rows: int = 3) -> dict[str, Any]:
    """The first records a version would hold, and how many traces would be in it."""
    traces = approved(project, filter)
    chosen = formats.get(format)
    try:
        values = chosen.params.model_validate(params)
    except ValueError as error:
        raise InvalidInput(f"The parameters do not fit: {sentence_of(error)}.") from None
    heads = traces.order_by("problem__content_hash", "head__content_hash", "head_id")
    ids = list(heads.values_list("head_id", flat=True)[:rows])
    found = Revision.objects.filter(pk__in=ids).select_related("body", "trace__problem")
    by_id = {revision.pk: revision for revision in found}
    records, refused = [], []
    for pk in ids:
        try:
            records.append(chosen().example(export_item(by_id[pk]), values))
        except MissingThought as error:
            refused.append(str(error))
    return {"records": records, "refused": refused, "traces": traces}
