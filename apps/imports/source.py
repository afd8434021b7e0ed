"""Bytes of a file as UTF-8 in chunks of bounded size: plain, gzip or Zstandard, in UTF-8,
UTF-16 or an encoding that the caller names. Imports no Django."""

import codecs
import re
import zlib
from collections.abc import Iterator
from pathlib import Path

import zstandard

from apps.imports.items import UnreadableFile

CHUNK = 256 * 1024
HEAD = 64 * 1024
# 4 KiB of Zstandard unpack to 128 MiB at the very most; the usual block is far smaller.
ZSTD_STEP = 4 * 1024
ZSTD_WINDOW = 128 * 1024 * 1024

GZIP = b"\x1f\x8b"
ZSTD = b"\x28\xb5\x2f\xfd"

# First bytes of files that are no records, and what to do about each.
FOREIGN: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG", "The file is an image (PNG), not records."),
    (b"\xff\xd8\xff", "The file is an image (JPEG), not records."),
    (b"GIF8", "The file is an image (GIF), not records."),
    (b"%PDF", "The file is a PDF, not records."),
    (b"PK\x03\x04", "The file is a zip archive or a spreadsheet; unpack it, or save it as CSV."),
    (b"\xfd7zXZ", "The file is packed with xz; unpack it, or pack it with gzip or zstd."),
    (b"BZh", "The file is packed with bzip2; unpack it, or pack it with gzip or zstd."),
    (b"7z\xbc\xaf", "The file is a 7-Zip archive; unpack it first."),
    (b"SQLite format 3", "The file is a SQLite database; export its table as CSV or JSON lines."),
    (b"ARROW1", "The file is an Arrow file; save it as Parquet."),
    (b"\x93NUMPY", "The file is a NumPy array; save the records as JSON lines."),
    (b"\x89HDF", "The file is an HDF5 file; save the records as JSON lines."),
    (b"\x80\x04", "The file is a Python pickle, which is never opened; save it as JSON lines."),
    (b"\x80\x05", "The file is a Python pickle, which is never opened; save it as JSON lines."),
    (
        b"version https://git-lfs",
        "The file is a Git LFS pointer, not the data; run `git lfs pull` "
        "and import the file again.",
    ),
)
MARKUP = re.compile(rb"\s*<(?:!doctype|html|head|body|\?xml)\b", re.IGNORECASE)
ANNEX = re.compile(rb"\S*/annex/objects/\S*\s*\Z")
BINARY = re.compile(rb"[\x01-\x08\x0e-\x1a\x1c-\x1f\x7f]")


class Broken(Exception):
    """The file cannot be read any further; the message is one clear sentence."""


