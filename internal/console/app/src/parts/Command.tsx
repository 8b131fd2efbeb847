import { useCopy, type Copied } from './useCopy';

const BUTTON: Record<Copied, string> = { 'not yet': 'Copy', yes: 'Copied', failed: 'Copy' };

/** A command that settles something, to be copied. `label` says what it does. */
export function Command({ command, label }: { command: string; label: string }) {
  const [copied, copy] = useCopy(command);
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

/** The command that settles something. One of Soteria's own runs where Soteria does. */
export function Settle({ command }: { command: string | undefined }) {
  if (!command) return null;
  return <Command command={command} label={/^soteria\b/.test(command) ? 'Settle it, in Soteria’s pod:' : 'Settle it:'} />;
}
