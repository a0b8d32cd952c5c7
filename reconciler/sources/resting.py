"""Telling what rests in a set that does not: which files keep changing, and what the others say meanwhile."""

from dataclasses import replace

from reconciler.errors import Fault, Place
from reconciler.manifests.files import Reading


def restless(before: Reading, now: Reading) -> tuple[Place, ...]:
    """Name what differs between two readings, by file."""
    files = {Place(file.name, 1, 1) for file in {*before.files} ^ {*now.files}}
    return tuple(sorted(files | {fault.place for fault in {*before.faults} ^ {*now.faults}}))


def rested(accepted: Reading, before: Reading, now: Reading) -> Reading:
    """Give the set as it would be if what keeps changing had not been touched since it was accepted."""
    moving = {place.file for place in restless(before, now)}
    files = [file for file in now.files if file.name not in moving]
    files += [file for file in accepted.files if file.name in moving]
    return replace(now, files=tuple(sorted(files, key=lambda file: file.name)))


def restless_faults(before: Reading, now: Reading, seconds: float) -> tuple[Fault, ...]:
    """Say what keeps a whole set from being taken."""
    message = f"keeps changing: the set is taken when all of it has rested for {seconds:g} s"
    return tuple(Fault(place, message) for place in restless(before, now))
