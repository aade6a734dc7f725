"""The emulator's listening sockets."""

import errno
import socket
from collections.abc import Sequence

from polytask_sim.emulator.errors import AddressUnavailable

LONGEST_QUEUE = 16
WAYS_OUT = (
    "run it as root, or allow it for the machine (sysctl net.ipv4.ip_unprivileged_port_start=502), "
    "or run it and its clients in a network of their own (unshare --user --map-root-user --net)"
)


def listen(address: str, ports: Sequence[int]) -> list[socket.socket]:
    """Return sockets that listen at `ports` of `address`; raise AddressUnavailable."""
    sockets: list[socket.socket] = []
    try:
        for port in ports:
            sockets.append(_bound(address, port))
    except AddressUnavailable:
        for each in sockets:
            each.close()
        raise
    return sockets


def _bound(address: str, port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((address, port))
        bound.listen(LONGEST_QUEUE)
    except OSError as error:
        bound.close()
        raise AddressUnavailable(_sentence(address, port, error)) from error
    return bound


def _sentence(address: str, port: int, error: OSError) -> str:
    place = f"{address}:{port}"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"this user may not listen at {place}, which the SDK insists on; {WAYS_OUT}"
    if error.errno == errno.EADDRINUSE:
        return (
            f"somebody listens at {place} already; valid: a free address, such as 127.0.0.2 "
            "beside 127.0.0.1"
        )
    return f"cannot listen at {place}: {error.strerror}; valid: an IPv4 address of this machine"
