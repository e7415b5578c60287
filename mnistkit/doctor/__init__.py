"""What ``mnistkit doctor`` looks at: each check is a function that yields what it finds.

`CHECKS` is the one list of them. A new check is a function in one of the modules beside this one, and a line
there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from mnistkit.doctor import course_data, installation, machine
from mnistkit.doctor.diagnosis import Diagnosis, fault
from mnistkit.errors import UserError

CHECKS: Mapping[str, Callable[[], Iterator[Diagnosis]]] = {
    "python": installation.check_python,
    "packages": installation.check_packages,
    "kernel": installation.check_kernel,
    "disk": machine.check_disk,
    "memory": machine.check_memory,
    "permissions": machine.check_permissions,
    "ports": machine.check_ports,
    "clock": machine.check_clock,
    "graphviz": machine.check_graphviz,
    "browser": machine.check_browser,
    "data": course_data.check_data,
    "weights": course_data.check_weights,
    "sandbox": machine.check_sandbox,
    "tensorflow": installation.check_tensorflow,
}
"""Every check by its name, the fast ones first."""


def diagnose() -> Iterator[Diagnosis]:
    """Carry out all checks.

    Yields
    ------
    Diagnosis
        As soon as it is found. A check that fails itself is a fault, and stops no other.
    """
    for name, check in CHECKS.items():
        try:
            for diagnosis in check():
                yield replace(diagnosis, check=name)
        except UserError as error:
            yield replace(fault(f"{error.where}: {error.found}", error.todo), check=name)
        except Exception as error:  # whatever is wrong with a machine must not hide the rest
            yield replace(
                fault(f"{type(error).__name__}: {error}", "report this: the check failed"), check=name
            )