class Source:
    """A file as chunks of UTF-8. Offsets count the unpacked, re-encoded bytes, byte-order mark
    included, so that an offset is a place to go on from whatever the packing."""

    def __init__(self, path: Path, *, encoding: str | None = None) -> None:
        self.path = path
        self.size = path.stat().st_size
        self.consumed = 0
        """Bytes of the file itself that were read so far, for a progress bar."""
        with path.open("rb") as file:
            start = file.read(HEAD)
        self.magic = start[:4]
        self.packing = {GZIP: "gzip"}.get(start[:2], "zstd" if start[:4] == ZSTD else "")
        self.broken = ""
        self.head = self._first(self._unpacked(0))
        self._refuse(self.head)
        self.encoding = _encoding(self.head, encoding)
        if self.encoding != "utf-8":
            self.head = self._first(self.chunks())
        self.bom = 3 if self.head.startswith(codecs.BOM_UTF8) else 0

    def chunks(self, offset: int = 0) -> Iterator[bytes]:
        """Bytes from `offset` on; raises Broken after the last that could be read."""
        if self.encoding == "utf-8":
            yield from self._unpacked(offset)
            return
        skip = offset
        for chunk in self._recoded():
            if skip < len(chunk):
                yield chunk[skip:] if skip else chunk
                skip = 0
            else:
                skip -= len(chunk)

    @property
    def progress(self) -> float:
        """Share of the file that was read, from 0 to 1."""
        return min(1.0, self.consumed / self.size) if self.size else 1.0

    def peek(self, limit: int) -> bytes:
        """Up to `limit` bytes from the start, for a look at the layout."""
        return self._first(self.chunks(), limit)

    def _first(self, chunks: Iterator[bytes], limit: int = HEAD) -> bytes:
        parts = []
        size = 0
        try:
            for chunk in chunks:
                parts.append(chunk)
                size += len(chunk)
                if size >= limit:
                    break
        except Broken as error:
            self.broken = str(error)
        return b"".join(parts)[:limit]

    def _unpacked(self, offset: int) -> Iterator[bytes]:
        if not self.packing:
            with self.path.open("rb") as file:
                file.seek(offset)
                self.consumed = offset
                while chunk := file.read(CHUNK):
                    self.consumed += len(chunk)
                    yield chunk
            return
        inner = self._gunzip() if self.packing == "gzip" else self._unzstd()
        for chunk in inner:
            if offset < len(chunk):
                yield chunk[offset:] if offset else chunk
                offset = 0
            else:
                offset -= len(chunk)

    def _packed(self, step: int) -> Iterator[bytes]:
        self.consumed = 0
        with self.path.open("rb") as file:
            while chunk := file.read(step):
                self.consumed += len(chunk)
                yield chunk

    def _gunzip(self) -> Iterator[bytes]:
        unpacker = zlib.decompressobj(wbits=31)
        for packed in self._packed(64 * 1024):
            while packed:
                if unpacker.eof:
                    packed = packed.lstrip(b"\x00")  # padding between or after members
                    if not packed:
                        break
                    unpacker = zlib.decompressobj(wbits=31)
                before = unpacker.copy()
                try:
                    chunk = unpacker.decompress(packed, CHUNK)
                except zlib.error as error:
                    yield from _salvage(before, packed)
                    raise Broken(_gzip_fault(str(error))) from error
                if chunk:
                    yield chunk
                packed = unpacker.unused_data if unpacker.eof else unpacker.unconsumed_tail
        if not unpacker.eof:
            if rest := unpacker.flush():
                yield rest
            raise Broken("The gzip file ends before its end; download or pack it again.")

    def _unzstd(self) -> Iterator[bytes]:
        context = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW)
        unpacker = context.decompressobj()
        parts: list[bytes] = []
        size = 0
        fault = ""
        try:
            for packed in self._packed(ZSTD_STEP):
                while packed:
                    if unpacker.eof:
                        unpacker = context.decompressobj()
                    chunk = unpacker.decompress(packed)
                    packed = unpacker.unused_data if unpacker.eof else b""
                    parts.append(chunk)
                    size += len(chunk)
                    if size >= CHUNK:
                        whole = b"".join(parts)
                        parts, size = [], 0
                        for at in range(0, len(whole), CHUNK):
                            yield whole[at : at + CHUNK]
        except zstandard.ZstdError:
            fault = "The zstd file is damaged from here on; download or pack it again."
        if parts:
            yield b"".join(parts)
        if not fault and not unpacker.eof:
            fault = "The zstd file ends before its end; download or pack it again."
        if fault:
            raise Broken(fault)

    def _recoded(self) -> Iterator[bytes]:
        decoder = codecs.getincrementaldecoder(self.encoding)("strict")
        try:
            for chunk in self._unpacked(0):
                if text := decoder.decode(chunk):
                    yield text.encode("utf-8")
            if text := decoder.decode(b"", final=True):
                yield text.encode("utf-8")
        except UnicodeError as error:
            raise Broken(
                f"The text is not valid {self.encoding} from here on; check the file's encoding."
            ) from error

    def _refuse(self, head: bytes) -> None:
        for magic, sentence in FOREIGN:
            if head.startswith(magic):
                raise UnreadableFile(sentence)
        if MARKUP.match(head):
            raise UnreadableFile(
                "The file is a web page (HTML or XML), not records; perhaps a sign-in page was "
                "saved in place of the data."
            )
        if len(head) < 1024 and ANNEX.match(head):
            raise UnreadableFile(
                "The file is a git-annex pointer, not the data; run `git annex get` and import "
                "the file again."
            )
        if self.packing and (head[:2] == GZIP or head[:4] == ZSTD):
            raise UnreadableFile("The file is packed twice; unpack it once and import that.")
        if head.lstrip()[:1] not in (b"{", b"[") and not head.startswith(b"PAR1"):
            sample = head[:4096]
            if len(BINARY.findall(sample)) > len(sample) / 20 and not _utf16(sample):
                raise UnreadableFile(
                    "The file holds binary data, not records; import JSON lines, JSON, CSV, TSV or "
                    "Parquet."
                )


def _salvage(unpacker: "zlib._Decompress", packed: bytes) -> Iterator[bytes]:
    """What can be unpacked before the fault: a call that fails keeps its output to itself, so
    smaller and smaller ones are made until even a single byte fails."""
    step = 4096
    while packed and not unpacker.eof:
        before = unpacker.copy()
        try:
            chunk = unpacker.decompress(packed, step)
        except zlib.error:
            if step == 1:
                return
            unpacker, step = before, step // 16
            continue
        if not chunk and unpacker.unconsumed_tail == packed:
            return
        yield chunk
        packed = unpacker.unconsumed_tail


def _gzip_fault(said: str) -> str:
    if "data check" in said or "length check" in said:
        return (
            "The checksum of the gzip file is wrong, so what was read may be damaged; download or "
            "pack it again."
        )
    return "The gzip file is damaged from here on; download or pack it again."


def _utf16(head: bytes) -> str:
    """The byte order of UTF-16 without a mark, by where the zero bytes are."""
    sample = head[:4096]
    if len(sample) < 4:
        return ""
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    half = len(sample) // 2
    if even > half * 0.4 and odd < half * 0.05:
        return "utf-16-be"
    if odd > half * 0.4 and even < half * 0.05:
        return "utf-16-le"
    return ""


def _encoding(head: bytes, named: str | None) -> str:
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if named:
        try:
            name = codecs.lookup(named).name
            "x".encode(name)
        except (LookupError, TypeError):
            raise UnreadableFile(
                f"There is no text encoding called «{named[:40]}»; write for example «cp1252»."
            ) from None
        return name
    return _utf16(head) or "utf-8"
