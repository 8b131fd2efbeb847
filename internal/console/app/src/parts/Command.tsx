import { useState } from 'react';

type Copied = 'not yet' | 'yes' | 'failed';

const BUTTON: Record<Copied, string> = { 'not yet': 'Copy', yes: 'Copied', failed: 'Copy' };

/** A command that settles something, to be copied. `label` says what it does. */
export function Command({ command, label }: { command: string; label: string }) {
  const [copied, setCopied] = useState<Copied>('not yet');
  const copy = () => {
    // A page that is not served by TLS has no clipboard.
    const write = (navigator as { clipboard?: Clipboard }).clipboard?.writeText(command) ?? Promise.reject(new Error('no clipboard'));
    write.then(
      () => setCopied('yes'),
      () => setCopied('failed'),
    );
  };
  return (
    <div className="command">
      <span className="command-label">{label}</span>
      <code className="mono">{command}</code>
      <button type="button" className="no-print" onClick={copy} aria-label={`Copy the command: ${command}`}>
        {BUTTON[copied]}
      </button>
      <span role="status" className={copied === 'failed' ? 'field-error' : 'sr-only'}>
        {copied === 'yes' && 'The command was copied.'}
        {copied === 'failed' && 'This browser does not copy here. Select the command.'}
      </span>
    </div>
  );
}

/** The command of Soteria's own that settles something. It runs where Soteria does. */
export function Settle({ command }: { command: string | undefined }) {
  if (!command) return null;
  return <Command command={command} label="Settle it, in Soteria’s pod:" />;
}
