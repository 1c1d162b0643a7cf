"""How the threads of OpenMP wait for one another: a moment in a busy loop, then without a core.

At the end of every parallel loop, all threads wait for the slowest one. By default they do so in a
long busy loop. Beside another process, that takes the core which the slowest thread needs.
"""

import os

# https://gcc.gnu.org/onlinedocs/libgomp/Environment-Variables.html
POLICY, SPINS = "OMP_WAIT_POLICY", "GOMP_SPINCOUNT"
# This busy loop takes some 30 microseconds. Without it, MTCNN would take half as long again: waking
# a thread takes longer than one of its many short loops. With ten times as many turns, it would be
# three times as slow beside other processes (benchmarks/busy_machine.py).
SETTINGS = {POLICY: "PASSIVE", SPINS: "3000"}


def wait_politely() -> None:
    """Let this process and those that it starts wait as SETTINGS say, unless the user has set
    either variable. OpenMP reads them once, when torch is imported."""
    if not SETTINGS.keys() & os.environ.keys():
        os.environ.update(SETTINGS)


def settings() -> dict[str, str]:
    """Return the variables that are in force, of those that SETTINGS names."""
    return {name: os.environ[name] for name in SETTINGS if name in os.environ}


def describe() -> str:
    """Return the variables that are in force as text, such as OMP_WAIT_POLICY=PASSIVE."""
    return " ".join(f"{name}={value}" for name, value in settings().items())
