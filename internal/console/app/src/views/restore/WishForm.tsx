import type { ReactNode } from 'react';
import type { ApiError } from '@/api/errors';
import { Notice } from '@/parts/Notice';
import { Unfit } from './Unfit';

interface Props {
  /** Where the wish is made. */
  fields: ReactNode;
  /** What is asked for while nothing is named: "a claim". */
  thing: string;
  /** Whether something is named. */
  named: boolean;
  /** Why the choice of a backup cannot be met; null where it can, as far as is known. */
  unmet: string | null;
  /** What would be done; nothing while that is not known. */
  plan: ReactNode;
  checking: boolean;
  failure: ApiError | null;
  /** What the button says, and whether it works. */
  verb: string;
  ready: boolean;
  /** What else keeps the button from working. */
  held?: string | undefined;
  starting: boolean;
  onStart: () => void;
}

/** A form that says what will happen before its button works. */
export function WishForm({ fields, thing, named, unmet, plan, checking, failure, verb, ready, held, starting, onStart }: Props) {
  const disabled = ready ? null : whyNot({ thing, named, unmet, checking, failure, starting, held });
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
        {named && unmet && (
          <Notice tone="bad" title="Nothing would be restored">
            {unmet}
          </Notice>
        )}
        {named && !unmet && checking && !plan && !failure && <p className="muted">Asking what would be restored…</p>}
        {failure && <Unfit error={failure} />}
        {!failure && !unmet && plan && (
          <div aria-busy={checking} className={checking ? 'checking' : undefined}>
            {plan}
          </div>
        )}
        <div className="dialog-actions">
          {disabled && (
            <span id="why-not" className="hint">
              {disabled}
            </span>
          )}
          <button type="submit" className="primary" disabled={!ready} aria-describedby={disabled ? 'why-not' : undefined}>
            {starting ? 'Starting…' : verb}
          </button>
        </div>
      </section>
    </form>
  );
}

/** Says why the button does not work. */
function whyNot({ thing, named, unmet, checking, failure, starting, held }: Pick<Props, 'thing' | 'named' | 'unmet' | 'checking' | 'failure' | 'starting' | 'held'>): string | null {
  if (starting) return null;
  if (!named) return `Name ${thing} first.`;
  if (unmet) return 'The choice of a backup cannot be met: see above.';
  if (failure) return 'It cannot be done as it is asked for: see above.';
  return checking ? 'It is being asked what would be restored.' : (held ?? 'No claim would be restored.');
}
