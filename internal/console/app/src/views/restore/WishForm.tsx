import type { ReactNode } from 'react';
import type { ApiError } from '@/api/errors';
import { Unfit } from './Unfit';

interface Props {
  /** Where the wish is made. */
  fields: ReactNode;
  /** What is asked for while nothing is named: "a claim". */
  thing: string;
  /** Whether something is named. */
  named: boolean;
  /** What would be done; nothing while that is not known. */
  plan: ReactNode;
  checking: boolean;
  failure: ApiError | null;
  /** What the button says, and whether it works. */
  verb: string;
  ready: boolean;
  starting: boolean;
  onStart: () => void;
}

/** A form that says what will happen before its button works. */
export function WishForm({ fields, thing, named, plan, checking, failure, verb, ready, starting, onStart }: Props) {
  return (
    <form
      className="restore"
      onSubmit={(event) => {
        event.preventDefault();
        if (ready) onStart();
      }}
    >
      {fields}
      <section className="panel" aria-labelledby="plan" aria-live="polite">
        <h2 id="plan">What will happen</h2>
        {!named && <p className="muted">Name {thing} to see what would be restored.</p>}
        {named && checking && !plan && !failure && <p className="muted">Asking what would be restored…</p>}
        {failure && <Unfit error={failure} />}
        {!failure && plan && (
          <div aria-busy={checking} className={checking ? 'checking' : undefined}>
            {plan}
          </div>
        )}
        <div className="dialog-actions">
          <button type="submit" className="primary" disabled={!ready}>
            {starting ? 'Starting…' : verb}
          </button>
        </div>
      </section>
    </form>
  );
}
