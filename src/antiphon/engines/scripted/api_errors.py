"""The API's errors, as faults send them: their texts, close codes and reasons.

Source: Realtime API, "WebSocket connect" and errors; the close codes follow real traffic.
"""

from dataclasses import dataclass

REQUEST = "invalid_request_error"


@dataclass(frozen=True)
class ApiError:
    """One error; `close_code` is None for one that leaves the session open."""

    code: str | None
    message: str
    type: str = REQUEST
    close_code: int | None = None
    reason: str = ""

    @property
    def close_reason(self) -> str:
        return self.reason or (f"{self.type}.{self.code}" if self.code else self.type)


_EXPIRED = "Your session hit the maximum duration of 60 minutes."
_QUOTA = "You exceeded your current quota, please check your plan and billing details."

# By the name that a script gives; `missing_key` is the one whose code is null.
ERRORS = {
    "invalid_api_key": ApiError("invalid_api_key", "Incorrect API key provided.", close_code=3000),
    "missing_key": ApiError(None, "Missing bearer or basic authentication in header", close_code=3000),
    "insufficient_quota": ApiError("insufficient_quota", _QUOTA, "insufficient_quota", 3000),
    "credit_balance_exhausted": ApiError(
        "credit_balance_exhausted", "Your credit balance is used up.", close_code=3000
    ),
    "billing_hard_limit_reached": ApiError(
        "billing_hard_limit_reached", "Billing hard limit has been reached.", close_code=3000
    ),
    "account_deactivated": ApiError(
        "account_deactivated", "The account of this API key has been deactivated.", close_code=3000
    ),
    "invalid_model": ApiError("invalid_model", "This model is not supported in realtime mode.", close_code=4000),
    "missing_model": ApiError("missing_model", "You must provide a model parameter.", close_code=4000),
    "invalid_intent": ApiError("invalid_intent", "Invalid intent.", close_code=4000),
    "beta_api_shape_disabled": ApiError(
        "beta_api_shape_disabled", "The Realtime Beta API is no longer supported; use the GA API.", close_code=4000
    ),
    "session_expired": ApiError("session_expired", _EXPIRED, close_code=1001, reason=_EXPIRED),
    "server_full": ApiError("server_full", "No session is free; try again later.", "server_error", 1013),
    "server_error": ApiError("server_error", "The server had an error while processing your request.", "server_error"),
    "rate_limit_exceeded": ApiError("rate_limit_exceeded", "Rate limit reached for requests; try again later."),
    "conversation_already_has_active_response": ApiError(
        "conversation_already_has_active_response",
        "Conversation already has an active response in progress: resp_emulated. "
        "Wait until the response is finished before creating a new one.",
    ),
    "response_cancel_not_active": ApiError(
        "response_cancel_not_active", "Cancellation failed: no active response found"
    ),
}


def api_error(code: str) -> ApiError:
    """Return the error of that name; one that is not known has a text that says so, and leaves the session open."""
    return ERRORS.get(code) or ApiError(code, f"An error of the emulator's script: {code}.")


# What an HTTP status at the upgrade says in its body: type, code, message.
STATUS_ERRORS: dict[int, tuple[str, str | None, str]] = {
    401: (REQUEST, "invalid_api_key", "Incorrect API key provided."),
    403: (REQUEST, None, "You do not have access to this resource."),
    404: (REQUEST, "unknown_url", "Unknown request URL."),
    429: ("requests", "rate_limit_exceeded", "Rate limit reached for requests; try again later."),
    500: ("server_error", "server_error", "The server had an error while processing your request."),
    503: ("server_error", "service_unavailable", "The server is overloaded; try again later."),
}
