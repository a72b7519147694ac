// The flow of the first realtime-console: a key for the browser from the app's own server, then a bare offer.
import { Log, Loudspeaker, Microphone } from './kit.js';

const log = new Log();
const loudspeaker = new Loudspeaker();
const microphone = new Microphone();
let connection, channel;

// One connection; `url` is all that an app has to change.
async function connect({ url, key, device = true }) {
  connection = new RTCPeerConnection();
  connection.ontrack = ({ streams }) => (loudspeaker.element.srcObject = streams[0]);
  const stream = device ? await navigator.mediaDevices.getUserMedia({ audio: true }) : microphone.stream;
  connection.addTrack(stream.getTracks()[0]);
  channel = connection.createDataChannel('oai-events');
  channel.addEventListener('message', ({ data }) => log.add(JSON.parse(data)));
  channel.addEventListener('open', () => log.add({ type: 'page.open' }));
  channel.addEventListener('close', () => log.add({ type: 'page.closed' }));

  const offer = await connection.createOffer();
  await connection.setLocalDescription(offer);
  const response = await fetch(url, {
    method: 'POST',
    body: offer.sdp,
    headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/sdp' },
  });
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
  await connection.setRemoteDescription({ type: 'answer', sdp: await response.text() });
  return { location: response.headers.get('Location') };
}

window.app = {
  connect,
  send: ({ event }) => channel.send(JSON.stringify(event)),
  close: () => connection.close(),
  speak: (argument) => microphone.speak(argument),
  wait: (argument) => log.wait(argument),
  types: () => log.types(),
  recorded: (argument) => loudspeaker.recorded(argument),
  heard: () => loudspeaker.heard(),
};
