"""Engines are never asked at link-local or metadata addresses."""

import pytest

from apps.engines.addresses import ForbiddenAddress, checked_url, demand_allowed


@pytest.mark.parametrize(
    "address",
    ["169.254.169.254", "169.254.0.1", "fe80::1", "fe80::1%eth0", "fd00:ec2::254",
     "::ffff:169.254.169.254", "2002:a9fe:a9fe::1", "100.100.100.200"],
)
def test_metadata_addresses_are_refused_even_where_private_ones_are_allowed(address: str) -> None:
    with pytest.raises(ForbiddenAddress, match="metadata"):
        demand_allowed(address, allow_private=True)


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.1.2.3", "192.168.0.9", "172.16.0.1", "::1", "fd00::1", "0.0.0.0",
                "::ffff:10.0.0.1"],
)
def test_private_addresses_need_permission(address: str) -> None:
    demand_allowed(address, allow_private=True)
    with pytest.raises(ForbiddenAddress, match="private"):
        demand_allowed(address, allow_private=False)


def test_public_addresses_are_allowed() -> None:
    demand_allowed("8.8.8.8", allow_private=False)
    demand_allowed("2606:4700::1111", allow_private=False)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("ftp://example.org", "must look like"), ("example.org/v1", "must look like"),
        ("http://user:secret@example.org/v1", "credentials"),
        ("http://169.254.169.254/v1", "metadata"), ("http://[fe80::1]/v1", "metadata"),
        ("http://example.org/v1?key=1", "query"),
    ],
)
def test_an_unusable_address_is_refused_in_one_clause(url: str, said: str) -> None:
    with pytest.raises(ValueError, match=said) as caught:
        checked_url(url, allow_private=True)
    assert "secret" not in str(caught.value)


def test_a_usable_address_loses_its_closing_slash() -> None:
    assert checked_url("https://example.org/v1/", allow_private=False) == "https://example.org/v1"
