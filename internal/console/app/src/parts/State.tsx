import type { Tone, Wording } from '@/words/health';

/** The shape of each tone, drawn in a box of 16. */
const SHAPES: Record<Tone, string> = {
  ok: 'M3 8.5l3.5 3.5L13 4.5',
  warn: 'M8 2.5L14.5 13.5H1.5ZM8 6.5v3M8 11.6v.1',
  bad: 'M4 4l8 8M12 4l-8 8',
  busy: 'M13 8a5 5 0 1 1-1.6-3.7M13 2v3h-3',
  idle: 'M3.5 8h9',
  unknown: 'M5.5 6a2.5 2.5 0 1 1 3.6 2.2c-.8.4-1.1.9-1.1 1.6M8 12.4v.1',
};

/** A state's shape, without words. */
export function Shape({ tone }: { tone: Tone }) {
  return (
    <svg className={`shape tone-${tone}`} viewBox="0 0 16 16" aria-hidden="true">
      <path d={SHAPES[tone]} />
    </svg>
  );
}

/** A state: its shape, its word, and its meaning on hover. */
export function State({ wording, label }: { wording: Wording; label?: string }) {
  return (
    <span className={`state tone-${wording.tone}`} title={wording.meaning || undefined}>
      <Shape tone={wording.tone} />
      {label ?? wording.label}
    </span>
  );
}
