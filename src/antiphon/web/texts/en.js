// English: the source of all other languages. `{…}` are placeholders.

/** @type {Record<import('../client/problems.js').ProblemCode, { what: string, cure: string }>} */
const problems = {
  insecure_context: {
    what: 'Your browser keeps the microphone from this page, because it was not opened over a secure connection.',
    cure: 'Open it with https, or as localhost on the machine that it runs on.',
  },
  microphone_denied: {
    what: 'This page is not allowed to use the microphone.',
    cure: 'Allow it in your browser: the symbol beside the address opens this page’s permissions. Then try again.',
  },
  microphone_denied_by_system: {
    what: 'The system does not let the browser use the microphone.',
    cure: 'Allow the browser to use it in the system’s privacy settings, under “Microphone”. Then try again.',
  },
  microphone_forbidden: {
    what: 'This page is embedded in another one that does not pass the microphone on.',
    cure: 'Open it in a tab of its own. If you run the outer page, add allow="microphone" to the iframe.',
  },
  microphone_missing: {
    what: 'No microphone was found.',
    cure: 'Plug one in or switch it on, then try again.',
  },
  microphone_busy: {
    what: 'Another program is using the microphone.',
    cure: 'Close that program or its call, then try again.',
  },
  microphone_failed: {
    what: 'The microphone did not start.',
    cure: 'Plug it in anew or choose another one, then try again.',
  },
  microphone_ended: {
    what: 'The microphone is gone: unplugged, or no longer allowed.',
    cure: 'Plug it in again or choose another one, then try again.',
  },
  microphone_muted: {
    what: 'The microphone is switched off, at the device or in the system.',
    cure: 'Use its switch or mute key, or turn it on in the system’s sound settings.',
  },
  microphone_silent: {
    what: 'Nothing is coming from the microphone.',
    cure: 'Check that it is switched on, and that the right one is chosen.',
  },
  playback_blocked: {
    what: 'Your browser holds the sound back until you press something.',
    cure: 'Turn the sound on to hear the answers.',
  },
  loudspeaker_failed: {
    what: 'The loudspeaker cannot be used.',
    cure: 'Choose another one, or check its connection.',
  },
  not_wanted: {
    what: 'This page leaves this kind of connection out.',
    cure: 'You need not do anything: another kind is used.',
  },
  not_offered: {
    what: 'The server does not offer this kind of connection.',
    cure: 'You need not do anything: another kind is used.',
  },
  webrtc_unsupported: {
    what: 'This browser has no WebRTC.',
    cure: 'Another kind of connection is used. A current browser with WebRTC sounds better.',
  },
  webrtc_not_available: {
    what: 'WebRTC is not installed on the server.',
    cure: 'Another kind of connection is used. Whoever runs the server can add WebRTC.',
  },
  webrtc_blocked: {
    what: 'This network does not let WebRTC through.',
    cure: 'Another kind of connection is used. On another network, the sound may be better.',
  },
  webrtc_silent: {
    what: 'WebRTC connected, but no sound came through.',
    cure: 'Another kind of connection is used. On another network, the sound may be better.',
  },
  websocket_blocked: {
    what: 'This network does not let WebSockets through.',
    cure: 'Another kind of connection is used. A proxy or a filter may be the cause.',
  },
  http_blocked: {
    what: 'This network does not let a lasting connection over HTTP through.',
    cure: 'Another kind of connection is used. A proxy or a filter may be the cause.',
  },
  stream_held_back: {
    what: 'A proxy holds the answers back.',
    cure: 'The conversation goes on, a little slower. On another network it may be faster.',
  },
  timed_out: {
    what: 'The connection took too long.',
    cure: 'Another kind of connection is tried. If none works, check your network.',
  },
  offline: {
    what: 'This device is offline.',
    cure: 'Connect to the internet, then try again.',
  },
  server_unreachable: {
    what: 'The server cannot be reached.',
    cure: 'Check your connection and try again. If you run the server, check its address and that it is running.',
  },
  token_failed: {
    what: 'This page did not get permission to talk to the server.',
    cure: 'Load the page anew, or sign in again. If you run it, check its token URL.',
  },
  key_missing: {
    what: 'The server asks for a key, and this page has none.',
    cure: 'If you run this page, give it a token URL (token-url) that returns a client secret.',
  },
  key_invalid: {
    what: 'The key is wrong or has expired.',
    cure: 'Load the page anew. If you run it, check the key that it is given.',
  },
  origin_not_allowed: {
    what: 'The server does not serve this website.',
    cure: 'If you run the server, add the site’s address to server.allowed_origins.',
  },
  model_invalid: {
    what: 'The server does not know the model that this page asks for.',
    cure: 'If you run this page, check the model’s name.',
  },
  server_full: {
    what: 'All places on the server are taken.',
    cure: 'Wait a few minutes, then try again.',
  },
  server_not_ready: {
    what: 'The server is still starting.',
    cure: 'Wait a moment, then try again.',
  },
  server_shutting_down: {
    what: 'The server is shutting down or restarting.',
    cure: 'Wait a moment, then try again.',
  },
  request_refused: {
    what: 'The server refused the request.',
    cure: 'Try again. If it stays so, give the details below to whoever runs this page.',
  },
  server_error: {
    what: 'Something went wrong on the server.',
    cure: 'Try again. If it stays so, give the details below to whoever runs this page.',
  },
  connection_lost: {
    what: 'The connection was lost.',
    cure: 'You need not do anything: it comes back as soon as the network does.',
  },
  conversation_lost: {
    what: 'The server no longer had the earlier conversation.',
    cure: 'A new one has begun with what was said so far. Just go on.',
  },
  session_expired: {
    what: 'The conversation reached its longest time.',
    cure: 'Start a new one to go on.',
  },
  moved: {
    what: 'The conversation goes on in another place.',
    cure: 'Go on there, or start a new one here.',
  },
  ended_by_server: {
    what: 'The server ended the conversation.',
    cure: 'Start a new one to go on.',
  },
  tool_failed: {
    what: 'Something that the assistant wanted to do in this page failed.',
    cure: 'The assistant knows. Ask again, or go on.',
  },
};

