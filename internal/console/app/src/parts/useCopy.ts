import { useState } from 'react';

/** What became of copying. */
export type Copied = 'not yet' | 'yes' | 'failed';

/** Returns what became of copying a text, and the function that copies it. */
export function useCopy(text: string): [copied: Copied, copy: () => void] {
  const [copied, setCopied] = useState<Copied>('not yet');
  const copy = () => {
    // A page that is not served by TLS has no clipboard.
    const write = (navigator as { clipboard?: Clipboard }).clipboard?.writeText(text) ?? Promise.reject(new Error('no clipboard'));
    write.then(
      () => setCopied('yes'),
      () => setCopied('failed'),
    );
  };
  return [copied, copy];
}
