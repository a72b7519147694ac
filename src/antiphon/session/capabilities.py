"""What an engine cannot do is refused by name, never accepted and forgotten."""

from dataclasses import dataclass

from antiphon.errors import ClientEventError
from antiphon.protocol.config import McpChoice, McpTool, SessionConfig


@dataclass(frozen=True)
class Capabilities:
    """What the stages behind a session can do beyond the common ground.

    Args:
        images: The language model takes pictures.
        noise_reduction: User audio can be cleaned before it is heard.
        mcp: Tools of MCP servers can be called.
        prompts: Stored prompt templates can be looked up.
        logprobs: STT tells how sure it is of each word.
    """

    images: bool = False
    noise_reduction: bool = False
    mcp: bool = False
    prompts: bool = False
    logprobs: bool = False

    def check_config(self, config: SessionConfig) -> None:
        """Refuse what a session asks for and cannot have.

        Raises:
            ClientEventError: `invalid_value`, with the field and what to send instead.
        """
        if config.audio.input.noise_reduction is not None and not self.noise_reduction:
            what = "noise reduction, which takes the extra 'noise'"
            raise _unavailable(what, "session.audio.input.noise_reduction", "null")
        if config.include and not self.logprobs:
            raise _unavailable("log probabilities of transcripts", "session.include", "null")
        self.check_model(config, "session")

    def check_model(self, config: SessionConfig, path: str) -> None:
        """Refuse what the language model and its tools cannot have; `path` is `session` or `response`."""
        if config.prompt is not None and not self.prompts:
            raise _unavailable("stored prompts", f"{path}.prompt", "null, and the text as instructions")
        if isinstance(config.tool_choice, McpChoice) and not self.mcp:
            raise _unavailable("MCP tools", f"{path}.tool_choice.type", "'function'")
        for index, tool in enumerate(config.tools):
            if isinstance(tool, McpTool) and not self.mcp:
                raise _unavailable("MCP tools", f"{path}.tools[{index}].type", "'function'")


def _unavailable(what: str, param: str, instead: str) -> ClientEventError:
    return ClientEventError("invalid_value", f"Not available in this server: {what}; send {instead}.", param)
