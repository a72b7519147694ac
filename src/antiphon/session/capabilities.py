"""What an engine cannot do is refused by name, never accepted and forgotten."""

from collections.abc import Iterable
from dataclasses import dataclass

from antiphon.errors import ClientEventError
from antiphon.protocol.config import McpTool, SemanticVad, SessionConfig, SessionTool


@dataclass(frozen=True)
class Capabilities:
    """What the stages behind a session can do beyond the common ground.

    Args:
        images: The language model takes pictures.
        noise_reduction: User audio can be cleaned before it is heard.
        mcp: Tools of MCP servers can be called.
        semantic_vad: The end of a turn can be told from what was said.
    """

    images: bool = False
    noise_reduction: bool = False
    mcp: bool = False
    semantic_vad: bool = False

    def check_config(self, config: SessionConfig) -> None:
        """Refuse what a session asks for and cannot have.

        Raises:
            ClientEventError: `invalid_value`, with the field and what to send instead.
        """
        if config.audio.input.noise_reduction is not None and not self.noise_reduction:
            raise _unavailable("noise reduction", "session.audio.input.noise_reduction", "null")
        if isinstance(config.audio.input.turn_detection, SemanticVad) and not self.semantic_vad:
            raise _unavailable("semantic_vad", "session.audio.input.turn_detection.type", "'server_vad'")
        self.check_tools(config.tools, "session.tools")

    def check_tools(self, tools: Iterable[SessionTool], path: str) -> None:
        """Refuse tools that cannot be called."""
        for index, tool in enumerate(tools):
            if isinstance(tool, McpTool) and not self.mcp:
                raise _unavailable("MCP tools", f"{path}[{index}].type", "'function'")


def _unavailable(what: str, param: str, instead: str) -> ClientEventError:
    verb = "are" if what.endswith("s") else "is"
    return ClientEventError("invalid_value", f"{what} {verb} not available in this server; send {instead}.", param)
