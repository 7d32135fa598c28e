// A server for the page alone: a made-up shop behind the same API, for working on the page and for its tests.
//   node dashboard/dev/mock.mjs PAGE [--port N] [--rate N] [--actions] [--empty] [--hostile] [--stalled] [--no-store] [--many] [--burst] [--token TEXT]
// PAGE is the folder that `script/dashboard --build` made, with page/ in it. It prints its address.
import { createServer } from 'node:http';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    port: { type: 'string', default: '0' }, rate: { type: 'string', default: '40' }, actions: { type: 'boolean' }, empty: { type: 'boolean' },
    hostile: { type: 'boolean' }, stalled: { type: 'boolean' }, 'no-store': { type: 'boolean' }, many: { type: 'boolean' }, burst: { type: 'boolean' }, token: { type: 'string' },
  },
});
const page = path.join(positionals[0], 'page');
const per_second = Number(options.rate);
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";
const EVIL = '<img src=x onerror="window.harmed=1"><script>window.harmed=1</script>\u202e\u0000\u0007\n\'"&lt;${window.harmed=1}';

// The world: who publishes what, and who takes it.
const PUBLISHES = [
  ['orders', 'orders', ['shop.order-placed', 'shop.order-confirmed', 'shop.order-failed']], ['orders', 'stock.commands', ['shop.reserve-stock', 'shop.release-stock']],
  ['orders', 'payments.commands', ['shop.charge-payment']], ['inventory', 'stock', ['shop.stock-reserved', 'shop.stock-rejected']],
  ['payments', 'payments', ['shop.payment-charged', 'shop.payment-declined']], ['till', 'submissions', ['shop.order-submitted']],
];
const TAKES = [
  ['orders', 'submissions', 'take-order'], ['inventory', 'stock.commands', 'stock'], ['payments', 'payments.commands', 'ledger'], ['orders', 'stock', 'checkout'],
  ['orders', 'payments', 'checkout'], ['notifications', 'orders', 'mail'], ['analytics', 'orders', 'revenue'], ['analytics', 'stock', 'levels'],
];
if (options.many) for (let i = 0; i < 1000; ++i) TAKES.push([`service-${i % 60}`, `many.topic-${i}`, 'take']);
const now = () => new Date().toISOString();
const started = Date.now();
const topics = new Map();
const letters = [];
const audit = [];
const paused = new Set();
const requests = new Map();
const KEPT = 60_000;
const log = [];  // the newest events, whole
let made = 0;
let order = 10_000;

