import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { problemBefore, problemFrom } from '../../../src/antiphon/web/client/audio/microphone-problems.js';
import { SilenceWatch } from '../../../src/antiphon/web/client/audio/microphone-watch.js';
import { Microphone } from '../../../src/antiphon/web/client/audio/microphone.js';

const page = { origin: 'https://a.example', secure: true, hasDevices: true, foreignFrame: false, allowed: null };
const error = (name, message = '') => Object.assign(new Error(message), { name });

// --- what errors mean -------------------------------------------------------------------------------------------

test('an insecure page is told which origin it is, and the cure', () => {
  const { code, detail } = problemBefore({ ...page, origin: 'http://box:8000', secure: false, hasDevices: false });
  assert.equal(code, 'insecure_context');
  assert.match(detail, /http:\/\/box:8000 .*https/);
});

test('a frame without leave is told what is missing, before anybody is asked', () => {
  const { code, detail } = problemBefore({ ...page, foreignFrame: true, allowed: false });
  assert.equal(code, 'microphone_forbidden');
  assert.match(detail, /allow="microphone"/);
});

for (const [thrown, elapsed, around, code] of [
  [error('NotAllowedError', 'Permission denied'), 2000, {}, 'microphone_denied'],
  [error('NotAllowedError', 'Permission denied'), 5, {}, 'microphone_denied'],
  [error('NotAllowedError', 'Permission denied by system'), 5, {}, 'microphone_denied_by_system'],
  [error('NotAllowedError'), 5, { foreignFrame: true }, 'microphone_forbidden'],
  [error('NotAllowedError'), 3000, { foreignFrame: true }, 'microphone_denied'],
  [error('NotAllowedError'), 5, { foreignFrame: true, allowed: true }, 'microphone_denied'],
  [error('NotFoundError'), 5, {}, 'microphone_missing'],
  [error('OverconstrainedError'), 5, {}, 'microphone_missing'],
  [error('NotReadableError'), 5, {}, 'microphone_busy'],
  [error('AbortError'), 5, {}, 'microphone_busy'],
  [error('TypeError', 'odd'), 5, {}, 'microphone_failed'],
  [undefined, 5, {}, 'microphone_failed'],
]) {
  test(`${thrown?.name}: ${thrown?.message} after ${elapsed} ms in ${JSON.stringify(around)} is ${code}`, () => {
    assert.equal(problemFrom(thrown, { ...page, ...around }, elapsed).code, code);
  });
}

// --- a microphone that gives nothing ----------------------------------------------------------------------------

const fine = { muted: false, enabled: true, running: true, zeros: false };

/** Look each 250 ms for some seconds; gives the codes that were told. */
function watched(watch, from, seconds, look) {
  const codes = new Set();
  for (let at = from; at < from + seconds; at += 0.25) codes.add(watch.look({ ...fine, ...look }, at)?.code ?? 'fine');
  return [...codes];
}

test('four seconds of exact silence are told, and the first sound ends it', () => {
  const watch = new SilenceWatch();
  assert.deepEqual(watched(watch, 0, 4, { zeros: true }), ['fine']);
  assert.deepEqual(watched(watch, 4, 1, { zeros: true }), ['microphone_silent']);
  assert.deepEqual(watched(watch, 5, 1, {}), ['fine']);
});

test('a muted track is told after a second, and is not silent besides', () => {
  const watch = new SilenceWatch();
  watched(watch, 0, 1, {});
  assert.deepEqual(watched(watch, 1, 0.75, { muted: true, zeros: true }), ['fine']);
  assert.deepEqual(watched(watch, 2, 9, { muted: true, zeros: true }), ['microphone_muted']);
  assert.deepEqual(watched(watch, 11, 3, { zeros: true }), ['fine']);
});

test('what the page itself muted is not silent', () => {
  assert.deepEqual(watched(new SilenceWatch(), 0, 20, { enabled: false, zeros: true }), ['fine']);
});

test('a hidden tab that looks seldom does not count the time in between', () => {
  const watch = new SilenceWatch();
  watch.look({ ...fine, zeros: true }, 0);
  assert.equal(watch.look({ ...fine, zeros: true }, 60), null);
});

