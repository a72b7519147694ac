import { antiphonUrl } from '../../antiphon';

// Ask here who the user is, before there is a token: with your own login, and limits of your own.
export async function POST(): Promise<Response> {
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
  const { value, expires_at }: { value: string; expires_at: number } = await answer.json();
  return Response.json({ value, expires_at });
}
