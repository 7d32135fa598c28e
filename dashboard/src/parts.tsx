/// Small parts that every view is made of.
import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { ago, clock, plural } from './format';
import { now } from './live';

const SHAPES: Record<string, string> = {
  // Each status has a shape of its own: colour is never all that tells.
  ok: 'M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2Z',
  behind: 'M8 2 14.5 13.5h-13Z',
  stalled: 'M2.5 2.5h11v11h-11Z',
  down: 'M4.2 2 8 5.8 11.8 2 14 4.2 10.2 8 14 11.8 11.8 14 8 10.2 4.2 14 2 11.8 5.8 8 2 4.2Z',
  idle: 'M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2Zm0 2a4 4 0 1 0 0 8 4 4 0 0 0 0-8Z',
  parked: 'M8 1.5 14.5 8 8 14.5 1.5 8Z',
  paused: 'M3.5 2.5h3v11h-3Zm6 0h3v11h-3Z',
};
/// How statuses of sagas and attempts are drawn.
const LIKE: Record<string, string> = {
  running: 'ok', compensating: 'behind', completed: 'ok', failed: 'down', stuck: 'stalled', abandoned: 'down', unreadable: 'down',
  handled: 'ok', passed: 'idle', not_taken: 'idle', waiting: 'idle', held: 'behind', retried: 'behind', dropped: 'down', pending: 'idle', in_progress: 'behind', done: 'ok', refused: 'down', error: 'down',
};

export function shape_of(status: string): string {
  return SHAPES[status] ? status : LIKE[status] ?? 'idle';
}

export function Shape({ status }: { status: string }) {
  const like = shape_of(status);
  return <svg class={`shape s-${like}`} viewBox="0 0 16 16" aria-hidden="true"><path d={SHAPES[like]} fill-rule="evenodd" /></svg>;
}

export function StatusMark({ status, text }: { status: string; text?: string }) {
  return <span class={`status s-${shape_of(status)}`}><Shape status={status} />{text ?? status.replace('_', ' ')}</span>;
}

export function Time({ at, milliseconds = true }: { at: string | null | undefined; milliseconds?: boolean }) {
  return at ? <time dateTime={at} title={at}>{clock(at, milliseconds)}</time> : <span>–</span>;
}

/// How long ago, by the server's clock.
export function Ago({ at }: { at: string | null | undefined }) {
  return at ? <time dateTime={at} title={at}>{ago(at, now.value)}</time> : <span>–</span>;
}

export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return <div class="empty"><p class="empty-title">{title}</p>{children && <div class="empty-text">{children}</div>}</div>;
}

export function Problem({ error, retry }: { error: string; retry?: () => void }) {
  return (
    <div class="problem" role="alert">
      <Shape status="down" /><p>{error}</p>
      {retry && <button type="button" onClick={retry}>Try again</button>}
    </div>
  );
}

/// Keeps its place while nothing is known yet, and says so only when that takes long enough to be noticed.
export function Loading({ what }: { what: string }) {
  const [late, set_late] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => set_late(true), 400);
    return () => clearTimeout(timer);
  }, []);
  return <div class="loading" aria-busy="true">{late ? `Loading ${what} …` : ''}</div>;
}

export function Panel({ title, id, aside, children, flush }: { title: string; id: string; aside?: ComponentChildren; children: ComponentChildren; flush?: boolean }) {
  return (
    <section class={flush ? 'panel flush' : 'panel'} aria-labelledby={id}>
      <header class="panel-head"><h2 id={id}>{title}</h2>{aside}</header>
      {children}
    </section>
  );
}

/// No list has more rows than this at once: the page stays quick.
const MOST_ROWS = 500;

export interface Column<Row> {
  name: string;
  /// Of numbers: to the right, figures of one width.
  number?: boolean;
  /// Left out where there is little room: 1 first, 2 later.
  spare?: 1 | 2;
  /// A card shows it all the same: without it two rows may look alike.
  in_card?: boolean;
  /// A row's first cell says by itself what it is; this one has to be told, where rows are cards.
  label?: boolean;
  cell: (row: Row) => ComponentChildren;
  class?: string;
}

