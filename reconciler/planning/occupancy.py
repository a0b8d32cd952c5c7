"""Who is believed to be in a channel. Pure."""

from enum import StrEnum


class Presence(StrEnum):
    OCCUPIED = "occupied"
    EMPTY = "empty"
    UNKNOWN = "unknown"
