"""Verbs on projects, members and the audit log."""

import re
from typing import Any

from django.db import transaction
from django.db.models import Model

from apps.core.errors import Conflict, InvalidInput
from apps.projects.models import AuditEntry, Member, Project, Role

SLUG = re.compile(r"^[a-z0-9]+(?:-[a-z0-9]+)*$")


def record_audit(
    verb: str,
    subject: Model,
    *,
    actor: Any,
    project: Project | None = None,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    note: str = "",
) -> AuditEntry:
    """Write who did what to which object; call it in the verb's own transaction."""
    return AuditEntry.objects.create(
        project=project,
        actor=actor if actor is not None and getattr(actor, "pk", None) else None,
        verb=verb,
        object_type=subject._meta.model_name or "",
        object_id=str(subject.pk),
        object_name=str(subject)[:160],
        before=before,
        after=after,
        note=note,
    )


@transaction.atomic
def create_project(*, slug: str, name: str, by: Any, is_sample: bool = False) -> Project:
    """Make a project whose first owner is `by`."""
    if not SLUG.match(slug) or len(slug) > 60:
        raise InvalidInput(
            f"«{slug}» cannot be a project's short name: use lower-case letters, digits and hyphens."
        )
    if Project.objects.filter(slug=slug).exists():
        raise Conflict(f"There is already a project called «{slug}»; choose another short name.")
    project = Project.objects.create(slug=slug, name=name.strip() or slug, is_sample=is_sample)
    if by is not None:
        Member.objects.create(project=project, user=by, role=Role.OWNER)
        by.__dict__.pop("_roles", None)
    record_audit("create", project, actor=by, project=project, after={"name": project.name})
    return project


@transaction.atomic
def set_role(project: Project, user: Any, role: str, *, by: Any) -> Member:
    """Add a member, or change a member's role. A project keeps at least one owner."""
    if role not in Role.values:
        raise InvalidInput(f"There is no role «{role}»; known are: {', '.join(Role.values)}.")
    member = Member.objects.filter(project=project, user=user).first()
    before = {"role": member.role} if member else None
    if member and member.role == Role.OWNER and role != Role.OWNER:
        _keep_an_owner(project, member)
    if member:
        member.role = role
        member.save(update_fields=["role"])
    else:
        member = Member.objects.create(project=project, user=user, role=role)
    user.__dict__.pop("_roles", None)
    record_audit(
        "set-role", member, actor=by, project=project, before=before,
        after={"user": user.get_username(), "role": role},
    )
    return member


@transaction.atomic
def remove_member(member: Member, *, by: Any) -> None:
    """Take a person out of a project; what they did stays."""
    if member.role == Role.OWNER:
        _keep_an_owner(member.project, member)
    record_audit(
        "remove-member", member, actor=by, project=member.project,
        before={"user": member.user.get_username(), "role": member.role},
    )
    member.delete()


@transaction.atomic
def change_project(project: Project, *, by: Any, name: str, guidelines: str) -> Project:
    """Change a project's name and guidelines."""
    before = {"name": project.name, "guidelines": project.guidelines[:2000]}
    project.name, project.guidelines = name.strip() or project.slug, guidelines
    project.save(update_fields=["name", "guidelines"])
    record_audit(
        "change", project, actor=by, project=project, before=before,
        after={"name": project.name, "guidelines": guidelines[:2000]},
    )
    return project


def _keep_an_owner(project: Project, leaving: Member) -> None:
    owners = Member.objects.filter(project=project, role=Role.OWNER).exclude(pk=leaving.pk)
    if not owners.exists():
        raise Conflict("A project keeps at least one owner: make somebody else an owner first.")
