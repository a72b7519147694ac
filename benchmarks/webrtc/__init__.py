"""WebRTC calls beside a plain aiortc server: `python -m benchmarks.webrtc`."""
