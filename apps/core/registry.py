"""Named plug-ins: one file each, discovered once, then frozen. Imports no Django."""

import importlib
import pkgutil
import re
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from threading import RLock
from typing import Generic, TypeVar

from apps.core.errors import InvalidInput

T = TypeVar("T")
NAME = re.compile(r"^[a-z0-9]+(-[a-z0-9]+)*$")


class Registry(Generic[T]):
    """Plug-ins of one kind, found in `package` and in the entry points `stillroom.plugins`.

    >>> methods = Registry("method", "apps.methods")
    >>> @methods.register("sample")
    ... class Sample: ...
    """

    def __init__(self, kind: str, package: str) -> None:
        self.kind = kind
        self.package = package
        self._items: dict[str, T] = {}
        self._discovered = False
        self._lock = RLock()

    def register(self, name: str) -> Callable[[T], T]:
        """Register a class under a kebab-case `name`, which becomes its attribute `name`."""
        if not NAME.match(name):
            raise ValueError(f"The {self.kind} name {name!r} is not kebab-case.")

        def decorate(item: T) -> T:
            if name in self._items:
                raise ValueError(f"There are two {self.kind}s called {name!r}.")
            if not (item.__doc__ or "").strip():
                raise ValueError(f"The {self.kind} {name!r} needs a docstring for people.")
            item.name = name  # type: ignore[attr-defined]
            self._items[name] = item
            return item

        return decorate

    def get(self, name: str) -> T:
        """The plug-in called `name`; InvalidInput naming the known ones otherwise."""
        self.discover()
        try:
            return self._items[name]
        except KeyError:
            known = ", ".join(sorted(self._items))
            raise InvalidInput(
                f"There is no {self.kind} called «{name}»; known are: {known}.",
                code=f"unknown-{self.kind}",
            ) from None

    def names(self) -> list[str]:
        """Registered names in alphabetical order."""
        self.discover()
        return sorted(self._items)

    def items(self) -> list[tuple[str, T]]:
        """(name, plug-in) pairs in alphabetical order."""
        self.discover()
        return sorted(self._items.items())

    def __iter__(self) -> Iterator[T]:
        return iter(item for _, item in self.items())

    def __contains__(self, name: object) -> bool:
        self.discover()
        return name in self._items

    def discover(self) -> None:
        """Import every module of the package and every installed plug-in, once."""
        with self._lock:
            if self._discovered:
                return
            self._discovered = True
            package = importlib.import_module(self.package)
            for module in pkgutil.iter_modules(package.__path__):
                importlib.import_module(f"{self.package}.{module.name}")
            for point in entry_points(group="stillroom.plugins"):
                point.load()


def describe(item: object) -> str:
    """The first line of a plug-in's docstring: what people read in lists."""
    return (item.__doc__ or "").strip().splitlines()[0]
