// Portuguese, in the words of Brazil.

/** @type {import('./index.js').Texts} */
export default {
  language: 'Português',
  region: 'Conversa por voz',
  you: 'Você',
  assistant: 'Assistente',
  transport_webrtc: 'WebRTC',
  transport_websocket: 'WebSocket',
  transport_http: 'HTTP',
  transport_text: 'Texto',
  phase_speech: 'Sua fala',
  phase_endpointing: 'Fim da fala',
  phase_stt: 'Fala para texto',
  phase_model: 'Modelo',
  phase_tts: 'Texto para fala',
  phase_playback: 'Reprodução',

  state_idle: 'Tudo pronto',
  state_asking: 'Aguardando o microfone',
  state_connecting: 'Conectando',
  state_listening: 'Ouvindo',
  state_hearing: 'Ouvindo você falar',
  state_thinking: 'Pensando',
  state_speaking: 'Respondendo',
  state_muted: 'Seu microfone está mudo',
  state_writing: 'Aguardando sua mensagem',
  state_reconnecting: 'Reconectando',
  state_closed: 'Conversa encerrada',
  state_failed: 'Sem conexão',
  hint_idle: 'Pressione o botão e fale.',
  hint_idle_text: 'Escreva uma mensagem para começar.',
  hint_asking: 'O navegador pede sua permissão: escolha “Permitir”.',
  hint_connecting: 'Um momento.',
  hint_connecting_next: 'O caminho direto está bloqueado. Tentando por {transport}.',
  hint_listening: 'Fale quando quiser.',
  hint_speaking: 'Para interromper, fale ou pressione Escape.',
  hint_speaking_text: 'Para interromper, pressione Escape.',
  hint_muted: 'Ninguém ouve você até o microfone ser ligado.',
  hint_reconnecting: 'A conversa fica guardada.',
  hint_offline: 'Aguardando a rede.',
  hint_closed: 'Pressione o botão para começar outra.',

  start: 'Falar',
  stop: 'Encerrar',
  stop_long: 'Encerrar a conversa',
  cancel: 'Cancelar',
  again: 'Tentar de novo',
  mute: 'Silenciar o microfone',
  unmute: 'Ligar o microfone',
  interrupt: 'Interromper a resposta',
  sound_on: 'Ligar o som',
  dismiss: 'Ocultar',
  send: 'Enviar',
  write: 'Escrever uma mensagem',
  settings: 'Microfone e alto-falante',

  microphone: 'Microfone',
  loudspeaker: 'Alto-falante',
  device_default: 'Padrão do sistema',
  device_number: 'Dispositivo {number}',
  devices_unnamed: 'Os nomes aparecem quando o microfone é permitido.',
  via: 'Conectado por {transport}',

  captions: 'Conversa',
  captions_empty: 'O que for dito aparece aqui.',
  transcript_pending: 'Suas palavras já aparecem',
  cut_off: 'Interrompido',
  unheard_begin: 'Não ouvido:',
  tool_running: 'Chamando {name}',
  tool_done: '{name} foi chamado',
  tool_failed: '{name} falhou',
  tool_elsewhere: '{name} foi pedido ao servidor',
  latest: 'Ir para o mais recente',

  text_goes_on: 'Você pode continuar por escrito.',
  details: 'Detalhes para desenvolvedores',

  said_assistant: 'Assistente: {text}',
  told_connected: 'Conectado. Pode falar.',
  told_connected_text: 'Conectado. Pode escrever.',

  problems: {
    insecure_context: {
      what: 'O navegador não dá o microfone a esta página, porque ela não foi aberta por uma conexão segura.',
      cure: 'Abra-a com https, ou como localhost na máquina em que ela funciona.',
    },
    microphone_denied: {
      what: 'Esta página não tem permissão para usar o microfone.',
      cure: 'Permita no navegador: o símbolo ao lado do endereço abre as permissões. Depois, tente de novo.',
    },
    microphone_denied_by_system: {
      what: 'O sistema não deixa o navegador usar o microfone.',
      cure: 'Permita nas configurações de privacidade do sistema, em “Microfone”. Depois, tente de novo.',
    },
    microphone_forbidden: {
      what: 'Esta página está dentro de outra que não repassa o microfone.',
      cure: 'Abra-a em uma aba própria. Se a página de fora é sua, inclua allow="microphone" no iframe.',
    },
    microphone_missing: {
      what: 'Nenhum microfone foi encontrado.',
      cure: 'Conecte um ou ligue-o e tente de novo.',
    },
    microphone_busy: {
      what: 'Outro programa está usando o microfone.',
      cure: 'Feche esse programa ou a chamada dele e tente de novo.',
    },
    microphone_failed: {
      what: 'O microfone não começou a funcionar.',
      cure: 'Conecte-o de novo ou escolha outro e tente mais uma vez.',
    },
    microphone_ended: {
      what: 'O microfone sumiu: foi desconectado ou perdeu a permissão.',
      cure: 'Conecte-o de novo ou escolha outro e tente mais uma vez.',
    },
    microphone_muted: {
      what: 'O microfone está desligado, no aparelho ou no sistema.',
      cure: 'Use o botão ou a tecla dele, ou ligue-o nas configurações de som do sistema.',
    },
    microphone_silent: {
      what: 'Nada vem do microfone.',
      cure: 'Confira se ele está ligado e se o certo foi escolhido.',
    },
    playback_blocked: {
      what: 'O navegador segura o som até que você pressione algo.',
      cure: 'Ligue o som para ouvir as respostas.',
    },
    loudspeaker_failed: {
      what: 'Não é possível usar o alto-falante.',
      cure: 'Escolha outro ou confira a conexão dele.',
    },
    not_wanted: {
      what: 'Esta página dispensa este tipo de conexão.',
      cure: 'Não é preciso fazer nada: outro tipo é usado.',
    },
    not_offered: {
      what: 'O servidor não oferece este tipo de conexão.',
      cure: 'Não é preciso fazer nada: outro tipo é usado.',
    },
    webrtc_unsupported: {
      what: 'Este navegador não tem WebRTC.',
      cure: 'Outra conexão é usada. Um navegador atual com WebRTC soa melhor.',
    },
    webrtc_not_available: {
      what: 'O WebRTC não está instalado no servidor.',
      cure: 'Outra conexão é usada. Quem administra o servidor pode incluir o WebRTC.',
    },
    webrtc_blocked: {
      what: 'Esta rede não deixa o WebRTC passar.',
      cure: 'Outra conexão é usada. Em outra rede, o som talvez seja melhor.',
    },
    webrtc_silent: {
      what: 'O WebRTC conectou, mas nenhum som chegou.',
      cure: 'Outra conexão é usada. Em outra rede, o som talvez seja melhor.',
    },
    websocket_blocked: {
      what: 'Esta rede não deixa WebSockets passarem.',
      cure: 'Outra conexão é usada. A causa pode ser um proxy ou um filtro.',
    },
    http_blocked: {
      what: 'Esta rede não deixa passar uma conexão HTTP duradoura.',
      cure: 'Outra conexão é usada. A causa pode ser um proxy ou um filtro.',
    },
    stream_held_back: {
      what: 'Um proxy segura as respostas.',
      cure: 'A conversa continua, um pouco mais lenta. Em outra rede talvez seja mais rápida.',
    },
    timed_out: {
      what: 'A conexão demorou demais.',
      cure: 'Outra é tentada. Se nenhuma funcionar, confira sua rede.',
    },
    offline: {
      what: 'Este dispositivo está sem internet.',
      cure: 'Conecte-se à internet e tente de novo.',
    },
    server_unreachable: {
      what: 'Não é possível alcançar o servidor.',
      cure: 'Confira sua conexão e tente de novo. Se você administra o servidor, confira o endereço e se ele está funcionando.',
    },
    token_failed: {
      what: 'Esta página não obteve permissão para falar com o servidor.',
      cure: 'Recarregue a página ou entre de novo. Se você a administra, confira a URL de token.',
    },
    key_missing: {
      what: 'O servidor pede uma chave, e esta página não tem nenhuma.',
      cure: 'Se você administra esta página, dê a ela uma URL de token (token-url) que devolva um segredo de cliente.',
    },
    key_invalid: {
      what: 'A chave está errada ou expirou.',
      cure: 'Recarregue a página. Se você a administra, confira a chave que ela recebe.',
    },
    origin_not_allowed: {
      what: 'O servidor não atende este site.',
      cure: 'Se você administra o servidor, inclua o endereço do site em server.allowed_origins.',
    },
    model_invalid: {
      what: 'O servidor não conhece o modelo que esta página pede.',
      cure: 'Se você administra esta página, confira o nome do modelo.',
    },
    server_full: {
      what: 'Todos os lugares do servidor estão ocupados.',
      cure: 'Espere alguns minutos e tente de novo.',
    },
    server_not_ready: {
      what: 'O servidor ainda está iniciando.',
      cure: 'Espere um momento e tente de novo.',
    },
    server_shutting_down: {
      what: 'O servidor está sendo desligado ou reiniciado.',
      cure: 'Espere um momento e tente de novo.',
    },
    request_refused: {
      what: 'O servidor recusou o pedido.',
      cure: 'Tente de novo. Se continuar assim, passe os detalhes abaixo a quem administra esta página.',
    },
    server_error: {
      what: 'Algo deu errado no servidor.',
      cure: 'Tente de novo. Se continuar assim, passe os detalhes abaixo a quem administra esta página.',
    },
    connection_lost: {
      what: 'A conexão caiu.',
      cure: 'Não é preciso fazer nada: ela volta assim que a rede voltar.',
    },
    conversation_lost: {
      what: 'O servidor não tinha mais a conversa anterior.',
      cure: 'Outra começou com o que foi dito até aqui. É só continuar.',
    },
    session_expired: {
      what: 'A conversa chegou à duração máxima.',
      cure: 'Comece outra para continuar.',
    },
    moved: {
      what: 'A conversa continua em outro lugar.',
      cure: 'Continue lá, ou comece outra aqui.',
    },
    ended_by_server: {
      what: 'O servidor encerrou a conversa.',
      cure: 'Comece outra para continuar.',
    },
    tool_failed: {
      what: 'Algo que o assistente queria fazer nesta página falhou.',
      cure: 'O assistente sabe disso. Pergunte de novo ou continue.',
    },
  },
};