/// A table with a caption for who does not see its title, headers, and one row header. A row that leads somewhere has one link, on its first cell,
/// that covers it. Where there is no room for columns each row is a card; the roles say that it is a table all the same.
export function Table<Row>({ caption, columns, rows, row_key, href, empty, short }: {
  caption: string;
  columns: Column<Row>[];
  rows: readonly Row[];
  row_key: (row: Row) => string;
  href?: (row: Row) => string;
  empty?: ComponentChildren;
  /// As high as a few rows, and scrolls beyond.
  short?: boolean;
}) {
  if (rows.length === 0 && empty) return <>{empty}</>;
  const kind = (column: Column<Row>) => `${column.number ? 'number' : ''} ${column.spare ? `spare-${column.spare}` : ''} ${column.in_card ? 'in-card' : ''} ${column.label ? 'label-cell' : ''} ${column.class ?? ''}`;
  return (
    <div class={short ? 'scroll short' : 'scroll'} tabIndex={href ? undefined : 0} role="group" aria-label={caption}>
      <table class="cards" role="table">
        <caption class="unseen">{caption}</caption>
        <thead role="rowgroup"><tr role="row">{columns.map(column => <th key={column.name} role="columnheader" scope="col" class={kind(column)}>{column.name}</th>)}</tr></thead>
        <tbody role="rowgroup">
          {rows.slice(0, MOST_ROWS).map(row => (
            <tr key={row_key(row)} role="row" class={href ? 'leads' : undefined}>
              {columns.map((column, at) => at === 0
                ? <th key={column.name} role="rowheader" scope="row" class={kind(column)} data-name={column.name}>{href ? <a data-row href={href(row)}>{column.cell(row)}</a> : column.cell(row)}</th>
                : <td key={column.name} role="cell" class={kind(column)} data-name={column.name}>{column.cell(row)}</td>)}
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > MOST_ROWS && <p class="note">The first {MOST_ROWS} of {plural(rows.length, 'row')}.</p>}
    </div>
  );
}

export function Choice<T extends string>({ legend, value, options, change }: { legend: string; value: T; options: readonly (readonly [T, string])[]; change: (value: T) => void }) {
  return (
    <div class="choice" role="group" aria-label={legend}>
      {options.map(([option, text]) => (
        <button key={option} type="button" aria-pressed={option === value} onClick={() => change(option)}>{text}</button>
      ))}
    </div>
  );
}

export function Field({ label, children, hint }: { label: string; children: ComponentChildren; hint?: string }) {
  return <label class="field"><span>{label}</span>{children}{hint && <small>{hint}</small>}</label>;
}

export function Fact({ name, children, wide }: { name: string; children: ComponentChildren; wide?: boolean }) {
  return <div class={wide ? 'fact wide' : 'fact'}><dt>{name}</dt><dd>{children}</dd></div>;
}

/// Who holds something, HOST:PROCESS:UUID: the UUID is for machines, and stands in the title.
export function Holder({ name }: { name: string }) {
  const short = name.replace(/:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}(?=,|$)/gi, '');
  return <span title={short === name ? undefined : name}>{short}</span>;
}

export function Copy({ text, what }: { text: string; what: string }) {
  const [done, set_done] = useState(false);
  // Without TLS there is no clipboard for a page, except on loopback.
  if (!navigator.clipboard) return null;
  const copy = () => {
    void navigator.clipboard.writeText(text).then(() => {
      set_done(true);
      setTimeout(() => set_done(false), 1500);
    }, () => undefined);
  };
  return <button type="button" class="quiet small" onClick={copy} aria-label={done ? `Copied ${what}` : `Copy ${what}`}>{done ? 'copied' : 'copy'}</button>;
}
