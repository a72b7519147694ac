// Chinese, in simplified characters.

/** @type {import('./index.js').Texts} */
export default {
  language: '中文',
  region: '语音对话',
  you: '您',
  assistant: '助手',
  transport_webrtc: 'WebRTC',
  transport_websocket: 'WebSocket',
  transport_http: 'HTTP',
  transport_text: '文字',
  phase_speech: '您的讲话',
  phase_endpointing: '讲话结束判定',
  phase_stt: '语音识别',
  phase_model: '模型',
  phase_tts: '语音合成',
  phase_playback: '播放',

  state_idle: '随时可以开始',
  state_asking: '正在等待麦克风',
  state_connecting: '正在连接',
  state_listening: '正在聆听',
  state_hearing: '正在听您说话',
  state_thinking: '正在思考',
  state_speaking: '正在回答',
  state_muted: '您已静音',
  state_writing: '等待您的消息',
  state_reconnecting: '正在重新连接',
  state_closed: '对话已结束',
  state_failed: '未连接',
  hint_idle: '按下按钮，开始说话。',
  hint_idle_text: '写一条消息即可开始。',
  hint_asking: '浏览器正在请求许可，请选择“允许”。',
  hint_connecting: '请稍候。',
  hint_connecting_next: '直接连接受阻，正在尝试{transport}。',
  hint_listening: '想说就说。',
  hint_speaking: '说话或按Esc键即可打断。',
  hint_speaking_text: '按Esc键即可打断。',
  hint_muted: '取消静音之前，对方听不到您。',
  hint_reconnecting: '对话会保留。',
  hint_offline: '正在等待网络。',
  hint_closed: '按下按钮，开始新的对话。',

  start: '开始说话',
  stop: '结束',
  stop_long: '结束对话',
  cancel: '取消',
  again: '重试',
  mute: '麦克风静音',
  unmute: '取消麦克风静音',
  interrupt: '打断回答',
  sound_on: '打开声音',
  dismiss: '关闭',
  send: '发送',
  write: '写消息',
  settings: '麦克风和扬声器',

  microphone: '麦克风',
  loudspeaker: '扬声器',
  device_default: '系统默认',
  device_number: '设备{number}',
  devices_unnamed: '允许使用麦克风后会显示名称。',
  via: '已通过{transport}连接',

  captions: '对话',
  captions_empty: '说的话会显示在这里。',
  transcript_pending: '您的话稍后显示',
  cut_off: '已打断',
  unheard_begin: '未听到的部分：',
  tool_running: '正在调用{name}',
  tool_done: '已调用{name}',
  tool_failed: '{name}失败',
  tool_elsewhere: '已请服务器执行{name}',
  latest: '转到最新内容',

  text_goes_on: '您可以用文字继续。',
  details: '供开发者参考的详情',

  said_assistant: '助手：{text}',
  told_connected: '已连接，请讲。',
  told_connected_text: '已连接，请写消息。',

  problems: {
    insecure_context: {
      what: '此页面不是通过安全连接打开的，因此浏览器不让它使用麦克风。',
      cure: '请用https打开，或在运行它的电脑上用localhost打开。',
    },
    microphone_denied: {
      what: '此页面未获准使用麦克风。',
      cure: '请点击地址旁的图标打开权限设置，允许使用麦克风，然后重试。',
    },
    microphone_denied_by_system: {
      what: '系统不让浏览器使用麦克风。',
      cure: '请在系统隐私设置的“麦克风”中允许浏览器使用，然后重试。',
    },
    microphone_forbidden: {
      what: '此页面嵌在另一个页面中，而后者没有把麦克风交给它。',
      cure: '请在单独的标签页中打开。如果外层页面由您管理，请给iframe加上allow="microphone"。',
    },
    microphone_missing: {
      what: '没有找到麦克风。',
      cure: '请插上或打开麦克风，然后重试。',
    },
    microphone_busy: {
      what: '另一个程序正在使用麦克风。',
      cure: '请关闭该程序或其通话，然后重试。',
    },
    microphone_failed: {
      what: '麦克风无法启动。',
      cure: '请重新插上或另选一个麦克风，然后重试。',
    },
    microphone_ended: {
      what: '麦克风已不可用：被拔下，或许可被收回。',
      cure: '请重新插上或另选一个麦克风，然后重试。',
    },
    microphone_muted: {
      what: '麦克风在设备上或系统中被关闭。',
      cure: '请用设备的开关或静音键，或在系统声音设置中打开它。',
    },
    microphone_silent: {
      what: '麦克风没有任何声音。',
      cure: '请检查麦克风是否打开，以及是否选对了。',
    },
    playback_blocked: {
      what: '在您按下任何按钮之前，浏览器不放出声音。',
      cure: '请打开声音以收听回答。',
    },
    loudspeaker_failed: {
      what: '无法使用该扬声器。',
      cure: '请另选一个，或检查其连接。',
    },
    not_wanted: {
      what: '此页面不使用这种连接方式。',
      cure: '您无需做任何事：会改用其他方式。',
    },
    not_offered: {
      what: '服务器不提供这种连接方式。',
      cure: '您无需做任何事：会改用其他方式。',
    },
    webrtc_unsupported: {
      what: '此浏览器不支持WebRTC。',
      cure: '会改用其他方式。支持WebRTC的新版浏览器音质更好。',
    },
    webrtc_not_available: {
      what: '服务器上没有安装WebRTC。',
      cure: '会改用其他方式。服务器的管理者可以添加WebRTC。',
    },
    webrtc_blocked: {
      what: '此网络不让WebRTC通过。',
      cure: '会改用其他方式。换一个网络，音质也许更好。',
    },
    webrtc_silent: {
      what: 'WebRTC已连接，但没有声音传来。',
      cure: '会改用其他方式。换一个网络，音质也许更好。',
    },
    websocket_blocked: {
      what: '此网络不让WebSocket通过。',
      cure: '会改用其他方式。原因可能是代理或过滤器。',
    },
    http_blocked: {
      what: '此网络不让持久的HTTP连接通过。',
      cure: '会改用其他方式。原因可能是代理或过滤器。',
    },
    stream_held_back: {
      what: '代理把回答积压住了。',
      cure: '对话会继续，只是稍慢。换一个网络也许更快。',
    },
    timed_out: {
      what: '连接用时过长。',
      cure: '正在尝试其他方式。如果都不行，请检查网络。',
    },
    offline: {
      what: '此设备处于离线状态。',
      cure: '请连接互联网，然后重试。',
    },
    server_unreachable: {
      what: '无法连接到服务器。',
      cure: '请检查您的连接并重试。如果服务器由您管理，请检查其地址以及是否正在运行。',
    },
    token_failed: {
      what: '此页面未获准与服务器对话。',
      cure: '请重新加载页面或重新登录。如果页面由您管理，请检查其令牌URL。',
    },
    key_missing: {
      what: '服务器要求密钥，而此页面没有。',
      cure: '如果页面由您管理，请为它设置返回客户端密钥的令牌URL（token-url）。',
    },
    key_invalid: {
      what: '密钥错误或已过期。',
      cure: '请重新加载页面。如果页面由您管理，请检查它所得到的密钥。',
    },
    origin_not_allowed: {
      what: '服务器不为此网站提供服务。',
      cure: '如果服务器由您管理，请把此网站的地址加入server.allowed_origins。',
    },
    model_invalid: {
      what: '服务器没有此页面所要求的模型。',
      cure: '如果页面由您管理，请检查模型名称。',
    },
    server_full: {
      what: '服务器已满员。',
      cure: '请等几分钟，然后重试。',
    },
    server_not_ready: {
      what: '服务器仍在启动。',
      cure: '请稍等片刻，然后重试。',
    },
    server_shutting_down: {
      what: '服务器正在关闭或重启。',
      cure: '请稍等片刻，然后重试。',
    },
    request_refused: {
      what: '服务器拒绝了请求。',
      cure: '请重试。如果仍然如此，请把下面的详情告诉此页面的管理者。',
    },
    server_error: {
      what: '服务器出了问题。',
      cure: '请重试。如果仍然如此，请把下面的详情告诉此页面的管理者。',
    },
    connection_lost: {
      what: '连接已断开。',
      cure: '您无需做任何事：网络恢复后会自动重连。',
    },
    conversation_lost: {
      what: '服务器上已没有之前的对话。',
      cure: '新的对话已带着之前的内容开始，请直接继续。',
    },
    session_expired: {
      what: '对话已达到最长时间。',
      cure: '请开始新的对话以继续。',
    },
    moved: {
      what: '对话正在别处继续。',
      cure: '请在那里继续，或在此开始新的对话。',
    },
    ended_by_server: {
      what: '服务器结束了对话。',
      cure: '请开始新的对话以继续。',
    },
    tool_failed: {
      what: '助手想在此页面上做的一件事失败了。',
      cure: '助手已知道。您可以再问一次，或继续对话。',
    },
  },
};
