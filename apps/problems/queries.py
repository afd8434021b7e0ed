"""Lists of problems: which match a filter, in the order of their making."""

from typing import Any

from django.db.models import Q, QuerySet

from apps.core.errors import InvalidInput
from apps.core.filters import Filter, Term, parse_filter
from apps.problems.models import Membership, Problem, ProblemSet
from apps.projects.models import Project

FIELDS = {
    "set": "text",
    "subject": "text",
    "difficulty": "text",
    "source": "text",
    "licence": "text",
    "kind": "text",
    "id": "text",
}
COLUMNS = {
    "subject": "subject",
    "difficulty": "difficulty",
    "source": "source",
    "licence": "licence",
    "kind": "answer_kind",
    "id": "external_id",
}


def text_condition(column: str, term: Term) -> Q:
    """The condition of a term on a text column; `none` means empty."""
    if term.operator == "prefix":
        return Q(**{f"{column}__startswith": term.value})
    return Q(**{column: "" if term.value == "none" else term.value})


def set_named(project: Project, name: str) -> ProblemSet:
    """A project's set by name; InvalidInput naming some known ones."""
    found = ProblemSet.objects.filter(project=project, name=name).first()
    if found is None:
        known = ", ".join(project.problem_sets.values_list("name", flat=True)[:12]) or "none yet"
        raise InvalidInput(f"There is no problem set «{name}» in this project; known are: {known}.")
    return found


def problems_matching(project: Project, text: str | Filter) -> QuerySet[Problem]:
    """A project's problems that match a filter; withdrawn ones are left out."""
    wanted = parse_filter(text, FIELDS) if isinstance(text, str) else text
    found: QuerySet[Any] = Problem.objects.filter(project=project, withdrawal=None)
    for term in wanted.terms:
        if term.field == "set":
            inside = Membership.objects.filter(problem_set=set_named(project, term.value))
            condition = Q(pk__in=inside.values("problem_id"))
        else:
            condition = text_condition(COLUMNS[term.field], term)
        found = found.exclude(condition) if term.negated else found.filter(condition)
    for word in wanted.words:
        found = found.filter(statement__icontains=word)
    for word in wanted.without_words:
        found = found.exclude(statement__icontains=word)
    return found.order_by("id")
