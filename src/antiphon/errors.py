"""The errors of Antiphon, one class for each party that must act."""


class AntiphonError(Exception):
    """Root of every error that Antiphon raises on purpose."""


class ClientEventError(AntiphonError):
    """The client sent something that the Realtime API refuses; it becomes an `error` event.

    Args:
        code: The API's error code, such as `invalid_value`.
        message: What was found and what to send instead.
        param: Dotted path of the offending field, such as `session.audio.input.format.rate`.
    """

    def __init__(self, code: str, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.param = param


class StageError(AntiphonError):
    """A stage (VAD, STT, LLM, TTS) could not do its work; the operator must act.

    Args:
        stage: The stage and its provider, such as `llm openai`.
        message: What happened and what to do next; never contains a key.
        code: A short machine-readable cause, such as `connection_failed`.
    """

    def __init__(self, stage: str, message: str, code: str = "stage_failed") -> None:
        super().__init__(f"{stage}: {message}")
        self.stage = stage
        self.message = message
        self.code = code


class MissingExtraError(StageError):
    """A stage needs a package that is not installed."""

    def __init__(self, stage: str, package: str, extra: str) -> None:
        super().__init__(
            stage,
            f"the package {package!r} is not installed; install it with: pip install 'antiphon[{extra}]'",
            "missing_extra",
        )
        self.extra = extra


class ConfigError(AntiphonError):
    """A setting is wrong; the operator must change it."""


class MediaError(AntiphonError):
    """Audio or a packet could not be read."""


class UpstreamError(AntiphonError):
    """A remote Realtime server refused, failed or could not be reached."""
