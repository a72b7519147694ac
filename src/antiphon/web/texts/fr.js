// French. Before : ; ! ? and inside « » stand no-break spaces.

/** @type {import('./index.js').Texts} */
export default {
  language: 'Français',
  region: 'Conversation vocale',
  you: 'Vous',
  assistant: 'Assistant',
  transport_webrtc: 'WebRTC',
  transport_websocket: 'WebSocket',
  transport_http: 'HTTP',
  transport_text: 'Texte',
  phase_speech: 'Votre parole',
  phase_endpointing: 'Fin de parole',
  phase_stt: 'Reconnaissance vocale',
  phase_model: 'Modèle',
  phase_tts: 'Synthèse vocale',
  phase_playback: 'Lecture',

  state_idle: 'À votre écoute',
  state_asking: 'En attente du microphone',
  state_connecting: 'Connexion en cours',
  state_listening: 'Vous pouvez parler',
  state_hearing: 'Vous êtes entendu',
  state_thinking: 'Réflexion en cours',
  state_speaking: 'Réponse en cours',
  state_muted: 'Votre micro est coupé',
  state_writing: 'En attente de votre message',
  state_reconnecting: 'Reconnexion en cours',
  state_closed: 'Conversation terminée',
  state_failed: 'Non connecté',
  hint_idle: 'Appuyez sur le bouton et parlez.',
  hint_idle_text: 'Écrivez un message pour commencer.',
  hint_asking: 'Votre navigateur demande votre accord : choisissez « Autoriser ».',
  hint_connecting: 'Un instant.',
  hint_connecting_next: 'La voie directe est bloquée. Essai par {transport}.',
  hint_listening: 'Parlez quand vous voulez.',
  hint_speaking: 'Parlez, ou appuyez sur Échap, pour interrompre.',
  hint_speaking_text: 'Appuyez sur Échap pour interrompre.',
  hint_muted: 'On ne vous entend pas tant que le micro est coupé.',
  hint_reconnecting: 'La conversation est conservée.',
  hint_offline: 'En attente du réseau.',
  hint_closed: 'Appuyez sur le bouton pour en commencer une autre.',

  start: 'Parler',
  stop: 'Terminer',
  stop_long: 'Terminer la conversation',
  cancel: 'Annuler',
  again: 'Réessayer',
  mute: 'Couper le microphone',
  unmute: 'Rétablir le microphone',
  interrupt: 'Interrompre la réponse',
  sound_on: 'Activer le son',
  dismiss: 'Masquer',
  send: 'Envoyer',
  write: 'Écrire un message',
  settings: 'Microphone et haut-parleur',

  microphone: 'Microphone',
  loudspeaker: 'Haut-parleur',
  device_default: 'Par défaut du système',
  device_number: 'Appareil {number}',
  devices_unnamed: 'Les noms apparaissent dès que le microphone est autorisé.',
  via: 'Connecté par {transport}',

  captions: 'Conversation',
  captions_empty: 'Ce qui se dit apparaît ici.',
  transcript_pending: 'Vos paroles vont suivre',
  cut_off: 'Interrompu',
  unheard_begin: 'Non entendu :',
  tool_running: 'Appel de {name}',
  tool_done: '{name} a été appelé',
  tool_failed: 'Échec de {name}',
  tool_elsewhere: '{name} demandé au serveur',
  latest: 'Aller au plus récent',

  text_goes_on: 'Vous pouvez continuer par écrit.',
  details: 'Détails pour les développeurs',

  said_assistant: 'Assistant : {text}',
  told_connected: 'Connecté. Vous pouvez parler.',
  told_connected_text: 'Connecté. Vous pouvez écrire.',

  problems: {
    insecure_context: {
      what: 'Votre navigateur refuse le microphone à cette page, car elle n’a pas été ouverte par une connexion sécurisée.',
      cure: 'Ouvrez-la en https, ou par localhost sur la machine où elle fonctionne.',
    },
    microphone_denied: {
      what: 'Cette page n’a pas le droit d’utiliser le microphone.',
      cure: 'Autorisez-le dans le navigateur : le symbole à côté de l’adresse ouvre les autorisations. Puis réessayez.',
    },
    microphone_denied_by_system: {
      what: 'Le système ne laisse pas le navigateur utiliser le microphone.',
      cure: 'Autorisez le navigateur dans les réglages de confidentialité du système, sous « Microphone ». Puis réessayez.',
    },
    microphone_forbidden: {
      what: 'Cette page est intégrée dans une autre qui ne lui transmet pas le microphone.',
      cure: 'Ouvrez-la dans son propre onglet. Si la page extérieure est la vôtre, ajoutez allow="microphone" à l’iframe.',
    },
    microphone_missing: {
      what: 'Aucun microphone n’a été trouvé.',
      cure: 'Branchez-en un ou allumez-le, puis réessayez.',
    },
    microphone_busy: {
      what: 'Un autre programme utilise le microphone.',
      cure: 'Fermez ce programme ou son appel, puis réessayez.',
    },
    microphone_failed: {
      what: 'Le microphone n’a pas démarré.',
      cure: 'Rebranchez-le ou choisissez-en un autre, puis réessayez.',
    },
    microphone_ended: {
      what: 'Le microphone n’est plus là : débranché, ou plus autorisé.',
      cure: 'Rebranchez-le ou choisissez-en un autre, puis réessayez.',
    },
    microphone_muted: {
      what: 'Le microphone est coupé, sur l’appareil ou dans le système.',
      cure: 'Utilisez son interrupteur ou sa touche, ou activez-le dans les réglages du son.',
    },
    microphone_silent: {
      what: 'Rien ne vient du microphone.',
      cure: 'Vérifiez qu’il est allumé et que le bon est choisi.',
    },
    playback_blocked: {
      what: 'Votre navigateur retient le son jusqu’à ce que vous appuyiez sur un bouton.',
      cure: 'Activez le son pour entendre les réponses.',
    },
    loudspeaker_failed: {
      what: 'Le haut-parleur est inutilisable.',
      cure: 'Choisissez-en un autre, ou vérifiez son branchement.',
    },
    not_wanted: {
      what: 'Cette page exclut ce type de connexion.',
      cure: 'Vous n’avez rien à faire : un autre type est utilisé.',
    },
    not_offered: {
      what: 'Le serveur n’offre pas ce type de connexion.',
      cure: 'Vous n’avez rien à faire : un autre type est utilisé.',
    },
    webrtc_unsupported: {
      what: 'Ce navigateur n’a pas WebRTC.',
      cure: 'Une autre connexion est utilisée. Un navigateur récent avec WebRTC donne un meilleur son.',
    },
    webrtc_not_available: {
      what: 'WebRTC n’est pas installé sur le serveur.',
      cure: 'Une autre connexion est utilisée. Qui gère le serveur peut ajouter WebRTC.',
    },
    webrtc_blocked: {
      what: 'Ce réseau ne laisse pas passer WebRTC.',
      cure: 'Une autre connexion est utilisée. Le son est peut-être meilleur sur un autre réseau.',
    },
    webrtc_silent: {
      what: 'WebRTC s’est connecté, mais aucun son n’est passé.',
      cure: 'Une autre connexion est utilisée. Le son est peut-être meilleur sur un autre réseau.',
    },
    websocket_blocked: {
      what: 'Ce réseau ne laisse pas passer les WebSockets.',
      cure: 'Une autre connexion est utilisée. Un proxy ou un filtre peut en être la cause.',
    },
    http_blocked: {
      what: 'Ce réseau ne laisse pas passer de connexion HTTP durable.',
      cure: 'Une autre connexion est utilisée. Un proxy ou un filtre peut en être la cause.',
    },
    stream_held_back: {
      what: 'Un proxy retient les réponses.',
      cure: 'La conversation continue, un peu plus lentement. Un autre réseau est peut-être plus rapide.',
    },
    timed_out: {
      what: 'La connexion a pris trop de temps.',
      cure: 'Une autre est essayée. Si aucune ne fonctionne, vérifiez votre réseau.',
    },
    offline: {
      what: 'Cet appareil est hors ligne.',
      cure: 'Connectez-vous à Internet, puis réessayez.',
    },
    server_unreachable: {
      what: 'Le serveur est injoignable.',
      cure: 'Vérifiez votre connexion et réessayez. Si vous gérez le serveur, vérifiez son adresse et qu’il fonctionne.',
    },
    token_failed: {
      what: 'Cette page n’a pas reçu l’autorisation de parler au serveur.',
      cure: 'Rechargez la page, ou identifiez-vous à nouveau. Si vous la gérez, vérifiez son URL de jeton.',
    },
    key_missing: {
      what: 'Le serveur demande une clé, et cette page n’en a pas.',
      cure: 'Si vous gérez cette page, donnez-lui une URL de jeton (token-url) qui renvoie un secret client.',
    },
    key_invalid: {
      what: 'La clé est fausse ou a expiré.',
      cure: 'Rechargez la page. Si vous la gérez, vérifiez la clé qu’elle reçoit.',
    },
    origin_not_allowed: {
      what: 'Le serveur ne sert pas ce site.',
      cure: 'Si vous gérez le serveur, ajoutez l’adresse du site à server.allowed_origins.',
    },
    model_invalid: {
      what: 'Le serveur ne connaît pas le modèle que cette page demande.',
      cure: 'Si vous gérez cette page, vérifiez le nom du modèle.',
    },
    server_full: {
      what: 'Toutes les places du serveur sont prises.',
      cure: 'Attendez quelques minutes, puis réessayez.',
    },
    server_not_ready: {
      what: 'Le serveur est encore en train de démarrer.',
      cure: 'Attendez un instant, puis réessayez.',
    },
    server_shutting_down: {
      what: 'Le serveur s’arrête ou redémarre.',
      cure: 'Attendez un instant, puis réessayez.',
    },
    request_refused: {
      what: 'Le serveur a refusé la demande.',
      cure: 'Réessayez. Si cela persiste, transmettez les détails ci-dessous à qui gère cette page.',
    },
    server_error: {
      what: 'Une erreur s’est produite sur le serveur.',
      cure: 'Réessayez. Si cela persiste, transmettez les détails ci-dessous à qui gère cette page.',
    },
    connection_lost: {
      what: 'La connexion est perdue.',
      cure: 'Vous n’avez rien à faire : elle revient dès que le réseau revient.',
    },
    conversation_lost: {
      what: 'Le serveur n’avait plus la conversation précédente.',
      cure: 'Une nouvelle a commencé avec ce qui a été dit jusqu’ici. Continuez simplement.',
    },
    session_expired: {
      what: 'La conversation a atteint sa durée maximale.',
      cure: 'Commencez-en une nouvelle pour continuer.',
    },
    moved: {
      what: 'La conversation se poursuit ailleurs.',
      cure: 'Continuez là-bas, ou commencez-en une nouvelle ici.',
    },
    ended_by_server: {
      what: 'Le serveur a mis fin à la conversation.',
      cure: 'Commencez-en une nouvelle pour continuer.',
    },
    tool_failed: {
      what: 'Une action que l’assistant voulait faire dans cette page a échoué.',
      cure: 'L’assistant le sait. Demandez à nouveau, ou continuez.',
    },
  },
};
