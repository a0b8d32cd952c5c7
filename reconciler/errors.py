"""What can go wrong, named by what the caller does next. Not for wording outcomes that are facts of the journey."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where in a manifest something stands; line and column count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One thing wrong in a manifest, and what to do about it."""

    place: Place
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


@dataclass(frozen=True, slots=True)
class Problem:
    """What the service, or the way to it, said instead of yes. Never holds a secret."""

    endpoint: str  # e.g. "start"
    said: str  # the service's own words, or what happened on the way, e.g. "no answer within 30 s"
    http_status: int | None = None
    code: int | None = None  # the service's code, not the HTTP status, e.g. 53
    request_id: str | None = None  # X-Request-Id, for Agora's support
    hint: str = ""  # what to do

    def __str__(self) -> str:
        answered = f" answered {self.http_status}" if self.http_status is not None else ""
        code = f" code {self.code}" if self.code is not None else ""
        request = f" (request id {self.request_id})" if self.request_id else ""
        hint = f". {self.hint}" if self.hint else ""
        return f"{self.endpoint}{answered}{code}: {self.said}{request}{hint}"


class ReconcilerError(Exception):
    """Everything this program raises on purpose."""


class ManifestError(ReconcilerError):
    """The manifests are not accepted: fix the files. Carries every fault of the set, in the order of their places."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = faults


class SettingsError(ReconcilerError):
    """A setting is wrong: fix the environment or `reconciler.toml`."""


class LedgerError(ReconcilerError):
    """The ledger cannot be used: stop, and never guess what it might have said."""


class ClaimLostError(LedgerError):
    """Another process has taken the key over; what we were about to write must not be written."""


class IdentityTakenError(LedgerError):
    """An open session of another recording has the same App ID, channel and uid."""


class UnsafePlanError(ReconcilerError):
    """What is asked for is probably a mistake; a person must allow it."""


class ServiceError(ReconcilerError):
    """The service did not say yes."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


class TransientError(ServiceError):
    """Certainly without effect: ask again later."""


class ThrottledError(TransientError):
    """429: over the rate; certainly without effect, and the pace must slow down."""


class NoRoomError(TransientError):
    """406: as many recorders run as the App ID may have."""


class OutcomeUnknownError(ServiceError):
    """It may have worked: settle before anything else."""


class RejectedError(ServiceError):
    """Pointless until the manifest changes."""


class AppRejectedError(RejectedError):
    """Pointless for every recording of the App ID until credentials or account change."""
