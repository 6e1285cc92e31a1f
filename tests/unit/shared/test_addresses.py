from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.addresses import refusal

REFUSED = {
    "127.0.0.1": "loopback",
    "127.255.255.254": "loopback",
    "0.0.0.0": "unspecified",
    "0.1.2.3": "private",
    "10.0.0.1": "private",
    "172.16.0.1": "private",
    "192.168.1.1": "private",
    "169.254.169.254": "link-local",
    "100.64.0.1": "carrier-grade-nat",
    "192.0.0.8": "protocol-assignments",
    "192.0.0.9": "protocol-assignments",
    "192.0.2.1": "private",
    "192.88.99.1": "6to4-relay",
    "198.18.0.1": "benchmarking",
    "198.51.100.7": "private",
    "203.0.113.7": "private",
    "224.0.0.1": "multicast",
    "239.255.255.255": "multicast",
    "240.0.0.1": "reserved",
    "255.255.255.255": "reserved",
    "::": "unspecified",
    "::1": "loopback",
    "::127.0.0.1": "ipv4-compatible",
    "::8.8.8.8": "ipv4-compatible",
    "::ffff:127.0.0.1": "loopback",
    "::ffff:169.254.169.254": "link-local",
    "::ffff:0:10.0.0.1": "ipv4-translated",
    "64:ff9b::7f00:1": "nat64-loopback",
    "64:ff9b::169.254.169.254": "nat64-link-local",
    "64:ff9b:1::1": "local-nat64",
    "2002:7f00:1::": "6to4",
    "2002:808:808::1": "6to4",
    "2001::1": "teredo",
    "2001:db8::1": "private",
    "2620:0:2d0:200:0:5efe:127.0.0.1": "isatap",
    "2620:0:2d0:200:200:5efe:10.0.0.1": "isatap",
    "fc00::1": "private",
    "fd12:3456::1": "private",
    "fe80::1": "link-local",
    "fe80::1%eth0": "link-local",
    "fec0::1": "site-local",
    "ff02::1": "multicast",
    "100::1": "private",
    "4000::1": "reserved",
    "localhost": "not-an-address",
    "0x7f000001": "not-an-address",
    "2130706433": "not-an-address",
    "": "not-an-address",
}
PUBLIC = ("8.8.8.8", "1.1.1.1", "93.184.216.34", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8")


@pytest.mark.parametrize(("address", "reason"), REFUSED.items())
def test_address_that_is_not_public_is_refused_with_its_reason(address, reason):
    assert refusal(address) == reason


@pytest.mark.parametrize("address", PUBLIC)
def test_public_address_passes(address):
    assert refusal(address) is None


@pytest.mark.parametrize("address", ["127.0.0.1", "::ffff:127.0.0.1"])
def test_allowed_network_lets_its_addresses_pass_in_either_writing(address):
    assert refusal(address, [ip_network("127.0.0.0/8")]) is None


def test_allowed_network_opens_nothing_else():
    assert refusal("10.0.0.1", [ip_network("127.0.0.0/8"), ip_network("::1/128")]) == "private"
    assert refusal("64:ff9b::7f00:1", [ip_network("127.0.0.0/8")]) == "nat64-loopback"


@given(st.ip_addresses(v=4))
def test_ipv4_address_is_judged_alike_bare_mapped_and_behind_nat64(ip: IPv4Address):
    bare = refusal(str(ip))
    mapped = refusal(f"::ffff:{ip}")
    nat64 = refusal(str(IPv6Address((0x64FF9B << 96) | int(ip))))
    assert mapped == bare
    assert nat64 == (f"nat64-{bare}" if bare else None)


@given(st.ip_addresses(v=4), st.sampled_from(["::{}", "::ffff:0:{}", "2620:0:2d0:200:0:5efe:{}"]))
def test_no_retired_wrapping_lets_any_ipv4_address_pass(ip: IPv4Address, form: str):
    assert refusal(form.format(ip)) is not None


@given(st.ip_addresses(v=4), st.integers(0, 2**80 - 1))
def test_no_6to4_address_passes(ip: IPv4Address, rest: int):
    assert refusal(str(IPv6Address((0x2002 << 112) | (int(ip) << 80) | rest))) is not None


@given(st.ip_addresses())
def test_whatever_passes_is_global_unicast(ip):
    if refusal(str(ip)) is None:
        assert not (ip.is_private and not getattr(ip, "ipv4_mapped", None))
        assert not ip.is_multicast
        assert not ip.is_loopback
