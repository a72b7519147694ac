import { tokenFrom } from 'antiphon-web';
import { type FormEvent, useState } from 'react';
import { useAntiphon } from './use-antiphon';

const url = `${import.meta.env.VITE_ANTIPHON_URL}/v1`;
const token = tokenFrom('/api/token');

export function App() {
  const [viewing, setViewing] = useState('none yet');
  const client = useAntiphon({
    url,
    token,
    tools: [
      {
        name: 'book_viewing',
        description: 'Book a viewing of the property.',
        parameters: {
          type: 'object',
          properties: { day: { type: 'string', enum: ['Friday', 'Saturday'], description: 'day of the viewing' } },
          required: ['day'],
        },
        execute: ({ day }: { day: string }) => {
          setViewing(`${day}, 3 pm`);
          return { status: 'booked', day, time: '3 pm' };
        },
      },
    ],
  });
  const { state } = client;
  const isOver = state.type === 'idle' || state.type === 'closed';

  function talk() {
    if (isOver)
      client.connect().catch(() => {}); // what went wrong stands in the state
    else client.disconnect();
  }

  async function send(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = event.currentTarget;
    const text = String(new FormData(form).get('text'));
    try {
      if (isOver) await client.connect();
    } catch {
      return; // what went wrong stands in the state, and the text in its field
    }
    client.sendText(text);
    form.reset();
  }

  return (
    <main>
      <h1>Maple Street 12</h1>
      <p>Viewing: {viewing}</p>
      <p>
        <button onClick={talk}>{isOver ? 'Talk' : 'End'}</button>{' '}
        <output>{state.type === 'connected' ? state.activity : state.type}</output>
        {state.type === 'closed' && state.problem && <output role="alert"> {state.problem.code}</output>}
      </p>
      <form onSubmit={(event) => void send(event)}>
        <input
          name="text"
          aria-label="Your question"
          placeholder="Book a viewing on Saturday"
          autoComplete="off"
          required
        />
        <button>Send</button>
      </form>
      <ol aria-live="polite">
        {client.history.map(({ id, from, text, call }) => (
          <li key={id}>{call ? `${call.name}(${call.arguments}) → ${call.output ?? '…'}` : `${from}: ${text}`}</li>
        ))}
      </ol>
    </main>
  );
}
