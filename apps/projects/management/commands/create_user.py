"""Make a person and give them a role."""

from typing import Any

from django.db import transaction

from apps.accounts.services import create_user
from apps.core.command import StillroomCommand
from apps.projects.models import Role
from apps.projects.services import set_role


class Command(StillroomCommand):
    help = "Make a person with a role in a project; prints the one-time password."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("name")
        parser.add_argument("--role", default="reviewer", choices=Role.values)
        parser.add_argument("--administrator", action="store_true", help="of the whole site")

    @transaction.atomic
    def handle(self, *args: Any, name: str, role: str, administrator: bool, **options: Any) -> None:
        project = self.project(options)
        user, once = create_user(name, administrator=administrator)
        set_role(project, user, role, by=None)
        self.done({"user": user.username, "id": user.pk, "project": project.slug, "role": role,
                   "one_time_password": once})
