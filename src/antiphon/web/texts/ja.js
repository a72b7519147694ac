// Japanese.

/** @type {import('./index.js').Texts} */
export default {
  language: '日本語',
  region: '音声での会話',
  you: 'あなた',
  assistant: 'アシスタント',
  transport_webrtc: 'WebRTC',
  transport_websocket: 'WebSocket',
  transport_http: 'HTTP',
  transport_text: 'テキスト',
  phase_speech: 'あなたの発話',
  phase_endpointing: '発話の終わり',
  phase_stt: '音声認識',
  phase_model: 'モデル',
  phase_tts: '音声合成',
  phase_playback: '再生',

  state_idle: 'いつでもどうぞ',
  state_asking: 'マイクを待っています',
  state_connecting: '接続しています',
  state_listening: '聞いています',
  state_hearing: 'お話を聞き取っています',
  state_thinking: '考えています',
  state_speaking: '答えています',
  state_muted: 'ミュート中です',
  state_writing: 'メッセージをお待ちしています',
  state_reconnecting: '再接続しています',
  state_closed: '会話は終わりました',
  state_failed: '接続されていません',
  hint_idle: 'ボタンを押して話しかけてください。',
  hint_idle_text: 'メッセージを書くと始まります。',
  hint_asking: 'ブラウザーが許可を求めています。「許可」を選んでください。',
  hint_connecting: '少々お待ちください。',
  hint_connecting_next: '直接の経路が通りません。{transport}で試しています。',
  hint_listening: 'いつでもお話しください。',
  hint_speaking: '話しかけるか、Escキーを押すと中断できます。',
  hint_speaking_text: 'Escキーを押すと中断できます。',
  hint_muted: 'ミュートを解除するまで、声は届きません。',
  hint_reconnecting: '会話は保たれています。',
  hint_offline: 'ネットワークを待っています。',
  hint_closed: 'ボタンを押すと新しい会話が始まります。',

  start: '話し始める',
  stop: '終了',
  stop_long: '会話を終了',
  cancel: 'キャンセル',
  again: 'もう一度試す',
  mute: 'マイクをミュート',
  unmute: 'マイクのミュートを解除',
  interrupt: '答えを中断',
  sound_on: '音を出す',
  dismiss: '閉じる',
  send: '送信',
  write: 'メッセージを書く',
  settings: 'マイクとスピーカー',

  microphone: 'マイク',
  loudspeaker: 'スピーカー',
  device_default: 'システムの既定',
  device_number: '機器{number}',
  devices_unnamed: 'マイクを許可すると名前が表示されます。',
  via: '{transport}で接続中',

  captions: '会話',
  captions_empty: '話した内容がここに表示されます。',
  transcript_pending: '文字に起こしています',
  cut_off: '中断',
  unheard_begin: '再生されなかった部分：',
  tool_running: '{name}を呼び出しています',
  tool_done: '{name}を呼び出しました',
  tool_failed: '{name}は失敗しました',
  tool_elsewhere: '{name}をサーバーに依頼しました',
  latest: '最新へ移動',

  text_goes_on: '文字で会話を続けられます。',
  details: '開発者向けの詳細',

  said_assistant: 'アシスタント：{text}',
  told_connected: '接続しました。お話しください。',
  told_connected_text: '接続しました。メッセージをどうぞ。',

  problems: {
    insecure_context: {
      what: '安全な接続で開かれていないため、ブラウザーはこのページにマイクを使わせません。',
      cure: 'httpsで開くか、サーバーが動いている端末でlocalhostとして開いてください。',
    },
    microphone_denied: {
      what: 'このページにはマイクの使用が許可されていません。',
      cure: 'アドレスの横のアイコンから権限を開き、マイクを許可して、もう一度お試しください。',
    },
    microphone_denied_by_system: {
      what: 'システムがブラウザーにマイクを使わせていません。',
      cure: 'システムのプライバシー設定の「マイク」でブラウザーを許可して、もう一度お試しください。',
    },
    microphone_forbidden: {
      what: 'このページを埋め込んでいるページが、マイクの使用を認めていません。',
      cure: '別のタブで開いてください。外側のページの管理者は、iframeにallow="microphone"を加えてください。',
    },
    microphone_missing: {
      what: 'マイクが見つかりません。',
      cure: 'マイクをつなぐか電源を入れて、もう一度お試しください。',
    },
    microphone_busy: {
      what: 'ほかのプログラムがマイクを使っています。',
      cure: 'そのプログラムか通話を終えて、もう一度お試しください。',
    },
    microphone_failed: {
      what: 'マイクを開始できませんでした。',
      cure: 'つなぎ直すか別のマイクを選んで、もう一度お試しください。',
    },
    microphone_ended: {
      what: 'マイクが使えなくなりました。外されたか、許可が取り消されました。',
      cure: 'つなぎ直すか別のマイクを選んで、もう一度お試しください。',
    },
    microphone_muted: {
      what: '機器またはシステムの側でマイクが切られています。',
      cure: '機器のスイッチやミュートキー、またはシステムのサウンド設定でオンにしてください。',
    },
    microphone_silent: {
      what: 'マイクから何も聞こえてきません。',
      cure: 'マイクがオンになっているか、正しいマイクが選ばれているかをお確かめください。',
    },
    playback_blocked: {
      what: '何かを押すまで、ブラウザーが音を止めています。',
      cure: '音を出すと、答えが聞こえます。',
    },
    loudspeaker_failed: {
      what: 'このスピーカーは使えません。',
      cure: '別のスピーカーを選ぶか、つなぎ方をお確かめください。',
    },
    not_wanted: {
      what: 'このページはこの接続方式を使いません。',
      cure: '別の方式を使うので、何もする必要はありません。',
    },
    not_offered: {
      what: 'サーバーはこの接続方式に対応していません。',
      cure: '別の方式を使うので、何もする必要はありません。',
    },
    webrtc_unsupported: {
      what: 'このブラウザーはWebRTCに対応していません。',
      cure: '別の方式で接続します。WebRTCに対応した新しいブラウザーなら、音がよりよくなります。',
    },
    webrtc_not_available: {
      what: 'サーバーにWebRTCがインストールされていません。',
      cure: '別の方式で接続します。サーバーの管理者がWebRTCを追加できます。',
    },
    webrtc_blocked: {
      what: 'このネットワークではWebRTCが通りません。',
      cure: '別の方式で接続します。別のネットワークなら、音がよりよくなるかもしれません。',
    },
    webrtc_silent: {
      what: 'WebRTCで接続しましたが、音が届きませんでした。',
      cure: '別の方式で接続します。別のネットワークなら、音がよりよくなるかもしれません。',
    },
    websocket_blocked: {
      what: 'このネットワークではWebSocketが通りません。',
      cure: '別の方式で接続します。プロキシやフィルターが原因かもしれません。',
    },
    http_blocked: {
      what: 'このネットワークではHTTPの持続的な接続が通りません。',
      cure: '別の方式で接続します。プロキシやフィルターが原因かもしれません。',
    },
    stream_held_back: {
      what: 'プロキシが答えをため込んでいます。',
      cure: '会話は続きますが、少し遅くなります。別のネットワークなら速くなるかもしれません。',
    },
    timed_out: {
      what: '接続に時間がかかりすぎました。',
      cure: '別の方式を試します。どれもつながらなければ、ネットワークをお確かめください。',
    },
    offline: {
      what: 'この端末はオフラインです。',
      cure: 'インターネットに接続して、もう一度お試しください。',
    },
    server_unreachable: {
      what: 'サーバーに接続できません。',
      cure: '接続を確かめて、もう一度お試しください。サーバーの管理者は、アドレスと動作をお確かめください。',
    },
    token_failed: {
      what: 'このページは、サーバーと話す許可を得られませんでした。',
      cure: 'ページを再読み込みするか、サインインし直してください。管理者は、トークンのURLをお確かめください。',
    },
    key_missing: {
      what: 'サーバーはキーを求めていますが、このページにはありません。',
      cure: 'このページの管理者は、クライアントシークレットを返すトークンのURL（token-url）を設定してください。',
    },
    key_invalid: {
      what: 'キーが間違っているか、期限が切れています。',
      cure: 'ページを再読み込みしてください。管理者は、ページに渡すキーをお確かめください。',
    },
    origin_not_allowed: {
      what: 'サーバーはこのウェブサイトからの接続を受け付けません。',
      cure: 'サーバーの管理者は、サイトのアドレスをserver.allowed_originsに加えてください。',
    },
    model_invalid: {
      what: 'このページが求めるモデルを、サーバーは知りません。',
      cure: 'このページの管理者は、モデルの名前をお確かめください。',
    },
    server_full: {
      what: 'サーバーは満員です。',
      cure: '数分待って、もう一度お試しください。',
    },
    server_not_ready: {
      what: 'サーバーは起動中です。',
      cure: '少し待って、もう一度お試しください。',
    },
    server_shutting_down: {
      what: 'サーバーは停止中か再起動中です。',
      cure: '少し待って、もう一度お試しください。',
    },
    request_refused: {
      what: 'サーバーが要求を断りました。',
      cure: 'もう一度お試しください。変わらなければ、下の詳細をこのページの管理者にお伝えください。',
    },
    server_error: {
      what: 'サーバーで問題が起きました。',
      cure: 'もう一度お試しください。変わらなければ、下の詳細をこのページの管理者にお伝えください。',
    },
    connection_lost: {
      what: '接続が切れました。',
      cure: 'ネットワークが戻れば自動的につながるので、何もする必要はありません。',
    },
    conversation_lost: {
      what: '前の会話がサーバーに残っていませんでした。',
      cure: 'これまでの内容を引き継いで新しい会話が始まりました。そのままお続けください。',
    },
    session_expired: {
      what: '会話が最長時間に達しました。',
      cure: '続けるには、新しい会話を始めてください。',
    },
    moved: {
      what: '会話は別の場所で続いています。',
      cure: 'そちらで続けるか、ここで新しい会話を始めてください。',
    },
    ended_by_server: {
      what: 'サーバーが会話を終えました。',
      cure: '続けるには、新しい会話を始めてください。',
    },
    tool_failed: {
      what: 'アシスタントがこのページで行おうとしたことが失敗しました。',
      cure: 'アシスタントには伝わっています。もう一度たずねるか、そのままお続けください。',
    },
  },
};
