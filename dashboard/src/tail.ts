/// The live tail. It says of each event that it shows it, or that it does not: what a sample leaves out is counted, what a held list or a lost
/// connection skips, and where a sample begins and ends, is a line of its own in the list.
import { batch, signal } from '@preact/signals';
import { address, type Event, type Lost, type TailMessage } from './api';
import { plural } from './format';
import { type Connection, framed, Stream } from './live';

export const MOST_ROWS = 500;
const ASLEEP_MS = 30_000;

export interface Gap {
  gap: number;
  text: string;
  /// Where a search would find what is missing.
  from?: string;
}
export type Row = Event | Gap;
export const is_gap = (row: Row): row is Gap => 'gap' in row;

export interface Filter {
  topic: string;
  type: string;
  key: string;
  id: string;
}

export const rows = signal<Row[]>([]);
/// `sampled`: since the list was begun, not all was shown; once so, it stays so.
export const counts = signal({ seen: 0, matched: 0, shown: 0, rate: 0, sampled: false });
export const held = signal(0);  // events that came while the list was held
export const holding = signal(false);
export const state = signal<Connection>('connecting');
export const answered = signal(false);  // the server has begun to tell: until then nothing is known of what there is
export const failed = signal('');  // why the server ended the stream: it would end it again
export const limit = signal(false);  // older rows have been left out

let stream: Stream | null = null;
let about = '';
let gaps = 0;
let last = '';
let base = { seen: 0, matched: 0 };
let current = { seen: 0, matched: 0 };  // as the stream that is open tells
let taken = 0;  // events that came, of all streams of this list
let sampled = false;
/// A sample that is under way: as it began, and how many events it lacks so far.
let sample: { from: string; before: number; lacks: number } | null = null;
let lacked = 0;  // of the stream that is open, as its last sample told
let quiet = 0;
const QUIET_MS = 5000;  // far beyond the time between two messages: then the sample is over
let arrived: Row[] = [];
let waiting: Row[] = [];
let asleep = 0;

function put(fresh: Row[]): void {
  if (fresh.length === 0) return;
  const all = [...fresh.reverse(), ...rows.value];
  if (all.length > MOST_ROWS) limit.value = true;
  rows.value = all.slice(0, MOST_ROWS);
}

const show = framed((told: TailMessage) => batch(() => {
  counts.value = { seen: base.seen + told.seen, matched: base.matched + told.matched, shown: counts.value.shown + arrived.filter(row => !is_gap(row)).length, rate: told.rate, sampled };
  if (holding.value) {
    held.value += arrived.filter(row => !is_gap(row)).length;
    waiting = [...waiting, ...arrived].slice(-MOST_ROWS);
  } else {
    put(arrived);
  }
  arrived = [];
}));

function gap(text: string, from?: string): void {
  gap_of({ gap: ++gaps, text, from });
}

function gap_of(row: Gap): void {
  if (holding.value) waiting.push(row);
  else put([row]);
}

/// The line that begins or ends a sample, where the server tells that it does.
function mark(told: TailMessage): Gap[] {
  clearTimeout(quiet);
  if (!told.sampled) return sample ? [end_of_sample()] : [];
  sampled = true;
  quiet = setTimeout(() => sample && gap_of(end_of_sample()), QUIET_MS);
  const begins = sample === null;
  sample ??= { from: last, before: lacked, lacks: 0 };
  lacked = told.matched - told.shown;
  sample.lacks = Math.max(0, lacked - sample.before);
  return begins ? [{ gap: ++gaps, text: 'A sample from here on, upwards: more events come than can be shown' }] : [];
}

function end_of_sample(): Gap {
  const { from, lacks } = sample!;
  sample = null;
  return { gap: ++gaps, text: `The sample ends here: ${plural(lacks, 'event')} since it began ${lacks === 1 ? 'is' : 'are'} not in this list`, from: from || undefined };
}

export function start_tail(filter: Filter): void {
  const wanted = address('events/stream', { topic: filter.topic ? filter.topic.split(',') : undefined, type: filter.type, key: filter.key, id: filter.id, max: 50 });
  failed.value = '';
  if (stream && wanted === about) return;
  const anew = wanted !== about;
  stop_tail();
  about = wanted;
  if (anew) {
    batch(() => {
      rows.value = [];
      answered.value = false;
      counts.value = { seen: 0, matched: 0, shown: 0, rate: 0, sampled: false };
      limit.value = false;
      holding.value = false;
      held.value = 0;
    });
    base = { seen: 0, matched: 0 };
    current = { seen: 0, matched: 0 };
    taken = 0;
    sampled = false;
    waiting = [];
    last = '';
  }
  arrived = [];
  clearTimeout(quiet);
  sample = null;
  lacked = 0;
  let opened = false;
  stream = new Stream(wanted, {
    events: (told: TailMessage) => {
      // The list has a bound, and so has what waits for the next frame.
      arrived.push(...mark(told), ...told.events);
      taken += told.events.length;
      if (arrived.length > 4 * MOST_ROWS) {
        const left_out = arrived.length - MOST_ROWS;
        sampled = true;
        arrived = [{ gap: ++gaps, text: `${left_out} events came faster than the page could show them` }, ...arrived.slice(-MOST_ROWS)];
      }
      const newest = told.events[told.events.length - 1];
      last = newest?.appended ?? newest?.time ?? last;
      current = { seen: told.seen, matched: told.matched };
      show(told);
    },
    failed: (told: { message?: string }) => {
      stop_tail();
      failed.value = told.message ?? 'The dashboard has ended the stream.';
    },
    damaged: (told: { topic: string; message: string }) => gap(`${told.topic} is damaged, and not all of it is shown: ${told.message}`),
    lost: (told: Lost) => gap(`${told.topic}, partition ${told.partition}: events ${told.from} to ${told.to} were gone before they could be read`),
  }, is => {
    state.value = is;
    if (is === 'live') {
      answered.value = true;
      if (opened || !anew) {
        if (rows.value.length > 0) gap('Not connected for a while: what was published meanwhile is not in this list', last);
        // What was on its way when the connection went is not to come any more; the line says so.
        base = { seen: base.seen + current.seen, matched: sampled ? base.matched + current.matched : taken };
        current = { seen: 0, matched: 0 };
        sample = null;
        lacked = 0;
      }
      opened = true;
    }
  });
}

export function stop_tail(): void {
  stream?.end();
  stream = null;
}

export function hold(on: boolean): void {
  if (on === holding.value) return;
  batch(() => {
    holding.value = on;
    if (on) return;
    const missed = held.value - waiting.filter(row => !is_gap(row)).length;
    if (missed > 0) waiting.unshift({ gap: ++gaps, text: `${missed} events came while the list was held, and are not in it` });
    put(waiting);
    waiting = [];
    held.value = 0;
  });
}

export function clear(): void {
  batch(() => {
    rows.value = [];
    limit.value = false;
  });
}

// A tab that nobody looks at gives its connection back after a while; the list says so when it goes on.
document.addEventListener('visibilitychange', () => {
  clearTimeout(asleep);
  if (document.hidden) {
    asleep = setTimeout(() => {
      if (!stream) return;
      stop_tail();
      state.value = 'asleep';
    }, ASLEEP_MS);
  } else if (state.value === 'asleep' && about) {
    const url = new URL(about, location.href).searchParams;
    start_tail({ topic: url.getAll('topic').join(','), type: url.get('type') ?? '', key: url.get('key') ?? '', id: url.get('id') ?? '' });
  }
});
