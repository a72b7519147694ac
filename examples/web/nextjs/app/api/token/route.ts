import { antiphonUrl } from '../../antiphon';

type Secret = { value: string; expires_at: number; session: { model: string } };

// There is no login: whoever opens the page gets tokens. Ask here who the user is, with your own login, and limits of your own.
export async function POST(request: Request): Promise<Response> {
  if (!isFromOwnPage(request)) return Response.json({ error: 'not from this page' }, { status: 403 });
  const answer = await fetch(`${antiphonUrl()}/v1/realtime/client_secrets`, {
    method: 'POST',
    headers: {
      Authorization: `Bearer ${process.env.ANTIPHON_API_KEY ?? 'none'}`,
      'Content-Type': 'application/json',
    },
    body: JSON.stringify({
      expires_after: { anchor: 'created_at', seconds: 60 },
      session: { type: 'realtime', model: 'gpt-realtime', instructions: 'Be brief.' },
    }),
    cache: 'no-store',
  }).catch(() => null);
  if (!answer?.ok) return Response.json({ error: 'the voice server gave no token' }, { status: 502 });
  const { value, expires_at, session }: Secret = await answer.json();
  // The page's client asks for that model, and needs no more of the session.
  return Response.json({ value, expires_at, session: { model: session.model } });
}

// A website may point a name of its own at this machine: its pages have that name in their origin, and in `Host`.
function isFromOwnPage({ headers }: Request): boolean {
  const origin = headers.get('origin');
  const host = headers.get('host') ?? '';
  if (process.env.APP_ORIGIN) return origin === process.env.APP_ORIGIN;
  return /^(127\.0\.0\.1|localhost):\d+$/.test(host) && origin === `http://${host}`;
}
