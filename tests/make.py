"""Builds states by calling the services, so that tests hold what the application can produce."""

from itertools import count
from typing import Any

from apps.accounts.models import User
from apps.accounts.services import create_user
from apps.core.identity import problem_hash
from apps.engines.models import Teacher
from apps.engines.services import save_endpoint, save_teacher
from apps.grading.services import record_human_grade
from apps.problems.models import Membership, Problem, ProblemSet
from apps.projects.models import Project
from apps.projects.services import create_project, set_role
from apps.review.models import Queue
from apps.review.services import create_queue
from apps.traces.models import Revision
from apps.traces.services import start_trace

_number = count(1)
TEXT = "<think>\nTwo and three.\n\n2 + 3 = 5\n</think>\n\nThe answer is \\boxed{5}."


def user(name: str = "", *, administrator: bool = False) -> User:
    """A person with a password of their own."""
    person, _ = create_user(
        name or f"person{next(_number)}", password="a long password", administrator=administrator
    )
    return person


def project(slug: str = "", *, owner: Any = None) -> Project:
    """A project with an owner."""
    return create_project(slug=slug or f"project-{next(_number)}", name="A project", by=owner or user())


def member(of: Project, role: str) -> User:
    """A new person with that role."""
    person = user()
    set_role(of, person, role, by=None)
    return person


def problem_set(of: Project, name: str = "") -> ProblemSet:
    """An empty set."""
    return ProblemSet.objects.create(project=of, name=name or f"set-{next(_number)}")


def problem(
    of: Project, statement: str = "", *, answer: str = "5", kind: str = "integer", inside: Any = None
) -> Problem:
    """A problem, in a set if one is given."""
    text = statement or f"What is 2 + 3? (number {next(_number)})"
    made = Problem.objects.create(
        project=of, content_hash=problem_hash(text), excerpt=text[:160], statement=text,
        reference_answer=answer, answer_kind=kind,
    )
    if inside is not None:
        Membership.objects.create(problem_set=inside, problem=made)
        ProblemSet.objects.filter(pk=inside.pk).update(problems_total=inside.memberships.count())
    return made


def trace(of: Problem, text: str = TEXT, **more: Any) -> Revision:
    """A trace with its first revision, as an import would make it."""
    provenance = {
        "kind": "imported", "file": "made.jsonl", "file_hash": "0" * 64, "row": next(_number),
        "shape": "columns",
    }
    return start_trace(of, text, provenance=provenance, kind="imported", **more)


def graded(of: Problem, verdict: str = "correct", *, by: Any, text: str = TEXT) -> Revision:
    """A trace that a person has graded."""
    revision = trace(of, text)
    record_human_grade(revision, by=by, verdict=verdict)
    return revision


def queue(of: Project, *, by: Any = None, **more: Any) -> Queue:
    """A filled review queue."""
    return create_queue(of, by=by, name=f"queue {next(_number)}", **more)


def teacher(name: str = "echo", *, engine: str = "echo", model: str = "echo", **config: Any) -> Teacher:
    """A teacher on the echo engine, unless said otherwise."""
    endpoint = save_endpoint(f"{name}-endpoint", engine=engine, model=model, config=config, by=None)
    return save_teacher(name, endpoint=endpoint, by=None)
