import type { ComponentType } from 'preact';
import { computed, effect } from '@preact/signals';
import { useEffect, useLayoutEffect } from 'preact/hooks';
import { announce, Announcer } from './announce';
import { close_dialog, Dialog, DialogPlace, show_dialog } from './dialog';
import { plural } from './format';
import { Icon } from './icons';
import { begin_keys } from './keys';
import { connection, overview, refusal, session, window_ } from './live';
import { Problem, Shape } from './parts';
import { go, link, route } from './router';
import { theme, THEMES } from './settings';
import { Audit } from './views/audit';
import { Consumers } from './views/consumers';
import { EventPage } from './views/event';
import { Events } from './views/events';
import { Failures } from './views/failures';
import { FlowView } from './views/flow';
import { OverviewView } from './views/overview';
import { Sagas } from './views/sagas';
import { stop_tail } from './tail';

const VIEWS: [string, string, ComponentType][] = [
  ['overview', 'Overview', OverviewView], ['flow', 'Flow', FlowView], ['events', 'Events', Events],
  ['consumers', 'Consumers', Consumers], ['failures', 'Failures', Failures], ['sagas', 'Sagas', Sagas],
];
const MORE: Record<string, [string, string, ComponentType]> = { event: ['events', 'Event', EventPage], audit: ['audit', 'Audit log', Audit] };
const WINDOWS = ['10m', '1h', '24h'] as const;

function found(view: string): [string, string, ComponentType] {
  return VIEWS.find(([name]) => name === view) ?? MORE[view] ?? VIEWS[0]!;
}

const KEYS: [string, string][] = [
  ['1 … 6', 'the views, in the order in which they stand'], ['0', 'the audit log'], ['/', 'the field that searches, or filters'],
  ['j  k', 'the next row, the one before'], ['Enter', 'opens the row'], ['Esc', 'closes a dialog, leaves a field, goes back to the list'],
  ['p', 'in the tail: hold it, and go on'], ['w', '10 minutes, 1 hour, 24 hours'], ['t', 'light, dark, or as the system has it'], ['?', 'this'],
];

function help(): void {
  show_dialog(
    <Dialog title="Keys">
      <table class="keys"><caption class="unseen">Keys</caption>
        <thead class="unseen"><tr><th scope="col">Key</th><th scope="col">What it does</th></tr></thead>
        <tbody>{KEYS.map(([key, what]) => <tr key={key}><th scope="row"><kbd>{key}</kbd></th><td>{what}</td></tr>)}</tbody>
      </table>
    </Dialog>,
  );
}

const next = <T,>(all: readonly T[], value: T) => all[(all.indexOf(value) + 1) % all.length]!;
/// Where Esc leads to: one level up.
function up(): void {
  const { view, query } = route.value;
  if (view === 'event') history.length > 1 ? history.back() : go('events');
  else if (view === 'consumers' && query.group) go('consumers');
  else if (view === 'failures' && query.group) go('failures');
  else if (view === 'sagas' && query.id) go('sagas', { type: query.of, status: query.status });
}
const global_keys: Record<string, () => void> = {
  '?': help,
  '0': () => go('audit'),
  Escape: up,
  t: () => (theme.value = next(THEMES, theme.value)),
  w: () => (window_.value = next(WINDOWS, window_.value)),
};
VIEWS.forEach(([name], at) => (global_keys[String(at + 1)] = () => go(name)));
begin_keys(global_keys);

// The tail goes on under one event's page, and ends with the rest.
effect(() => {
  if (route.value.view !== 'events' && route.value.view !== 'event') stop_tail();
});

/// How many services need somebody: on the tab as well.
const in_trouble = computed(() => overview.value?.services.filter(one => one.status === 'stalled' || one.status === 'down').length ?? 0);

/// Changes of how services stand, and of the connection, are told to who does not see them.
let known = new Map<string, string>();
effect(() => {
  const told = overview.value;
  if (!told) return;
  const is = new Map(told.services.map(one => [one.service, one.status]));
  for (const [service, status] of is) {
    const was = known.get(service);
    const bad = status === 'stalled' || status === 'down';
    if (was !== undefined && was !== status && (bad || was === 'stalled' || was === 'down')) announce(`${service} is ${status}`);
  }
  known = is;
});
let connected = '';
effect(() => {
  const is = connection.value;
  if (is === 'lost' && connected === 'live') announce('The connection to the dashboard is lost; it is being tried again');
  if (is === 'live' && connected === 'lost') announce('Connected again');
  if (is !== 'connecting') connected = is;
});

