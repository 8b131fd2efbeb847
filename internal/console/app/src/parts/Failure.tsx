import type { ApiError } from '@/api/errors';
import { headlineOf } from '@/words/refusal';
import { Settle } from './Command';
import { Notice } from './Notice';

interface Props {
  error: ApiError;
  what: string;
  retry: () => void;
  retrying: boolean;
}

/** Why something cannot be shown, and what to do: sign in, ask for the right, or try again. */
export function Failure({ error, what, retry, retrying }: Props) {
  const early = error.reason === 'not_yet';
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
      title={early ? `Soteria is getting ${what} ready` : headlineOf(error, `Soteria could not give ${what}`)}
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
