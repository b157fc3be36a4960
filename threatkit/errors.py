"""Errors of the toolkit: one base to catch, one exit code each, and faults as data.

The tree::

    ThreatkitError            exit 1   the run failed
    ├── InvalidInput          exit 3   what was given breaks a rule (also a ValueError)
    ├── GateNotMet            exit 4   the sampler's diagnostics gate was not met
    ├── OutputFailed          exit 1   a result could not be written (also an OSError)
    └── WorkStopped           exit 1   repeated work stopped part-way; what is done is kept

A message names the thing, the rule, the value found and the way out. Checks of input
gather every fault first, so that a user mends a file once and not fault by fault.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong with an input.

    Attributes
    ----------
    where
        File, with the row or key where known: ``values.csv, row 7, column 'value'``.
    rule
        The rule that is broken, as a sentence part: ``a share lies between 0 and 100``.
    found
        The value found, as text; empty where nothing was found.
    remedy
        What to do about it.
    """

    where: str
    rule: str
    found: str = ""
    remedy: str = ""

    def __str__(self) -> str:
        found = f", found {self.found}" if self.found else ""
        remedy = f". {self.remedy}" if self.remedy else ""
        return f"{self.where}: {self.rule}{found}{remedy}"


class ThreatkitError(Exception):
    """Anything the toolkit raises on purpose."""

    exit_code = 1


class InvalidInput(ThreatkitError, ValueError):
    """What was given breaks one or more rules; all of them are in ``faults``."""

    exit_code = 3

    def __init__(self, faults: Fault | str | Iterable[Fault]) -> None:
        if isinstance(faults, str):
            faults = Fault(where=faults, rule="")
        self.faults: tuple[Fault, ...] = (faults,) if isinstance(faults, Fault) else tuple(faults)
        lines = [str(fault).removesuffix(": ") for fault in self.faults]
        head = f"{len(lines)} faults found:\n" if len(lines) > 1 else ""
        super().__init__(head + "\n".join(lines))


class GateNotMet(ThreatkitError):
    """The diagnostics gate was not met: the result is written and marked unusable."""

    exit_code = 4


class NotRepeated(ThreatkitError):
    """A run was fitted again and its draws are others."""

    exit_code = 5


class OutputFailed(ThreatkitError, OSError):
    """A result could not be written; nothing that was there before is changed."""

    exit_code = 1


class WorkStopped(ThreatkitError):
    """Repeated work stopped part-way, as a worker was lost; finished tasks are kept."""

    exit_code = 1
