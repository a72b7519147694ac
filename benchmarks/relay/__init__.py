"""The relay beside other gateways: `python -m benchmarks.relay`."""
