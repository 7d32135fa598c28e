import { Component } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { type Event, compact_json, type Found, get, told } from '../api';
import { bytes, clock, count, plural, rate } from '../format';
import { useKeys } from '../keys';
import { overview, session } from '../live';
import { Choice, Empty, Loading, Problem, StatusMark } from '../parts';
import { link, refine, route } from '../router';
import { answered, clear, counts, failed, type Filter, type Gap, held, hold, holding, is_gap, limit, MOST_ROWS, type Row, rows, start_tail, state, stop_tail } from '../tail';
import { publish } from './publish';
import { Head } from './overview';

export function preview(event: Event): string {
  if (event.data !== undefined && event.data !== null) return compact_json(event.data).slice(0, 300);
  if (event.text !== undefined) return event.text.slice(0, 300);
  if (event.cut) return `${bytes(event.bytes)}: open it to see what is in it`;
  return event.base64 !== undefined ? `${bytes(event.bytes)} that are no text` : '';
}

const where = (event: { topic: string; partition: number; offset: number }) => link('event', { topic: event.topic, partition: event.partition, offset: event.offset });

/// How the topics end in which groups park what they could not handle.
const DEAD_LETTERS = '.dead-letters';

/// An event does not change: a row is drawn once, however many come above it.
class EventRow extends Component<{ event: Event }> {
  override shouldComponentUpdate(): boolean {
    return false;
  }
  render({ event }: { event: Event }) {
    return (
      <tr class="leads" role="row">
        <th scope="row" role="rowheader"><a data-row href={where(event)} title={`published ${event.time}${event.appended ? `, appended ${event.appended}` : ''}`}>{clock(event.time)}</a></th>
        <td class="name" role="cell">{event.topic.endsWith(DEAD_LETTERS) && <span class="copy" title="A copy in a topic of dead letters: the event itself stands in the topic that it was published to">dead letter</span>}{event.type}</td>
        <td class="key" role="cell">{event.key}</td>
        <td class="topic spare-1" role="cell" title={event.topic}>{event.topic}</td>
        <td class="spare-2" role="cell">{event.source}</td>
        <td class="data spare-2" role="cell"><code>{preview(event)}</code></td>
      </tr>
    );
  }
}

export function EventTable({ caption, list }: { caption: string; list: readonly Row[] }) {
  return (
    <div class="scroll" role="group" aria-label={caption}>
      <table class={list.some(row => !is_gap(row) && row.key !== '') ? 'events' : 'events no-keys'} role="table">
        <caption class="unseen">{caption}</caption>
        <thead role="rowgroup"><tr role="row">
          <th role="columnheader" scope="col">Time</th><th role="columnheader" scope="col">Type</th><th role="columnheader" scope="col">Key</th><th role="columnheader" scope="col" class="topic spare-1">Topic</th>
          <th role="columnheader" scope="col" class="spare-2">Source</th><th role="columnheader" scope="col" class="spare-2 data">Data</th>
        </tr></thead>
        <tbody role="rowgroup">{list.map(row => is_gap(row) ? <GapRow key={`gap ${row.gap}`} gap={row} /> : <EventRow key={`${row.topic} ${row.partition} ${row.offset}`} event={row} />)}</tbody>
      </table>
    </div>
  );
}

function GapRow({ gap }: { gap: Gap }) {
  return (
    <tr class="gap" role="row"><td role="cell" colSpan={6}><span aria-hidden="true">⋯ </span>{gap.text}.{' '}
      {gap.from && <a href={link('events', { ...route.value.query, mode: 'search', from: gap.from })}>Search from {clock(gap.from)}</a>}</td></tr>
  );
}

const MODES = [['live', 'Live'], ['search', 'Search']] as const;

export function Events() {
  const { query } = route.value;
  const mode = query.mode === 'search' ? 'search' : 'live';
  return (
    <>
      <Head title="Events">
        <Choice legend="What is shown" value={mode} options={MODES} change={value => refine({ mode: value === 'live' ? undefined : value })} />
        {session.value?.actions && <button type="button" onClick={() => publish(query.topic ?? '')}>Publish …</button>}
      </Head>
      <Filters mode={mode} />
      {mode === 'live' ? <Live /> : <Search />}
    </>
  );
}

