"""Whose turn it is: one loop per recording, one turn at a time, most urgent first. Not for what a turn does."""

from reconciler.controller.assignments import RESTING, Assignment, Watch
from reconciler.controller.controller import Controller
from reconciler.controller.gates import Gates

__all__ = ["RESTING", "Assignment", "Controller", "Gates", "Watch"]
