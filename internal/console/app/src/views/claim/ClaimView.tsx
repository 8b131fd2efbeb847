import { useQuery, type UseQueryResult } from '@tanstack/react-query';
import { Link, getRouteApi } from '@tanstack/react-router';
import { useState } from 'react';
import { ALL_BACKUPS, backupsQuery, copiesQuery, inventoryQuery, policiesQuery, restoresQuery } from '@/api/queries';
import type { ClaimName, Inventory, InventoryClaim, PolicyClaim, Restores } from '@/api/types';
import { Notice } from '@/parts/Notice';
import { Page } from '@/parts/Page';
import { State } from '@/parts/State';
import { standingOfClaim } from '@/words/copy';
import { healthInWords, isBeingChecked } from '@/words/health';
import { isMoving } from '@/words/phase';
import { CopyNotice } from '../copies/CopyNotice';
import { usePaces } from '../restores/paces';
import { RestoreCard } from '../restores/RestoreCard';
import { BackUpNow, BackupWatch } from './BackUpNow';
import { BackupsSection } from './BackupsSection';
import { Choice } from './Choice';
import { ClaimDoubts } from './ClaimDoubts';
import { EventsSection } from './EventsSection';
import { Facts } from './Facts';
import { Unreviewed } from './Unreviewed';
import { Tests } from './Tests';
import type { Watch } from './watch';

const route = getRouteApi('/claims/$ns/$pvc');

/** One claim: how it stands, its backups, and what can be done. */
export function ClaimView() {
  const { ns, pvc } = route.useParams();
  return <Claim key={`${ns}/${pvc}`} claim={{ namespace: ns, pvc }} />;
}

/** How many backups are asked for at first; the rest on request. */
const FIRST = 200;

function Claim({ claim }: { claim: ClaimName }) {
  const [limit, setLimit] = useState(FIRST);
  const [watch, setWatch] = useState<Watch | null>(null);
  const inventory = useQuery(inventoryQuery);
  const standing = useStanding(claim);
  const backups = useQuery(backupsQuery(claim, limit));
  const known = backups.data?.backups ?? [];
  const entry = inventory.data && find(inventory.data, claim);
  const restores = useQuery(restoresQuery(claim));
  const { data: copies } = useQuery(copiesQuery);
  const copy = copies?.copies.find(({ namespace, pvc }) => namespace === claim.namespace && pvc === claim.pvc);
  return (
    <Page
      title={claim.pvc}
      tab={`${claim.namespace}/${claim.pvc}`}
      above={
        <Link to="/inventory" search={{ ns: claim.namespace }}>
          {claim.namespace}
        </Link>
      }
      aside={entry && <State wording={standingOfClaim(entry)} />}
      actions={
        <>
          <Link to="/restore" search={claim} className="button">
            Restore…
          </Link>
          {entry && <BackUpNow claim={claim} backups={backups.data?.backups} bound={entry.volume !== ''} onStarted={setWatch} />}
        </>
      }
    >
      {watch && <BackupWatch key={watch.at} claim={claim} watch={watch} limit={limit} />}
      {inventory.isError && !entry && (
        <Notice tone="unknown" title="How the claim stands is not known">
          {inventory.error.message}
        </Notice>
      )}
      {inventory.data && !entry && <Gone inventory={inventory.data} claim={claim} />}
      {copy && <CopyNotice copy={copy} />}
      {entry && !(copy && entry.health_reason === 'skipped') && <Standing entry={entry} />}
      {entry && <Choice entry={entry} />}
      {entry?.backup_stalled && (
        <Notice tone="bad" title="A backup does not go on">
          {entry.backup_stalled}
        </Notice>
      )}
      <ClaimDoubts claim={claim} entry={entry} backups={backups.data} />
      <Restoring restores={restores} />
      {entry && <Facts entry={entry} standing={standing} />}
      <BackupsSection claim={claim} query={backups} more={limit === FIRST ? () => setLimit(ALL_BACKUPS) : undefined} />
      <EventsSection claim={claim} />
      <Tests claim={claim} backups={known} />
    </Page>
  );
}

/** Gives how the claim stands with its policy, as far as that is known. */
function useStanding(claim: ClaimName): PolicyClaim | undefined {
  const { data } = useQuery(policiesQuery);
  return data?.claims.find(({ namespace, pvc }) => namespace === claim.namespace && pvc === claim.pvc);
}

function find(inventory: Inventory, claim: ClaimName): InventoryClaim | undefined {
  return inventory.namespaces.find(({ name }) => name === claim.namespace)?.pvcs.find(({ pvc }) => pvc === claim.pvc);
}

function Gone({ inventory, claim }: { inventory: Inventory; claim: ClaimName }) {
  const orphan = inventory.orphans.some(({ namespace, pvc }) => namespace === claim.namespace && pvc === claim.pvc);
  if (orphan) {
    return (
      <Notice
        tone="idle"
        title="This claim exists only as backups"
        action={
          <Link to="/restore" search={claim} className="button">
            Restore…
          </Link>
        }
      >
        No claim of this name is in the cluster. One that is created under its name and protected gets the newest backup.
      </Notice>
    );
  }
  return (
    <Notice tone="unknown" title="There is no such claim">
      Neither the cluster nor the backups that are known have a claim {claim.namespace}/{claim.pvc}.
    </Notice>
  );
}

function Standing({ entry }: { entry: InventoryClaim }) {
  const wording = healthInWords(entry);
  if (isBeingChecked(entry)) return <Notice tone={wording.tone} title={wording.meaning} />;
  if (entry.health_reason === 'unreviewed') return <Unreviewed entry={entry} />;
  if (entry.health_reason === 'fresh' || entry.health_reason === 'restoring') return null;
  return (
    <Notice tone={wording.tone} title={wording.meaning}>
      {entry.health_message}
    </Notice>
  );
}

/** What is on its way to the claim. A restore that is held or checked moves nothing, and the claim says so already. */
function Restoring({ restores: { data, dataUpdatedAt } }: { restores: UseQueryResult<Restores> }) {
  const underWay = data?.restores.filter(isMoving) ?? [];
  const paceOf = usePaces(data?.restores ?? NONE, dataUpdatedAt);
  if (underWay.length === 0) return null;
  return (
    <section aria-labelledby="restoring">
      <h2 id="restoring">Getting its data back</h2>
      {underWay.map((restore) => (
        <RestoreCard key={restore.name} restore={restore} pace={paceOf(restore)} />
      ))}
    </section>
  );
}

const NONE: never[] = [];
