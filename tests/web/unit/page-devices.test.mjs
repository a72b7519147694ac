// The devices that the user of the talk page chose: their names outlast their ids.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DeviceMemory, findDevice } from '../../../src/antiphon/web/client/audio/devices.js';
import { ChosenDevices } from '../../../src/antiphon/web/page/chosen-devices.js';

const HEADSET = { deviceId: 'old', label: 'Headset', named: true };
const soon = () => new Promise((resolve) => setImmediate(resolve));

/** Devices that the test lists, with a memory of their own. */
class Present extends EventTarget {
  kept = {};
  memory = new DeviceMemory({
    getItem: (name) => this.kept[name] ?? null,
    setItem: (name, value) => (this.kept[name] = value),
  });
  there = [];

  async chosen(kind) {
    return findDevice(this.there, this.memory.chosen(kind));
  }

  refresh() {
    this.dispatchEvent(new Event('change'));
  }
}

class Talk extends EventTarget {
  did = [];

  constructor(underWay, deviceId) {
    super();
    this.underWay = underWay;
    this.microphone = { type: 'on', deviceId };
  }

  async useMicrophone(wanted) {
    this.did.push(['microphone', wanted]);
  }

  async useLoudspeaker(wanted) {
    this.did.push(['loudspeaker', wanted]);
  }
}

async function returning(kind, { underWay = true, current = 'built-in' } = {}) {
  const devices = new Present();
  devices.memory.choose(kind, HEADSET);
  const talk = new Talk(underWay, current);
  const chosen = new ChosenDevices(talk, devices);
  await soon();
  devices.there = [{ ...HEADSET, deviceId: 'new' }];
  talk.dispatchEvent(new Event('microphone')); // the permission came, and the names with it
  await soon();
  return { chosen, talk, devices };
}

test('a chosen microphone with another id is found by its name, and used', async () => {
  const { chosen, talk } = await returning('input');
  assert.equal(chosen.id('input'), 'new');
  assert.deepEqual(talk.did, [['microphone', 'new']]);
});

test('so is a loudspeaker', async () => {
  const { chosen, talk } = await returning('output');
  assert.equal(chosen.id('output'), 'new');
  assert.deepEqual(talk.did, [['loudspeaker', 'new']]);
});

test('a device that is found is used once, and not where it is in use already', async () => {
  const { talk, devices } = await returning('input');
  devices.refresh();
  await soon();
  assert.equal(talk.did.length, 1);
  assert.deepEqual((await returning('input', { current: 'new' })).talk.did, []);
});

test('before a conversation the device is only remembered', async () => {
  const { chosen, talk } = await returning('input', { underWay: false });
  assert.equal(chosen.id('input'), 'new');
  assert.deepEqual(talk.did, []);
});

test('the system’s default is what nobody chose', async () => {
  const { chosen, talk } = await returning('input');
  await chosen.choose('input', null);
  assert.equal(chosen.id('input'), '');
  assert.deepEqual(talk.did.at(-1), ['microphone', {}]);
});
