import { useQuery } from '@tanstack/react-query';
import { failureOf } from '@/api/errors';
import { statusQuery } from '@/api/queries';
import { Notice } from '@/parts/Notice';
import { warningsOf } from './warnings';

/** What holds for the whole cluster and is out of the ordinary. */
export function Banner() {
  const { data, error } = useQuery(statusQuery);
  if (!data) return error && <Untold error={failureOf(error)} />;
  return warningsOf(data).map(({ tone, title, detail }) => (
    <Notice key={`${title} ${detail}`} tone={tone} title={title} urgent={tone === 'bad'}>
      {detail}
    </Notice>
  ));
}

/** Says nothing to who may not know: the view says so itself. */
function Untold({ error }: { error: ReturnType<typeof failureOf> }) {
  if (error.signedOut || error.notAllowed) return null;
  return (
    <Notice tone="unknown" title="Whether the gate is closed is not known">
      {error.message}
    </Notice>
  );
}
