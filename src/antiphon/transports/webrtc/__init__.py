"""The Realtime API over WebRTC.

Import from the modules: `peer` wants the extra `webrtc` to be installed, `sdp`, `ice` and `turn` nothing.
"""
