import { useEffect, useState } from 'react';
import { flushSync } from 'react-dom';

/** Whether all of a long list is shown: on request, and as soon as the page is printed. */
export function useAllWhilePrinting(): [all: boolean, showAll: () => void] {
  const [all, setAll] = useState(false);
  useEffect(() => {
    const show = () => flushSync(() => setAll(true));
    window.addEventListener('beforeprint', show);
    return () => window.removeEventListener('beforeprint', show);
  }, []);
  return [all, () => setAll(true)];
}
