// German.

/** @type {import('./index.js').Texts} */
export default {
  language: 'Deutsch',
  region: 'Sprachgespräch',
  you: 'Sie',
  assistant: 'Assistent',
  transport_webrtc: 'WebRTC',
  transport_websocket: 'WebSocket',
  transport_http: 'HTTP',
  transport_text: 'Text',
  phase_speech: 'Ihre Rede',
  phase_endpointing: 'Ende der Rede',
  phase_stt: 'Spracherkennung',
  phase_model: 'Modell',
  phase_tts: 'Sprachausgabe',
  phase_playback: 'Wiedergabe',

  state_idle: 'Bereit, wenn Sie es sind',
  state_asking: 'Warten auf das Mikrofon',
  state_connecting: 'Verbindung wird aufgebaut',
  state_listening: 'Hört zu',
  state_hearing: 'Hört Sie sprechen',
  state_thinking: 'Denkt nach',
  state_speaking: 'Antwortet',
  state_muted: 'Sie sind stummgeschaltet',
  state_writing: 'Bereit für Ihre Nachricht',
  state_reconnecting: 'Verbindung wird wiederhergestellt',
  state_closed: 'Gespräch beendet',
  state_failed: 'Nicht verbunden',
  hint_idle: 'Taste drücken und sprechen.',
  hint_idle_text: 'Zum Beginnen eine Nachricht schreiben.',
  hint_asking: 'Der Browser fragt um Erlaubnis: bitte „Zulassen“ wählen.',
  hint_connecting: 'Einen Augenblick.',
  hint_connecting_next: 'Der direkte Weg ist versperrt. Versuch über {transport}.',
  hint_listening: 'Sprechen Sie, wann immer Sie möchten.',
  hint_speaking: 'Zum Unterbrechen sprechen oder Escape drücken.',
  hint_speaking_text: 'Zum Unterbrechen Escape drücken.',
  hint_muted: 'Sie sind erst wieder zu hören, wenn das Mikrofon an ist.',
  hint_reconnecting: 'Das Gespräch bleibt erhalten.',
  hint_offline: 'Warten auf das Netz.',
  hint_closed: 'Ein neues beginnt mit der Taste.',

  start: 'Gespräch beginnen',
  stop: 'Beenden',
  stop_long: 'Gespräch beenden',
  cancel: 'Abbrechen',
  again: 'Noch einmal versuchen',
  mute: 'Mikrofon stummschalten',
  unmute: 'Mikrofon einschalten',
  interrupt: 'Antwort unterbrechen',
  sound_on: 'Ton einschalten',
  dismiss: 'Ausblenden',
  send: 'Senden',
  write: 'Nachricht schreiben',
  settings: 'Mikrofon und Lautsprecher',

  microphone: 'Mikrofon',
  loudspeaker: 'Lautsprecher',
  device_default: 'Standard des Systems',
  device_number: 'Gerät {number}',
  devices_unnamed: 'Die Namen erscheinen, sobald das Mikrofon erlaubt ist.',
  via: 'Verbunden über {transport}',

  captions: 'Gespräch',
  captions_empty: 'Hier erscheint, was gesagt wird.',
  transcript_pending: 'Ihre Worte folgen',
  cut_off: 'Unterbrochen',
  unheard_begin: 'Nicht gehört:',
  tool_running: '{name} wird aufgerufen',
  tool_done: '{name} aufgerufen',
  tool_failed: '{name} ist fehlgeschlagen',
  tool_elsewhere: '{name} beim Server angefragt',
  latest: 'Zum Neuesten',

  text_goes_on: 'Das Gespräch kann schriftlich weitergehen.',
  details: 'Einzelheiten für Entwickler',

  said_assistant: 'Assistent: {text}',
  told_connected: 'Verbunden. Sie können sprechen.',
  told_connected_text: 'Verbunden. Sie können schreiben.',

  problems: {
    insecure_context: {
      what: 'Der Browser gibt dieser Seite das Mikrofon nicht, weil sie nicht über eine sichere Verbindung geöffnet wurde.',
      cure: 'Öffnen Sie sie mit https oder als localhost auf dem Rechner, auf dem sie läuft.',
    },
    microphone_denied: {
      what: 'Diese Seite darf das Mikrofon nicht verwenden.',
      cure: 'Erlauben Sie es im Browser: Das Symbol neben der Adresse öffnet die Berechtigungen. Dann noch einmal versuchen.',
    },
    microphone_denied_by_system: {
      what: 'Das System lässt den Browser nicht an das Mikrofon.',
      cure: 'Erlauben Sie es dem Browser in den Datenschutzeinstellungen des Systems unter „Mikrofon“. Dann noch einmal versuchen.',
    },
    microphone_forbidden: {
      what: 'Diese Seite ist in eine andere eingebettet, die das Mikrofon nicht weitergibt.',
      cure: 'Öffnen Sie sie in einem eigenen Tab. Wenn die äußere Seite Ihre ist: allow="microphone" beim iframe ergänzen.',
    },
    microphone_missing: {
      what: 'Es wurde kein Mikrofon gefunden.',
      cure: 'Schließen Sie eines an oder schalten Sie es ein; dann noch einmal versuchen.',
    },
    microphone_busy: {
      what: 'Ein anderes Programm verwendet das Mikrofon.',
      cure: 'Schließen Sie das Programm oder seinen Anruf; dann noch einmal versuchen.',
    },
    microphone_failed: {
      what: 'Das Mikrofon ließ sich nicht starten.',
      cure: 'Stecken Sie es neu ein oder wählen Sie ein anderes; dann noch einmal versuchen.',
    },
    microphone_ended: {
      what: 'Das Mikrofon ist weg: ausgesteckt oder nicht mehr erlaubt.',
      cure: 'Stecken Sie es wieder ein oder wählen Sie ein anderes; dann noch einmal versuchen.',
    },
    microphone_muted: {
      what: 'Das Mikrofon ist ausgeschaltet, am Gerät oder im System.',
      cure: 'Schalten Sie es am Gerät, mit der Stummtaste oder in den Klangeinstellungen des Systems ein.',
    },
    microphone_silent: {
      what: 'Vom Mikrofon kommt nichts an.',
      cure: 'Prüfen Sie, ob es eingeschaltet und das richtige gewählt ist.',
    },
    playback_blocked: {
      what: 'Der Browser hält den Ton zurück, bis eine Taste gedrückt wird.',
      cure: 'Schalten Sie den Ton ein, um die Antworten zu hören.',
    },
    loudspeaker_failed: {
      what: 'Der Lautsprecher lässt sich nicht verwenden.',
      cure: 'Wählen Sie einen anderen oder prüfen Sie seinen Anschluss.',
    },
    not_wanted: {
      what: 'Diese Seite lässt diese Art der Verbindung aus.',
      cure: 'Es ist nichts zu tun: Eine andere wird verwendet.',
    },
    not_offered: {
      what: 'Der Server bietet diese Art der Verbindung nicht an.',
      cure: 'Es ist nichts zu tun: Eine andere wird verwendet.',
    },
    webrtc_unsupported: {
      what: 'Dieser Browser kann kein WebRTC.',
      cure: 'Eine andere Verbindung wird verwendet. Besser klingt es in einem aktuellen Browser mit WebRTC.',
    },
    webrtc_not_available: {
      what: 'Auf dem Server ist WebRTC nicht installiert.',
      cure: 'Eine andere Verbindung wird verwendet. Wer den Server betreibt, kann WebRTC ergänzen.',
    },
    webrtc_blocked: {
      what: 'Dieses Netz lässt WebRTC nicht durch.',
      cure: 'Eine andere Verbindung wird verwendet. In einem anderen Netz klingt es vielleicht besser.',
    },
    webrtc_silent: {
      what: 'WebRTC war verbunden, aber es kam kein Ton an.',
      cure: 'Eine andere Verbindung wird verwendet. In einem anderen Netz klingt es vielleicht besser.',
    },
    websocket_blocked: {
      what: 'Dieses Netz lässt WebSockets nicht durch.',
      cure: 'Eine andere Verbindung wird verwendet. Ein Proxy oder ein Filter kann der Grund sein.',
    },
    http_blocked: {
      what: 'Dieses Netz lässt keine dauerhafte HTTP-Verbindung zu.',
      cure: 'Eine andere Verbindung wird verwendet. Ein Proxy oder ein Filter kann der Grund sein.',
    },
    stream_held_back: {
      what: 'Ein Proxy hält die Antworten zurück.',
      cure: 'Das Gespräch geht etwas langsamer weiter. In einem anderen Netz ist es vielleicht schneller.',
    },
    timed_out: {
      what: 'Der Aufbau der Verbindung hat zu lange gedauert.',
      cure: 'Eine andere Verbindung wird versucht. Geht keine, prüfen Sie bitte das Netz.',
    },
    offline: {
      what: 'Dieses Gerät ist offline.',
      cure: 'Stellen Sie die Verbindung zum Internet her; dann noch einmal versuchen.',
    },
    server_unreachable: {
      what: 'Der Server ist nicht erreichbar.',
      cure: 'Prüfen Sie die Verbindung und versuchen Sie es noch einmal. Ist der Server Ihrer: Stimmt die Adresse, und läuft er?',
    },
    token_failed: {
      what: 'Diese Seite hat keine Erlaubnis erhalten, mit dem Server zu sprechen.',
      cure: 'Laden Sie die Seite neu oder melden Sie sich neu an. Ist die Seite Ihre: Stimmt die Token-URL?',
    },
    key_missing: {
      what: 'Der Server verlangt einen Schlüssel, und diese Seite hat keinen.',
      cure: 'Ist die Seite Ihre: Geben Sie ihr eine Token-URL (token-url), die ein Client-Secret liefert.',
    },
    key_invalid: {
      what: 'Der Schlüssel ist falsch oder abgelaufen.',
      cure: 'Laden Sie die Seite neu. Ist sie Ihre: Prüfen Sie den Schlüssel, den sie bekommt.',
    },
    origin_not_allowed: {
      what: 'Der Server bedient diese Website nicht.',
      cure: 'Ist der Server Ihrer: Ergänzen Sie die Adresse der Website in server.allowed_origins.',
    },
    model_invalid: {
      what: 'Der Server kennt das Modell nicht, das diese Seite verlangt.',
      cure: 'Ist die Seite Ihre: Prüfen Sie den Namen des Modells.',
    },
    server_full: {
      what: 'Auf dem Server sind alle Plätze belegt.',
      cure: 'Warten Sie einige Minuten; dann noch einmal versuchen.',
    },
    server_not_ready: {
      what: 'Der Server startet noch.',
      cure: 'Warten Sie einen Augenblick; dann noch einmal versuchen.',
    },
    server_shutting_down: {
      what: 'Der Server wird beendet oder neu gestartet.',
      cure: 'Warten Sie einen Augenblick; dann noch einmal versuchen.',
    },
    request_refused: {
      what: 'Der Server hat die Anfrage abgelehnt.',
      cure: 'Versuchen Sie es noch einmal. Bleibt es dabei, helfen die Einzelheiten unten denen, die diese Seite betreiben.',
    },
    server_error: {
      what: 'Auf dem Server ist ein Fehler aufgetreten.',
      cure: 'Versuchen Sie es noch einmal. Bleibt es dabei, helfen die Einzelheiten unten denen, die diese Seite betreiben.',
    },
    connection_lost: {
      what: 'Die Verbindung ist abgebrochen.',
      cure: 'Es ist nichts zu tun: Sie kommt wieder, sobald das Netz wieder da ist.',
    },
    conversation_lost: {
      what: 'Der Server hatte das frühere Gespräch nicht mehr.',
      cure: 'Ein neues hat mit dem bisher Gesagten begonnen. Es kann einfach weitergehen.',
    },
    session_expired: {
      what: 'Das Gespräch hat seine längste Dauer erreicht.',
      cure: 'Beginnen Sie ein neues, um weiterzusprechen.',
    },
    moved: {
      what: 'Das Gespräch geht an einem anderen Ort weiter.',
      cure: 'Sprechen Sie dort weiter oder beginnen Sie hier ein neues.',
    },
    ended_by_server: {
      what: 'Der Server hat das Gespräch beendet.',
      cure: 'Beginnen Sie ein neues, um weiterzusprechen.',
    },
    tool_failed: {
      what: 'Etwas, das der Assistent auf dieser Seite tun wollte, ist fehlgeschlagen.',
      cure: 'Der Assistent weiß es. Fragen Sie noch einmal, oder sprechen Sie weiter.',
    },
  },
};
