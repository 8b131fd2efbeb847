import { Link } from '@tanstack/react-router';
import type { InventoryClaim } from '@/api/types';
import { Command } from '@/parts/Command';
import { Notice } from '@/parts/Notice';
import { healthInWords } from '@/words/health';

/** A claim that got its volume while the gate was off: what happened, and the two ways out. */
export function Unreviewed({ entry }: { entry: InventoryClaim }) {
  const { namespace, pvc, health_message, accept_data } = entry;
  return (
    <Notice tone="bad" title={healthInWords(entry).meaning}>
      <p>{health_message}</p>
      <p>
        To compare before you decide,{' '}
        <Link to="/restore" search={{ namespace, pvc }}>
          restore a backup to a new claim
        </Link>
        .
      </p>
      {accept_data && <Command command={accept_data} label="To accept what the claim holds now, put your reason in the place of <reason>:" />}
    </Notice>
  );
}
