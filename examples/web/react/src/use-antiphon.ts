import { AntiphonClient } from 'antiphon-web';
import { useEffect, useReducer, useState } from 'react';

type Options = ConstructorParameters<typeof AntiphonClient>[0];

const CHANGES = ['state', 'history', 'microphone'];

/** A client that lives as long as the component, which renders anew whenever the conversation changes. */
export function useAntiphon(options: Options): AntiphonClient {
  const [client] = useState(() => new AntiphonClient(options));
  const [, render] = useReducer((count: number) => count + 1, 0);
  useEffect(() => {
    for (const type of CHANGES) client.addEventListener(type, render);
    return () => {
      for (const type of CHANGES) client.removeEventListener(type, render);
      client.disconnect();
    };
  }, [client]);
  return client;
}
