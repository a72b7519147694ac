// Serves the built page, and gives it client secrets; the API key stays here.
import { readdir, readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname } from 'node:path';

const { PORT = '3000', APP_ORIGIN, ANTIPHON_URL = 'http://127.0.0.1:8080', ANTIPHON_API_KEY = 'none' } = process.env;
// A website may point a name of its own at this machine: its pages have that name in their origin.
const ORIGINS = APP_ORIGIN ? [APP_ORIGIN] : [`http://127.0.0.1:${PORT}`, `http://localhost:${PORT}`];
const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css',
  '.txt': 'text/plain',
};
const SECRET = {
  expires_after: { anchor: 'created_at', seconds: 60 },
  session: { type: 'realtime', model: 'gpt-realtime', instructions: 'Be brief.' },
};

// All are read beforehand: no request names a file of this machine.
const dist = new URL('dist/', import.meta.url);
const names = (await readdir(dist, { recursive: true })).filter((name) => extname(name));
const files = new Map(await Promise.all(names.map(async (name) => [`/${name}`, await readFile(new URL(name, dist))])));

// There is no login: whoever opens the page gets tokens. Ask here who the user is, with your own login, and limits of your own.
async function token() {
  const answer = await fetch(`${ANTIPHON_URL}/v1/realtime/client_secrets`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${ANTIPHON_API_KEY}`, 'Content-Type': 'application/json' },
    body: JSON.stringify(SECRET),
  });
  if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
  const { value, expires_at, session } = await answer.json();
  // The page's client asks for that model, and needs no more of the session.
  return { value, expires_at, session: { model: session.model } };
}

async function answer(request) {
  if (request.method === 'POST' && request.url === '/api/token') {
    if (!ORIGINS.includes(request.headers.origin))
      return { status: 403, type: TYPES['.txt'], body: 'not from this page' };
    return { status: 200, type: 'application/json', body: JSON.stringify(await token()) };
  }
  const path = request.url === '/' ? '/index.html' : request.url;
  const body = files.get(path);
  return { status: body ? 200 : 404, type: TYPES[extname(path)] ?? 'application/octet-stream', body };
}

createServer(async (request, response) => {
  try {
    const { status, type, body } = await answer(request);
    response.writeHead(status, { 'Content-Type': type }).end(body);
  } catch (error) {
    console.error('no token:', error.message);
    response.writeHead(502).end();
  }
}).listen(Number(PORT), '127.0.0.1', () => console.log(`http://127.0.0.1:${PORT}`));
