import { useEffect, useRef, type ReactNode } from 'react';

interface Props {
  title: string;
  /** What the browser's tab says, where that is not the title. */
  tab?: string;
  /** What is above the title: where the page belongs. */
  above?: ReactNode;
  aside?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}

/** A view's frame: its title, what can be done, and its content. */
export function Page({ title, tab, above, aside, actions, children }: Props) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    // Who came by a link is told where they are; who opened the page begins at its top.
    if (document.activeElement !== document.body) heading.current?.focus({ preventScroll: true });
  }, []);
  useEffect(() => {
    document.title = `${tab ?? title} · Soteria`;
  }, [tab, title]);
  return (
    <div className="page">
      <header className="page-head">
        <div>
          {above && <p className="above">{above}</p>}
          <h1 tabIndex={-1} ref={heading}>{title}</h1>
          {aside && <p className="aside">{aside}</p>}
        </div>
        {actions && <div className="actions">{actions}</div>}
      </header>
      {children}
    </div>
  );
}
