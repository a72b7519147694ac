"""Why a leg ended, out of what the network and the server said.

Source: Realtime API; PROTOCOL.md, sections 2 and 6. Pure: texts in, values out.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from antiphon.path.legs import Cause, LegEnd
from antiphon.protocol.server_events import ErrorDetail
from antiphon.wire.failures import Failure, FailureKind

NO_STATUS = 1005
ABNORMAL = 1006

_BY_CODE = {
    "invalid_api_key": Cause.CREDENTIALS,
    "invalid_organization": Cause.CREDENTIALS,
    "mismatched_organization": Cause.CREDENTIALS,
    "mismatched_project": Cause.CREDENTIALS,
    "ip_not_authorized": Cause.CREDENTIALS,
    "token_expired": Cause.CREDENTIALS,
    "beta_api_shape_disabled": Cause.CREDENTIALS,
    "insufficient_quota": Cause.QUOTA,
    "billing_hard_limit_reached": Cause.QUOTA,
    "credit_balance_exhausted": Cause.QUOTA,
    "account_deactivated": Cause.QUOTA,
    "invalid_model": Cause.CLIENT,
    "missing_model": Cause.CLIENT,
    "model_not_found": Cause.CLIENT,
    "invalid_intent": Cause.CLIENT,
    "DeploymentNotFound": Cause.CLIENT,
    "rate_limit_exceeded": Cause.RATE_LIMIT,
    "session_expired": Cause.EXPIRED,
}
_BY_CLOSE = {3000: Cause.CREDENTIALS, 4000: Cause.CLIENT, 1013: Cause.FULL}
_BY_STATUS = {
    401: Cause.CREDENTIALS,
    403: Cause.CREDENTIALS,
    429: Cause.RATE_LIMIT,
    503: Cause.FULL,
}
_EXPIRED = re.compile(r"maximum duration|session (has )?expired", re.IGNORECASE)
_MODEL = re.compile(r"\bmodel\b|deployment", re.IGNORECASE)

_FIX_BY_CODE = {
    "beta_api_shape_disabled": "the server speaks the GA API only; set dialect = 'ga' for this upstream",
    "mismatched_project": "the key belongs to another project; remove project, or give that project's key",
    "mismatched_organization": "the key belongs to another organization; remove organization, or give its key",
    "ip_not_authorized": "the account does not allow this machine's address; allow it in the dashboard",
    "account_deactivated": "the account is deactivated; ask the provider",
}
_FIX = {
    Cause.CLIENT: "check the model that the client asked for, and this upstream's models",
    Cause.CREDENTIALS: "the key was not accepted; check api_key (OPENAI_API_KEY) and what it may use",
    Cause.QUOTA: "nothing is left on the account; add credit or raise its limit",
    Cause.RATE_LIMIT: "too many sessions or requests at once; wait, or ask for a higher limit",
    Cause.FULL: "the server is full or still loading; it is tried again",
    Cause.UNREACHABLE: "check base_url and the network",
    Cause.EXPIRED: "the session reached its longest duration; a new one is opened",
    Cause.LOST: "it is opened again",
    Cause.SILENT: "it is opened again",
}
_FIX_BY_KIND = {
    FailureKind.DNS: "check the host in base_url, and the name servers",
    FailureKind.REFUSED: "see whether the server runs, and check host and port of base_url",
    FailureKind.TLS_UNTRUSTED: "check the host name, or name the authority's file in tls_ca or SSL_CERT_FILE",
    FailureKind.TLS: "if the server speaks no TLS, use http in base_url",
    FailureKind.TIMEOUT: "check base_url, the network and its proxy",
    FailureKind.PROXY: "check proxy, or HTTPS_PROXY and NO_PROXY in the environment",
    FailureKind.NOT_HTTP: "check base_url, and whether the port speaks TLS (https)",
}


@dataclass(frozen=True)
class Ending:
    """What is known of the end of an open connection.

    Args:
        code: Of the CLOSE frame; None when there was none.
        reason: Of the CLOSE frame.
        error: The `error` event that came just before, None without.
        had_session: Whether `session.created` had come.
        detail: What happened, where there was no CLOSE frame.
    """

    code: int | None = None
    reason: str = ""
    error: ErrorDetail | None = None
    had_session: bool = False
    detail: str = ""


def end_of_failure(failure: Failure, clean: Callable[[str], str]) -> LegEnd:
    """Return how a leg ended whose connection could not be made."""
    if failure.kind is not FailureKind.STATUS:
        fix = _FIX_BY_KIND.get(failure.kind, _FIX[Cause.UNREACHABLE])
        return LegEnd(Cause.UNREACHABLE, f"{clean(failure.message)}; {fix}")
    cause = _cause_of_status(failure)
    said = clean(failure.said)
    error = ErrorDetail("invalid_request_error", failure.code or None, said) if said else None
    message = clean(failure.message) + (f": {said}" if said else "")
    return LegEnd(cause, f"{message}; {_fix_of_status(failure, cause)}", error)


def _cause_of_status(failure: Failure) -> Cause:
    if failure.code in _BY_CODE:
        return _BY_CODE[failure.code]
    if failure.status == 404 and _MODEL.search(f"{failure.code} {failure.said}"):
        return Cause.CLIENT
    return _BY_STATUS.get(failure.status, Cause.UNREACHABLE)


def _fix_of_status(failure: Failure, cause: Cause) -> str:
    if failure.location:
        return "give the address that it points to as base_url"
    if cause is Cause.UNREACHABLE and failure.status in (400, 404, 405, 426):
        return "there is no Realtime API at this address; base_url usually ends with /v1 (Azure: /openai/v1)"
    if cause is Cause.UNREACHABLE:
        return "the server failed; it is tried again"
    return _FIX_BY_CODE.get(failure.code, _FIX[cause])


def end_of_connection(ending: Ending, clean: Callable[[str], str]) -> LegEnd:
    """Return how a leg ended whose WebSocket had been opened."""
    error = _cleaned(ending.error, clean)
    reason = clean(ending.reason)
    cause = _cause_of_ending(ending)
    code = _code(ending)
    said = error.message if error else reason or clean(ending.detail)
    how = f"the server closed the connection ({ending.code})" if ending.code else "the connection broke"
    message = f"{how}{f': {said}' if said else ''}; {_FIX_BY_CODE.get(code, _FIX[cause])}"
    return LegEnd(cause, message, error, ending.code, reason)


def _cause_of_ending(ending: Ending) -> Cause:
    if _EXPIRED.search(ending.reason):
        return Cause.EXPIRED
    code = _code(ending)
    if code in _BY_CODE:
        return _BY_CODE[code]
    if ending.code == 1008 and not ending.had_session:
        return Cause.CREDENTIALS
    return _BY_CLOSE.get(ending.code or ABNORMAL, Cause.LOST)


def _code(ending: Ending) -> str:
    """Return the error's code; OpenAI's close reason is `type.code`."""
    if ending.error and ending.error.code:
        return ending.error.code
    return ending.reason.rpartition(".")[2]


def _cleaned(error: ErrorDetail | None, clean: Callable[[str], str]) -> ErrorDetail | None:
    if error is None:
        return None
    param = clean(error.param) if error.param else error.param
    return ErrorDetail(clean(error.type), clean(error.code) if error.code else None, clean(error.message), param)


def no_session(seconds: float) -> LegEnd:
    """Return the end of a leg whose server opened the WebSocket and said nothing."""
    found = f"the WebSocket opened, and no session.created came within {seconds:g} s"
    return LegEnd(Cause.UNREACHABLE, f"{found}; check that base_url is a Realtime server's")


def refused_without_close(error: ErrorDetail, clean: Callable[[str], str]) -> LegEnd:
    """Return the end of a leg whose server sent an error in place of `session.created`, and did not close."""
    end = end_of_connection(Ending(None, "", error, False), clean)
    found = f"the server refused the session: {end.error.message if end.error else ''}"
    cause = Cause.UNREACHABLE if end.cause is Cause.LOST else end.cause
    return replace(end, cause=cause, message=f"{found}; {_FIX_BY_CODE.get(error.code or '', _FIX[cause])}")
