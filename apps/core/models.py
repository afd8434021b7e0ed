"""Bases of all models: time-ordered ids and rows that are only ever added."""

from typing import Any, NoReturn

from django.db import models

from apps.core.errors import Conflict
from apps.core.identity import new_id


class Entity(models.Model):
    """A row with a time-ordered UUID: creation order is id order."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)

    class Meta:
        abstract = True


class AppendOnlyQuerySet(models.QuerySet):
    """Rows may be added and read."""

    def update(self, **values: Any) -> NoReturn:
        raise Conflict(f"{self.model.__name__} rows are never changed; add a new one.")

    def delete(self) -> NoReturn:
        raise Conflict(f"{self.model.__name__} rows are never deleted.")


class AppendOnlyModel(Entity):
    """A row that history points at. A database trigger refuses changes as well."""

    objects = AppendOnlyQuerySet.as_manager()

    class Meta:
        abstract = True
        base_manager_name = "objects"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise Conflict(f"{type(self).__name__} rows are never changed; add a new one.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise Conflict(f"{type(self).__name__} rows are never deleted.")
