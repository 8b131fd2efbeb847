import { useQuery } from '@tanstack/react-query';
import { previewPolicy } from '@/api/actions';
import type { PolicyMatch, PolicyPreview, PolicyRequest } from '@/api/types';
import { Notice } from '@/parts/Notice';
import { useRested } from '@/parts/draft';
import { sourceInWords } from '@/words/policy';
import { plural } from '@/words/size';

/** How many claims are named of those that a policy would hold for, and of those that it would not. */
const NAMED = 8;

/** What a policy would hold for now. `ready` is whether what is told is of what is typed. */
export interface Previewed {
  preview: PolicyPreview | undefined;
  ready: boolean;
  /** Whether keeping it would do nothing now. */
  idle: boolean;
}

/** Asks which claims a policy would hold for, as it is typed. One that the API refuses has no preview: it says so when it is sent. */
export function usePreview(request: PolicyRequest): Previewed {
  const typed = JSON.stringify(request);
  const rested = useRested(typed);
  const { data, isError } = useQuery({
    queryKey: ['policy-preview', rested],
    queryFn: ({ signal }) => previewPolicy(JSON.parse(rested) as PolicyRequest, signal),
    enabled: request.namespace !== '',
    retry: false,
    staleTime: 0,
    gcTime: 0,
  });
  const settled = rested === typed && (data !== undefined || isError);
  return { preview: data, ready: request.namespace === '' || settled, idle: settled && data?.holds === 0 };
}

interface Props {
  previewed: Previewed;
  /** The known name that may have been meant, and what takes it. */
  meant: { name: string; take: () => void } | null;
  anyway: boolean;
  onAnyway: (anyway: boolean) => void;
}

/** Which claims a policy would hold for now, which it would not and why; and a question where it would do nothing. */
export function Preview({ previewed: { preview, ready, idle }, meant, anyway, onAnyway }: Props) {
  if (!preview) return null;
  const holding = preview.matches.filter(({ holds }) => holds);
  const others = preview.matches.filter(({ holds }) => !holds);
  return (
    <div aria-live="polite" aria-busy={!ready} className="preview">
      {holding.length > 0 && (
        <p>
          Holds for {plural(preview.holds, 'claim')} now: {namesOf(holding)}.
        </p>
      )}
      {holding.filter(({ message }) => message).map((match) => (
        <p key={match.pvc} className="hint">
          {match.pvc}: {match.message}
        </p>
      ))}
      {others.slice(0, NAMED).map((match) => (
        <p key={match.pvc} className="hint">
          {match.pvc}: {match.overridden_by ? `${sourceInWords(match.overridden_by)} holds instead.` : match.message}
        </p>
      ))}
      {others.length > NAMED && <p className="hint">It does not hold for {plural(others.length - NAMED, 'more claim')}.</p>}
      {idle && <Idle warnings={preview.warnings} meant={meant} anyway={anyway} onAnyway={onAnyway} />}
      {!idle && preview.warnings.map((warning) => <p key={warning}>{warning}</p>)}
    </div>
  );
}

function Idle({ warnings, meant, anyway, onAnyway }: Omit<Props, 'previewed'> & { warnings: string[] }) {
  return (
    <Notice
      tone="warn"
      title="This policy would hold for no claim now"
      action={
        meant && (
          <button type="button" onClick={meant.take}>
            Use {meant.name}
          </button>
        )
      }
    >
      {warnings.map((warning) => (
        <p key={warning}>{warning}</p>
      ))}
      {meant && <p>Did you mean {meant.name}?</p>}
      <label className="check">
        <input type="checkbox" checked={anyway} onChange={(event) => onAnyway(event.target.checked)} />
        Keep it for claims that are made later
      </label>
    </Notice>
  );
}

function namesOf(matches: PolicyMatch[]): string {
  const names = matches.slice(0, NAMED).map(({ pvc }) => pvc).join(', ');
  return matches.length > NAMED ? `${names} and ${plural(matches.length - NAMED, 'more', 'more')}` : names;
}
