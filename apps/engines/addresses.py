"""Which network addresses an engine may be asked at. Clouds hand out credentials at link-local
and metadata addresses: those are refused always, private ranges when the endpoint says so."""

import ipaddress
from urllib.parse import urlsplit

NEVER = tuple(
    ipaddress.ip_network(text)
    for text in ("169.254.0.0/16", "fe80::/10", "fd00:ec2::254/128", "100.100.100.200/32")
)


class ForbiddenAddress(OSError):
    """An address that must not be asked. An OSError, so that a resolver may raise it."""


def demand_allowed(address: str, *, allow_private: bool) -> None:
    """ForbiddenAddress with one sentence if the numeric `address` must not be asked."""
    found = ipaddress.ip_address(address.split("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo or (None, None))[1]
        if inner is not None:
            demand_allowed(str(inner), allow_private=allow_private)
    if any(found.version == net.version and found in net for net in NEVER):
        raise ForbiddenAddress(
            f"The address {address} is link-local or a cloud's metadata service; "
            "engines are never asked there."
        )
    if not allow_private and not found.is_global:
        raise ForbiddenAddress(
            f"The address {address} is private, and this endpoint does not allow private addresses."
        )


def checked_url(url: str, *, allow_private: bool) -> str:
    """`url` without a closing slash, if it is http(s), names a host, carries no credentials and
    no forbidden numeric address; ValueError with one sentence otherwise."""
    parts = urlsplit(url.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("the base URL must look like http://host:port/v1")
    if parts.username or parts.password:
        raise ValueError("leave credentials out of the base URL and name api_key_env instead")
    if parts.query or parts.fragment:
        raise ValueError("the base URL must not have a query or a fragment")
    try:
        ipaddress.ip_address(parts.hostname.split("%")[0])
    except ValueError:
        return url.strip().rstrip("/")  # a name: its addresses are checked when it is resolved
    try:
        demand_allowed(parts.hostname, allow_private=allow_private)
    except ForbiddenAddress as error:
        raise ValueError(str(error).rstrip(".")) from None
    return url.strip().rstrip("/")
