"""Make an API token."""

from typing import Any

from apps.accounts.models import User
from apps.accounts.services import issue_token
from apps.core.command import StillroomCommand
from apps.core.errors import InvalidInput


class Command(StillroomCommand):
    help = "Make an API token for a person; it is printed this one time."
    needs_project = False

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("name", help="the person's user name")
        parser.add_argument("--expires", type=int, metavar="DAYS")
        parser.add_argument("--label", default="command line")

    def handle(self, *args: Any, name: str, expires: int | None, label: str, **options: Any) -> None:
        user = User.objects.filter(username=name, is_active=True).first()
        if user is None:
            raise InvalidInput(f"There is no person «{name}».")
        row, token = issue_token(user, name=label, days=expires)
        self.done({"token": token, "id": row.pk, "user": name, "expires_at": row.expires_at})
