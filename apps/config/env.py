"""Every STILLROOM_* variable: name, type, default, help. Nothing else reads the environment."""

import hashlib
import os
import secrets
import tempfile
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from pydantic import field_validator

REPOSITORY = Path(__file__).resolve().parent.parent.parent
LONGEST_SOCKET_PATH = 100


class Env(BaseSettings):
    """Settings of one installation; all optional."""

    model_config = SettingsConfigDict(env_prefix="STILLROOM_", extra="ignore")

    data_dir: Path = Field(REPOSITORY / "var", description="Database, uploads, datasets, logs.")
    secret_key: str = Field("", description="Signing key; made once when absent.", repr=False)
    secret_key_file: Path | None = Field(None, description="File that holds the signing key.")
    database_url: str = Field("", description="postgresql://…; SQLite in the data directory if empty.")
    redis_url: str = Field("", description="Redis; the bundled one on a socket if empty.")
    allowed_hosts: Annotated[list[str], NoDecode] = Field(
        ["localhost", "127.0.0.1", "[::1]"], description="Names this site is reached under."
    )
    base_url: str = Field("", description="https://… under which people reach the site.")
    debug: bool = Field(False, description="Tracebacks on error pages.")
    lease_seconds: float = Field(60, ge=0.5, description="Life of a work item's lease.")
    grace_seconds: float = Field(60, ge=0, description="What a stopping worker may take to finish.")
    shift_minutes: float = Field(15, gt=0, le=30, description="Longest engine job.")
    log_format: Literal["text", "json"] = Field("text", description="Form of log lines.")
    log_level: str = Field("INFO", description="Least level logged.")
    secure_cookies: bool = Field(False, description="Send cookies over HTTPS only.")
    upload_limit_mb: int = Field(10_000, ge=1, description="Largest file accepted, MB.")

    @field_validator("allowed_hosts", mode="before")
    @classmethod
    def split_hosts(cls, value: object) -> object:
        return [part.strip() for part in value.split(",")] if isinstance(value, str) else value

    @field_validator("data_dir")
    @classmethod
    def absolute(cls, value: Path) -> Path:
        return value.expanduser().resolve()

    def model_post_init(self, context: object) -> None:
        self.data_dir.mkdir(parents=True, exist_ok=True)
        if not self.database_url:
            self.database_url = f"sqlite:///{self.data_dir / 'stillroom.sqlite3'}"

    def made_dir(self, name: str) -> Path:
        """A folder of the data directory, made if absent."""
        path = self.data_dir / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def resolve_secret_key(self) -> str:
        """The signing key: given, from its file, or made once and kept with mode 600."""
        if self.secret_key:
            return self.secret_key
        path = self.secret_key_file or self.data_dir / "secret_key"
        if not path.exists():
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_urlsafe(48))
        return path.read_text().strip()

    def socket_path(self) -> Path:
        """Where the bundled Redis listens; a short path where the data directory's is too long."""
        path = self.data_dir / "redis.sock"
        if len(str(path)) <= LONGEST_SOCKET_PATH:
            return path
        digest = hashlib.sha256(str(self.data_dir).encode()).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"stillroom-{digest}.sock"

    def resolve_redis_url(self) -> str:
        """The address of Redis."""
        return self.redis_url or f"unix://{self.socket_path()}"


@cache
def env() -> Env:
    """This process's settings, read once."""
    return Env()
