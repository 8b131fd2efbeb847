import { Link } from '@tanstack/react-router';

/** A claim's name, which leads to its page. */
export function ClaimLink({ namespace, pvc, bare }: { namespace: string; pvc: string; bare?: boolean }) {
  return (
    <Link to="/claims/$ns/$pvc" params={{ ns: namespace, pvc }} className="claim-name" title={`${namespace}/${pvc}`}>
      {!bare && <span className="muted">{namespace}/</span>}
      {pvc}
    </Link>
  );
}
