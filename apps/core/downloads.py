"""Files as responses that can be resumed: ETag, Range, If-None-Match, If-Range."""

import re
from collections.abc import Iterator
from pathlib import Path

from django.http import FileResponse, HttpRequest, HttpResponse, StreamingHttpResponse

from apps.core.errors import NotFound

RANGE = re.compile(r"^bytes=(\d*)-(\d*)$")
BLOCK = 256 * 1024


def _part(path: Path, start: int, length: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(start)
        while length > 0 and (block := file.read(min(BLOCK, length))):
            length -= len(block)
            yield block


def stream_file(request: HttpRequest, path: Path, *, name: str, etag: str) -> HttpResponse:
    """Send a file as a download named `name`; `etag` is its checksum."""
    if not path.is_file():
        raise NotFound("The file is no longer there; verify the version.")
    quoted = f'"{etag}"'
    if request.headers.get("If-None-Match") == quoted:
        return HttpResponse(status=304)
    size = path.stat().st_size
    asked = RANGE.match(request.headers.get("Range", ""))
    if asked and request.headers.get("If-Range", quoted) != quoted:
        asked = None
    response: HttpResponse | StreamingHttpResponse | FileResponse
    if asked and (asked[1] or asked[2]):
        start = int(asked[1]) if asked[1] else max(0, size - int(asked[2]))
        end = min(int(asked[2]), size - 1) if asked[1] and asked[2] else size - 1
        if start > end:
            refused = HttpResponse(status=416)
            refused["Content-Range"] = f"bytes */{size}"
            return refused
        response = StreamingHttpResponse(_part(path, start, end - start + 1), status=206)
        response["Content-Range"] = f"bytes {start}-{end}/{size}"
        response["Content-Length"] = str(end - start + 1)
    else:
        response = FileResponse(path.open("rb"))
        response["Content-Length"] = str(size)
    response["Content-Type"] = "application/octet-stream"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["ETag"] = quoted
    response["Accept-Ranges"] = "bytes"
    return response
