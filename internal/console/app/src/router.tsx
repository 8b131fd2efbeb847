import { createRootRoute, createRoute, createRouter, lazyRouteComponent, type RouterHistory } from '@tanstack/react-router';
import { Overview } from './views/overview/Overview';
import { Shell } from './shell/Shell';
import { Crashed, Lost } from './shell/Lost';
import { readFilters } from './views/inventory/filters';
import { readWish } from './views/restore/wish';
import { readRestoresSearch } from './views/restores/search';

const root = createRootRoute({ component: Shell, notFoundComponent: Lost, errorComponent: Crashed });

const overview = createRoute({ getParentRoute: () => root, path: '/', component: Overview });

const inventory = createRoute({
  getParentRoute: () => root,
  path: '/inventory',
  validateSearch: readFilters,
  component: lazyRouteComponent(() => import('./views/inventory/InventoryView'), 'InventoryView'),
});

const claim = createRoute({
  getParentRoute: () => root,
  path: '/claims/$ns/$pvc',
  component: lazyRouteComponent(() => import('./views/claim/ClaimView'), 'ClaimView'),
});

const restore = createRoute({
  getParentRoute: () => root,
  path: '/restore',
  validateSearch: readWish,
  component: lazyRouteComponent(() => import('./views/restore/RestoreView'), 'RestoreView'),
});

const restores = createRoute({
  getParentRoute: () => root,
  path: '/restores',
  validateSearch: readRestoresSearch,
  component: lazyRouteComponent(() => import('./views/restores/RestoresView'), 'RestoresView'),
});

const batch = createRoute({
  getParentRoute: () => root,
  path: '/batches/$id',
  component: lazyRouteComponent(() => import('./views/batch/BatchView'), 'BatchView'),
});

const plan = createRoute({
  getParentRoute: () => root,
  path: '/plan',
  component: lazyRouteComponent(() => import('./views/plan/PlanView'), 'PlanView'),
});

const policies = createRoute({
  getParentRoute: () => root,
  path: '/policies',
  component: lazyRouteComponent(() => import('./views/policies/PoliciesView'), 'PoliciesView'),
});

const storage = createRoute({
  getParentRoute: () => root,
  path: '/storage',
  component: lazyRouteComponent(() => import('./views/storage/StorageView'), 'StorageView'),
});

const routeTree = root.addChildren([overview, inventory, claim, restore, restores, batch, plan, policies, storage]);

/** Makes the router. Tests give it a history of their own. */
export function newRouter(history?: RouterHistory) {
  return createRouter({ routeTree, history, defaultPreload: 'intent' });
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof newRouter>;
  }
}
