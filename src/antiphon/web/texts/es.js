// Spanish.

/** @type {import('./index.js').Texts} */
export default {
  language: 'Español',
  region: 'Conversación de voz',
  you: 'Usted',
  assistant: 'Asistente',
  transport_webrtc: 'WebRTC',
  transport_websocket: 'WebSocket',
  transport_http: 'HTTP',
  transport_text: 'Texto',
  phase_speech: 'Su voz',
  phase_endpointing: 'Fin de la voz',
  phase_stt: 'Voz a texto',
  phase_model: 'Modelo',
  phase_tts: 'Texto a voz',
  phase_playback: 'Reproducción',

  state_idle: 'Todo listo',
  state_asking: 'Esperando el micrófono',
  state_connecting: 'Conectando',
  state_listening: 'Escuchando',
  state_hearing: 'Se le oye',
  state_thinking: 'Pensando',
  state_speaking: 'Respondiendo',
  state_muted: 'Su micrófono está silenciado',
  state_writing: 'A la espera de su mensaje',
  state_reconnecting: 'Conectando de nuevo',
  state_closed: 'Conversación terminada',
  state_failed: 'Sin conexión',
  hint_idle: 'Pulse el botón y hable.',
  hint_idle_text: 'Escriba un mensaje para empezar.',
  hint_asking: 'Su navegador le pide permiso: elija «Permitir».',
  hint_connecting: 'Un momento.',
  hint_connecting_next: 'La vía directa está bloqueada. Probando con {transport}.',
  hint_listening: 'Hable cuando quiera.',
  hint_speaking: 'Para interrumpir, hable o pulse Escape.',
  hint_speaking_text: 'Para interrumpir, pulse Escape.',
  hint_muted: 'No se le oye hasta que active el micrófono.',
  hint_reconnecting: 'La conversación se conserva.',
  hint_offline: 'Esperando la red.',
  hint_closed: 'Pulse el botón para empezar otra.',

  start: 'Hablar',
  stop: 'Terminar',
  stop_long: 'Terminar la conversación',
  cancel: 'Cancelar',
  again: 'Intentar de nuevo',
  mute: 'Silenciar el micrófono',
  unmute: 'Activar el micrófono',
  interrupt: 'Interrumpir la respuesta',
  sound_on: 'Activar el sonido',
  dismiss: 'Ocultar',
  send: 'Enviar',
  write: 'Escribir un mensaje',
  settings: 'Micrófono y altavoz',

  microphone: 'Micrófono',
  loudspeaker: 'Altavoz',
  device_default: 'Predeterminado del sistema',
  device_number: 'Dispositivo {number}',
  devices_unnamed: 'Los nombres aparecen cuando se permite el micrófono.',
  via: 'Conectado por {transport}',

  captions: 'Conversación',
  captions_empty: 'Lo que se diga aparecerá aquí.',
  transcript_pending: 'Sus palabras aparecerán en breve',
  cut_off: 'Interrumpido',
  unheard_begin: 'No se oyó:',
  tool_running: 'Llamando a {name}',
  tool_done: 'Se llamó a {name}',
  tool_failed: '{name} falló',
  tool_elsewhere: '{name} se pidió al servidor',
  latest: 'Ir a lo más reciente',

  text_goes_on: 'Puede seguir por escrito.',
  details: 'Detalles para desarrolladores',

  said_assistant: 'Asistente: {text}',
  told_connected: 'Conectado. Ya puede hablar.',
  told_connected_text: 'Conectado. Ya puede escribir.',

  problems: {
    insecure_context: {
      what: 'Su navegador no da el micrófono a esta página porque no se abrió con una conexión segura.',
      cure: 'Ábrala con https, o como localhost en el equipo donde funciona.',
    },
    microphone_denied: {
      what: 'Esta página no tiene permiso para usar el micrófono.',
      cure: 'Permítalo en el navegador: el símbolo junto a la dirección abre los permisos. Después, inténtelo de nuevo.',
    },
    microphone_denied_by_system: {
      what: 'El sistema no deja que el navegador use el micrófono.',
      cure: 'Permítalo en los ajustes de privacidad del sistema, en «Micrófono». Después, inténtelo de nuevo.',
    },
    microphone_forbidden: {
      what: 'Esta página está dentro de otra que no le cede el micrófono.',
      cure: 'Ábrala en su propia pestaña. Si la página exterior es suya, añada allow="microphone" al iframe.',
    },
    microphone_missing: {
      what: 'No se encontró ningún micrófono.',
      cure: 'Conecte uno o enciéndalo, e inténtelo de nuevo.',
    },
    microphone_busy: {
      what: 'Otro programa está usando el micrófono.',
      cure: 'Cierre ese programa o su llamada, e inténtelo de nuevo.',
    },
    microphone_failed: {
      what: 'El micrófono no se puso en marcha.',
      cure: 'Vuelva a conectarlo o elija otro, e inténtelo de nuevo.',
    },
    microphone_ended: {
      what: 'El micrófono ya no está: se desconectó o dejó de estar permitido.',
      cure: 'Vuelva a conectarlo o elija otro, e inténtelo de nuevo.',
    },
    microphone_muted: {
      what: 'El micrófono está apagado, en el aparato o en el sistema.',
      cure: 'Use su interruptor o su tecla, o actívelo en los ajustes de sonido del sistema.',
    },
    microphone_silent: {
      what: 'Del micrófono no llega nada.',
      cure: 'Compruebe que está encendido y que ha elegido el correcto.',
    },
    playback_blocked: {
      what: 'Su navegador retiene el sonido hasta que pulse algo.',
      cure: 'Active el sonido para oír las respuestas.',
    },
    loudspeaker_failed: {
      what: 'No se puede usar el altavoz.',
      cure: 'Elija otro, o compruebe su conexión.',
    },
    not_wanted: {
      what: 'Esta página descarta este tipo de conexión.',
      cure: 'No tiene que hacer nada: se usa otro tipo.',
    },
    not_offered: {
      what: 'El servidor no ofrece este tipo de conexión.',
      cure: 'No tiene que hacer nada: se usa otro tipo.',
    },
    webrtc_unsupported: {
      what: 'Este navegador no tiene WebRTC.',
      cure: 'Se usa otra conexión. Un navegador actual con WebRTC suena mejor.',
    },
    webrtc_not_available: {
      what: 'WebRTC no está instalado en el servidor.',
      cure: 'Se usa otra conexión. Quien administra el servidor puede añadir WebRTC.',
    },
    webrtc_blocked: {
      what: 'Esta red no deja pasar WebRTC.',
      cure: 'Se usa otra conexión. En otra red quizá se oiga mejor.',
    },
    webrtc_silent: {
      what: 'WebRTC se conectó, pero no llegó ningún sonido.',
      cure: 'Se usa otra conexión. En otra red quizá se oiga mejor.',
    },
    websocket_blocked: {
      what: 'Esta red no deja pasar WebSockets.',
      cure: 'Se usa otra conexión. La causa puede ser un proxy o un filtro.',
    },
    http_blocked: {
      what: 'Esta red no deja pasar una conexión HTTP duradera.',
      cure: 'Se usa otra conexión. La causa puede ser un proxy o un filtro.',
    },
    stream_held_back: {
      what: 'Un proxy retiene las respuestas.',
      cure: 'La conversación sigue, algo más lenta. En otra red quizá sea más rápida.',
    },
    timed_out: {
      what: 'La conexión tardó demasiado.',
      cure: 'Se prueba otra. Si ninguna funciona, compruebe su red.',
    },
    offline: {
      what: 'Este dispositivo no tiene conexión.',
      cure: 'Conéctese a internet e inténtelo de nuevo.',
    },
    server_unreachable: {
      what: 'No se puede llegar al servidor.',
      cure: 'Compruebe su conexión e inténtelo de nuevo. Si administra el servidor, compruebe su dirección y que funciona.',
    },
    token_failed: {
      what: 'Esta página no obtuvo permiso para hablar con el servidor.',
      cure: 'Vuelva a cargar la página o a iniciar sesión. Si la administra, compruebe su URL de token.',
    },
    key_missing: {
      what: 'El servidor pide una clave, y esta página no tiene ninguna.',
      cure: 'Si administra esta página, dele una URL de token (token-url) que devuelva un secreto de cliente.',
    },
    key_invalid: {
      what: 'La clave es incorrecta o ha caducado.',
      cure: 'Vuelva a cargar la página. Si la administra, compruebe la clave que recibe.',
    },
    origin_not_allowed: {
      what: 'El servidor no atiende a este sitio web.',
      cure: 'Si administra el servidor, añada la dirección del sitio a server.allowed_origins.',
    },
    model_invalid: {
      what: 'El servidor no conoce el modelo que pide esta página.',
      cure: 'Si administra esta página, compruebe el nombre del modelo.',
    },
    server_full: {
      what: 'Todas las plazas del servidor están ocupadas.',
      cure: 'Espere unos minutos e inténtelo de nuevo.',
    },
    server_not_ready: {
      what: 'El servidor todavía está arrancando.',
      cure: 'Espere un momento e inténtelo de nuevo.',
    },
    server_shutting_down: {
      what: 'El servidor se está apagando o reiniciando.',
      cure: 'Espere un momento e inténtelo de nuevo.',
    },
    request_refused: {
      what: 'El servidor rechazó la petición.',
      cure: 'Inténtelo de nuevo. Si se repite, dé los detalles de abajo a quien administra esta página.',
    },
    server_error: {
      what: 'Algo falló en el servidor.',
      cure: 'Inténtelo de nuevo. Si se repite, dé los detalles de abajo a quien administra esta página.',
    },
    connection_lost: {
      what: 'Se perdió la conexión.',
      cure: 'No tiene que hacer nada: vuelve en cuanto vuelva la red.',
    },
    conversation_lost: {
      what: 'El servidor ya no tenía la conversación anterior.',
      cure: 'Ha empezado otra con lo dicho hasta ahora. Siga sin más.',
    },
    session_expired: {
      what: 'La conversación llegó a su duración máxima.',
      cure: 'Empiece otra para seguir.',
    },
    moved: {
      what: 'La conversación sigue en otro lugar.',
      cure: 'Siga allí, o empiece otra aquí.',
    },
    ended_by_server: {
      what: 'El servidor terminó la conversación.',
      cure: 'Empiece otra para seguir.',
    },
    tool_failed: {
      what: 'Falló algo que el asistente quería hacer en esta página.',
      cure: 'El asistente lo sabe. Pregunte otra vez, o siga.',
    },
  },
};