// --- microphones ------------------------------------------------------------------------------------------------

class Track extends EventTarget {
  kind = 'audio';
  enabled = true;
  muted = false;
  stopped = false;

  constructor(deviceId) {
    super();
    this.deviceId = deviceId;
    this.label = `label of ${deviceId}`;
  }
  getSettings() {
    return { deviceId: this.deviceId };
  }
  stop() {
    this.stopped = true;
  }
}

const streamOf = (track) => ({ getAudioTracks: () => [track], getTracks: () => [track] });

/** A browser with some devices; `answer` may throw or wait. */
class Browser extends EventTarget {
  devices = ['built-in', 'headset'];
  asked = [];
  opened = [];
  answer = async () => undefined;

  async getUserMedia({ audio }) {
    this.asked.push(audio);
    await this.answer(audio);
    const wanted = audio.deviceId?.exact ?? this.devices[0];
    if (!this.devices.includes(wanted)) throw error('OverconstrainedError');
    this.opened.push(new Track(wanted));
    return streamOf(this.opened.at(-1));
  }
  async enumerateDevices() {
    return this.devices.map((deviceId) => ({ kind: 'audioinput', deviceId, label: '' }));
  }
}

let browser;
let microphone;
const settle = async () => {
  for (let i = 0; i < 20; i++) await Promise.resolve();
};
const open = async (...given) => (microphone = await Microphone.open(...given));
const told = (target) => {
  const all = [];
  for (const type of ['problem', 'recovered', 'trackchange']) {
    target.addEventListener(type, ({ detail }) => all.push(detail?.code ?? type));
  }
  return all;
};

beforeEach(() => {
  browser = new Browser();
  Object.defineProperty(globalThis, 'navigator', { value: { mediaDevices: browser }, configurable: true });
});
afterEach(() => {
  microphone?.close();
  microphone = undefined;
  delete globalThis.navigator;
});

test('speech processing is on unless the page does not want it', async () => {
  await open({ noiseSuppression: false });
  assert.deepEqual(browser.asked, [
    { echoCancellation: true, noiseSuppression: false, autoGainControl: true, channelCount: { ideal: 1 } },
  ]);
});

test('a chosen device that is gone gives way to the default one, once', async () => {
  await open({ deviceId: 'gone' });
  assert.equal(microphone.deviceId, 'built-in');
  assert.equal(browser.asked.length, 2);
  browser.devices = [];
  await assert.rejects(Microphone.open({ deviceId: 'gone' }), { code: 'microphone_missing' });
  assert.equal(browser.asked.length, 4);
});

test('a user who never answers does not hold anything up; what comes later is stopped', async () => {
  let answer;
  browser.answer = () => new Promise((resolve) => (answer = resolve));
  const patience = new AbortController();
  const opening = Microphone.open({}, { signal: patience.signal });
  patience.abort(new Error('no answer'));
  await assert.rejects(opening, /no answer/);
  answer();
  await settle();
  assert.equal(browser.opened[0].stopped, true);
});

test('what was opened here is stopped at the close', async () => {
  await open({});
  microphone.close();
  assert.equal(browser.opened[0].stopped, true);
});

test("the page's own stream is not stopped, and gets its voice back", async () => {
  const track = new Track('page');
  await open(streamOf(track));
  microphone.muted = true;
  assert.equal(track.enabled, false);
  microphone.close();
  assert.deepEqual([track.stopped, track.enabled], [false, true]);
});

test('a stream without sound is no microphone', async () => {
  const stream = { getAudioTracks: () => [], getTracks: () => [] };
  await assert.rejects(Microphone.open(stream), { code: 'microphone_missing' });
});

test('another device is taken while the microphone is muted, and stays muted', async () => {
  await open({});
  const events = told(microphone);
  microphone.muted = true;
  await microphone.use({ deviceId: 'headset' });
  assert.deepEqual(events, ['trackchange']);
  assert.deepEqual([microphone.label, microphone.track.enabled], ['label of headset', false]);
  assert.equal(browser.opened[0].stopped, true);
});

