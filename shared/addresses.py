"""Which network addresses outbound connections may go to. Pure.

Only global unicast addresses are public. `ipaddress.is_global` alone will not do: depending on the Python release it
lets multicast, 6to4 and translated forms through, and those can carry a private IPv4 address inside. So every IPv4
address hidden in an IPv6 one is judged too, and the retired transition mechanisms are refused whole.
Sources: the IANA special-purpose address registries; RFC 4291, 6052 (NAT64), 3056 (6to4), 4380 (Teredo), 5214 (ISATAP).
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Network = IPv4Network | IPv6Network

_NAT64 = IPv6Network("64:ff9b::/96")
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_RETIRED: dict[str, IPv6Network] = {
    "6to4": IPv6Network("2002::/16"),
    "teredo": IPv6Network("2001::/32"),
    "ipv4-compatible": IPv6Network("::/96"),
    "ipv4-translated": IPv6Network("::ffff:0:0:0/96"),
    "local-nat64": IPv6Network("64:ff9b:1::/48"),
}
_SPECIAL_V4: dict[str, IPv4Network] = {
    "protocol-assignments": IPv4Network("192.0.0.0/24"),
    "6to4-relay": IPv4Network("192.88.99.0/24"),
    "carrier-grade-nat": IPv4Network("100.64.0.0/10"),
    "benchmarking": IPv4Network("198.18.0.0/15"),
    "reserved": IPv4Network("240.0.0.0/4"),
}
_ISATAP_MARK = (0x5EFE, 0x02005EFE)


def refusal(address: str, allowed: Sequence[Network] = ()) -> str | None:
    """Return why no connection may go to `address`, or None if one may: it is public, or within `allowed`.

    A mapped IPv4 address (::ffff:a.b.c.d) is the IPv4 address itself, also for `allowed`. What is no IP address is
    refused: whoever asks must have resolved the name.
    """
    try:
        ip = ip_address(address)
    except ValueError:
        return "not-an-address"
    mapped = getattr(ip, "ipv4_mapped", None)
    target = mapped or ip
    if any(target in network for network in allowed if network.version == target.version):
        return None
    if isinstance(target, IPv4Address):
        return _v4_refusal(target)
    return _v6_refusal(target)


def _v4_refusal(ip: IPv4Address) -> str | None:
    for reason, network in _SPECIAL_V4.items():
        if ip in network:
            return reason
    return _common_refusal(ip)


def _v6_refusal(ip: IPv6Address) -> str | None:
    if ip in _NAT64:
        inner = _v4_refusal(IPv4Address(int(ip) & 0xFFFFFFFF))
        return f"nat64-{inner}" if inner else None
    if not (ip.is_loopback or ip.is_unspecified):
        for reason, network in _RETIRED.items():
            if ip in network:
                return reason
    if (int(ip) >> 32) & 0xFFFFFFFF in _ISATAP_MARK:
        return "isatap"
    if ip.is_site_local:
        return "site-local"
    return _common_refusal(ip) or (None if ip in _GLOBAL_UNICAST else "reserved")


def _common_refusal(ip: IPv4Address | IPv6Address) -> str | None:
    for reason in ("loopback", "unspecified", "link_local", "multicast", "private", "reserved"):
        if getattr(ip, f"is_{reason}"):
            return reason.replace("_", "-")
    return None if ip.is_global else "not-global"
