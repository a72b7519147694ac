"""Relaying: remote Realtime servers as routes of a call, the key staying here."""

from antiphon.engines.upstream.config import UpstreamConfig, UpstreamDialect
from antiphon.engines.upstream.keys import key_problems, key_warnings
from antiphon.engines.upstream.probe import probe
from antiphon.engines.upstream.route import UpstreamRoute

__all__ = ["UpstreamConfig", "UpstreamDialect", "UpstreamRoute", "key_problems", "key_warnings", "probe"]
