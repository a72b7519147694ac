"""Offers in the shapes that clients send: browsers' as they print them, with random parts made up."""

# ruff: noqa: E501 - candidates stand on one line

FINGERPRINT = ":".join(["A5"] * 32)

_CHROME = f"""v=0
o=- 4962303333179871722 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1
a=extmap-allow-mixed
a=msid-semantic: WMS 35a1fd6c-2a5a-4b0a-8b0d-8f6d1b1f5d11
m=audio 53127 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126
c=IN IP4 192.0.2.10
a=rtcp:9 IN IP4 0.0.0.0
a=candidate:2706108158 1 udp 2113937151 5e2b1e7c-53f5-4a5a-9d3f-94f1b8ff1c37.local 53127 typ host generation 0 network-cost 999
a=candidate:842163049 1 udp 1677729535 203.0.113.9 53127 typ srflx raddr 0.0.0.0 rport 0 generation 0 network-cost 999
a=candidate:3019231337 1 tcp 1518280447 192.0.2.10 9 typ host tcptype active generation 0 network-cost 999
a=ice-ufrag:Qk7C
a=ice-pwd:6F9sQyDDpzSBCYcoEnEe5Hmh
a=ice-options:trickle
a=fingerprint:sha-256 {FINGERPRINT}
a=setup:actpass
a=mid:0
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time
a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01
a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid
a=sendrecv
a=msid:35a1fd6c-2a5a-4b0a-8b0d-8f6d1b1f5d11 0f4b5b0c-6a43-4d2a-9a94-7d9f1a3f0d3e
a=rtcp-mux
a=rtcp-rsize
a=rtpmap:111 opus/48000/2
a=rtcp-fb:111 transport-cc
a=fmtp:111 minptime=10;useinbandfec=1
a=rtpmap:63 red/48000/2
a=fmtp:63 111/111
a=rtpmap:9 G722/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:13 CN/8000
a=rtpmap:110 telephone-event/48000
a=rtpmap:126 telephone-event/8000
a=ssrc:1732455561 cname:d9wA2ZPZ0kqpVAnP
a=ssrc:1732455561 msid:35a1fd6c-2a5a-4b0a-8b0d-8f6d1b1f5d11 0f4b5b0c-6a43-4d2a-9a94-7d9f1a3f0d3e
m=application 9 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 0.0.0.0
a=ice-ufrag:Qk7C
a=ice-pwd:6F9sQyDDpzSBCYcoEnEe5Hmh
a=ice-options:trickle
a=fingerprint:sha-256 {FINGERPRINT}
a=setup:actpass
a=mid:1
a=sctp-port:5000
a=max-message-size:262144
"""

_FIREFOX = f"""v=0
o=mozilla...THIS_IS_SDPARTA-99.0 5312943203911229041 0 IN IP4 0.0.0.0
s=-
t=0 0
a=fingerprint:sha-256 {FINGERPRINT}
a=group:BUNDLE 0 1
a=ice-options:trickle
a=msid-semantic:WMS *
m=audio 47124 UDP/TLS/RTP/SAVPF 109 9 0 8 101
c=IN IP4 203.0.113.9
a=candidate:0 1 UDP 2122252543 ad7cf7a9-3d94-4e63-b1b1-77e0b9a6bd50.local 47124 typ host
a=candidate:1 1 TCP 2105524479 ad7cf7a9-3d94-4e63-b1b1-77e0b9a6bd50.local 9 typ host tcptype active
a=candidate:0 2 UDP 2122252542 192.0.2.20 44141 typ host
a=candidate:2 1 UDP 2122187007 2001:db8::20 36093 typ host
a=sendrecv
a=end-of-candidates
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=extmap:2/recvonly urn:ietf:params:rtp-hdrext:csrc-audio-level
a=fmtp:109 maxplaybackrate=48000;stereo=1;useinbandfec=1
a=fmtp:101 0-15
a=ice-pwd:1b5c6c2de5d0a0c3b2f0e4f1c8a7d3b9
a=ice-ufrag:9b1c2d3e
a=mid:0
a=msid:{{9d8a2d64-0f9e-4b9c-8d0a-6b1f3c5e7a90}} {{b6a7f0c2-5d1e-4f3a-9c8b-7e6d5c4b3a21}}
a=rtcp:9 IN IP4 0.0.0.0
a=rtcp-mux
a=rtpmap:109 opus/48000/2
a=rtpmap:9 G722/8000/1
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000/1
a=setup:actpass
a=ssrc:2815417253 cname:{{0e6f2b5d-8a3c-4f7e-b1d9-2c4a6e8f0b13}}
m=application 9 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 0.0.0.0
a=sendrecv
a=ice-pwd:1b5c6c2de5d0a0c3b2f0e4f1c8a7d3b9
a=ice-ufrag:9b1c2d3e
a=mid:1
a=setup:actpass
a=sctp-port:5000
a=max-message-size:1073741823
"""

_SAFARI = f"""v=0
o=- 7013927103423921712 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE audio data
a=msid-semantic: WMS
m=audio 9 UDP/TLS/RTP/SAVPF 111 103 9 102 0 8 105 13 110 113 126
c=IN IP4 0.0.0.0
a=rtcp:9 IN IP4 0.0.0.0
a=ice-ufrag:yV+x
a=ice-pwd:pCkV5qXb/kYhpfIQkzZBB1mS
a=ice-options:trickle
a=fingerprint:sha-256 {FINGERPRINT}
a=setup:actpass
a=mid:audio
a=recvonly
a=rtcp-mux
a=rtpmap:111 opus/48000/2
a=fmtp:111 minptime=10;useinbandfec=1
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
m=video 9 UDP/TLS/RTP/SAVPF 96
c=IN IP4 0.0.0.0
a=ice-ufrag:yV+x
a=ice-pwd:pCkV5qXb/kYhpfIQkzZBB1mS
a=fingerprint:sha-256 {FINGERPRINT}
a=setup:actpass
a=mid:video
a=sendrecv
a=rtcp-mux
a=rtpmap:96 H264/90000
m=application 9 DTLS/SCTP 5000
c=IN IP4 0.0.0.0
a=ice-ufrag:yV+x
a=ice-pwd:pCkV5qXb/kYhpfIQkzZBB1mS
a=fingerprint:sha-256 {FINGERPRINT}
a=setup:actpass
a=mid:data
a=sctpmap:5000 webrtc-datachannel 1024
"""

_AIORTC = f"""v=0
o=- 3972349061 3972349061 IN IP4 0.0.0.0
s=-
t=0 0
a=group:BUNDLE 0
a=msid-semantic:WMS *
m=application 56243 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 192.0.2.30
a=mid:0
a=sctp-port:5000
a=max-message-size:262144
a=candidate:e72f8ca47baa78a1ea2a2c0b8f0d1a2b 1 udp 2130706431 192.0.2.30 56243 typ host
a=end-of-candidates
a=ice-ufrag:mLUt
a=ice-pwd:TOSBk1jrWLPDNJQDsEdBXf
a=fingerprint:sha-256 {FINGERPRINT}
a=fingerprint:sha-384 {":".join(["B6"] * 48)}
a=fingerprint:sha-512 {":".join(["C7"] * 64)}
a=setup:actpass
"""

CHROME, FIREFOX, SAFARI, AIORTC = (text.replace("\n", "\r\n") for text in (_CHROME, _FIREFOX, _SAFARI, _AIORTC))
ALL = {"chrome": CHROME, "firefox": FIREFOX, "safari": SAFARI, "aiortc": AIORTC}
