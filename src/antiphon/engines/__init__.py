"""What answers clients: the embedded engine."""

from antiphon.engines.local import LocalEngine, Stages

__all__ = ["LocalEngine", "Stages"]
