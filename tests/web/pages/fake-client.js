// A client that is where it is put: it has the face of AntiphonClient, and no server.

/** Stands for AntiphonClient. What is asked of it is kept in `asked`. */
export class FakeClient extends EventTarget {
  state = { type: 'idle' };
  microphone = { type: 'off', problem: null, label: '', deviceId: '', muted: false };
  history = [];
  turns = [];
  session = null;
  log = [];
  asked = [];
  #muted = false;

  constructor(options = {}) {
    super();
    this.options = options;
  }

  get muted() {
    return this.#muted;
  }

  set muted(muted) {
    this.#muted = muted;
    this.put({ microphone: { ...this.microphone, muted } });
  }

  /** Be in this state, and tell so. */
  put({ state, microphone, history, problem }) {
    if (microphone) this.#become('microphone', { ...this.microphone, ...microphone });
    if (history) {
      this.history = history;
      for (const entry of history) this.#tell('history', entry);
    }
    if (state) this.#become('state', state);
    if (problem) this.#tell('problem', problem);
  }

  /** Let an entry begin, or grow. */
  say(entry) {
    const at = this.history.findIndex(({ id }) => id === entry.id);
    this.history = at < 0 ? [...this.history, entry] : this.history.with(at, entry);
    this.#tell('history', entry);
  }

  call(call) {
    this.#tell('tool', call);
  }

  async connect() {
    this.asked.push(['connect']);
  }

  disconnect() {
    this.asked.push(['disconnect']);
    this.put({ state: { type: 'closed', problem: null, attempts: [] } });
  }

  sendText(text) {
    this.asked.push(['sendText', text]);
  }

  interrupt() {
    this.asked.push(['interrupt']);
  }

  updateSession(config) {
    this.asked.push(['updateSession', config]);
  }

  async setMicrophone(device) {
    this.asked.push(['setMicrophone', device]);
  }

  async setLoudspeaker(device) {
    this.asked.push(['setLoudspeaker', device]);
  }

  levels() {
    const { activity } = this.state;
    return { input: activity === 'hearing' ? 0.55 : 0.02, output: activity === 'speaking' ? 0.5 : 0 };
  }

  #become(name, value) {
    this[name] = value;
    this.#tell(name, value);
  }

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
