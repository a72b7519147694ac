// What a page can see of a network: a WebSocket, a stream of events and a request, each with what became of it.

const seen = { messages: [], stream: [] };

// eslint-disable-next-line no-unused-vars -- the test calls it
function openSocket(url) {
  seen.socket = new WebSocket(url);
  seen.socket.onmessage = ({ data }) => seen.messages.push(JSON.parse(data).type);
}

// eslint-disable-next-line no-unused-vars -- the test calls it
function openStream(url) {
  seen.source = new EventSource(url);
  seen.source.onmessage = ({ data }) => seen.stream.push(JSON.parse(data).type);
}

// eslint-disable-next-line no-unused-vars -- the test calls it
function ask() {
  const type = 'session.update';
  seen.socket.send(JSON.stringify({ type, session: { type: 'realtime', instructions: 'Be brief.' } }));
}