export function Shell() {
  const { view, query } = route.value;
  const [of, title, View] = found(view);
  const page = [view, query.group, query.code, view === 'event' ? `${query.topic} ${query.partition} ${query.offset}` : '', query.id && view === 'sagas' ? `${query.type} ${query.id}` : ''].join('\n');
  useLayoutEffect(() => {
    close_dialog();
    // Who navigates by keyboard or by ear begins at the row that they come back from, or at the new page's head; nobody is moved when the first loads.
    const row = [...document.querySelectorAll<HTMLElement>('main [data-row]')].find(one => one.getAttribute('href') === came_from);
    if (row) row.focus();
    else scrollTo(0, 0);
    if (came_from && !row) document.querySelector<HTMLElement>('main h1')?.focus({ preventScroll: true });
    came_from = location.hash;
  }, [page]);
  const trouble = in_trouble.value;
  useEffect(() => void (document.title = `${trouble > 0 ? `(${trouble}) ` : ''}${title} · Tidings`), [title, trouble]);
  const refused = refusal.value;
  return (
    <>
      <a class="skip" href="#main" onClick={event => {
        event.preventDefault();
        document.querySelector<HTMLElement>('main h1, main')?.focus();
      }}>Skip to the view</a>
      <Side current={of} />
      <div class="page">
        <Lost />
        <main id="main" tabIndex={-1}>
          {refused && (refused.status === 401 || refused.code === 'unauthorized') ? <SignIn /> : <View key={view} />}
        </main>
      </div>
      <DialogPlace />
      <Announcer />
    </>
  );
}
let came_from = '';

function Side({ current }: { current: string }) {
  const told = overview.value;
  const known_ = session.value;
  const trouble = in_trouble.value;
  const badge: Record<string, [number, string, string] | undefined> = {
    overview: trouble > 0 ? [trouble, plural(trouble, 'service needs', 'services need') + ' attention', 's-stalled'] : undefined,
    failures: told && told.parked > 0 ? [told.parked, plural(told.parked, 'open dead letter'), 's-parked'] : undefined,
  };
  return (
    <header class="side">
      <a class="brand" href={link('overview')} aria-label="Tidings, overview">
        <svg viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="8" /><path d="M8 10h9m-9 6h16M8 22h6" /><circle cx="23" cy="10" r="2.5" /><circle cx="20" cy="22" r="2.5" /></svg>
        <span>Tidings</span>
      </a>
      <nav aria-label="Views">
        <ul>
          {VIEWS.map(([name, title], at) => {
            const mark = badge[name];
            return (
              <li key={name}>
                <a href={link(name)} aria-current={name === current ? 'page' : undefined} aria-keyshortcuts={String(at + 1)}>
                  <Icon name={name} /><span>{title}</span>
                  {mark && <b class={`badge ${mark[2]}`}><span aria-hidden="true">{mark[0] > 999 ? '999+' : mark[0]}</span><span class="unseen">, {mark[1]}</span></b>}
                  <kbd aria-hidden="true">{at + 1}</kbd>
                </a>
              </li>
            );
          })}
        </ul>
      </nav>
      <div class="side-foot">
        <dl class="about">
          <div><dt>Broker</dt><dd title={known_?.broker}>{known_?.broker ?? '…'}</dd></div>
          {known_?.namespace && <div><dt>Namespace</dt><dd>{known_.namespace}</dd></div>}
          {known_?.store && <div><dt>Store</dt><dd title={known_.store}>{known_.store}</dd></div>}
          <div><dt>Actions</dt><dd>{known_ ? known_.actions ? 'allowed' : <span title="Start it with --allow-actions to pause, seek, redrive, publish">read-only</span> : '…'}</dd></div>
        </dl>
        <div class="side-row">
          <a class="quiet" href={link('audit')} aria-current={current === 'audit' ? 'page' : undefined}>Audit log</a>
          <button type="button" class="quiet" onClick={help} aria-label="Keys" aria-keyshortcuts="?">?</button>
          <button type="button" class="quiet" onClick={() => (theme.value = next(THEMES, theme.value))}
            aria-label={`Theme: ${theme.value}. Change`} title={`Theme: ${theme.value}`}>{theme.value === 'system' ? '◐' : theme.value === 'light' ? '☀' : '☾'}</button>
        </div>
        <Link_ />
      </div>
    </header>
  );
}

const LINKS: Record<string, [string, string]> = {
  live: ['ok', 'live'], connecting: ['idle', 'connecting'], lost: ['down', 'reconnecting'], asleep: ['paused', 'resting in the background'],
};
function Link_() {
  const [status, text] = LINKS[connection.value]!;
  return <p class={`link s-${status}`}><Shape status={status} /><span>{text}</span>{session.value && <span class="version">{session.value.version}</span>}</p>;
}

function Lost() {
  const refused = refusal.value;
  if (refused && refused.status === 403) return <p class="lost" role="alert">{refused.message}</p>;
  if (connection.value !== 'lost' && !(refused && refused.status !== 401)) return null;
  return <p class="lost">The dashboard does not answer. What you see is as it was; it is tried again every few seconds. Is <code>tidings dashboard</code> still running?</p>;
}

/// A form of HTML's own: the answer sets a cookie that no script can read.
function SignIn() {
  return (
    <form class="sign-in" method="post" action="login">
      <h1 tabIndex={-1}>A token is needed</h1>
      <p>This dashboard listens beyond its own machine. The token is in the file that <code>tidings dashboard --token FILE</code> was given.</p>
      {new URLSearchParams(location.search).has('denied') && <Problem error="That is not the token. Try again." />}
      <label class="field"><span>Token</span><input type="password" name="token" autocomplete="current-password" required /></label>
      <button type="submit" class="primary">Sign in</button>
    </form>
  );
}
