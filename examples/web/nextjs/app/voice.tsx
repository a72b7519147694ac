'use client';

import Script from 'next/script';

export function Voice({ server }: { server: string }) {
  return (
    <>
      <Script type="module" src={`${server}/web/antiphon-voice.js`} crossOrigin="anonymous" />
      <antiphon-voice token-url="/api/token" />
    </>
  );
}