function make(topic, type, key, data, causation, correlation, source, headers = {}, redacted = []) {
  if (!topics.has(topic)) topics.set(topic, { events: 0, ends: [0, 0, 0, 0], rate: 0 });
  const at = topics.get(topic);
  const partition = [...key].reduce((sum, one) => (sum * 31 + one.charCodeAt(0)) % 4, 3);
  const id = randomUUID();
  const event = {
    id, type, topic, partition, offset: at.ends[partition]++, time: now(), appended: now(), source, subject: '', key, correlation: correlation || id, causation: causation || '',
    traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01', contenttype: 'application/json', version: 1, headers, bytes: JSON.stringify(data).length, data, redacted,
  };
  ++at.events;
  ++made;
  log.push(event);
  if (log.length > KEPT) log.splice(0, KEPT / 4);
  return event;
}
function shop() {
  const key = options.hostile ? `${EVIL}${order++}` : `order-${order++}`;
  const total = Math.round(Math.random() * 20000) / 100;
  const first = make('submissions', 'shop.order-submitted', key, { order_id: key, customer: '***', lines: [{ sku: '85123A', quantity: 6 }] }, '', '', 'till', {}, ['/customer']);
  const placed = make('orders', 'shop.order-placed', key, { order_id: key, customer: 'c-17', total, note: options.hostile ? EVIL : '', big: 12 }, first.id, first.id, 'orders', options.hostile ? { [EVIL]: EVIL } : { region: 'eu' });
  const reserve = make('stock.commands', 'shop.reserve-stock', key, { order_id: key, sku: '85123A', quantity: 6 }, placed.id, first.id, 'orders');
  const reserved = make('stock', 'shop.stock-reserved', key, { order_id: key }, reserve.id, first.id, 'inventory');
  const charge = make('payments.commands', 'shop.charge-payment', key, { order_id: key, amount: total }, reserved.id, first.id, 'orders');
  const charged = make('payments', 'shop.payment-charged', key, { order_id: key, amount: total }, charge.id, first.id, 'payments');
  make('orders', 'shop.order-confirmed', key, { order_id: key, total }, charged.id, first.id, 'orders');
}
if (!options.empty) {
  for (const [, topic] of TAKES) if (!topics.has(topic)) topics.set(topic, { events: 1, ends: [1, 0, 0, 0], rate: 0 });
  for (let i = 0; i < 300; ++i) shop();
  log.forEach((event, at) => {
    event.time = event.appended = new Date(Date.now() - (log.length - at) * 1000 / 7).toISOString();
  });
  for (let i = 0; i < 24; ++i) {
    const of = log.filter(event => event.topic === 'payments.commands')[i];
    const code = i % 3 === 0 ? 'timeout' : i % 3 === 1 ? 'invalid_data' : 'declined';
    letters.push({ ...of, key: i % 6 === 5 ? letters[i - 4].key : of.key, group: i % 4 === 3 ? 'notifications.mail' : 'payments.ledger', code: options.hostile ? `${code} ${EVIL}` : code,
      reason: options.hostile ? EVIL : { timeout: 'the card network did not answer within 5 s', invalid_data: 'amount: expected a number, got null', declined: 'card 4242 was declined: insufficient funds' }[code],
      attempts: 5, parked: new Date(Date.now() - 60000 * (i + 1)).toISOString(), blocks: i % 5, follows: i % 6 === 5 });
  }
}
let due = 0;
setInterval(() => {
  if (options.empty) return;
  for (due += Math.min(per_second, 500) / 7 / 10; due >= 1; --due) shop();
}, 100).unref();

