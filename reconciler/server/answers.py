"""What every answer has in common: JSON that nobody may keep."""

from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import JSONResponse

NO_STORE: Final = {"Cache-Control": "no-store"}


def answer(document: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> JSONResponse:
    return JSONResponse(document, status, {**NO_STORE, **(headers or {})})


def refusal(words: str, status: int, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """Answer that it is not done, and why."""
    return answer({"error": words}, status, headers)
