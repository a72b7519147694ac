// What the element shows, worked out from what the client is doing. Pure: words are keys, and nothing is drawn here.
import { PROBLEMS } from '../client/problems.js';

/** @typedef {import('../client/types.js').ClientState} ClientState */
/** @typedef {import('../client/types.js').MicrophoneState} MicrophoneState */
/** @typedef {import('../client/types.js').Problem} Problem */
/** @typedef {import('../client/types.js').TransportName} TransportName */
/** @typedef {import('../texts/index.js').TextKey} TextKey */
/** @typedef {Extract<ClientState, { type: 'connected' }>} Connected */

/**
 * @typedef {object} Situation
 * @property {ClientState} state
 * @property {MicrophoneState} microphone
 * @property {'voice' | 'text'} mode
 * @property {boolean} captions Whether the page wants them.
 * @property {boolean} spoken Whether anything was said yet.
 * @property {Problem | null} notice What was told last, and still holds.
 * @property {ReadonlySet<string>} dismissed Codes of the problems that the person has put away.
 */

/** @typedef {'quiet' | 'busy' | 'open' | 'hearing' | 'thinking' | 'speaking' | 'trouble'} Tone */

/**
 * @typedef {object} Trouble
 * @property {Problem} problem
 * @property {boolean} grave There is no conversation because of it.
 * @property {'microphone' | 'sound' | null} retry What its own button does; the main button tries the whole again.
 * @property {boolean} goesOn The conversation goes on in writing.
 */

/**
 * @typedef {object} Look
 * @property {ClientState['type']} phase
 * @property {Tone} tone
 * @property {TextKey} headline
 * @property {TextKey | null} hint
 * @property {TransportName | null} transport The one in use, or being tried.
 * @property {'start' | 'again' | 'cancel' | 'stop' | null} action Of the main button.
 * @property {boolean} canMute
 * @property {boolean} muted
 * @property {boolean} canInterrupt
 * @property {'hidden' | 'open' | 'waiting'} composer `waiting`: one may write, and cannot send yet.
 * @property {boolean} captions
 * @property {boolean} meter
 * @property {Trouble | null} trouble
 */

// What is told a person by itself. The rest is in the state, or goes without saying.
const NOTICES = new Set(['playback_blocked', 'loudspeaker_failed', 'conversation_lost', 'tool_failed']);
// Trying again in the same page cannot help.
const HOPELESS = new Set(['insecure_context', 'microphone_forbidden']);

/**
 * @param {Problem} problem
 * @returns {boolean} Whether it is to be shown until it is put away.
 */
export function isNotice(problem) {
  return NOTICES.has(problem.code);
}

/**
 * @param {Problem} problem
 * @returns {boolean} Whether it is over when the person goes on.
 */
export function isPassing({ code }) {
  return code === 'conversation_lost' || code === 'tool_failed';
}

/**
 * @param {Situation} situation
 * @returns {Look}
 */
export function lookOf(situation) {
  const { state, microphone, mode } = situation;
  const there = state.type === 'connected' || state.type === 'reconnecting';
  return {
    phase: state.type,
    ...wordsOf(situation),
    transport: 'transport' in state ? state.transport : null,
    action: actionOf(situation),
    canMute: there && mode === 'voice' && microphone.type === 'on',
    muted: microphone.muted,
    canInterrupt: state.type === 'connected' && (state.activity === 'speaking' || state.activity === 'thinking'),
    composer: composerOf(situation),
    captions: captionsOf(situation),
    meter: mode === 'voice',
    trouble: troubleOf(situation),
  };
}

/**
 * @param {Situation} situation
 * @returns {{ tone: Tone, headline: TextKey, hint: TextKey | null }}
 */
function wordsOf(situation) {
  const { state, mode } = situation;
  switch (state.type) {
    case 'idle':
      return { tone: 'quiet', headline: 'state_idle', hint: mode === 'text' ? 'hint_idle_text' : 'hint_idle' };
    case 'connecting':
      return connectingWords(situation);
    case 'connected':
      return connectedWords(situation, state);
    case 'reconnecting': {
      const hint = state.problem.code === 'offline' ? 'hint_offline' : 'hint_reconnecting';
      return { tone: 'busy', headline: 'state_reconnecting', hint };
    }
    case 'closed':
      if (state.problem) return { tone: 'trouble', headline: endedHeadline(state.problem), hint: null };
      return { tone: 'quiet', headline: 'state_closed', hint: mode === 'text' ? 'hint_idle_text' : 'hint_closed' };
  }
}

/**
 * @param {Situation} situation
 * @returns {{ tone: Tone, headline: TextKey, hint: TextKey }}
 */