const wave = (t, base, by) => base * (1 + by * Math.sin(t / 37) + 0.08 * Math.sin(t * 1.7));
const SPANS = { '10m': [600, 1], '1h': [3600, 15], '24h': [86400, 360] };
function group_status(service, topic) {
  if (paused.has(service)) return ['behind', 'paused by hand'];
  if (options.stalled && service === 'inventory' && topic === 'stock.commands') return ['stalled', 'position unmoved for 34 s; handler `stock` is retrying key order-9981: database is locked'];
  if (options.stalled && service === 'notifications') return ['down', 'nobody owns its partitions'];
  if (service === 'analytics' && topic === 'orders') return ['behind', 'its lag grows: 787 events, 787 more than 10s ago'];
  return ['ok', ''];
}
const since = new Date(started - 34_000).toISOString();
function groups() {
  if (options.empty) return [];
  return TAKES.map(([service, topic, handler]) => {
    const [status, reason] = group_status(service, topic);
    const lag = status === 'ok' ? Math.floor(Math.random() * 4) : 1200 + Math.floor((Date.now() - started) / 80);
    const name = `${service}.${handler}`;
    return { group: name, service, handler, topic, lag, rate: status === 'stalled' || status === 'down' ? 0 : per_second / 7 * (0.95 + Math.random() / 10),
      parked: letters.filter(one => one.group === name).length, members: status !== 'down', status, reason, since: reason ? since : null, eta: status === 'ok' ? 0.2 : status === 'behind' ? 42 : null };
  });
}
const WORST = ['down', 'stalled', 'behind', 'ok', 'idle'];
function services() {
  const by = new Map();
  if (!options.empty) by.set('till', { service: 'till', status: 'idle', reason: '', since: null, handlers: 0, lag: 0, rate: 0 });
  for (const group of groups()) {
    const was = by.get(group.service) ?? { service: group.service, status: 'idle', reason: '', since: null, handlers: 0, lag: 0, rate: 0 };
    const worse = WORST.indexOf(group.status) < WORST.indexOf(was.status);
    by.set(group.service, { ...was, status: worse ? group.status : was.status, reason: worse ? group.reason : was.reason, since: worse ? group.since : was.since, handlers: was.handlers + 1, lag: was.lag + group.lag, rate: was.rate + group.rate });
  }
  return [...by.values()];
}
function overview(window) {
  const [span, step] = SPANS[window] ?? SPANS['10m'];
  const many = Math.min(240, span / step);
  const every = span / many;
  const end = Math.floor(Date.now() / 1000 / every) * every;
  const t = Array.from({ length: many }, (_, i) => end - (many - 1 - i) * every);
  const known = (i, value) => (options.empty || (i > many * 0.2 && i < many * 0.23) ? null : value);
  const all = groups();
  return {
    now: now(), window: span, step: every, rates: options.empty ? { published: 0, handled: 0, parked: 0 } : { published: wave(Date.now() / 1000, per_second, 0.2), handled: wave(Date.now() / 1000 - 3, per_second * 1.1, 0.2), parked: 0.1 },
    lag: all.reduce((sum, one) => sum + one.lag, 0), parked: letters.length, damaged: options.stalled ? [{ name: 'returns', message: 'segment 00000000000000004096 of partition 2 fails its checksum at byte 81,920; `tidings verify` tells more' }] : [],
    series: { t, published: t.map((at, i) => known(i, wave(at, per_second, 0.2))), handled: t.map((at, i) => known(i, wave(at - 9, per_second * 1.1, 0.2))), parked: t.map((_, i) => known(i, 0.1)), lag: t.map((at, i) => known(i, Math.max(0, wave(at, 800, 0.9)))) },
    services: services(), groups: all,
    topics: [...topics].map(([topic, at]) => ({ topic, events: at.events, rate: per_second / topics.size, partitions: 4, durability: 'durable' })),
  };
}
function flow() {
  const all = groups();
  return {
    now: now(), services: services().map(one => ({ name: one.service, status: one.status, reason: one.reason })), topics: [...topics].map(([name, at]) => ({ name, rate: per_second / topics.size, events: at.events })),
    publishes: options.empty ? [] : PUBLISHES.map(([service, topic, types]) => ({ service, topic, types, rate: per_second / 6 })),
    consumes: all.map(one => ({ topic: one.topic, service: one.service, handlers: [{ handler: one.handler, group: one.group, rate: one.rate, lag: one.lag, status: one.status }], rate: one.rate, lag: one.lag, status: one.status })), sampled: per_second > 1000,
  };
}
// Node's JSON has no numbers beyond 2^53: they pass through as text with a mark.
const marked = text => text.replace(/([:[,]\s*)(\d{16,})(?=\s*[,\]}])/g, '$1"\\u0001$2"');
const unmarked = value => JSON.stringify(value).replace(/"\\u0001(\d+)"/g, '$1');
const listed = event => (event.bytes > 2048 ? { ...event, data: undefined, cut: true } : event);
const matches = query => event => {
  const wanted = query.getAll('topic');
  return (wanted.length === 0 || wanted.includes(event.topic)) && ['type', 'key', 'id'].every(name => !query.get(name) || event[name] === query.get(name))
    && (!query.get('from') || event.time >= query.get('from')) && (!query.get('to') || event.time < query.get('to'));
};
class Refusal extends Error {
  constructor(status, code, message) {
    super(message);
    Object.assign(this, { status, code });
  }
}
const none = what => { throw new Refusal(404, 'not_found', `there is no such ${what}`); };
const STORES = ['sqlite:./shop.db', 'sqlite:./payments.db', 'sqlite:./stock.db'];
function wants_store() {
  if (options['no-store']) throw new Refusal(404, 'no_store', 'start with --store URL');
}
const STEPS = ['reserve', 'charge', 'confirm'];
const sagas = options.empty ? [] : Array.from({ length: 130 }, (_, i) => {
  const status = i % 11 === 3 ? 'stuck' : i % 7 === 2 ? 'failed' : i % 5 === 1 ? 'running' : i % 13 === 6 ? 'compensating' : 'completed';
  return { store: STORES[0], type: 'checkout', id: options.hostile ? `${EVIL}${i}` : `order-${9000 + i}`, version: 2, status, step: status === 'completed' ? '' : 'charge', changed: new Date(Date.now() - i * 9000).toISOString(), unreadable: null,
    waits: status === 'running' ? 'shop.payment-charged, for 12 s' : status === 'stuck' ? 'somebody: the refund was refused' : '' };
});

