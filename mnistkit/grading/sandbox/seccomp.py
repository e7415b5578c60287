"""What students' code may ask of the system: an allow-list of calls, which the kernel holds (seccomp).

Listed is what Python, NumPy, SciPy, pandas, matplotlib, scikit-learn, Keras with TensorFlow, IPython, joblib
and ordinary commands ask for, and the evident siblings. All else is refused, among it: keyrings, namespaces,
mounts, sockets, BPF, io_uring, tracing; what lets two submissions meet (locks on files, leases and watches of
files, the state of the page cache); and memory that counts for no process (files without a name, System V
memory, shared memory without a file, larger buffers of pipes and sockets).

Some of the allowed calls are looked at more closely, so that an end by SIGKILL and a stop are never the
code's doing (`mnistkit.grading.sandbox.bwrap.SandboxFailure` is built on it): it can send neither signal,
by whatever way a signal may be chosen; it can't end with a status from 128 on, which is how bubblewrap passes
on signals; and it can't change its own limits.

The filter is loaded by the process itself when it has taken on its limits and its user, before any of the
student's code. A refused call fails with "Operation not permitted"; what is newer than this list is "not
implemented", so that libraries take the older call.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import re
import signal
import struct
from collections.abc import Sequence
from itertools import pairwise

# Name, then the number on x86_64 and on aarch64 (asm/unistd_64.h, asm-generic/unistd.h).
_PLAIN = """
    # files
    read=0/63 write=1/64 open=2/- close=3/57 stat=4/- fstat=5/80 lstat=6/- lseek=8/62 pread64=17/67
    pwrite64=18/68 readv=19/65 writev=20/66 access=21/- dup=32/23 dup2=33/- dup3=292/24 creat=85/-
    openat=257/56 openat2=437/437 newfstatat=262/79 statx=332/291 faccessat=269/48 faccessat2=439/439
    readlink=89/- readlinkat=267/78 getdents=78/- getdents64=217/61 getcwd=79/17 chdir=80/49
    fchdir=81/50 rename=82/- renameat=264/38 renameat2=316/276 mkdir=83/- mkdirat=258/34 rmdir=84/-
    link=86/- linkat=265/37 unlink=87/- unlinkat=263/35 symlink=88/- symlinkat=266/36 chmod=90/-
    fchmod=91/52 fchmodat=268/53 chown=92/- fchown=93/55 lchown=94/- fchownat=260/54 umask=95/166
    utime=132/- utimes=235/- futimesat=261/- utimensat=280/88 mknod=133/- mknodat=259/33 truncate=76/45
    ftruncate=77/46 fallocate=285/47 fsync=74/82 fdatasync=75/83 sync_file_range=277/84
    fadvise64=221/223 readahead=187/213 statfs=137/43 fstatfs=138/44 getxattr=191/8 lgetxattr=192/9
    fgetxattr=193/10 listxattr=194/11 llistxattr=195/12 flistxattr=196/13 preadv=295/69 pwritev=296/70
    copy_file_range=326/285 sendfile=40/71 close_range=436/436
    # memory
    mprotect=10/226 munmap=11/215 brk=12/214 mremap=25/216 msync=26/227 madvise=28/233 mlock=149/228
    munlock=150/229 mlock2=325/284 get_mempolicy=239/236 membarrier=324/283
    # waiting
    poll=7/- ppoll=271/73 select=23/- pselect6=270/72 epoll_create=213/- epoll_create1=291/20
    epoll_ctl=233/21 epoll_wait=232/- epoll_pwait=281/22 epoll_pwait2=441/441 eventfd=284/-
    eventfd2=290/19 signalfd=282/- signalfd4=289/74 timerfd_create=283/85 timerfd_settime=286/86
    timerfd_gettime=287/87 pipe=22/- pipe2=293/59 futex=202/98 futex_waitv=449/449 nanosleep=35/101
    clock_nanosleep=230/115 pause=34/- sched_yield=24/124 restart_syscall=219/128 recvfrom=45/207
    recvmsg=47/212 sendto=44/206 shutdown=48/210 getsockname=51/204 getpeername=52/205 getsockopt=55/209
    # processes
    fork=57/- vfork=58/- execve=59/221 wait4=61/260 waitid=247/95 getpid=39/172 getppid=110/173
    gettid=186/178 getpgid=121/155 getpgrp=111/- setpgid=109/154 getsid=124/156 setsid=112/157
    set_tid_address=218/96 set_robust_list=273/99 get_robust_list=274/100 rseq=334/293 arch_prctl=158/-
    pidfd_open=434/434 getpriority=140/141 setpriority=141/140 sched_getaffinity=204/123
    sched_setaffinity=203/122 sched_getparam=143/121 sched_getscheduler=145/120
    sched_get_priority_max=146/125 sched_get_priority_min=147/126 sched_rr_get_interval=148/127
    sched_getattr=315/275 getcpu=309/168 getuid=102/174 getgid=104/176 geteuid=107/175 getegid=108/177
    getresuid=118/148 getresgid=120/150 getgroups=115/158 capget=125/90 getrlimit=97/163
    getrusage=98/165 times=100/153 sysinfo=99/179 uname=63/160 getrandom=318/278
    # signals
    rt_sigaction=13/134 rt_sigprocmask=14/135 rt_sigreturn=15/139 rt_sigpending=127/136
    rt_sigtimedwait=128/137 rt_sigsuspend=130/133 sigaltstack=131/132 alarm=37/- getitimer=36/102
    setitimer=38/103
    # time
    time=201/- gettimeofday=96/169 clock_gettime=228/113 clock_getres=229/114
