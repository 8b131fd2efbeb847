import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { testRestore } from '@/api/actions';
import { failureOf } from '@/api/errors';
import { restoreTestsQuery } from '@/api/queries';
import type { Backup, ClaimName, RestoreTest } from '@/api/types';
import { Age } from '@/parts/Age';
import { Id } from '@/parts/Id';
import { State } from '@/parts/State';
import { useMessages } from '@/parts/toasts';
import type { Wording } from '@/words/health';
import { undoneInWords } from '@/words/refusal';
import { bytesInWords, countInWords } from '@/words/size';

const PHASES: Record<string, Wording> = {
  Pending: { label: 'Pending', tone: 'busy', meaning: 'The test has not begun yet.' },
  Running: { label: 'Running', tone: 'busy', meaning: 'The backup is being restored to an empty folder.' },
  Passed: { label: 'Passed', tone: 'ok', meaning: 'What came back is what the backup lists.' },
  Failed: { label: 'Failed', tone: 'bad', meaning: 'What came back is not what the backup lists, or nothing came back.' },
};

/** Whether a claim's backups were tried out, and the button that tries the newest. */
export function Tests({ claim, backups }: { claim: ClaimName; backups: readonly Backup[] }) {
  const tests = useQuery(restoreTestsQuery(claim));
  const start = useTest(claim);
  const newest = backups.find(({ driver }) => driver === 'restic');
  return (
    <section aria-labelledby="tests">
      <h2 id="tests">Restore tests</h2>
      <p className="muted">A test restores a backup to an empty folder, compares it with what the backup lists, and leaves nothing.</p>
      {tests.isError && <p className="field-error">{failureOf(tests.error).message}</p>}
      {tests.data?.tests.length === 0 && <p>No test is known of.</p>}
      <ul className="conditions">
        {tests.data?.tests.map((test) => (
          <li key={test.job_name}>
            <State wording={PHASES[test.phase] ?? { label: test.phase, tone: 'unknown', meaning: '' }} />
            <span>
              backup <Id id={test.backup} />, asked for <Age time={test.created_at} /> by {test.requested_by}
              {test.message && <>: {test.message}</>} {foundInWords(test)}
            </span>
          </li>
        ))}
      </ul>
      {newest && (
        <button type="button" disabled={start.isPending} onClick={() => start.mutate(newest.id)}>
          {start.isPending ? 'Starting…' : 'Test the newest restic backup'}
        </button>
      )}
    </section>
  );
}

function useTest(claim: ClaimName) {
  const client = useQueryClient();
  const messages = useMessages();
  return useMutation({
    mutationFn: (snapshot: string) => testRestore(claim, snapshot),
    onSuccess: () => messages.say({ tone: 'busy', title: 'The test was started' }),
    onError: (cause) => {
      const error = failureOf(cause);
      messages.say({ tone: 'bad', title: undoneInWords(error, 'No test was started', 'Whether a test was started is not known'), detail: error.message });
    },
    onSettled: () => client.invalidateQueries({ queryKey: ['restore-tests', claim.namespace, claim.pvc] }),
  });
}

function foundInWords({ restored, expected }: RestoreTest): string {
  if (!restored || !expected) return '';
  return `(${countInWords(restored.files)} of ${countInWords(expected.files)} files, ${bytesInWords(restored.bytes)} of ${bytesInWords(expected.bytes)})`;
}