export default {
  // Names of things.
  language: 'English',
  region: 'Voice conversation',
  you: 'You',
  assistant: 'Assistant',
  transport_webrtc: 'WebRTC',
  transport_websocket: 'WebSocket',
  transport_http: 'HTTP',
  transport_text: 'Text',
  phase_speech: 'Your speech',
  phase_endpointing: 'End of speech',
  phase_stt: 'Speech to text',
  phase_model: 'Model',
  phase_tts: 'Text to speech',
  phase_playback: 'Playback',

  // States, and what they ask of the person.
  state_idle: 'Ready when you are',
  state_asking: 'Waiting for the microphone',
  state_connecting: 'Connecting',
  state_listening: 'Listening',
  state_hearing: 'Hearing you',
  state_thinking: 'Thinking',
  state_speaking: 'Answering',
  state_muted: 'You are muted',
  state_writing: 'Ready for your message',
  state_reconnecting: 'Connecting again',
  state_closed: 'Conversation ended',
  state_failed: 'Not connected',
  hint_idle: 'Press the button and speak.',
  hint_idle_text: 'Write a message to begin.',
  hint_asking: 'Your browser asks for your permission: choose “Allow”.',
  hint_connecting: 'One moment.',
  hint_connecting_next: 'The direct way is blocked. Trying {transport}.',
  hint_listening: 'Speak whenever you like.',
  hint_speaking: 'Speak, or press Escape, to interrupt.',
  hint_speaking_text: 'Press Escape to interrupt.',
  hint_muted: 'You cannot be heard until you unmute.',
  hint_reconnecting: 'The conversation is kept.',
  hint_offline: 'Waiting for the network.',
  hint_closed: 'Press the button to start a new one.',

  // Buttons.
  start: 'Start talking',
  stop: 'End',
  stop_long: 'End the conversation',
  cancel: 'Cancel',
  again: 'Try again',
  mute: 'Mute the microphone',
  unmute: 'Unmute the microphone',
  interrupt: 'Interrupt the answer',
  sound_on: 'Turn the sound on',
  dismiss: 'Dismiss',
  send: 'Send',
  write: 'Write a message',
  settings: 'Microphone and loudspeaker',

  // The menu of devices.
  microphone: 'Microphone',
  loudspeaker: 'Loudspeaker',
  device_default: 'System default',
  device_number: 'Device {number}',
  devices_unnamed: 'The names appear once the microphone is allowed.',
  via: 'Connected over {transport}',

  // Captions.
  captions: 'Conversation',
  captions_empty: 'What is said appears here.',
  transcript_pending: 'Your words follow',
  cut_off: 'Interrupted',
  unheard_begin: 'Not heard:',
  tool_running: 'Calling {name}',
  tool_done: 'Called {name}',
  tool_failed: '{name} failed',
  tool_elsewhere: 'Asked the server for {name}',
  latest: 'Go to the latest',

  // Problems.
  text_goes_on: 'You can go on in writing.',
  details: 'Details for developers',

  // Announcements for screen readers.
  said_assistant: 'Assistant: {text}',
  told_connected: 'Connected. Speak now.',
  told_connected_text: 'Connected. Write your message.',

  problems,
};
