"""The emulator's engine, which answers from a script; its faults are data here, and `antiphon.testing` acts them."""

from antiphon.engines.scripted.engine import ScriptedEngine
from antiphon.engines.scripted.faults import Fault, FaultPlan, Place, Side
from antiphon.engines.scripted.loading import load_script, parse_fault, parse_script, read_script
from antiphon.engines.scripted.script import Script

__all__ = [
    "Fault",
    "FaultPlan",
    "Place",
    "Script",
    "ScriptedEngine",
    "Side",
    "load_script",
    "parse_fault",
    "parse_script",
    "read_script",
]
