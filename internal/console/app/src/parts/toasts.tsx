import { Toast } from '@base-ui/react/toast';
import type { ReactNode } from 'react';
import type { Tone } from '@/words/health';
import { Shape } from './State';

/** How long a message stays that offers something, such as to undo what it tells of, in milliseconds. */
const UNDO_TIME = 20_000;

/** Where messages about what became of an action come from and are shown. */
export function Toasts({ children }: { children: ReactNode }) {
  return (
    <Toast.Provider timeout={8000}>
      {children}
      <Toast.Portal>
        <Toast.Viewport className="toasts" aria-label="Messages">
          <Shown />
        </Toast.Viewport>
      </Toast.Portal>
    </Toast.Provider>
  );
}

function Shown() {
  const { toasts } = Toast.useToastManager();
  return toasts.map((toast) => (
    <Toast.Root key={toast.id} toast={toast} className="toast">
      <Toast.Content className="toast-content">
        <Shape tone={(toast.type ?? 'idle') as Tone} />
        <div className="notice-words">
          <Toast.Title render={<strong />} />
          <Toast.Description render={<div />} />
        </div>
        <Toast.Action />
        <Toast.Close className="quiet" aria-label="Dismiss">
          ×
        </Toast.Close>
      </Toast.Content>
    </Toast.Root>
  ));
}

/** What a message says. */
export interface Message {
  tone: Tone;
  title: string;
  detail?: ReactNode;
  undo?: () => void;
  /** Where one sees how it goes on. Messages are beside the views, so that they hold no links of the router. */
  follow?: { label: string; go: () => void };
}

/** Gives the function that shows a message. What is undone is not offered to be undone again. */
export function useMessages() {
  const manager = Toast.useToastManager();
  return {
    say: ({ tone, title, detail, undo, follow }: Message) => {
      const act = follow?.go ?? undo;
      const done = () => {
        manager.close(id);
        act?.();
      };
      const id = manager.add({
        type: tone,
        title,
        description: detail,
        priority: tone === 'bad' ? 'high' : 'low',
        timeout: act ? UNDO_TIME : undefined,
        actionProps: act ? { children: follow?.label ?? 'Undo', onClick: done } : undefined,
      });
    },
  };
}
