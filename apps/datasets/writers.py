"""The containers of a dataset's records: JSON lines and Parquet, hashed while they are written.
Imports no Django."""

import hashlib
import os
from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from apps.core.errors import InvalidInput

BUFFER = 1024 * 1024
ROW_GROUP = 1000  # rows, or fewer when these many characters are reached: memory stays flat
ROW_GROUP_CHARACTERS = 16_000_000
SHARD_CHARACTERS = 256_000_000


class HashedFile:
    """A new file that knows the sha256 and the size of what was written to it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.bytes = 0
        self.rows = 0
        self.closed = False
        self.abandoned = False
        self._hash = hashlib.sha256()
        self._file = path.open("xb", buffering=BUFFER)

    def write(self, data: Any) -> int:
        """Bytes, or whatever has a buffer of them."""
        if self.abandoned:
            return len(data)
        size = self._file.write(data)
        self._hash.update(data)
        self.bytes += size
        return size

    def tell(self) -> int:
        """The position, as pyarrow asks for it."""
        return self.bytes

    def flush(self) -> None:
        """Hand what is buffered to the system."""
        self._file.flush()

    def close(self) -> None:
        """Close once it is on the disk."""
        if not self.closed:
            self.closed = True
            with self._file:
                self._file.flush()
                os.fsync(self._file.fileno())

    def abandon(self) -> None:
        """Close without a word about what could not be written."""
        self.closed = self.abandoned = True
        with suppress(OSError):  # the disk may be full, and the file is about to be removed
            self._file.close()

    def entry(self) -> dict[str, Any]:
        """The file's line in the manifest."""
        return {"bytes": self.bytes, "rows": self.rows, "sha256": self._hash.hexdigest()}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.abandon()


def json_line(record: dict[str, Any]) -> bytes:
    """A record as one line of UTF-8, keys as they come; InvalidInput for what UTF-8 cannot hold."""
    try:
        return orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)
    except orjson.JSONEncodeError as error:
        raise InvalidInput(f"A record cannot be written as JSON: {error}.") from None


class Writer(ABC):
    """Writes the records of one split into files of `folder`."""

    def __init__(self, folder: Path, split: str) -> None:
        self.folder = folder
        self.split = split
        self.rows = 0

    @abstractmethod
    def add(self, record: dict[str, Any], size: int) -> None:
        """Write one record of about `size` characters."""

    @abstractmethod
    def finish(self) -> list[HashedFile]:
        """Close; the files in order, under their final names."""

    @abstractmethod
    def abandon(self) -> None:
        """Close after an error."""


class JsonLines(Writer):
    """One file `SPLIT.jsonl`."""

    def __init__(self, folder: Path, split: str) -> None:
        super().__init__(folder, split)
        self.file = HashedFile(folder / f"{split}.jsonl")

    def add(self, record: dict[str, Any], size: int) -> None:
        self.file.write(json_line(record))
        self.file.rows += 1
        self.rows += 1

    def finish(self) -> list[HashedFile]:
        self.file.close()
        return [self.file]

    def abandon(self) -> None:
        self.file.abandon()


class Parquet(Writer):
    """Files `SPLIT-00000-of-0000N.parquet`. Groups and shards end after fixed counts of rows and
    characters, so that the same records give the same bytes (with the same pyarrow, whose version
    the manifest names)."""

    def __init__(self, folder: Path, split: str, schema: pa.Schema) -> None:
        super().__init__(folder, split)
        self.schema = schema
        self.shards: list[HashedFile] = []
        self.writer: pq.ParquetWriter | None = None
        self.waiting: list[dict[str, Any]] = []
        self.waiting_size = 0
        self.shard_size = 0
        self._open()

    def add(self, record: dict[str, Any], size: int) -> None:
        if self.shard_size >= SHARD_CHARACTERS:
            self._close()
            self._open()
        self.waiting.append(record)
        self.waiting_size += size
        self.shard_size += size
        self.rows += 1
        if len(self.waiting) >= ROW_GROUP or self.waiting_size >= ROW_GROUP_CHARACTERS:
            self._flush()

    def finish(self) -> list[HashedFile]:
        self._close()
        count = len(self.shards)
        for index, shard in enumerate(self.shards):
            name = f"{self.split}-{index:05d}-of-{count:05d}.parquet"
            shard.path = shard.path.rename(self.folder / name)
        return self.shards

    def abandon(self) -> None:
        for shard in self.shards:
            shard.abandon()
        if self.writer is not None:  # else it would write its footer when it is collected
            with suppress(OSError, pa.ArrowException):
                self.writer.close()

    def _open(self) -> None:
        shard = HashedFile(self.folder / f"{self.split}-{len(self.shards):05d}.part")
        self.shards.append(shard)
        self.shard_size = 0
        self.writer = pq.ParquetWriter(
            shard, self.schema, compression="zstd", compression_level=3, version="2.6",
            data_page_version="1.0", store_schema=False, write_statistics=False,
        )

    def _flush(self) -> None:
        if not self.waiting:
            return
        assert self.writer is not None
        try:
            table = pa.Table.from_pylist(self.waiting, schema=self.schema)
        except (pa.ArrowException, UnicodeEncodeError) as error:
            raise InvalidInput(f"A record does not fit into Parquet: {error}.") from None
        self.writer.write_table(table, row_group_size=len(self.waiting))
        self.shards[-1].rows += len(self.waiting)
        self.waiting.clear()
        self.waiting_size = 0

    def _close(self) -> None:
        self._flush()
        assert self.writer is not None
        self.writer.close()
        self.shards[-1].close()


def schema_of(record: dict[str, Any], columns: tuple[str, ...]) -> pa.Schema:
    """The Parquet schema of records like this one: optional fields must be in it."""
    return pa.schema([(name, _type(record[name])) for name in columns])


def _type(value: Any) -> pa.DataType:
    for kind, arrow in (
        (str, pa.string()), (bool, pa.bool_()), (int, pa.int64()), (float, pa.float64())
    ):
        if isinstance(value, kind):
            return arrow
    if isinstance(value, dict):
        return pa.struct([(name, _type(child)) for name, child in value.items()])
    if isinstance(value, list) and value:
        if isinstance(value[0], dict):  # messages: a field that only some of them have is null
            return pa.list_(_type({k: v for child in value for k, v in child.items()}))
        return pa.list_(_type(value[0]))
    raise TypeError(f"There is no Parquet type for {value!r}.")
