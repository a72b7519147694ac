"""The ledger: what the gateway knows of one conversation. Pure: no clock, no I/O."""

from antiphon.path.ledger.cut import endings, endings_of_open_items
from antiphon.path.ledger.entries import Entry
from antiphon.path.ledger.ledger import DELTAS, PARSED, Ledger
from antiphon.path.ledger.limits import LedgerLimits
from antiphon.path.ledger.open_response import OpenItem, OpenPart, OpenResponse
from antiphon.path.ledger.restoration import SUMMARY_ITEM_ID, Restored
from antiphon.path.ledger.usage import UsageTotals

__all__ = [
    "DELTAS",
    "PARSED",
    "SUMMARY_ITEM_ID",
    "Entry",
    "Ledger",
    "LedgerLimits",
    "OpenItem",
    "OpenPart",
    "OpenResponse",
    "Restored",
    "UsageTotals",
    "endings",
    "endings_of_open_items",
]
