import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { inventoryQuery, policiesQuery, restoresQuery, statusQuery } from '@/api/queries';
import type { Inventory } from '@/api/types';
import { Age } from '@/parts/Age';
import { Answer } from '@/parts/Answer';
import { Doubts } from '@/parts/Doubts';
import { Empty } from '@/parts/Empty';
import { Notice } from '@/parts/Notice';
import { Page } from '@/parts/Page';
import { Vintage } from '@/parts/Vintage';
import { isHeld, isOver } from '@/words/phase';
import { plural } from '@/words/size';
import { concernsOf } from './attention';
import { Banner } from './Banner';
import { Concerns } from './Concerns';
import { FreshnessStrip } from './FreshnessStrip';
import { MissingBackups } from './MissingBackups';
import { UnderWay } from './UnderWay';

/** What is safe, what is not, what is being brought back. */
export function Overview() {
  const inventory = useQuery(inventoryQuery);
  return (
    <Page title="Overview" aside={<Aside inventory={inventory.data} />}>
      <Banner />
      <Answer query={inventory} what="the inventory">
        {(data) => <Glance inventory={data} />}
      </Answer>
    </Page>
  );
}

function Aside({ inventory }: { inventory: Inventory | undefined }) {
  const { data: status } = useQuery(statusQuery);
  const restored = status?.restored_clusters ?? [];
  return (
    <>
      {status?.cluster && (
        <>
          Cluster <strong>{status.cluster}</strong>
          {restored.length > 0 && `, which also restores backups of ${restored.join(', ')}`}.{' '}
        </>
      )}
      {inventory && (
        <>
          As of <Age time={inventory.generated_at} />
        </>
      )}
    </>
  );
}

function Glance({ inventory }: { inventory: Inventory }) {
  const policies = useQuery(policiesQuery);
  const restores = useQuery(restoresQuery());
  const claims = inventory.namespaces.flatMap(({ pvcs }) => pvcs);
  const underWay = restores.data?.restores.filter((restore) => !isOver(restore)) ?? [];
  // A claim that is held is said to be so among what needs a person, and not to be on its way.
  const moving = underWay.filter((restore) => !isHeld(restore));
  if (claims.length === 0 && inventory.orphans.length === 0) {
    return (
      <>
        <Vintage generatedAt={inventory.generated_at} listings={inventory.listings} />
        <Doubts listings={inventory.listings} claims={claims} />
        <MissingBackups />
        <Empty title="This cluster has no claims, and no backups are known.">Claims appear here as soon as they are created.</Empty>
      </>
    );
  }
  return (
    <>
      <Vintage generatedAt={inventory.generated_at} listings={inventory.listings} />
      <Doubts listings={inventory.listings} claims={claims} />
      <MissingBackups />
      {policies.isError && (
        <Notice tone="unknown" title="Whether backups failed is not known">
          {policies.error.message}
        </Notice>
      )}
      {restores.isError && (
        <Notice tone="unknown" title="What is being restored is not known">
          {restores.error.message}
        </Notice>
      )}
      <FreshnessStrip claims={claims} />
      <Concerns concerns={concernsOf(inventory, policies.data, underWay)} />
      {moving.length > 0 && <UnderWay restores={moving} />}
      <Orphans inventory={inventory} />
    </>
  );
}

function Orphans({ inventory }: { inventory: Inventory }) {
  if (inventory.orphans.length === 0) return null;
  const namespaces = new Set(inventory.orphans.map(({ namespace }) => namespace));
  return (
    <section aria-labelledby="orphans">
      <h2 id="orphans">Only in backups</h2>
      <p>
        {plural(inventory.orphans.length, 'claim exists', 'claims exist')} only as backups, of {plural(namespaces.size, 'namespace')}.{' '}
        <Link to="/inventory" search={{ state: 'orphan' }}>
          Show them
        </Link>
      </p>
    </section>
  );
}