const GET = {
  session: () => ({ version: '0.1.0', broker: 'log:./data', kind: 'log', namespace: options.hostile ? EVIL : '', store: options['no-store'] ? null : options.many ? STORES.join(', ') : STORES[0], actions: Boolean(options.actions), capabilities: { seek: true, delete_group: true, exact_lag: true, retention: true, start_at_time: true, persistent: true }, started: new Date(started).toISOString() }),
  overview: query => overview(query.get('window')),
  flow: () => flow(),
  events: query => {
    const skip = Number(query.get('cursor') ?? 0);
    const found = log.filter(matches(query)).reverse();
    const limit = Number(query.get('limit') ?? 100);
    const complete = skip + limit >= found.length;
    return { damaged: options.stalled ? [{ name: 'returns', message: 'corrupt: segment 00000000000000004096 of partition 2 fails its checksum' }] : [], events: found.slice(skip, skip + limit).map(listed), searched: Math.min(log.length, (skip + limit) * 7), complete, cursor: complete ? null : String(skip + limit) };
  },
  event: query => log.find(event => event.topic === query.get('topic') && event.partition === Number(query.get('partition')) && event.offset === Number(query.get('offset'))) ?? none('event'),
  chain: query => {
    const of = log.find(event => event.id === query.get('id'));
    const all = log.filter(event => event.correlation === (of?.correlation ?? query.get('id')));
    const begun = Date.parse(all[0]?.time ?? now());
    const caused = all.some(event => event.type === 'shop.charge-payment') && !options['no-store'] ? [{ id: randomUUID(), type: 'shop.receipt-wanted', topic: 'receipts', key: all[0].key, status: 'waiting', reason: 'it waits in the outbox for a relay to publish it', effect: true, since: now() }] : [];
    return { complete: made <= KEPT, problems: [], outbox: caused, nodes: all.map(({ id, type, key, topic, partition, offset, causation, source }, at) => ({ id, type, key, topic, partition, offset, time: new Date(begun + at * at * 7).toISOString(), causation, service: source,
      attempts: TAKES.filter(([, taken]) => taken === topic).map(([service, , handler]) => {
        const parked = letters.find(one => one.id === id && one.group === `${service}.${handler}`);
        return { group: `${service}.${handler}`, status: parked ? 'parked' : 'handled', blocker: parked ? 'parked' : '', reason: parked?.reason ?? 'its effects were committed at 2026-11-27T06:00:00.000Z' };
      }) })) };
  },
  group: query => {
    const one = groups().find(group => group.group === query.get('group') && group.topic === query.get('topic')) ?? none('group');
    const t = overview('10m').series.t;
    const share = [0.5, 0.3, 0.15, 0.05];
    return { group: one.group, topic: one.topic, status: one.status, reason: one.reason, paused: paused.has(one.service), lag: one.lag, lost: 0, dead_letters: one.parked, history: { t, lag: share.map((part, i) => t.map(at => Math.max(0, wave(at + i * 20, one.lag * part + 2, 0.6)))), handled: t.map(at => wave(at, one.rate, 0.2)) },
      partitions: share.map((part, partition) => {
        const end = topics.get(one.topic)?.ends[partition] ?? 0;
        const lag = Math.round(one.lag * part);
        return { partition, position: Math.max(0, end - lag), end, earliest: 0, lag, handled: end, parked: partition, expired: 0, skipped: 0, settled_beyond: partition === 1 ? 12 : 0, owned: one.members };
      }) };
  },
  'dead-letters': () => ({ groups: [...new Set(letters.map(one => one.group))].map(group => {
    const mine = letters.filter(one => one.group === group);
    return { group, complete: true, open: mine.length, blocked_keys: new Set(mine.filter(one => one.blocks).map(one => one.key)).size, reasons: [...new Set(mine.map(one => one.code))].map(code => {
      const these = mine.filter(one => one.code === code);
      return { code, reason: these[0].reason, count: these.length, keys: these.length, first: these.at(-1).parked, last: these[0].parked };
    }) };
  }) }),
  'dead-letters/list': query => ({ more: false, letters: letters.filter(one => one.group === query.get('group') && (!query.get('code') || one.code === query.get('code')) && (!query.get('key') || one.key === query.get('key'))).map(({ group: _, ...rest }) => listed(rest)) }),
  'dead-letters/progress': query => {
    const request = requests.get(query.get('request')) ?? none('request');
    const share = Math.min(1, (Date.now() - request.begun) / 1500);
    const so_far = Math.floor(request.n * share);
    const dropped = Math.min(so_far, request.dropped);
    return { partitions: 4, begun: 4, done: share === 1 ? 4 : 1, redriven: so_far - dropped, dropped, failed: 0, given_up: [] };
  },
  outbox: () => {
    wants_store();
    const relay = { owner: 'host-a:4711:0197a1b2-3c4d-7e5f-8a9b-0c1d2e3f4a5b', late: false };
    const held = [{ topic: 'orders', key: options.hostile ? EVIL : 'order-8812', row: null, events: 3, code: 'too_large', error: 'the event has 1.4 MiB; the broker takes 1 MiB', attempts: 9, parked: true, since: new Date(started - 400_000).toISOString() }];
    held.push({ ...held[0], key: '', row: 71, events: 1 });
    const first = { store: STORES[0], waiting: options.empty ? 0 : 37, exact: true, oldest_age: options.empty ? null : 4.2, relays: [relay], held: options.empty ? [] : held };
    if (!options.many) return { stores: [first] };
    return { stores: [first, { ...first, store: STORES[1], waiting: 1_234_567, exact: false, oldest_age: 7200, relays: [{ ...relay, late: true }], held: [] }, { ...first, store: STORES[2], waiting: 0, oldest_age: null, relays: [], held: [] }] };
  },
  inbox: () => {
    wants_store();
    const first = { store: STORES[0], marks: 18_422, exact: true, consumers: 3, oldest: new Date(started - 86_400_000).toISOString() };
    return { stores: options.many ? [first, { ...first, store: STORES[1], marks: 100_000, exact: false, consumers: 5 }] : [first] };
  },
  sagas: query => {
    wants_store();
    const all = sagas.filter(one => (!query.get('status') || one.status === query.get('status')) && (!query.get('type') || one.type === query.get('type')));
    const at = query.get('after_id') ? all.findIndex(one => one.id === query.get('after_id')) + 1 : 0;
    const most = Number(query.get('limit') ?? 50);
    const part = all.slice(at, at + most);
    return { sagas: part, next: at + most < all.length ? { after_type: 'checkout', after_id: part.at(-1).id } : null, counts: [...new Set(sagas.map(one => one.status))].flatMap(status => {
      const count = { store: STORES[0], type: 'checkout', status, n: sagas.filter(one => one.status === status).length, exact: true };
      return options.many && status === 'completed' ? [count, { ...count, store: STORES[1], type: 'refund', n: 10_000, exact: false }] : [count];
    }) };
  },
  saga: query => {
    const one = sagas.find(saga => saga.id === query.get('id')) ?? none('saga');
    const begun = Date.parse(one.changed) - 8000;
    const line = (after, step, what, event, text = '') => ({ time: new Date(begun + after).toISOString(), step, what, event: event && randomUUID(), event_type: event, text });
    const state = { order_id: one.id, total: 73.9, big: 1, customer: options.hostile ? EVIL : 'c-17' };
    const status_of = i => i === 0 || one.status === 'completed' ? 'done' : i === 2 ? 'waiting' : one.status === 'stuck' ? 'unknown' : 'sent';
    return { store: one.store, instance: { saga: one.type, id: one.id, version: one.version, status: one.status, why: one.status === 'stuck' ? 'charge: no answer in time, and the refund was refused' : '', started: new Date(begun).toISOString(), updated: one.changed, correlation: 'c-1',
      steps: STEPS.map((step, i) => ({ step, status: status_of(i), attempts: 1 })), state }, state,
      waits: one.status === 'running' ? [{ step: 'charge', kind: 'within', due: new Date(Date.now() + 12_000).toISOString(), attempts: 1 }] : [],
      history: [line(0, '', 'begun', 'shop.order-placed'), line(12, 'reserve', 'sent', 'shop.reserve-stock'), line(260, 'reserve', 'done', 'shop.stock-reserved'), line(270, 'charge', 'sent', 'shop.charge-payment'),
        ...(one.status === 'completed' ? [line(900, 'charge', 'done', 'shop.payment-charged'), line(905, '', 'completed', '')] : one.status === 'failed' ? [line(900, 'charge', 'failed', 'shop.payment-declined'), line(905, '', 'compensating', ''), line(990, '', 'failed', '')] : one.status === 'stuck' ? [line(5270, 'charge', 'timed out', 'timer', 'no answer within 5 s'), line(7600, 'charge', 'stuck', '', 'the refund was refused: account closed')] : [])] };
  },
  audit: () => ({ entries: audit }),
};
const POST = {
  events: body => {
    const event = make(body.topic, body.type, body.key || '', body.data, '', '', 'dashboard');
    return { id: event.id, partition: event.partition, offset: event.offset };
  },
  pause: body => {
    const service = body.target.split(/[./]/)[0];
    if (body.paused) paused.add(service);
    else paused.delete(service);
    return { answers: TAKES.filter(([one]) => one === service).map(([one, , handler]) => ({ process: '4711', group: `${one}.${handler}`, paused: body.paused, partitions: [0, 1, 2, 3].map(number => `orders/${number}`) })), silent: [] };
  },
  seek: body => {
    const one = groups().find(group => group.group === body.group) ?? none('group');
    if (!body.dry_run && !paused.has(one.service)) throw new Refusal(409, 'group_active', `${body.group} has members: stop ${one.service}, or pause it, and try again`);
    return { done: !body.dry_run, partitions: [0, 1, 2, 3].map(partition => {
      const end = topics.get(body.topic)?.ends[partition] ?? 0;
      const to = body.to === 'earliest' ? 0 : body.to === 'latest' ? end : Math.min(end, Number(body.to) || Math.floor(end / 2));
      return { partition, from: Math.max(0, end - 3), to, events: Math.abs(end - 3 - to), direction: to < end - 3 ? 'replay' : 'skip' };
    }) };
  },
  'dead-letters': body => {
    const these = letters.filter(one => one.group === body.group && (!body.code || one.code === body.code) && (!body.key || one.key === body.key));
    if (body.dry_run) return { matched: these.length, request: null };
    for (const one of these) letters.splice(letters.indexOf(one), 1);
    const request = randomUUID();
    requests.set(request, { dropped: body.action === 'redrive' ? 0 : body.only_first ? 1 : these.length, n: these.length, begun: Date.now() });
    return { matched: these.length, request };
  },
  outbox: () => ({ events: 3 }),
  saga: body => {
    const one = sagas.find(saga => saga.id === body.id) ?? none('saga');
    one.status = { resume: 'running', compensate: 'compensating', abandon: 'abandoned' }[body.action];
    return { asked: true };
  },
};

