import { connection } from 'next/server';
import { antiphonUrl } from './antiphon';
import { Voice } from './voice';

export default async function Page() {
  await connection(); // the server's address is read when the app runs, not when it is built
  return (
    <main>
      <h1>Maple Street 12</h1>
      <p>Ask about the property, by voice or in writing.</p>
      <Voice server={antiphonUrl()} />
    </main>
  );
}