function connectingWords({ state, microphone, mode }) {
  if (mode === 'voice' && microphone.type === 'asking') {
    return { tone: 'busy', headline: 'state_asking', hint: 'hint_asking' };
  }
  const again = state.type === 'connecting' && state.transport !== null && state.attempts.some(isBlocked);
  return { tone: 'busy', headline: 'state_connecting', hint: again ? 'hint_connecting_next' : 'hint_connecting' };
}

/** @param {import('../client/types.js').Attempt} attempt */
function isBlocked({ outcome, problem }) {
  return outcome === 'failed' && problem?.code !== 'not_wanted' && problem?.code !== 'not_offered';
}

/**
 * @param {Situation} situation
 * @param {Connected} state
 * @returns {{ tone: Tone, headline: TextKey, hint: TextKey | null }}
 */
function connectedWords(situation, state) {
  const hears = canHear(situation);
  switch (state.activity) {
    case 'hearing':
      return { tone: 'hearing', headline: 'state_hearing', hint: null };
    case 'thinking':
      return { tone: 'thinking', headline: 'state_thinking', hint: null };
    case 'speaking':
      return { tone: 'speaking', headline: 'state_speaking', hint: hears ? 'hint_speaking' : 'hint_speaking_text' };
    case 'listening':
      if (!hears) return { tone: 'open', headline: 'state_writing', hint: null };
      if (isMuted(situation)) return { tone: 'quiet', headline: 'state_muted', hint: 'hint_muted' };
      return { tone: 'open', headline: 'state_listening', hint: 'hint_listening' };
  }
}

/** @param {Situation} situation */
function canHear({ state, microphone, mode }) {
  return mode === 'voice' && microphone.type === 'on' && !('transport' in state && state.transport === 'text');
}

/** @param {Situation} situation */
function isMuted({ microphone }) {
  return microphone.muted || microphone.problem?.code === 'microphone_muted';
}

const ENDED = new Set(['session_expired', 'moved', 'ended_by_server']);

/**
 * @param {Problem} problem
 * @returns {TextKey}
 */
function endedHeadline(problem) {
  return ENDED.has(problem.code) ? 'state_closed' : 'state_failed';
}

/**
 * @param {Situation} situation
 * @returns {Look['action']}
 */
function actionOf({ state, mode }) {
  switch (state.type) {
    case 'connecting':
      return 'cancel';
    case 'connected':
    case 'reconnecting':
      return 'stop';
    case 'closed':
      if (state.problem) return 'again';
  }
  // In writing, the first message begins the conversation.
  return mode === 'text' ? null : 'start';
}

/**
 * @param {Situation} situation
 * @returns {Look['composer']}
 */
function composerOf({ state, mode }) {
  if (state.type === 'connected') return 'open';
  if (state.type === 'reconnecting') return 'waiting';
  if (mode === 'voice') return 'hidden';
  return state.type === 'connecting' ? 'waiting' : 'open';
}

/** @param {Situation} situation */
function captionsOf(situation) {
  const { state, captions, mode, spoken } = situation;
  const needed = mode === 'text' || ('transport' in state && state.transport === 'text');
  return (captions || needed) && (spoken || state.type === 'connected' || state.type === 'reconnecting');
}

/**
 * @param {Situation} situation
 * @returns {Trouble | null}
 */
function troubleOf(situation) {
  const { state } = situation;
  if (state.type === 'idle') return null;
  if (state.type === 'closed') {
    return state.problem && { problem: state.problem, grave: true, retry: null, goesOn: false };
  }
  const problem = mostPressing(situation);
  if (!problem) return null;
  const connected = state.type === 'connected';
  const voiceless = PROBLEMS[problem.code] === 'voice' && situation.microphone.type !== 'on';
  return { problem, grave: false, retry: connected ? retryOf(problem) : null, goesOn: connected && voiceless };
}

/**
 * @param {Situation} situation
 * @returns {Problem | undefined} A voice that is lost goes before what was told, and this before a voice that does not come through.
 */
function mostPressing({ microphone, mode, notice, dismissed }) {
  const own = mode === 'voice' ? microphone.problem : null;
  const order = microphone.type === 'failed' ? [own, notice] : [notice, own];
  return order.find((problem) => problem !== null && !dismissed.has(problem.code)) ?? undefined;
}

/**
 * @param {Problem} problem
 * @returns {Trouble['retry']}
 */
function retryOf({ code }) {
  if (code === 'playback_blocked') return 'sound';
  return PROBLEMS[code] === 'voice' && !HOPELESS.has(code) ? 'microphone' : null;
}
