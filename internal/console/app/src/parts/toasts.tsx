import { Toast } from '@base-ui/react/toast';
import type { ReactNode } from 'react';
import type { Tone } from '@/words/health';
import { Shape } from './State';

/** How long a message stays that offers to undo something, in milliseconds. */
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
}

/** Gives the function that shows a message. What is undone is not offered to be undone again. */
export function useMessages() {
  const manager = Toast.useToastManager();
  return {
    say: ({ tone, title, detail, undo }: Message) => {
      const undone = () => {
        manager.close(id);
        undo?.();
      };
      const id = manager.add({
        type: tone,
        title,
        description: detail,
        priority: tone === 'bad' ? 'high' : 'low',
        timeout: undo ? UNDO_TIME : undefined,
        actionProps: undo ? { children: 'Undo', onClick: undone } : undefined,
      });
    },
  };
}
