"""The voice in a page, measured at the loudspeaker of its machine: `python -m benchmarks.web`."""
