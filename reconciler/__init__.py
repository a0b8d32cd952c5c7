"""Declare which Agora Cloud Recordings should exist; `reconciler` makes it true and keeps it true."""

__version__ = "0.1.0"