test('a device that cannot be had leaves the one in use', async () => {
  await open({});
  browser.answer = () => {
    throw error('NotAllowedError');
  };
  await assert.rejects(microphone.use({ deviceId: 'headset' }), { code: 'microphone_denied' });
  assert.equal(microphone.track, browser.opened[0]);
  assert.equal(browser.opened[0].stopped, false);
});

test('where one microphone can be open at a time, the old one is closed first, and opened again if that did not help', async () => {
  await open({});
  browser.answer = ({ deviceId }) => {
    if (deviceId?.exact === 'headset') throw error('NotReadableError');
  };
  await assert.rejects(microphone.use({ deviceId: 'headset' }), { code: 'microphone_busy' });
  assert.deepEqual([microphone.deviceId, microphone.track.stopped], ['built-in', false]);
  browser.answer = () => {
    if (!microphone.track.stopped) throw error('NotReadableError');
  };
  await microphone.use({ deviceId: 'headset' });
  assert.equal(microphone.deviceId, 'headset');
});

test('a microphone that is unplugged gives way to the default one', async () => {
  await open({ deviceId: 'headset' });
  const events = told(microphone);
  browser.devices = ['built-in'];
  browser.opened[0].dispatchEvent(new Event('ended'));
  await settle();
  assert.deepEqual(events, ['trackchange']);
  assert.equal(microphone.deviceId, 'built-in');
});

test('browsers that only tell that devices changed are understood, too', async () => {
  await open({ deviceId: 'headset' });
  browser.devices = ['built-in'];
  browser.dispatchEvent(new Event('devicechange'));
  await settle();
  assert.equal(microphone.deviceId, 'built-in');
});

test('a device that came changes nothing', async () => {
  await open({ deviceId: 'headset' });
  browser.devices.push('another');
  browser.dispatchEvent(new Event('devicechange'));
  await settle();
  assert.equal(browser.opened.length, 1);
});

test('when no microphone is left, that is told, once', async () => {
  await open({});
  const events = told(microphone);
  browser.devices = [];
  browser.opened[0].dispatchEvent(new Event('ended'));
  await settle();
  assert.deepEqual(events, ['microphone_ended']);
});

test("the end of the page's own stream is told, and no other one is opened", async () => {
  const track = new Track('page');
  await open(streamOf(track));
  const events = told(microphone);
  track.dispatchEvent(new Event('ended'));
  await settle();
  assert.deepEqual(events, ['microphone_ended']);
  assert.equal(browser.asked.length, 0);
});

test('of two devices that are chosen quickly the later one is taken, whichever is there first', async () => {
  await open({});
  const answers = {};
  browser.devices.push('camera');
  browser.answer = ({ deviceId }) => new Promise((resolve) => (answers[deviceId.exact] = resolve));
  const first = assert.rejects(microphone.use({ deviceId: 'camera' }), { name: 'AbortError' });
  const second = microphone.use({ deviceId: 'headset' });
  answers.headset();
  await second;
  answers.camera();
  await first;
  await settle();
  assert.equal(microphone.deviceId, 'headset');
  assert.deepEqual(
    browser.opened.filter(({ stopped }) => !stopped).map(({ deviceId }) => deviceId),
    ['headset'],
  );
});

test('a device that is chosen while the default one is asked for is the one that is taken', async () => {
  await open({ deviceId: 'headset' });
  const events = told(microphone);
  const answers = [];
  browser.answer = () => new Promise((resolve) => answers.push(resolve));
  browser.opened[0].dispatchEvent(new Event('ended'));
  const chosen = microphone.use({ deviceId: 'built-in' });
  answers[1]();
  await chosen;
  answers[0]();
  await settle();
  assert.deepEqual([events, microphone.track], [['trackchange'], browser.opened[1]]);
});

test("the page's own track that the page has muted stays so until the user speaks up", async () => {
  const track = new Track('page');
  track.enabled = false;
  await open(streamOf(track));
  microphone.muted = false;
  assert.equal(track.enabled, false);
  microphone.muted = true;
  microphone.muted = false;
  assert.equal(track.enabled, true);
});
