import { screen, waitFor, within } from '@testing-library/react';
import { HttpResponse, http } from 'msw';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { expectAccessible, openConsole } from '@/testing/console';
import { golden } from '@/testing/golden';
import { posts } from '@/testing/posts';
import { at, server } from '@/testing/server';

beforeEach(() => {
  vi.useFakeTimers({ now: new Date('2026-04-12T15:31:00Z'), toFake: ['Date'] });
});

/** What keeping a policy for claims would do. */
const previewOf = (pvcs: string[], change: object = {}) => ({
  policy: golden.policies.policies[0], replaces: false, matches: pvcs.map((pvc) => ({ namespace: 'media', pvc, holds: true })), holds: pvcs.length, warnings: [], dry_run: true, ...change,
});

describe('a policy', () => {
  test('is made with its schedule in words and its next runs', async () => {
    const sent = posts('/v1/policies', ({ dry_run }) => (dry_run ? { status: 200, body: previewOf(['books', 'photos']) } : { status: 201, body: golden.policies.policies[1] ?? {} }));
    const { user } = openConsole('/policies');
    await user.click(await screen.findByRole('button', { name: 'New policy…' }));
    const dialog = await screen.findByRole('dialog', { name: 'New policy' });
    await user.type(within(dialog).getByRole('combobox', { name: 'Namespace' }), 'media');
    expect(await within(dialog).findByText('There is a policy for this already')).toBeVisible();
    await user.selectOptions(within(dialog).getByRole('combobox', { name: 'When' }), 'schedule');
    await user.type(within(dialog).getByRole('textbox', { name: 'Schedule' }), '0 2 * * *');
    expect(await within(dialog).findByText('At 02:00, every day, UTC')).toBeVisible();
    expect(within(dialog).getAllByRole('listitem')).toHaveLength(5);
    await expectAccessible();
    const keep = within(dialog).getByRole('button', { name: 'Keep the policy' });
    await waitFor(() => expect(keep).toBeEnabled());
    expect(within(dialog).getByText('Holds for 2 claims now: books, photos.')).toBeVisible();
    await user.click(keep);
    await waitFor(() => expect(screen.queryByRole('dialog', { name: 'New policy' })).not.toBeInTheDocument());
    expect(sent.filter(({ dry_run }) => !dry_run)).toEqual([{ namespace: 'media', pvc: '', schedule: '0 2 * * *', enabled: true }]);
  });

  test('that is refused for a field that is not shown says so above the fields', async () => {
    posts('/v1/policies', ({ dry_run }) => (dry_run ? { status: 200, body: previewOf(['books']) } : { status: 400, body: { error: 'interval_hours or schedule must say when', code: 'invalid', field: 'interval_hours' } }));
    const { user } = openConsole('/policies');
    await user.click(await screen.findByRole('button', { name: 'New policy…' }));
    const dialog = await screen.findByRole('dialog', { name: 'New policy' });
    await user.type(within(dialog).getByRole('combobox', { name: 'Namespace' }), 'media');
    await user.selectOptions(within(dialog).getByRole('combobox', { name: 'When' }), 'schedule');
    await user.type(within(dialog).getByRole('textbox', { name: 'Schedule' }), '0 2 * * *');
    const keep = within(dialog).getByRole('button', { name: 'Keep the policy' });
    await waitFor(() => expect(keep).toBeEnabled());
    await user.click(keep);
    expect(await within(dialog).findByText('“Hours” or schedule must say when')).toBeVisible();
    await user.selectOptions(within(dialog).getByRole('combobox', { name: 'When' }), 'interval');
    expect(within(dialog).getByRole('spinbutton', { name: 'Hours' })).toHaveAccessibleDescription(/“Hours” or schedule must say when/);
  });

  test('for a namespace with a typo is not kept without a question, and the one that was meant is offered', async () => {
    const sent = posts('/v1/policies', ({ dry_run, namespace }) => {
      if (!dry_run) return { status: 201, body: golden.policies.policies[0] ?? {} };
      return { status: 200, body: namespace === 'media' ? previewOf(['books']) : previewOf([], { warnings: [`namespace ${String(namespace)} does not exist`] }) };
    });
    const { user } = openConsole('/policies');
    await user.click(await screen.findByRole('button', { name: 'New policy…' }));
    const dialog = await screen.findByRole('dialog', { name: 'New policy' });
    await user.type(within(dialog).getByRole('combobox', { name: 'Namespace' }), 'meida');
    expect(await within(dialog).findByText('namespace meida does not exist')).toBeVisible();
    const keep = within(dialog).getByRole('button', { name: 'Keep the policy' });
    expect(keep).toBeDisabled();
    await expectAccessible();
    await user.click(within(dialog).getByRole('checkbox', { name: 'Keep it for claims that are made later' }));
    expect(keep).toBeEnabled();
    await user.click(within(dialog).getByRole('checkbox', { name: 'Keep it for claims that are made later' }));
    await user.click(within(dialog).getByRole('button', { name: 'Use media' }));
    expect(await within(dialog).findByText('Holds for 1 claim now: books.')).toBeVisible();
    await waitFor(() => expect(keep).toBeEnabled());
    expect(sent.every(({ dry_run }) => dry_run === true)).toBe(true);
  });

  test('says which of others hold in its place', async () => {
    const matches = [{ namespace: 'media', pvc: 'books', holds: true }, { namespace: 'media', pvc: 'photos', holds: false, overridden_by: 'claim-label' }];
    posts('/v1/policies', () => ({ status: 200, body: previewOf(['books'], { matches }) }));
    const { user } = openConsole('/policies');
    await user.click(await screen.findByRole('button', { name: 'New policy…' }));
    const dialog = await screen.findByRole('dialog', { name: 'New policy' });
    await user.type(within(dialog).getByRole('combobox', { name: 'Namespace' }), 'media');
    expect(await within(dialog).findByText('photos: the claim’s label holds instead.')).toBeVisible();
  });

  test('that the API refuses is marked at the field, in its words', async () => {
    posts('/v1/policies', () => ({ status: 400, body: golden.policyInvalid }));
    const { user } = openConsole('/policies');
    await user.click(await screen.findByRole('button', { name: 'Change the policy for media/photos' }));
    await user.click(await screen.findByRole('button', { name: 'Keep the policy' }));
    const field = screen.getByRole('textbox', { name: 'Schedule' });
    await waitFor(() => expect(field).toHaveAccessibleDescription(new RegExp('cannot be understood: expected exactly 5 fields')));
    expect(field).toBeInvalid();
  });

  test('is deleted after a question, and comes back when that is undone', async () => {
    const [policy] = golden.policies.policies;
    const deleted: string[] = [];
    server.use(
      http.delete(at('/v1/policies/:id'), ({ params }) => {
        deleted.push(String(params.id));
        return HttpResponse.json(policy);
      }),
    );
    const sent = posts('/v1/policies', () => ({ status: 201, body: policy ?? {} }));
    const { user } = openConsole('/policies');
    await user.click(await screen.findByRole('button', { name: /^Delete the policy for every claim of media/ }));
    expect(deleted).toEqual([]);
    await user.click(within(await screen.findByRole('alertdialog')).getByRole('button', { name: 'Delete the policy' }));
    await user.click(await screen.findByRole('button', { name: 'Undo' }));
    await waitFor(() => expect(sent).toEqual([{ namespace: 'media', pvc: '', interval_hours: 6, enabled: true }]));
    expect(deleted).toEqual([policy?.id]);
  });

  test('is paused with all else of it as it was', async () => {
    const sent = posts('/v1/policies', () => ({ status: 200, body: { ...golden.policies.policies[1], enabled: false } }));
    const { user } = openConsole('/policies');
    await user.click(await screen.findByRole('button', { name: 'Pause the policy for media/photos' }));
    expect((await screen.findAllByText('The policy is paused'))[0]).toBeVisible();
    expect(sent).toEqual([{ namespace: 'media', pvc: 'photos', schedule: '0 2 * * *', driver: 'restic', keep: { last: 3, daily: 7, weekly: 4 }, enabled: false }]);
  });

  test('that is declared on its claim can only be changed there', async () => {
    openConsole('/policies');
    expect(await screen.findByText('Change it on the claim, where Git may hold it.')).toBeVisible();
    expect(screen.queryByRole('button', { name: /web\/data/ })).not.toBeInTheDocument();
  });
});