function Filters({ mode }: { mode: 'live' | 'search' }) {
  const { query } = route.value;
  const topics = overview.value?.topics.map(topic => topic.topic).sort() ?? [];
  const known = !query.topic || topics.includes(query.topic);
  return (
    <form class="filters" role="search" onSubmit={event => event.preventDefault()}>
      <label class="field"><span>Topic</span>
        <select value={query.topic ?? ''} onChange={event => refine({ topic: event.currentTarget.value || undefined })}>
          <option value="">all</option>
          {topics.map(topic => <option key={topic} value={topic}>{topic}</option>)}
          {!known && <option value={query.topic}>{query.topic}</option>}
        </select>
      </label>
      <Text name="type" label="Type" placeholder="shop.order-placed" find />
      <Text name="key" label="Key" />
      <Text name="id" label="Id" />
      {mode === 'search' && <><Moment name="from" label="From" /><Moment name="to" label="To" /></>}
    </form>
  );
}

function Text({ name, label, placeholder, find }: { name: string; label: string; placeholder?: string; find?: boolean }) {
  const value = route.value.query[name] ?? '';
  const [typed, set_typed] = useState(value);
  useEffect(() => set_typed(value), [value]);
  useEffect(() => {
    if (typed === value) return;
    const timer = setTimeout(() => refine({ [name]: typed || undefined }), 400);
    return () => clearTimeout(timer);
  }, [typed]);
  return (
    <label class="field"><span>{label}</span>
      <input type="search" value={typed} placeholder={placeholder} spellcheck={false} autocomplete="off" data-find={find ? '' : undefined}
        onInput={event => set_typed(event.currentTarget.value)} />
    </label>
  );
}

/// A time of the reader's own zone in the field, RFC 3339 in the address.
function Moment({ name, label }: { name: string; label: string }) {
  const value = route.value.query[name];
  const date = value ? new Date(value) : null;
  const local = date && !Number.isNaN(date.getTime()) ? new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 19) : '';
  return (
    <label class="field"><span>{label}</span>
      <input type="datetime-local" step={1} value={local} onChange={event => {
        const chosen = event.currentTarget.value ? new Date(event.currentTarget.value) : null;
        refine({ [name]: chosen && !Number.isNaN(chosen.getTime()) ? chosen.toISOString() : undefined });
      }} />
    </label>
  );
}

function Live() {
  const { query } = route.value;
  const filter: Filter = { topic: query.topic ?? '', type: query.type ?? '', key: query.key ?? '', id: query.id ?? '' };
  const filtered = Object.values(filter).some(value => value !== '');
  useEffect(() => start_tail(filter), [filter.topic, filter.type, filter.key, filter.id]);
  useKeys({ p: () => hold(!holding.value) });
  const list = rows.value;
  const is = counts.value;
  return (
    <section class="panel flush" aria-label="Live tail">
      <div class="tail-bar">
        <span class="tail-state">
          {failed.value ? <StatusMark status="down" text="ended" /> : holding.value ? <StatusMark status="paused" text={`held, ${plural(held.value, 'new event')}`} />
            : state.value === 'live' ? <StatusMark status="ok" text={`${rate(is.rate)}/s`} /> : <StatusMark status="down" text={state.value === 'connecting' ? 'connecting' : 'reconnecting'} />}
        </span>
        <span class="tail-counts" data-sampled={is.sampled || undefined}>
          {!answered.value ? 'nothing is known yet' : is.sampled ? <><b>a sample</b>: {count(is.shown)} of {count(is.matched)} shown</>
            : <>all {plural(is.shown, 'event')} shown{is.matched > is.shown && `, ${count(is.matched - is.shown)} to come`}</>}
          {filtered && <span class="faint"> · {count(is.seen)} looked at</span>}
          {limit.value && <span class="faint"> · the list keeps the last {MOST_ROWS}</span>}
        </span>
        <span class="tail-tools">
          <button type="button" class="small" onClick={() => hold(!holding.value)} aria-pressed={holding.value} aria-keyshortcuts="p">{holding.value ? 'Go on' : 'Hold'}</button>
          <button type="button" class="small" onClick={clear}>Clear</button>
        </span>
      </div>
      {failed.value && <Problem error={failed.value} retry={() => start_tail(filter)} />}
      {list.length > 0 ? <EventTable caption="Events as they come, the newest first" list={list} />
        : !answered.value ? <Empty title={failed.value ? 'Nothing could be read' : 'Connecting …'}><p>{failed.value ? 'The dashboard says why above.' : 'Events stand here once the dashboard answers.'}</p></Empty>
        : <Empty title={filtered ? 'Nothing that matches yet' : 'No events yet'}>
          <p>{filtered ? <>Events that match stand here as they are published. To find older ones, <a href={link('events', { ...query, mode: 'search' })}>search</a>.</>
            : <>Events stand here as they are published: <code>{"echo '{}' | tidings publish TOPIC --type TYPE"}</code>, or start a service.</>}</p>
        </Empty>}
    </section>
  );
}

