/// What the server tells, as it tells it, and how it is asked. Times are RFC 3339, durations seconds, ids text.
export type Status = 'ok' | 'behind' | 'stalled' | 'down' | 'idle';
export type Window = '10m' | '1h' | '24h';
export type JsonValue = null | boolean | number | bigint | string | JsonValue[] | { [name: string]: JsonValue };

export interface Session {
  version: string;
  broker: string;
  kind: string;
  namespace: string;
  store: string | null;
  actions: boolean;
  capabilities: Record<string, boolean>;
  started: string;
}
export interface Series {
  t: number[];
  published: (number | null)[];
  handled: (number | null)[];
  parked: (number | null)[];
  lag: (number | null)[];
}
export interface Service {
  service: string;
  status: Status;
  reason: string;
  since: string | null;
  handlers: number;
  lag: number;
  rate: number;
}
export interface Topic {
  topic: string;
  events: number;
  rate: number;
  partitions: number;
  durability: string;
}
export interface Group {
  group: string;
  service: string;
  handler: string;
  topic: string;
  lag: number;
  rate: number;
  parked: number;
  members: boolean;
  status: Status;
  reason: string;
  since: string | null;
  eta: number | null;
}
export interface Overview {
  now: string;
  window: number;
  step: number;
  rates: { published: number; handled: number; parked: number };
  lag: number;
  parked: number;
  damaged: { name: string; message: string }[];
  series: Series;
  services: Service[];
  topics: Topic[];
  groups: Group[];
}
export interface Way {
  topic: string;
  service: string;
  handlers: { handler: string; group: string; rate: number; lag: number; status: Status }[];
  rate: number;
  lag: number;
  status: Status;
}
export interface Flow {
  now: string;
  services: { name: string; status: Status; reason: string }[];
  topics: { name: string; rate: number; events: number }[];
  publishes: { service: string; topic: string; types: string[]; rate: number }[];
  consumes: Way[];
  sampled: boolean;
}
export interface Event {
  id: string;
  type: string;
  topic: string;
  partition: number;
  offset: number;
  time: string;
  appended: string | null;
  source: string;
  subject: string;
  key: string;
  correlation: string;
  causation: string;
  traceparent: string;
  contenttype: string;
  version: number;
  headers: Record<string, string>;
  bytes: number;
  data?: JsonValue;
  text?: string;
  base64?: string;
  cut?: boolean;
  redacted: string[];
}
export interface TailMessage {
  events: Event[];
  seen: number;
  matched: number;
  shown: number;
  sampled: boolean;
  rate: number;
}
export interface Lost {
  topic: string;
  partition: number;
  from: number;
  to: number;
}
export interface Found {
  events: Event[];
  searched: number;
  complete: boolean;
  cursor: string | null;
  damaged: { name: string; message: string }[];
}
export interface Attempt {
  group: string;
  status: 'handled' | 'passed' | 'not_taken' | 'dropped' | 'pending' | 'parked' | 'in_progress';
  blocker: string;
  reason: string;
}
export interface ChainNode {
  id: string;
  type: string;
  key: string;
  topic: string;
  partition: number;
  offset: number;
  time: string;
  causation: string;
  service: string;
  attempts: Attempt[];
}
/// An event that stands in an outbox: the one that was asked for, or one that it caused.
export interface OutboxEvent {
  id: string;
  type: string;
  topic: string;
  key: string;
  status: 'waiting' | 'held' | 'retried' | 'parked';
  reason: string;
  effect: boolean;
  since: string;
}
export interface Chain {
  nodes: ChainNode[];
  outbox: OutboxEvent[];
  problems: string[];
  complete: boolean;
}
export interface PartitionOfGroup {
  partition: number;
  position: number;
  end: number;
  earliest: number;
  lag: number;
  handled: number;
  parked: number;
  expired: number;
  skipped: number;
  settled_beyond: number;
  owned: boolean;
}
export interface GroupDetail {
  group: string;
  topic: string;
  status: Status;
  reason: string;
  paused: boolean | null;
  lag: number;
  lost: number;
  partitions: PartitionOfGroup[];
  history: { t: number[]; lag: (number | null)[][]; handled: (number | null)[] };
  dead_letters: number;
}
export interface PauseAnswer {
  answers: { process: string; group: string; paused: boolean; partitions: string[] }[];
  silent: string[];
}
export interface SeekAnswer {
  partitions: { partition: number; from: number; to: number; events: number; direction: 'replay' | 'skip' }[];
  done: boolean;
}
export interface Reason {
  code: string;
  reason: string;
  count: number;
  keys: number;
  first: string;
  last: string;
}
export interface DeadLetters {
  groups: { group: string; open: number; blocked_keys: number; complete: boolean; reasons: Reason[] }[];
}
export interface Letter extends Event {
  code: string;
  reason: string;
  attempts: number;
  parked: string;
  blocks: number;
  follows: boolean;
}
export interface LetterList {
  letters: Letter[];
  more: boolean;
}
export interface LettersRequest {
  matched: number;
  request: string | null;
}
export interface LettersProgress {
  partitions: number;
  begun: number;
  done: number;
  redriven: number;
  dropped: number;
  failed: number;
  given_up: JsonValue[];
}
export interface HeldKey {
  topic: string;
  key: string;
  row: number | null;
  events: number;
  code: string;
  error: string;
  attempts: number;
  parked: boolean;
  since: string;
}
/// Of each store that has one. Where `exact` is false the number is a bound: see where it is shown.
export interface Outbox {
  stores: { store: string; waiting: number; exact: boolean; oldest_age: number | null; relays: { owner: string; late: boolean }[]; held: HeldKey[] }[];
}
export interface Inbox {
  stores: { store: string; marks: number; exact: boolean; consumers: number; oldest: string | null }[];
}
export interface SagaLine {
  store: string;
  type: string;
  id: string;
  version: number;
  status: string;
  step: string;
  waits: string;
  changed: string;
  unreadable: string | null;
}
export interface SagaList {
  sagas: SagaLine[];
  counts: { store: string; type: string; status: string; n: number; exact: boolean }[];
  next: { after_type: string; after_id: string } | null;
}
export interface SagaDetail {
  store: string;
  instance: Record<string, JsonValue>;
  state: JsonValue;
  history: { time: string; step: string; what: string; event: string; event_type: string; text: string }[];
  waits: { step: string; kind: string; due: string; attempts: number }[];
}
export interface AuditEntry {
  id: string;
  time: string;
  actor: string;
  action: string;
  arguments: Record<string, JsonValue>;
  outcome: string;
  message: string;
}

