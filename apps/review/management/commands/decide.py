"""Decide on many traces at once."""

from typing import Any

from apps.accounts.models import User
from apps.core.command import StillroomCommand
from apps.core.errors import InvalidInput
from apps.projects.roles import demand
from apps.review.models import Outcome
from apps.review.services import decide_in_bulk


class Command(StillroomCommand):
    help = "Approve, reject or send back all traces that match a filter, as one audited order."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--filter", required=True)
        parser.add_argument("--outcome", required=True, choices=Outcome.values)
        parser.add_argument("--by", required=True, metavar="USER")
        parser.add_argument("--note", required=True)

    def handle(self, *args: Any, filter: str, outcome: str, by: str, note: str, **options: Any) -> None:
        project = self.project(options)
        user = User.objects.filter(username=by, is_active=True).first()
        if user is None:
            raise InvalidInput(f"There is no person «{by}».")
        demand(user, project, "decide")
        self.done(decide_in_bulk(project, filter=filter, outcome=outcome, by=user, note=note))
