"""API routes of the problems app."""

from ninja import Router

router = Router(tags=["problems"])
