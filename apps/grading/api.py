"""API routes of the grading app."""

from ninja import Router

router = Router(tags=["grading"])
