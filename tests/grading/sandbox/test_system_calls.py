"""What students' code may ask of the system: the filter itself, and raw calls in the sandbox."""

import errno
import json
import platform
import struct

import pytest
from sandbox_helpers import make_sandbox

from mnistkit.grading.sandbox import bwrap as sandboxes
from mnistkit.grading.sandbox import seccomp
from mnistkit.grading.sandbox.bwrap import Sandbox, SandboxError
from mnistkit.grading.sandbox.codec import decode

ALLOW, KILL = 0x7FFF0000, 0x80000000
EPERM, ENOSYS = 0x50000 | errno.EPERM, 0x50000 | errno.ENOSYS
MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}

# Numbers on x86_64 and aarch64 (from asm/unistd.h, not from the module); each is of use to somebody who attacks.
REFUSED = {
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kcmp": (312, 272),
    "pidfd_getfd": (438, 438), "pidfd_send_signal": (424, 424), "process_madvise": (440, 440),
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282), "seccomp": (317, 277),
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "io_setup": (206, 0), "io_submit": (209, 2), "timer_create": (222, 107),
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51),
    "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430), "fsconfig": (431, 431),
    "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442),
    "unshare": (272, 97), "setns": (308, 268), "personality": (135, 92),
    "kexec_load": (246, 104), "kexec_file_load": (320, 294), "init_module": (175, 105),
    "finit_module": (313, 273), "delete_module": (176, 106), "reboot": (169, 142),
    "swapon": (167, 224), "swapoff": (168, 225), "acct": (163, 89), "quotactl": (179, 60), "syslog": (103, 116),
    "sethostname": (170, 161), "settimeofday": (164, 170), "clock_settime": (227, 112), "adjtimex": (159, 171),
    "memfd_create": (319, 279), "memfd_secret": (447, 447), "remap_file_pages": (216, 234),
    "shmget": (29, 194), "shmat": (30, 196), "msgget": (68, 186), "semget": (64, 190), "mq_open": (240, 180),
    "vmsplice": (278, 75), "splice": (275, 76), "tee": (276, 77),
    "socket": (41, 198), "bind": (49, 200), "connect": (42, 203), "listen": (50, 201), "accept4": (288, 242),
    "sendmsg": (46, 211), "sendmmsg": (307, 269), "setsockopt": (54, 208),
    "inotify_init1": (294, 26), "fanotify_init": (300, 262), "flock": (73, 32), "mincore": (27, 232),
    "preadv2": (327, 286), "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265),
    "setrlimit": (160, 164), "setuid": (105, 146), "setgid": (106, 144), "setresuid": (117, 147),
    "setgroups": (116, 159), "capset": (126, 91), "setxattr": (188, 5), "landlock_create_ruleset": (444, 444),
    "move_pages": (279, 239), "migrate_pages": (256, 238), "mbind": (237, 235), "sched_setscheduler": (144, 119),
    "sched_setattr": (314, 274), "lookup_dcookie": (212, 18), "nfsservctl": (180, 42), "vhangup": (153, 58),
}  # fmt: skip
# With these arguments, and with those.
BY_ARGUMENT = [
    ("kill", (62, 129), [(1, 9), (0, 19), (0, 20), (0, 21), (0, 22)], [(1, 15), (1, 0), (1, 11)]),
    ("tkill", (200, 130), [(1, 9), (1, 19)], [(1, 10)]),
    ("tgkill", (234, 131), [(1, 9, 9), (1, 1, 19)], [(9, 9, 6)]),
    ("rt_sigqueueinfo", (129, 138), [(1, 9)], [(1, 10)]),
    ("rt_tgsigqueueinfo", (297, 240), [(1, 1, 9)], [(9, 9, 10)]),
    ("clone", (56, 220), [(9,), (19,), (0x80,), (17 | 0x10000000,), (17 | 0x20000,), (17 | 0x02000000,)], [(17,)]),
    ("mmap", (9, 222), [(0, 9, 3, 0x21), (0, 9, 3, 0x40022)], [(0, 9, 3, 0x22), (0, 9, 3, 0x01)]),
    ("fcntl", (72, 25), [(3, n) for n in (5, 6, 7, 8, 10, 15, 36, 37, 38, 1024, 1026, 1031)], [(3, 3), (3, 1030)]),
    ("ioctl", (16, 29), [(0, n) for n in (0x5412, 0x541C, 0x8901, 0x8902, 0x5452)], [(0, 0x5401), (0, 0x5413)]),
    ("prctl", (157, 167), [(n,) for n in (1, 4, 22, 24, 35, 59, 0x59616D61)], [(15,), (16,)]),
    ("prlimit64", (302, 261), [(0, 0, 1), (0, 0, 1 << 32)], [(0, 0, 0)]),
    ("socketpair", (53, 199), [(2, 1), (1, 2), (1, 5), (16, 3)], [(1, 1), (1, 1 | 0x80000)]),
]  # fmt: skip


