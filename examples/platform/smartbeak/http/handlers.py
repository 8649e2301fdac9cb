"""What HTTP programs share: the shape of their errors, and their documentation."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from fastapi.telemetry import TelemetryConfig
from psycopg import DataError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from smartbeak.process.errors import ApiError, UnavailableError, internal, invalid, not_found
from smartbeak.process.logs import Log, reason

UNTRACED: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}
"""FastAPI's own telemetry, off: the gate in front of it refuses requests that it never sees,
so `process/tracing` makes the span of each request before the gate."""

log = Log("http")


def add_errors(app: FastAPI) -> None:
    """Gives every error the platform's shape."""

    def answer(request: Request, error: ApiError) -> JSONResponse:
        request_id = request.scope["state"].get("request_id", "")
        return JSONResponse(error.body(request_id), error.status, headers=error.headers)

    @app.exception_handler(ApiError)
    async def on_api_error(request: Request, error: ApiError) -> Response:
        if isinstance(error, UnavailableError):
            log.warn("dependency away", dependency=error.service, error=error.cause)
        return answer(request, error)

    @app.exception_handler(RequestValidationError)
    async def on_invalid(request: Request, error: RequestValidationError) -> Response:
        places = {tuple(each["loc"][:2]) for each in error.errors() if each["type"] == "missing"}
        if ("query", "domainId") in places:
            return answer(request, invalid("Domain ID is required", "MISSING_PARAMETER"))
        if "/publishing/jobs/" in request.url.path:
            return answer(request, invalid("Invalid job ID", "INVALID_PARAMS"))
        return answer(request, invalid())

    @app.exception_handler(DataError)
    async def on_bad_value(request: Request, error: DataError) -> Response:
        log.warn("refused by the database", error=reason(error))
        return answer(request, invalid())

    @app.exception_handler(HTTPException)
    async def on_http_error(request: Request, error: HTTPException) -> Response:
        if error.status_code == 404:
            return answer(request, not_found("Route"))
        if error.status_code == 405:
            headers = {"Allow": ", ".join(sorted(_allowed(app, request)))}
            said = ApiError(405, "METHOD_NOT_ALLOWED", "Method not allowed", headers=headers)
            return answer(request, said)
        return answer(request, ApiError(error.status_code, "VALIDATION_ERROR", str(error.detail)))

    @app.exception_handler(Exception)
    async def on_defect(request: Request, _: Exception) -> Response:
        return answer(request, internal())  # the gate says in the log what it was


def _allowed(app: FastAPI, request: Request) -> set[str]:
    """Methods that a path may be asked with; each of them is a route of its own."""
    return {
        method
        for route in iter_route_contexts(app.routes)
        if route.path_regex.match(request.scope["path"])
        for method in route.methods or ()
    }


def add_document(app: FastAPI) -> None:
    """Serves the OpenAPI document."""
    said: list[dict[str, Any]] = []

    @app.get("/openapi.json", include_in_schema=False)
    async def get_document() -> JSONResponse:
        if not said:
            said.append(document(app))
        return JSONResponse(said[0])


def document(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document of a program: errors are 400 here, never 422.

    What `app.state.said` says of an operation, by method and path, is in it.
    """
    found: dict[str, Any] = FastAPI.openapi(app)
    said: dict[tuple[str, str], dict[str, Any]] = getattr(app.state, "said", {})
    for path, operations in found["paths"].items():
        for method, operation in operations.items():
            operation["responses"].pop("422", None)
            operation.update(said.get((method.upper(), path), {}))
    for name in ("HTTPValidationError", "ValidationError"):
        found["components"]["schemas"].pop(name, None)
    return found
