"""The beta shape of the Realtime API, translated to GA and back by tables."""

from antiphon.protocol.beta.dialect import BetaDialect
from antiphon.protocol.beta.lenient import LenientDialect
from antiphon.protocol.beta.sessions import SHAPES, SessionShape
from antiphon.protocol.beta.upstream import BetaUpstream
from antiphon.protocol.beta.values import DEFAULT_TEMPERATURE

__all__ = ["DEFAULT_TEMPERATURE", "SHAPES", "BetaDialect", "BetaUpstream", "LenientDialect", "SessionShape"]
