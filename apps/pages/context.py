"""What every page's frame shows: the project switcher, the navigation and what runs now."""

from typing import Any

from django.http import HttpRequest


def frame(request: HttpRequest) -> dict[str, Any]:
    """Context of base.html."""
    return {}