"""
_LOOKED_AT = """
    clone=56/220 exit=60/93 exit_group=231/94 fcntl=72/25 ioctl=16/29 kill=62/129 mmap=9/222 prctl=157/167
    prlimit64=302/261 rt_sigqueueinfo=129/138 rt_tgsigqueueinfo=297/240 socketpair=53/199 tgkill=234/131
    tkill=200/130
"""
_NEEDED_TO_LOAD = "keyctl=250/219 seccomp=317/277"

_MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
"""Column above, and what the kernel calls the processor (linux/audit.h)."""
_CLONE3 = 435
_LAST = 450
"""Newest call that was looked at; those from _X32 on are x86_64's calls with 32-bit pointers."""
_X32 = 0x40000000

# linux/bpf_common.h: load a word, jump if equal, greater, at least, has a bit; return. struct seccomp_data.
_LOAD, _AND, _EQUAL, _GREATER, _AT_LEAST, _HAS, _RETURN = 0x20, 0x54, 0x15, 0x25, 0x35, 0x45, 0x06
_NUMBER_AT, _ARCHITECTURE_AT, _ARGUMENTS_AT = 0, 4, 16
_ALLOW, _ERROR, _END = 0x7FFF0000, 0x00050000, 0x80000000

_NEW_NAMESPACE = 0x7E020000  # CLONE_NEW…; a new one of time is among the bits of the signal
_SHARED, _ANONYMOUS, _HUGE = 0x01, 0x20, 0x40000  # MAP_…; nobody's memory, in two ways
_UNSENT = (9, 19, 20, 21, 22)  # SIGKILL, STOP, TSTP, TTIN, TTOU, which Windows' Python has no names for
# F_DUPFD, GETFD, SETFD, GETFL, SETFL, GETOWN, DUPFD_QUERY, DUPFD_CLOEXEC, GETPIPE_SZ, GET_SEALS: no locks,
# leases, watches, signals, larger pipes.
_FCNTL = (0, 1, 2, 3, 4, 9, 1027, 1030, 1032, 1034)
# Of terminals (TCGETS and TCSETS, TIOCSCTTY, GPGRP, SPGRP, GWINSZ, SWINSZ, GPTPEER, GPTN, SPTLCK; not TIOCSTI
# and TIOCLINUX, which type on them), FIONREAD, FIONBIO, FIONCLEX, FIOCLEX, FICLONE.
_IOCTL = (
    *(0x5401, 0x5402, 0x5403, 0x5404, 0x540E, 0x540F, 0x5410, 0x5413, 0x5414, 0x5441, 0x80045430, 0x40045431),
    *(0x541B, 0x5421, 0x5450, 0x5451, 0x40049409),
)
# PR_GET_PDEATHSIG, GET_DUMPABLE, SET_NAME, GET_NAME, GET_SECCOMP, CAPBSET_READ, SET_ and GET_TIMERSLACK,
# GET_NO_NEW_PRIVS, GET_THP_DISABLE, SVE_GET_VL, PAC_RESET_KEYS, GET_TAGGED_ADDR_CTRL, SET_VMA.
_PRCTL = (2, 3, 15, 16, 21, 23, 29, 30, 39, 42, 51, 54, 56, 0x53564D41)
_AF_UNIX, _SOCK_STREAM = 1, 1

_KEYCTL_JOIN_SESSION_KEYRING, _SECCOMP_SET_MODE_FILTER, _SECCOMP_FILTER_FLAG_TSYNC = 1, 1, 1


def unsupported() -> str:
    """Say why calls can't be limited on this machine; empty where they can."""
    if platform.system() == "Linux" and platform.machine() in _MACHINES:
        return ""
    return f"the calls of {platform.system()} on {platform.machine()} processors are not known here"


def _numbers(table: str) -> dict[str, int]:
    if problem := unsupported():
        raise OSError(errno.ENOSYS, problem)
    column, _ = _MACHINES[platform.machine()]
    rows = re.findall(r"(\w+)=(\d+|-)/(\d+|-)", table)
    return {name: int(numbers[column]) for name, *numbers in rows if numbers[column] != "-"}


