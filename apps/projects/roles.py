"""Five roles as sets of rights, and the only way to fetch an object: through a project."""

from typing import Any, TypeVar
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import Model

from apps.core.errors import NotAllowed, NotFound
from apps.projects.models import Member, Project

M = TypeVar("M", bound=Model)

VIEWER = frozenset({"read"})
REVIEWER = VIEWER | {"grade", "edit", "decide"}
CURATOR = REVIEWER | {"import", "queue", "export"}
OPERATOR = CURATOR | {"run"}
OWNER = OPERATOR | {"manage"}
RIGHTS: dict[str, frozenset[str]] = {
    "viewer": VIEWER,
    "reviewer": REVIEWER,
    "curator": CURATOR,
    "operator": OPERATOR,
    "owner": OWNER,
}
ALL_RIGHTS = OWNER
LOWEST_ROLE = {right: next(r for r, s in RIGHTS.items() if right in s) for right in ALL_RIGHTS}


def role_of(user: Any, project_id: UUID) -> str:
    """The user's role in a project, «» for a stranger. Site administrators are no members by
    themselves: they add themselves, and the audit log says so."""
    if not user.is_authenticated:
        return ""
    known: dict[UUID, str] | None = user.__dict__.get("_roles")
    if known is None:
        known = dict(Member.objects.filter(user=user).values_list("project_id", "role"))
        user.__dict__["_roles"] = known
    return known.get(project_id, "")


def rights_of(user: Any, project_id: UUID) -> frozenset[str]:
    """The user's rights in a project; empty for a stranger."""
    return RIGHTS.get(role_of(user, project_id), frozenset())


def demand(user: Any, project: Project, right: str) -> None:
    """NotFound for strangers, NotAllowed for members without the right."""
    rights = rights_of(user, project.pk)
    if not rights:
        raise NotFound("There is nothing here, or you are not a member of its project.")
    if right not in rights:
        raise NotAllowed(
            f"This needs the role «{LOWEST_ROLE[right]}» or higher in {project.name}; "
            "ask one of its owners.",
        )


def fetch_project(slug: str, *, by: Any, right: str = "read") -> Project:
    """The project called `slug`, if the caller may do `right` in it."""
    project = Project.objects.filter(slug=slug).first()
    if project is None:
        raise NotFound("There is nothing here, or you are not a member of its project.")
    demand(by, project, right)
    return project


def fetch(
    model: type[M], pk: UUID | str, *, by: Any, right: str, path: str = "project", related: tuple[str, ...] = ()
) -> M:
    """The row of `model` with this id, if the caller may do `right` in its project.

    `path` leads from the row to its project (for instance `queue__project`); `related` names
    further relations to load with it. 404 for strangers, 403 for members without the right.
    """
    try:
        row = model._default_manager.select_related(path, *related).filter(pk=pk).first()
    except (ValidationError, ValueError):
        row = None
    if row is None:
        raise NotFound("There is nothing here, or you are not a member of its project.")
    project: Any = row
    for part in path.split("__"):
        project = getattr(project, part)
    demand(by, project, right)
    return row
