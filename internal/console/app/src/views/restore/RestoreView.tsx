import { getRouteApi } from '@tanstack/react-router';
import { Page } from '@/parts/Page';
import { useDraft } from '@/parts/draft';
import { ClaimRestore } from './ClaimRestore';
import { NamespaceRestore } from './NamespaceRestore';
import type { Wish } from './wish';
import type { WishProps } from './wishProps';

const route = getRouteApi('/restore');

/** Brings a claim, or a namespace, back from its backups to new claims. */
export function RestoreView() {
  const kept = route.useSearch();
  const navigate = route.useNavigate();
  const [draft, setDraft, settled] = useDraft<Wish>(kept, (search) => void navigate({ search, replace: true }));
  const props: WishProps = { draft, kept, settled, change: (change) => setDraft({ ...draft, ...change }) };
  const ofNamespace = draft.of === 'namespace';
  return (
    <Page title="Restore" aside="A restore makes new claims. Claims that exist are never touched.">
      <fieldset className="segments">
        <legend className="sr-only">What to bring back</legend>
        <Segment label="A claim" checked={!ofNamespace} onChoose={() => props.change({ of: undefined })} />
        <Segment label="A namespace" checked={ofNamespace} onChoose={() => props.change({ of: 'namespace' })} />
      </fieldset>
      {ofNamespace ? <NamespaceRestore {...props} /> : <ClaimRestore {...props} />}
    </Page>
  );
}

function Segment({ label, checked, onChoose }: { label: string; checked: boolean; onChoose: () => void }) {
  return (
    <label className="segment">
      <input type="radio" name="of" checked={checked} onChange={onChoose} />
      {label}
    </label>
  );
}
