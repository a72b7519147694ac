import type { DetailedHTMLProps, HTMLAttributes } from 'react';

type VoiceProps = DetailedHTMLProps<HTMLAttributes<HTMLElement>, HTMLElement> & {
  'token-url'?: string;
};

declare module 'react' {
  namespace JSX {
    interface IntrinsicElements {
      'antiphon-voice': VoiceProps;
    }
  }
}
