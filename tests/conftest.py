"""What all tests share: a data directory of their own, people, projects and clients."""

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

# Set before Django's settings are read: a test never touches an installation's data.
_data = Path(tempfile.mkdtemp(prefix="stillroom-test-"))
os.environ.setdefault("STILLROOM_DATA_DIR", str(_data))
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import pytest  # noqa: E402
from django.test import Client  # noqa: E402

from apps.accounts.services import issue_token  # noqa: E402
from tests import make as makers  # noqa: E402


@pytest.fixture(scope="session", autouse=True)
def collected_static(django_db_setup: None) -> Iterator[None]:
    """Templates name hashed static files; tests use the plain ones."""
    yield


@pytest.fixture(autouse=True)
def plain_static_files(settings: Any) -> None:
    """No manifest of hashed names is needed to render a page in a test."""
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}


@pytest.fixture(autouse=True)
def silent_doorbell(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, tuple, str]]:
    """No Redis answers in unit tests; what was rung is kept to be looked at."""
    rung: list[tuple[str, tuple, str]] = []
    monkeypatch.setattr(
        "apps.core.wakeups._send", lambda job, args, queue: rung.append((job, args, queue))
    )
    return rung


@pytest.fixture
def make() -> Any:
    """The builders of tests/make.py."""
    return makers


@pytest.fixture
def owner(db: None) -> Any:
    """A person who owns `project`."""
    return makers.user("ada")


@pytest.fixture
def project(owner: Any) -> Any:
    """A project owned by `owner`."""
    return makers.project("alpha", owner=owner)


@pytest.fixture
def client_of() -> Callable[[Any], Client]:
    """A signed-in browser of a person."""

    def sign_in(user: Any) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return sign_in


@pytest.fixture
def api_of() -> Callable[[Any], Client]:
    """A script's client that bears a token of a person."""

    def bearer(user: Any) -> Client:
        _, token = issue_token(user, name="test")
        return Client(headers={"authorization": f"Bearer {token}"})

    return bearer