function tail(query, send) {
  const fits = matches(query);
  let next = made;
  let seen = 0;
  let matched = 0;
  let shown = 0;
  let messages = 0;
  if (options.stalled) {
    send('damaged', { topic: 'returns', message: 'corrupt: segment 00000000000000004096 of partition 2 fails its checksum' });
    send('lost', { topic: 'orders', partition: 1, from: 7, to: 19 });
  }
  return setInterval(() => {
    const fresh = log.slice(Math.max(0, log.length - (made - next)));
    next = made;
    let these = fresh.filter(fits);
    // Beyond what it can make, the mock pretends to have seen the rest.
    const factor = Math.max(1, per_second / 500);
    seen += Math.round(fresh.length * factor);
    matched += Math.round(these.length * factor);
    const max = Number(query.get('max') ?? 50);
    const burst = options.burst && these.length > 0 && ++messages === 3;  // one message that leaves out 117
    if (burst) matched += 117;
    const sampled = factor > 1 || these.length > max || Boolean(burst);
    if (these.length > max) these = these.filter((_, at) => at % Math.ceil(these.length / max) === 0);
    shown += these.length;
    if (these.length > 0) send('events', { events: these.map(listed), seen, matched, shown, sampled, rate: per_second });
  }, 200);
}

const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8', '.svg': 'image/svg+xml', '.txt': 'text/plain; charset=utf-8' };
const server = createServer(async (request, response) => {
  const url = new URL(request.url, 'http://x');
  const answer = (status, body) => {
    response.writeHead(status, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' });
    response.end(unmarked(body));
  };
  response.setHeader('Content-Security-Policy', POLICY);
  response.setHeader('X-Content-Type-Options', 'nosniff');
  try {
    let text = '';
    for await (const part of request) text += part;
    if (url.pathname === '/login' && request.method === 'POST') {
      const good = new URLSearchParams(text).get('token') === options.token;
      response.writeHead(303, good ? { Location: '/', 'Set-Cookie': `tidings_token=${options.token}; HttpOnly; SameSite=Strict; Path=/` } : { Location: '/?denied=1' });
      response.end();
      return;
    }
    if (!url.pathname.startsWith('/api/v1/')) {
      const name = url.pathname === '/' ? 'index.html' : url.pathname.slice(1);
      if (!/^[\w.-]+$/.test(name)) none('file');
      response.setHeader('Content-Type', TYPES[path.extname(name)] ?? 'text/plain');
      response.end(readFileSync(path.join(page, name)));
      return;
    }
    if (options.token && !(request.headers.cookie ?? '').includes(`tidings_token=${options.token}`)) throw new Refusal(401, 'unauthorized', 'a token is needed');
    const name = url.pathname.slice('/api/v1/'.length);
    if (request.method !== 'GET') {
      const body = JSON.parse(marked(text));
      if (request.headers['x-tidings-action'] !== '1' || request.headers['content-type'] !== 'application/json') throw new Refusal(403, 'cross_site', 'an action needs its headers');
      if (!options.actions) throw new Refusal(403, 'read_only', 'this dashboard is read-only; start it with --allow-actions');
      let outcome = { outcome: 'ok', message: '' };
      try {
        answer(200, (POST[name] ?? (() => none('action')))(body));
      } catch (error) {
        outcome = { outcome: 'refused', message: error.message };
        throw error;
      } finally {
        if (!body.dry_run) audit.unshift({ id: randomUUID(), time: now(), actor: '127.0.0.1', action: name, arguments: body, ...outcome });
      }
      return;
    }
    if (name === 'stream' || name === 'events/stream') {
      response.useChunkedEncodingByDefault = false;  // as the server tells it: until one of both closes
      response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store', Connection: 'close' });
      const send = (event, data) => response.write(`event: ${event}\ndata: ${unmarked(data)}\n\n`);
      response.write(': hello\n\n');
      let timers;
      if (name === 'stream') {
        const window = url.searchParams.get('window');
        send('overview', overview(window));
        send('flow', flow());
        timers = [setInterval(() => send('overview', overview(window)), 1000), setInterval(() => send('flow', flow()), 2000)];
      } else {
        timers = [tail(url.searchParams, send)];
      }
      request.on('close', () => timers.forEach(clearInterval));
      response.on('close', () => timers.forEach(clearInterval));
      return;
    }
    answer(200, (GET[name] ?? (() => none('resource')))(url.searchParams));
  } catch (error) {
    if (response.headersSent) response.end();
    else answer(error.status ?? (error.code === 'ENOENT' ? 404 : 500), { error: { code: error.code ?? 'internal', message: error.message } });
  }
});
server.listen(Number(options.port), '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}/`));
process.on('SIGTERM', () => process.exit(0));
