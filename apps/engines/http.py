"""One HTTP client for one server, with addresses checked at every resolution.

Imported when an engine is built: whoever only lists engines does not pay for aiohttp.
"""

import asyncio
import os
import socket

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from apps.engines.addresses import ForbiddenAddress, demand_allowed

LARGEST_ANSWER = 64 * 2**20
CONNECT_SECONDS = 15.0


class Unreachable(Exception):
    """No whole answer came: connection refused, dropped or too slow. The message is a clause."""


class Refused(Exception):
    """The request must not or cannot be sent at all. The message is a sentence."""


class GuardedResolver(AbstractResolver):
    """The system's resolver, whose answers are checked before anything is connected."""

    def __init__(self, *, allow_private: bool) -> None:
        self.allow_private = allow_private
        self.inner = aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await self.inner.resolve(host, port, family)
        for result in found:
            demand_allowed(result["host"], allow_private=self.allow_private)
        return found

    async def close(self) -> None:
        await self.inner.close()


class Client:
    """Posts JSON bytes to one URL over kept connections. Built inside a running event loop."""

    def __init__(
        self, url: str, *, headers: dict[str, str], timeout_seconds: float, allow_private: bool
    ) -> None:
        self.url = URL(url)
        connector = aiohttp.TCPConnector(
            limit=0,  # the throttle counts
            ttl_dns_cache=300,
            keepalive_timeout=30,
            resolver=GuardedResolver(allow_private=allow_private),
        )
        self.session = aiohttp.ClientSession(
            connector=connector,
            headers={"Content-Type": "application/json", "Accept-Encoding": "identity", **headers},
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=timeout_seconds, sock_connect=CONNECT_SECONDS),
            trust_env=False,
            auto_decompress=False,  # identity was asked for; a bomb stays packed
        )

    async def post(self, body: bytes) -> tuple[int, str, bytes]:
        """Status, the Retry-After header (or empty) and the body. Redirects are not followed."""
        try:
            async with self.session.post(self.url, data=body, allow_redirects=False) as response:
                announced = response.content_length or 0
                if announced > LARGEST_ANSWER:
                    raise Refused(f"The server announced an answer of {announced:,} bytes.")
                if announced:
                    found = await response.read()
                else:
                    found = await self._bounded(response)
                return response.status, response.headers.get("Retry-After", ""), found
        except TimeoutError:
            raise Unreachable("it did not answer in time") from None
        except aiohttp.ClientConnectorError as error:
            if isinstance(error.os_error, ForbiddenAddress):
                raise Refused(str(error.os_error)) from None
            if isinstance(error, aiohttp.ClientConnectorDNSError):
                raise Unreachable(f"no address is known for {self.url.host}") from None
            reason = os.strerror(error.os_error.errno) if error.os_error.errno else "refused"
            raise Unreachable(f"no connection ({reason.lower()})") from None
        except (aiohttp.InvalidURL, aiohttp.TooManyRedirects) as error:
            raise Refused(f"The address cannot be asked: {error}.") from None
        except (aiohttp.ClientError, ConnectionError) as error:
            raise Unreachable(f"the connection broke ({type(error).__name__})") from None

    @staticmethod
    async def _bounded(response: aiohttp.ClientResponse) -> bytes:
        found = bytearray()
        async for piece in response.content.iter_any():
            found += piece
            if len(found) > LARGEST_ANSWER:
                raise Refused(f"The server's answer is longer than {LARGEST_ANSWER:,} bytes.")
        return bytes(found)

    async def aclose(self) -> None:
        """Close the connections and let them end."""
        await self.session.close()
        await asyncio.sleep(0)
