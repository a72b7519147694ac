"""Model names that clients ask for. Every engine answers to all of them, because clients hard-code defaults."""

# Source: Realtime API, models of 2026-11; the dated previews are still the default of older clients.
REALTIME_MODELS = (
    "gpt-realtime",
    "gpt-realtime-1.5",
    "gpt-realtime-2",
    "gpt-realtime-2.1",
    "gpt-realtime-2.1-mini",
    "gpt-realtime-mini",
    "gpt-audio-1.5",
    "gpt-audio-mini",
    "gpt-4o-realtime-preview",
    "gpt-4o-mini-realtime-preview",
)
OWN_MODEL = "antiphon"


def is_realtime_model(name: str) -> bool:
    """Whether `name` is a realtime model that this server answers to, dated snapshots included."""
    if name == OWN_MODEL or name in REALTIME_MODELS:
        return True
    stem, dash, date = _split_date(name)
    return bool(dash) and date.replace("-", "").isdigit() and stem in REALTIME_MODELS


def _split_date(name: str) -> tuple[str, str, str]:
    # Snapshots end in -YYYY-MM-DD.
    if len(name) > 11 and name[-11] == "-":
        return name[:-11], "-", name[-10:]
    return name, "", ""
