"""Errors that carry a sentence for people, a code for scripts and an HTTP status."""


class StillroomError(Exception):
    """Base of every error a person may see. `str(error)` is one sentence saying what to do."""

    status = 400
    code = "error"

    def __init__(self, message: str, *, code: str | None = None, **details: object) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.details = details


class InvalidInput(StillroomError):
    """What was sent cannot be used as it is."""

    status = 422
    code = "invalid-input"


class NotAllowed(StillroomError):
    """The caller is a member, but the role lacks the right."""

    status = 403
    code = "not-allowed"


class NotFound(StillroomError):
    """Absent, or not visible to the caller: the two are never told apart."""

    status = 404
    code = "not-found"


class Conflict(StillroomError):
    """Somebody else was faster, or the state does not allow it; nothing was changed."""

    status = 409
    code = "conflict"


class Unavailable(StillroomError):
    """A part of the system does not answer now."""

    status = 503
    code = "unavailable"
