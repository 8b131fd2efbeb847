import { useState } from 'react';
import type { Copy } from '@/api/types';
import { Command } from '@/parts/Command';
import { Notice } from '@/parts/Notice';
import { Told } from '@/parts/Told';
import { COPY, copyInWords } from '@/words/copy';
import { sentence } from '@/words/vintage';
import { Action, Expiry, Of } from './CopiesSection';
import { RemoveCopy } from './RemoveCopy';

/** Says of a claim that it was made to look at a backup, when it goes, and what removes or keeps it. */
export function CopyNotice({ copy }: { copy: Copy }) {
  const [removing, setRemoving] = useState(false);
  return (
    <>
      <Notice tone={copyInWords(copy).tone === 'unknown' ? 'unknown' : 'idle'} title={COPY.meaning} action={<Action copy={copy} onRemove={() => setRemoving(true)} />}>
        <p>
          Of <Of copy={copy} />
          {copy.requested_by && `, made for ${copy.requested_by}`}: <Told text={sentence(copy.message)} /> Removed by itself: <Expiry copy={copy} />.
        </p>
        <Command command={copy.keep} label="Keep it as a claim like others:" />
      </Notice>
      {removing && <RemoveCopy copy={copy} onClose={() => setRemoving(false)} />}
    </>
  );
}
