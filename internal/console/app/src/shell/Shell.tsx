import { useQuery } from '@tanstack/react-query';
import { Link, Outlet, useRouterState } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { restoresQuery, whoamiQuery } from '@/api/queries';
import { isMoving } from '@/words/phase';
import { ClockNotice } from './ClockNotice';
import { Gate } from './Gate';
import { THEMES, useTheme, type Theme } from './theme';

const PLACES = [
  { to: '/', label: 'Overview' },
  { to: '/inventory', label: 'Inventory' },
  { to: '/restore', label: 'Restore' },
  { to: '/restores', label: 'Restores' },
  { to: '/plan', label: 'Recovery plan' },
  { to: '/policies', label: 'Policies' },
  { to: '/storage', label: 'Storage' },
] as const;

/** The frame around every view: where one can go, who one is, and how it looks. */
export function Shell() {
  const path = useRouterState({ select: (state) => state.location.pathname });
  const [menu, setMenu] = useState<string | null>(null);
  const open = menu === path;
  useEffect(() => window.scrollTo(0, 0), [path]);
  return (
    <div className="shell">
      <a className="skip" href="#content">
        Skip to the content
      </a>
      <header className="side" data-open={open}>
        <Link to="/" className="brand">
          <Mark /> Soteria
        </Link>
        <button type="button" className="menu-button" aria-expanded={open} aria-controls="places" onClick={() => setMenu(open ? null : path)}>
          Menu
        </button>
        <div className="side-body" id="places">
          <nav aria-label="Views">
            {PLACES.map(({ to, label }) => (
              <Link key={to} to={to} activeOptions={{ exact: to === '/', includeSearch: false }} className="place">
                {label}
                {to === '/restores' && <UnderWay />}
              </Link>
            ))}
          </nav>
          <div className="side-foot">
            <Who />
            <Look />
          </div>
        </div>
      </header>
      <main id="content" tabIndex={-1}>
        <ClockNotice />
        <Gate>
          <Outlet />
        </Gate>
      </main>
    </div>
  );
}

function Mark() {
  return (
    <svg className="mark" viewBox="0 0 32 32" aria-hidden="true">
      <path d="M16 3.5 27 8v8c0 6.5-4.5 10.5-11 12.5C9.5 26.5 5 22.5 5 16V8Z" />
      <path d="m10.5 16 4 4 7-8" />
    </svg>
  );
}

function UnderWay() {
  const { data } = useQuery(restoresQuery());
  const count = data?.restores.filter(isMoving).length ?? 0;
  if (count === 0) return null;
  return (
    <span className="pill">
      {count}
      <span className="sr-only"> under way</span>
    </span>
  );
}

function Who() {
  const { data } = useQuery(whoamiQuery);
  if (!data) return null;
  return (
    <p className="who" title={data.groups.length > 0 ? `Groups: ${data.groups.join(', ')}` : undefined}>
      {data.authenticated ? data.user : 'Not signed in'}
      {!data.authenticated && <span className="muted"> (none is asked for)</span>}
    </p>
  );
}

const LOOKS: Record<Theme, string> = { system: 'As the system', dark: 'Dark', light: 'Light' };

function Look() {
  const [theme, setTheme] = useTheme();
  return (
    <label className="look">
      <span>Look</span>
      <select value={theme} onChange={(event) => setTheme(event.target.value as Theme)}>
        {THEMES.map((each) => (
          <option key={each} value={each}>
            {LOOKS[each]}
          </option>
        ))}
      </select>
    </label>
  );
}
