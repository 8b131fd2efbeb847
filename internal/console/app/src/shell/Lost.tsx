import { Link } from '@tanstack/react-router';
import { Notice } from '@/parts/Notice';
import { Page } from '@/parts/Page';

/** What is shown at an address that is none of the console's. */
export function Lost() {
  return (
    <Page title="There is nothing here">
      <p>
        No view has this address. <Link to="/">Go to the overview</Link>
      </p>
    </Page>
  );
}

/** What is shown where a view broke, or its code could not be loaded. */
export function Crashed({ error }: { error: unknown }) {
  return (
    <Page title="The console failed">
      <Notice
        tone="bad"
        title={error instanceof Error ? error.message : 'The view broke.'}
        urgent
        action={
          <button type="button" onClick={() => window.location.reload()}>
            Load again
          </button>
        }
      >
        What Soteria does goes on without the console. A newer version may have been installed: load the page again.
      </Notice>
    </Page>
  );
}
