import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import { backUp } from '@/api/actions';
import { failureOf } from '@/api/errors';
import { inventoryQuery, policiesQuery } from '@/api/queries';
import type { Backup, ClaimName, PolicyClaim } from '@/api/types';
import { Age } from '@/parts/Age';
import { Notice } from '@/parts/Notice';
import { useMessages } from '@/parts/toasts';
import { useNow } from '@/parts/now';
import { watched, type Watch, type Watched } from './watch';

interface ButtonProps {
  claim: ClaimName;
  /** The backups that there are; undefined while nobody can tell. */
  backups: readonly Backup[] | undefined;
  onStarted: (watch: Watch) => void;
}

/** Starts a backup at once, and says whether it was taken on. */
export function BackUpNow({ claim, backups, onStarted }: ButtonProps) {
  const client = useQueryClient();
  const messages = useMessages();
  const start = useMutation({
    mutationFn: () => backUp(claim),
    onSuccess: (started) => {
      messages.say({ tone: 'busy', title: 'The backup was started', detail: started.job_name ?? started.backup });
      onStarted({ started, at: Date.now(), before: backups ?? null });
    },
    onError: (cause) => void messages.say({ tone: 'bad', title: 'No backup was started', detail: failureOf(cause).message }),
    onSettled: () => client.invalidateQueries(policiesQuery),
  });
  return (
    <button type="button" className="primary" disabled={start.isPending} onClick={() => start.mutate()}>
      {start.isPending ? 'Starting…' : 'Back up now'}
    </button>
  );
}

interface WatchProps {
  watch: Watch;
  backups: readonly Backup[];
  standing: PolicyClaim | undefined;
}

/** Follows a backup that was started here until it is listed. */
export function BackupWatch({ watch, backups, standing }: WatchProps) {
  const now = useNow();
  const client = useQueryClient();
  const outcome = watched(watch, backups, standing, now.getTime());
  const told = useRef(false);
  useEffect(() => {
    if (outcome.state !== 'there' || told.current) return;
    told.current = true;
    void client.invalidateQueries(inventoryQuery);
  }, [outcome.state, client]);
  return <Outcome watch={watch} outcome={outcome} />;
}

function Outcome({ watch, outcome }: { watch: Watch; outcome: Watched }) {
  const name = watch.started.job_name ?? watch.started.backup ?? '';
  switch (outcome.state) {
    case 'there':
      return (
        <Notice tone="ok" title="The backup is there">
          <span className="mono">{outcome.backup.id}</span>, taken <Age time={outcome.backup.taken_at} />.
        </Notice>
      );
    case 'failed':
      return (
        <Notice tone="bad" title="The backup failed" urgent>
          {outcome.message}
        </Notice>
      );
    case 'unseen':
      return (
        <Notice tone="unknown" title="The backup has not shown up in an hour">
          It may still be under way. What was started is <span className="mono">{name}</span>; its log tells more.
        </Notice>
      );
    case 'waiting':
      return (
        <Notice tone="busy" title="A backup is under way">
          <span className="mono">{name}</span> was started <Age time={new Date(watch.at).toISOString()} />. It shows here once {watch.started.driver} lists it.
        </Notice>
      );
  }
}

/** Gives how the claim stands with its policy, as far as that is known. */
export function useStanding(claim: ClaimName): PolicyClaim | undefined {
  const { data } = useQuery(policiesQuery);
  return data?.claims.find(({ namespace, pvc }) => namespace === claim.namespace && pvc === claim.pvc);
}