def confine() -> None:
    """Limit this process and all that it starts to the allowed calls, and leave the login's keyrings.

    There is no way back. The process must have no more privileges to gain (``PR_SET_NO_NEW_PRIVS``, which
    bubblewrap sets).

    Raises
    ------
    OSError
        If the kernel can't or may not do it, or on a kind of machine that is not known here.
    """
    numbers = _numbers(_NEEDED_TO_LOAD)
    libc = ctypes.CDLL(None, use_errno=True)
    # Without a name: a new one. A kernel without keys has none to leave.
    libc.syscall(numbers["keyctl"], _KEYCTL_JOIN_SESSION_KEYRING, None)
    program = call_filter()
    content = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("@HP", len(program) // 8, ctypes.addressof(content))  # struct sock_fprog
    mode = (_SECCOMP_SET_MODE_FILTER, _SECCOMP_FILTER_FLAG_TSYNC)
    if libc.syscall(numbers["seccomp"], *mode, ctypes.c_char_p(header)):
        raise OSError(ctypes.get_errno(), "the kernel took no filter of calls")


def call_filter() -> bytes:
    """Write the filter for this machine.

    Returns
    -------
    bytes
        A program of classic BPF, for seccomp.

    Raises
    ------
    OSError
        On a kind of machine that is not known here.
    """
    plain, looked_at = _numbers(_PLAIN), _numbers(_LOOKED_AT)
    signals = {"kill": 1, "tkill": 1, "tgkill": 2, "rt_sigqueueinfo": 1, "rt_tgsigqueueinfo": 2}
    rules = {
        **{name: _none_of(at, _UNSENT) for name, at in signals.items()},
        "clone": [
            *_argument(0),
            _step(_HAS, _NEW_NAMESPACE, 0, 1),
            _REFUSE,
            *_one_of(0, (0, signal.SIGCHLD), 0xFF),
        ],
        "mmap": [
            *_argument(3),
            *_refuse_if(_HAS, _HUGE),
            _step(_AND, _SHARED | _ANONYMOUS),
            *_refuse_if(_EQUAL, _SHARED | _ANONYMOUS),
            _step(_RETURN, _ALLOW),
        ],
        "exit": _exit_rule(),
        "exit_group": _exit_rule(),
        "fcntl": _one_of(1, _FCNTL),
        "ioctl": _one_of(1, _IOCTL),
        "prctl": _one_of(0, _PRCTL),
        "prlimit64": [*_argument(2), *_refuse_unless(0), *_argument(2, high=True), *_refuse_unless(0), _PASS],
        "socketpair": [*_argument(0), *_refuse_unless(_AF_UNIX), *_one_of(1, (_SOCK_STREAM,), 0xF)],
    }
    _, architecture = _MACHINES[platform.machine()]
    steps = [
        _step(_LOAD, _ARCHITECTURE_AT),
        *_refuse_unless(architecture),  # calls of 32-bit programs have other numbers
        _step(_LOAD, _NUMBER_AT),
        *_refuse_if(_AT_LEAST, _X32),
        _step(_GREATER, _LAST, 1, 0),
        _step(_EQUAL, _CLONE3, 0, 1),  # its flags can't be looked at; libraries then take `clone`
        _step(_RETURN, _ERROR | errno.ENOSYS),
    ]
    for name, number in looked_at.items():
        steps += [_step(_EQUAL, number, 0, len(rules[name])), *rules[name]]
    for first, last in _ranges(sorted(plain.values())):
        steps += [_step(_GREATER, last, 3, 0), _step(_AT_LEAST, first, 0, 1), _PASS, _REFUSE]
    return b"".join([*steps, _REFUSE])


def _ranges(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """Give the first and the last number of each run without gaps."""
    cuts = [i for i, (one, next_one) in enumerate(pairwise(numbers), start=1) if next_one != one + 1]
    return [(numbers[i], numbers[j - 1]) for i, j in pairwise([0, *cuts, len(numbers)])]


def _step(code: int, value: int, then: int = 0, otherwise: int = 0) -> bytes:
    return struct.pack("=HBBI", code, then, otherwise, value)


_PASS = _step(_RETURN, _ALLOW)
_REFUSE = _step(_RETURN, _ERROR | errno.EPERM)


def _argument(number: int, *, high: bool = False) -> list[bytes]:
    """Load an argument's lower half, which is all that the kernel looks at where it wants an ``int``."""
    return [_step(_LOAD, _ARGUMENTS_AT + 8 * number + 4 * high)]


def _refuse_if(test: int, value: int) -> list[bytes]:
    return [_step(test, value, 0, 1), _REFUSE]


def _refuse_unless(value: int) -> list[bytes]:
    return [_step(_EQUAL, value, 1, 0), _REFUSE]


def _one_of(argument: int, values: Sequence[int], mask: int = 0xFFFFFFFF) -> list[bytes]:
    """Allow certain values of an argument only."""
    tests = [_step(_EQUAL, value, len(values) - i, 0) for i, value in enumerate(values)]
    return [*_argument(argument), _step(_AND, mask), *tests, _REFUSE, _PASS]


def _none_of(argument: int, values: Sequence[int]) -> list[bytes]:
    return [*_argument(argument), *(part for value in values for part in _refuse_if(_EQUAL, value)), _PASS]


def _exit_rule() -> list[bytes]:
    """End by SIGSYS whoever wants to end as if by a signal: this call has no way to fail."""
    return [*_argument(0), _step(_HAS, 0x80, 0, 1), _step(_RETURN, _END), _PASS]
