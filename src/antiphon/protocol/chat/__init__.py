"""Chat completions as data, for programs that know no other API: requests, their Realtime events, answers.

Source: Chat completions API; Realtime API.
"""

from antiphon.protocol.chat.answer import CallArguments, CallBegun, Finished, Piece, TextPiece
from antiphon.protocol.chat.completions import ChatCompletion, ChatCompletionChunk, Chunks, Completion, Head
from antiphon.protocol.chat.exchange import Exchange
from antiphon.protocol.chat.failures import ChatError
from antiphon.protocol.chat.request import ChatRequest, read_request
from antiphon.protocol.chat.turn import Turn, turn_of

__all__ = [
    "CallArguments",
    "CallBegun",
    "ChatCompletion",
    "ChatCompletionChunk",
    "ChatError",
    "ChatRequest",
    "Chunks",
    "Completion",
    "Exchange",
    "Finished",
    "Head",
    "Piece",
    "TextPiece",
    "Turn",
    "read_request",
    "turn_of",
]
