/// Where the page is, from the address's hash: `#/events?topic=orders`. Every view's state that matters is in it, so that an address can be shared.
import { signal } from '@preact/signals';

export interface Route {
  view: string;
  query: Record<string, string>;
}

function read(): Route {
  const hash = location.hash.replace(/^#\/?/, '');
  const at = hash.indexOf('?');
  const query: Record<string, string> = {};
  if (at >= 0) for (const [name, value] of new URLSearchParams(hash.slice(at + 1))) query[name] = value;
  return { view: (at >= 0 ? hash.slice(0, at) : hash) || 'overview', query };
}

export const route = signal<Route>(read());
addEventListener('hashchange', () => (route.value = read()));

export function link(view: string, query: Record<string, string | number | undefined | null> = {}): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== '') parameters.set(name, String(value));
  }
  const text = parameters.toString();
  return `#/${view}${text ? `?${text}` : ''}`;
}

export function go(view: string, query: Record<string, string | number | undefined | null> = {}): void {
  location.hash = link(view, query);
}

/// Changes some of the query in place: no new entry in the browser's history.
export function refine(changes: Record<string, string | undefined>): void {
  const { view, query } = route.value;
  history.replaceState(null, '', link(view, { ...query, ...changes }));
  route.value = read();
}
