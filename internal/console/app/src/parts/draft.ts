import { useEffect, useRef, useState } from 'react';

/** How long a draft rests before it is kept, in milliseconds. */
const REST = 350;

/**
 * Holds what is being typed until it has rested, then has it kept elsewhere, such as in the address. Gives the
 * draft, the function that changes it, and whether it is what is kept. What is kept from elsewhere replaces it.
 */
export function useDraft<T>(kept: T, keep: (draft: T) => void, rest = REST): [draft: T, change: (draft: T) => void, settled: boolean] {
  const [state, setState] = useState({ draft: kept, from: kept });
  // What was typed before something else was kept is forgotten: it would come back where that is what was kept once.
  if (state.from !== kept) setState({ draft: kept, from: kept });
  const draft = state.from === kept ? state.draft : kept;
  const keeper = useRef(keep);
  useEffect(() => {
    keeper.current = keep;
  });
  useEffect(() => {
    if (draft === kept) return undefined;
    const timer = setTimeout(() => keeper.current(draft), rest);
    return () => clearTimeout(timer);
  }, [draft, kept, rest]);
  return [draft, (next) => setState({ draft: next, from: kept }), draft === kept];
}

/** Gives a text once it has rested; until then what it was before. */
export function useRested(text: string, rest = REST): string {
  const [rested, setRested] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setRested(text), rest);
    return () => clearTimeout(timer);
  }, [text, rest]);
  return rested;
}
