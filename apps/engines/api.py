"""API routes of the engines app."""

from ninja import Router

router = Router(tags=["engines"])
