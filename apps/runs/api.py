"""API routes of the runs app."""

from ninja import Router

router = Router(tags=["runs"])