/// What went wrong, in the server's words; `offline` when it did not answer at all.
export class ApiError extends Error {
  constructor(readonly status: number, readonly code: string, message: string) {
    super(message);
  }
}

export const BASE = 'api/v1/';
const PATIENCE_MS = 15_000;

/// JSON in which a whole number beyond 2^53 keeps its digits, as a bigint, where the browser tells them (since about 2024).
export function parse(text: string): unknown {
  if (!/\d{16}/.test(text)) return JSON.parse(text);
  return JSON.parse(text, function (this: unknown, _: string, value: unknown, context?: { source?: string }) {
    return typeof value === 'number' && !Number.isSafeInteger(value) && context?.source && /^-?\d+$/.test(context.source) ? BigInt(context.source) : value;
  } as (this: unknown, key: string, value: unknown) => unknown);
}

/// JSON in one line.
export function compact_json(value: JsonValue | undefined): string {
  return JSON.stringify(value ?? null, (_, one: unknown) => (typeof one === 'bigint' ? `\u0000${one}` : one)).replace(/"\\u0000(-?\d+)"/g, '$1');
}

export type Query = Record<string, string | number | string[] | undefined>;

export function address(path: string, query: Query = {}): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (Array.isArray(value)) for (const one of value) parameters.append(name, one);
    else if (value !== undefined && value !== '') parameters.append(name, String(value));
  }
  const text = parameters.toString();
  return BASE + path + (text ? `?${text}` : '');
}

async function ask<T>(url: string, init: RequestInit, outer?: AbortSignal): Promise<T> {
  const late = AbortSignal.timeout(PATIENCE_MS);
  let answer: Response;
  let body: string;
  try {
    answer = await fetch(url, { ...init, signal: outer ? either(outer, late) : late, credentials: 'same-origin' });
    body = await answer.text();
  } catch (error) {
    if (outer?.aborted) throw error;
    throw late.aborted
      ? new ApiError(0, 'timeout', 'The dashboard took more than 15 s to answer; it, or its broker, is very busy. Try again.')
      : new ApiError(0, 'offline', 'The dashboard does not answer. Is `tidings dashboard` still running?');
  }
  let told: unknown = null;
  try {
    told = parse(body);
  } catch {
    // an error's text need not be JSON
  }
  if (!answer.ok) {
    const error = (told as { error?: { code?: string; message?: string } } | null)?.error;
    throw new ApiError(answer.status, error?.code ?? String(answer.status), error?.message ?? `The dashboard answered ${answer.status}.`);
  }
  if (told === null) throw new ApiError(answer.status, 'unreadable', 'The answer is no JSON: the page and the server are not of one version. Load the page again.');
  return told as T;
}

/// AbortSignal.any, which browsers before 2024 lack.
function either(a: AbortSignal, b: AbortSignal): AbortSignal {
  const both = new AbortController();
  for (const one of [a, b]) {
    if (one.aborted) both.abort(one.reason);
    else one.addEventListener('abort', () => both.abort(one.reason), { once: true });
  }
  return both.signal;
}

export function get<T>(path: string, query: Query = {}, signal?: AbortSignal): Promise<T> {
  return ask<T>(address(path, query), { method: 'GET' }, signal);
}

/// The headers are what no form of another site can send. `raw` are members that are JSON already: what a person wrote keeps its digits.
export function post<T>(path: string, body: object, raw: Record<string, string> = {}): Promise<T> {
  const members = [JSON.stringify(body).slice(1, -1), ...Object.entries(raw).map(([name, json]) => `${JSON.stringify(name)}:${json}`)];
  return ask<T>(address(path), {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'X-Tidings-Action': '1' },
    body: `{${members.filter(Boolean).join(',')}}`,
  });
}

export function told(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
