"""API routes of the datasets app."""

from ninja import Router

router = Router(tags=["datasets"])
