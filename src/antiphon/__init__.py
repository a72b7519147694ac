"""Antiphon: a self-hosted realtime voice server that speaks the OpenAI Realtime API."""

import os

# The products of resampling and voice activity detection are small: threads of their own make them slower, on a busy
# machine a hundred times. numpy reads this when it is first imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

__version__ = "0.1.0"
