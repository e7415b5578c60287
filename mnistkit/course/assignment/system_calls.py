"""What students' code may not ask of the system: a filter that bubblewrap gives to the kernel.

Some memory counts for no process, so that neither its limit nor the sandbox's watch sees it: files without a
name, System V segments and queues, shared memory that is no longer mapped, and file systems that a process
makes for itself in a namespace of its own. None of them is needed.
"""

from __future__ import annotations

import errno
import platform
import struct

_LOAD, _EQUAL, _AT_LEAST, _HAS, _AND, _RETURN = (
    0x20,
    0x15,
    0x35,
    0x45,
    0x54,
    0x06,
)  # Linux' linux/bpf_common.h
_NUMBER_AT, _ARCHITECTURE_AT, _ARGUMENTS_AT = 0, 4, 16  # in its struct seccomp_data
_ALLOW, _ERROR = 0x7FFF0000, 0x00050000
_CLONE3 = 435
_NEW_NAMESPACE = 0x10000000 | 0x00020000  # of users, of mounts
_SHARED_ANONYMOUS = 0x01 | 0x20
_X32 = 0x40000000

# Name in ELF files; memfd_create, memfd_secret, io_uring_setup, shmget, msgget, unshare, setns; clone; mmap.
_MACHINES = {
    "x86_64": (0xC000003E, (319, 447, 425, 29, 68, 272, 308), 56, 9),
    "aarch64": (0xC00000B7, (279, 447, 425, 194, 186, 97, 268), 220, 222),
}


def forbidden_calls() -> bytes:
    """Write the filter for this machine.

    Returns
    -------
    bytes
        For ``bwrap --seccomp``; empty for a kind of processor that is not known here.
    """
    if platform.machine() not in _MACHINES:
        return b""
    architecture, calls, clone, mmap = _MACHINES[platform.machine()]
    refuse = _step(_RETURN, _ERROR | errno.EPERM)
    return b"".join(
        [
            _step(_LOAD, _ARCHITECTURE_AT),
            _step(_EQUAL, architecture, then=1),  # calls of 32-bit programs have other numbers
            refuse,
            _step(_LOAD, _NUMBER_AT),
            *(part for call in calls for part in (_step(_EQUAL, call, otherwise=1), refuse)),
            _step(_AT_LEAST, _X32, otherwise=1),
            refuse,
            # Its flags can't be looked at; libraries then take `clone`.
            _step(_EQUAL, _CLONE3, otherwise=1),
            _step(_RETURN, _ERROR | errno.ENOSYS),
            _step(_EQUAL, clone, otherwise=3),
            _step(_LOAD, _ARGUMENTS_AT),
            _step(_HAS, _NEW_NAMESPACE, otherwise=6),
            refuse,
            _step(_EQUAL, mmap, otherwise=4),
            _step(_LOAD, _ARGUMENTS_AT + 3 * 8),
            _step(_AND, _SHARED_ANONYMOUS),
            _step(_EQUAL, _SHARED_ANONYMOUS, otherwise=1),
            refuse,
            _step(_RETURN, _ALLOW),
        ]
    )


def _step(code: int, value: int, *, then: int = 0, otherwise: int = 0) -> bytes:
    return struct.pack("=HBBI", code, then, otherwise, value)
