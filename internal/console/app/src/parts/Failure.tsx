import { useState } from 'react';
import type { ApiError } from '@/api/errors';
import { Settle } from './Command';
import { Notice } from './Notice';
import { useNow } from './now';

/** What is wrong, for the codes that stay until a person settles them. */
const TITLES: Record<string, string> = {
  backup_missing: 'A backup that was seen before is gone',
  repository_unaccepted: 'Nothing says yet that a repository holds all that it should',
  repository_changed: 'A repository is not what it was',
  repository_dropped: 'A backup system that held backups is not looked at any more',
};

/** How long Soteria takes at most to get ready while all is well, in milliseconds. */
const EARLY = 60_000;

interface Props {
  error: ApiError;
  what: string;
  retry: () => void;
  retrying: boolean;
}

/** Why something cannot be shown, and what to do: sign in, ask for the right, or try again. */
export function Failure({ error, what, retry, retrying }: Props) {
  const now = useNow();
  const [since] = useState(now);
  const early = error.code === 'unavailable' && now.getTime() - since.getTime() < EARLY;
  if (error.signedOut) return <SignedOut error={error} />;
  if (error.notAllowed) {
    return (
      <Notice tone="bad" title="You are not allowed to see this" urgent>
        <p>{error.message}</p>
        <p>Soteria knows who you are, and refuses. Whoever runs it can put you into one of SOTERIA_ALLOWED_GROUPS.</p>
      </Notice>
    );
  }
  return (
    <Notice
      tone={early ? 'busy' : error.passing ? 'warn' : 'bad'}
      title={early ? `Soteria is getting ${what} ready` : error.title ?? TITLES[error.code] ?? `Soteria could not give ${what}`}
      urgent
      action={
        <button type="button" onClick={retry} disabled={retrying}>
          {retrying ? 'Asking…' : 'Ask again'}
        </button>
      }
    >
      <p>{error.message}</p>
      <Settle command={error.settle} />
    </Notice>
  );
}

function SignedOut({ error }: { error: ApiError }) {
  return (
    <Notice
      tone="warn"
      title="You are signed out"
      urgent
      action={
        <button type="button" className="primary" onClick={() => window.location.reload()}>
          Sign in
        </button>
      }
    >
      <p>{error.message}</p>
      <p>Signing in loads this page anew, so that the proxy in front of Soteria can ask who you are.</p>
    </Notice>
  );
}
