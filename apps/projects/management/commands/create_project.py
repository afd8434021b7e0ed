"""Make a project."""

from typing import Any

from apps.accounts.models import User
from apps.core.command import StillroomCommand
from apps.core.errors import InvalidInput
from apps.projects.services import create_project


class Command(StillroomCommand):
    help = "Make a project; its owner is --owner, or the first site administrator."
    needs_project = False

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("slug")
        parser.add_argument("--name", default="")
        parser.add_argument("--owner", default="")

    def handle(self, *args: Any, slug: str, name: str, owner: str, **options: Any) -> None:
        people = User.objects.filter(is_active=True)
        person = people.filter(username=owner).first() if owner else (
            people.filter(is_staff=True).order_by("id").first()
        )
        if owner and person is None:
            raise InvalidInput(f"There is no person «{owner}».")
        project = create_project(slug=slug, name=name or slug, by=person)
        self.done({"project": project.slug, "id": project.pk, "owner": getattr(person, "username", None)})