interface Pages {
  about: string;
  events: Event[];
  searched: number;
  complete: boolean;
  cursor: string | null;
  busy: boolean;
  error: string;
  damaged: { name: string; message: string }[];
}
const NONE: Pages = { about: '', events: [], searched: 0, complete: false, cursor: null, busy: true, error: '', damaged: [] };

function Search() {
  const { query } = route.value;
  const wanted = { topic: query.topic, type: query.type, key: query.key, id: query.id, from: query.from, to: query.to };
  const about = JSON.stringify(wanted);
  const [pages, set_pages] = useState<Pages>(NONE);
  const [turn, set_turn] = useState(0);
  const more = (cursor: string | null, signal?: AbortSignal) => {
    set_pages(old => cursor ? { ...old, busy: true, error: '' } : { ...NONE, about });
    get<Found>('events', { ...wanted, limit: 100, cursor: cursor ?? undefined }, signal).then(
      found => set_pages(old => ({ about, events: cursor ? [...old.events, ...found.events] : found.events, searched: (cursor ? old.searched : 0) + found.searched, complete: found.complete, cursor: found.cursor, busy: false, error: '', damaged: found.damaged })),
      (error: unknown) => signal?.aborted || set_pages(old => ({ ...old, busy: false, error: told(error) })));
  };
  useEffect(() => {
    stop_tail();
    const abort = new AbortController();
    more(null, abort.signal);
    return () => abort.abort();
  }, [about, turn]);
  const { events, searched, complete, cursor, busy, error, damaged } = pages;
  return (
    <section class="panel flush" aria-label="What was found">
      <div class="tail-bar" role="status">
        <span>{busy ? 'Searching …' : <>{plural(events.length, 'event')} found, what was appended last comes first; {count(searched)} looked at. {complete ? 'That is all that is kept.' : 'There may be more further back.'}</>}</span>
        <span class="tail-tools"><button type="button" class="small" onClick={() => set_turn(turn + 1)}>Search again</button></span>
      </div>
      {error && <Problem error={error} retry={() => more(cursor)} />}
      {damaged.map(one => <Problem key={one.name} error={`${one.name} is damaged, and not all of it was searched: ${one.message}`} />)}
      {events.length > 0 ? <EventTable caption="Events that were found, what was appended last first" list={events} />
        : busy ? <Loading what="events" /> : !error && (
          <Empty title={complete ? 'No such event' : 'None in what was looked at so far'}>
            <p>{complete ? 'Nothing that is kept matches. Widen the times, or leave a field empty; what retention has removed cannot be found.' : 'Go further back to look at older events.'}</p>
          </Empty>)}
      {cursor && !complete && <p class="more"><button type="button" disabled={busy} onClick={() => more(cursor)}>{events.length > 0 ? 'More' : 'Look further back'}</button></p>}
    </section>
  );
}
