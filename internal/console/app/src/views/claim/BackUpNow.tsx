import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, type ReactNode } from 'react';
import { backUp } from '@/api/actions';
import { failureOf } from '@/api/errors';
import { waitToLook } from '@/api/polling';
import { backupsQuery, eventsQuery, inventoryQuery, policiesQuery } from '@/api/queries';
import type { Backup, Backups, ClaimName, Events } from '@/api/types';
import { Age } from '@/parts/Age';
import { Id } from '@/parts/Id';
import { Notice } from '@/parts/Notice';
import { useMessages } from '@/parts/toasts';
import { serverTime, useNow } from '@/parts/now';
import { shortId } from '@/words/id';
import { undoneInWords } from '@/words/refusal';
import { watched, type Watch, type Watched } from './watch';

interface ButtonProps {
  claim: ClaimName;
  /** The backups that there are; undefined while nobody can tell. */
  backups: readonly Backup[] | undefined;
  /** Whether there is a volume to back up. */
  bound: boolean;
  onStarted: (watch: Watch) => void;
}

/** Starts a backup at once, and says whether it was taken on. */
export function BackUpNow({ claim, backups, bound, onStarted }: ButtonProps) {
  const client = useQueryClient();
  const messages = useMessages();
  const start = useMutation({
    mutationFn: () => backUp(claim),
    onSuccess: (started) => {
      messages.say({ tone: 'busy', title: 'The backup was started', detail: started.job_name ?? shortId(started.backup ?? '') });
      onStarted({ started, at: serverTime(), before: backups ?? null });
    },
    onError: (cause) => {
      const error = failureOf(cause);
      messages.say({ tone: 'bad', title: undoneInWords(error, 'No backup was started', 'Whether a backup was started is not known'), detail: error.message });
    },
    onSettled: () => client.invalidateQueries(policiesQuery),
  });
  return (
    <>
      <button type="button" className="primary" disabled={start.isPending || !bound} aria-describedby={bound ? undefined : 'unbound'} onClick={() => start.mutate()}>
        {start.isPending ? 'Starting…' : 'Back up now'}
      </button>
      {!bound && (
        <span id="unbound" className="hint">
          There is no volume to back up yet.
        </span>
      )}
    </>
  );
}

interface WatchProps {
  claim: ClaimName;
  watch: Watch;
  /** How many backups the page asks for: the watch looks into the same list. */
  limit: number;
}

/** Follows a backup that was started here until it is listed, or failed. */
export function BackupWatch({ claim, watch, limit }: WatchProps) {
  const client = useQueryClient();
  const outcome = useWatched(claim, watch, limit);
  useEffect(() => {
    if (outcome.state !== 'waiting') void Promise.all([client.invalidateQueries(inventoryQuery), client.invalidateQueries(policiesQuery)]);
  }, [outcome.state, client]);
  return <Outcome watch={watch} outcome={outcome} />;
}

/** Looks into the claim's backups and events, more often than the page does, until it is known what became of a backup. */
function useWatched(claim: ClaimName, watch: Watch, limit: number): Watched {
  const client = useQueryClient();
  const backups = backupsQuery(claim, limit);
  const events = eventsQuery(claim);
  const refetchInterval = () => untilNextLook(watch, client.getQueryData(backups.queryKey), client.getQueryData(events.queryKey));
  const { data: listed } = useQuery({ ...backups, refetchInterval });
  const { data: told } = useQuery({ ...events, refetchInterval });
  return becameOf(watch, listed, told, useNow().getTime());
}

function becameOf(watch: Watch, listed: Backups | undefined, told: Events | undefined, now: number): Watched {
  return watched(watch, listed?.backups ?? [], told?.events ?? [], now);
}

function untilNextLook(watch: Watch, listed: Backups | undefined, told: Events | undefined): number | false {
  const now = serverTime();
  const { state } = becameOf(watch, listed, told, now);
  return state === 'waiting' || state === 'unlisted' ? waitToLook(watch.at, now) : false;
}

function Outcome({ watch, outcome }: { watch: Watch; outcome: Watched }) {
  const name = watch.started.job_name ? <span className="mono">{watch.started.job_name}</span> : <Id id={watch.started.backup ?? ''} />;
  switch (outcome.state) {
    case 'there':
      return (
        <Done lacking={outcome.lacking} title="The backup is there">
          <Id id={outcome.backup.id} />, taken <Age time={outcome.backup.taken_at} />.
        </Done>
      );
    case 'unlisted':
      return (
        <Done lacking={outcome.lacking} title="The backup is complete">
          {name} has ended well. The backup shows below once {watch.started.driver} lists it.
        </Done>
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
          It may still be under way. What was started is {name}; its log tells more.
        </Notice>
      );
    case 'waiting':
      return (
        <Notice tone="busy" title="A backup is under way">
          {name} was started <Age time={new Date(watch.at).toISOString()} />. Here it is said how it ends.
        </Notice>
      );
  }
}

function Done({ lacking, title, children }: { lacking: string | null; title: string; children: ReactNode }) {
  return (
    <Notice tone={lacking === null ? 'ok' : 'warn'} title={lacking === null ? title : `${title}, in part`}>
      {children} {lacking}
    </Notice>
  );
}