def decide(program, machine, number, *arguments):
    """Do with a call what the kernel does with a filter (classic BPF, as far as it is used)."""
    data = struct.pack("=iIQ6Q", number, machine, 0, *(*arguments, *[0] * 6)[:6])
    steps = list(struct.iter_unpack("=HBBI", program))
    at = word = 0
    while True:
        code, then, otherwise, value = steps[at]
        at += 1
        match code:
            case 0x20:
                (word,) = struct.unpack_from("=I", data, value)
            case 0x54:
                word &= value
            case 0x06:
                return value
            case _:
                holds = {0x15: word == value, 0x25: word > value, 0x35: word >= value, 0x45: word & value}[
                    code
                ]
                at += then if holds else otherwise


@pytest.fixture(params=MACHINES)
def machine(request, monkeypatch):
    monkeypatch.setattr(platform, "machine", lambda: request.param)
    return MACHINES[request.param]


def test_what_is_not_listed_is_refused_on_both_kinds_of_machine(machine):
    column, audit = machine
    program = seccomp.call_filter()
    for name, numbers in REFUSED.items():
        assert decide(program, audit, numbers[column]) == EPERM, name
    allowed = set(seccomp._numbers(seccomp._PLAIN + seccomp._LOOKED_AT).values())
    for number in range(451):
        if number not in allowed and number != 435:
            assert decide(program, audit, number) == EPERM, number
    assert decide(program, audit, 435) == decide(program, audit, 462) == ENOSYS  # clone3, and what is new
    assert (
        decide(program, audit, 0x40000000) == decide(program, 0x40000003, 4) == EPERM
    )  # other kinds of calls


def test_what_is_listed_is_allowed(machine):
    column, audit = machine
    program = seccomp.call_filter()
    looked_at = {name for name, *_ in BY_ARGUMENT} | {"exit", "exit_group"}
    for name, number in seccomp._numbers(seccomp._PLAIN + seccomp._LOOKED_AT).items():
        if name not in looked_at:
            assert decide(program, audit, number, *[2**64 - 1] * 6) == ALLOW, name
    for name, numbers, refused, allowed in BY_ARGUMENT:
        assert {decide(program, audit, numbers[column], *given) for given in refused} == {EPERM}, name
        assert {decide(program, audit, numbers[column], *given) for given in allowed} == {ALLOW}, name
    for leave in (60, 231) if column == 0 else (93, 94):
        assert [decide(program, audit, leave, code) for code in (0, 127, 128, 137, 256)] == [
            ALLOW,
            ALLOW,
            KILL,
            KILL,
            ALLOW,
        ]


RAW = """
import ctypes, errno, json
libc = ctypes.CDLL(None, use_errno=True)
found = {}
for name, number, *arguments in json.loads(CALLS):
    ctypes.set_errno(0)
    arguments = [ctypes.c_char_p(a.encode()) if isinstance(a, str) else ctypes.c_long(a) for a in arguments]
    result = libc.syscall(ctypes.c_long(number), *arguments)
    found[name] = errno.errorcode.get(ctypes.get_errno(), "") if result < 0 else "done"
"""


@pytest.mark.slow
def test_raw_calls_are_refused_in_the_sandbox():
    """Without the filter each of these would do what it says, or fail with another error."""
    with make_sandbox().start() as session:
        column = MACHINES[platform.machine()][0]
        calls = {name: [numbers[column], *[0] * 6] for name, numbers in REFUSED.items()}
        calls |= {
            "keyctl": [REFUSED["keyctl"][column], 1, 0],
            "add_key": [REFUSED["add_key"][column], "user", "left", "hidden", 6, -3],
            "request_key": [REFUSED["request_key"][column], "user", "left", 0, 0],
            "socket": [REFUSED["socket"][column], 2, 1, 0],
            "pidfd_send_signal": [REFUSED["pidfd_send_signal"][column], 0, 9, 0, 0],
            "shmget": [REFUSED["shmget"][column], 0, 1 << 20, 0o1600],
        }
        calls |= {f"{name} by argument": [ns[column], *refused[0]] for name, ns, refused, _ in BY_ARGUMENT}
        source = f"CALLS = {json.dumps([[name, *given] for name, given in calls.items()])!r}\n{RAW}"
        assert session.ask({"do": "run", "source": source}, 10) == {}
        found = decode(session.ask({"do": "get", "name": "found"}, 10)["value"])
    assert {name: error for name, error in found.items() if error != "EPERM"} == {}
    assert len(found) == len(REFUSED) + len(BY_ARGUMENT)


def test_a_machine_whose_calls_are_not_known_is_refused(monkeypatch):
    monkeypatch.setattr(sandboxes.shutil, "which", lambda name: "/usr/bin/bwrap")
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    with pytest.raises(SandboxError, match=r"(?s)riscv64 processors.*x86_64 or aarch64"):
        Sandbox().start()
