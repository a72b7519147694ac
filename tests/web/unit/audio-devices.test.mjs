import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DeviceMemory, devicesOf, findDevice } from '../../../src/antiphon/web/client/audio/devices.js';

const found = (kind, deviceId, label) => ({ kind, deviceId, label });

class Store extends Map {
  getItem = (key) => this.get(key) ?? null;
  setItem = (key, value) => this.set(key, value);
}

test('before the permission, devices have numbers for names', () => {
  const devices = [found('audioinput', '', ''), found('audiooutput', '', ''), found('audioinput', '', '')];
  assert.deepEqual(
    devicesOf(devices, 'input').map((one) => [one.label, one.named]),
    [
      ['Microphone 1', false],
      ['Microphone 2', false],
    ],
  );
  assert.deepEqual(
    devicesOf(devices, 'output').map((one) => one.label),
    ['Loudspeaker 1'],
  );
});

test('cameras, and the second entry for calls, are left out', () => {
  const devices = [
    found('videoinput', 'v', 'Camera'),
    found('audioinput', 'communications', 'Communications - Headset'),
  ];
  assert.deepEqual(devicesOf([...devices, found('audioinput', 'h', 'Headset')], 'input').length, 1);
});

test('a device is found again by its id, and where that changed by its name', () => {
  const devices = devicesOf([found('audioinput', 'new', 'Headset'), found('audioinput', 'b', 'Built-in')], 'input');
  assert.equal(findDevice(devices, { deviceId: 'b', label: 'Headset' }).deviceId, 'b');
  assert.equal(findDevice(devices, { deviceId: 'old', label: 'Headset' }).deviceId, 'new');
  assert.equal(findDevice(devices, { deviceId: 'old', label: 'Gone' }), null);
  assert.equal(findDevice(devices, null), null);
});

test('without a name or an id no device is taken for the chosen one', () => {
  const devices = devicesOf([found('audioinput', '', '')], 'input');
  assert.equal(findDevice(devices, { deviceId: '', label: 'Microphone 1' }), null);
});

test('a choice is remembered for each kind, and can be taken back', () => {
  const store = new Store();
  new DeviceMemory(store).choose('input', { deviceId: 'a', label: 'A', named: true });
  new DeviceMemory(store).choose('output', { deviceId: 'b', label: 'B', named: true });
  assert.deepEqual(new DeviceMemory(store).chosen('input'), { deviceId: 'a', label: 'A' });
  new DeviceMemory(store).choose('input', null);
  assert.equal(new DeviceMemory(store).chosen('input'), null);
  assert.deepEqual(new DeviceMemory(store).chosen('output'), { deviceId: 'b', label: 'B' });
});

test('a store that is denied, or holds something else, is no problem', () => {
  const denied = {
    getItem() {
      throw new Error('denied');
    },
    setItem() {
      throw new Error('denied');
    },
  };
  for (const store of [
    denied,
    null,
    new Store([['antiphon.devices', '[1']]),
    new Store([['antiphon.devices', '{"input":7}']]),
  ]) {
    const memory = new DeviceMemory(store);
    memory.choose('output', { deviceId: 'a', label: 'A' });
    assert.equal(memory.chosen('input'), null);
  }
});
