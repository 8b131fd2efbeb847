import type { ReactNode } from 'react';
import type { Tone } from '@/words/health';
import { Shape } from './State';

interface Props {
  tone: Tone;
  title: string;
  children?: ReactNode;
  action?: ReactNode;
  /** Whether it is to be read out when it appears. */
  urgent?: boolean;
}

/** Something that the reader has to know about what is shown. */
export function Notice({ tone, title, children, action, urgent }: Props) {
  return (
    <div className={`notice notice-${tone}`} role={urgent ? 'alert' : 'status'}>
      <Shape tone={tone} />
      <div className="notice-words">
        <strong>{title}</strong>
        {children && <div>{children}</div>}
      </div>
      {action}
    </div>
  );
}
