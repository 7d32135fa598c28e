/// What the server tells by itself: the overview and the flow, over one stream of server-sent events for the whole page.
/// A page in the background gives its stream back: a browser has six connections to a server, whatever many tabs there are.
import { effect, signal } from '@preact/signals';
import { BASE, type Flow, get, parse, type Overview, type Session, ApiError, type Window } from './api';
import { stored } from './settings';

export const session = signal<Session | null>(null);
export const overview = signal<Overview | null>(null);
export const flow = signal<Flow | null>(null);
export type Connection = 'connecting' | 'live' | 'lost' | 'asleep';
export const connection = signal<Connection>('connecting');
/// Why the session could not be had: `unauthorized` asks for a token.
export const refusal = signal<ApiError | null>(null);
export const window_ = stored<Window>('window', '10m', ['10m', '1h', '24h']);
/// Of the server's clock, in milliseconds since 1970, as of the last message: ages are told by it, not by the reader's clock.
export const now = signal(Date.now());

const RETRY_MS = [500, 1000, 2000, 5000];
const SILENT_MS = 10_000;

/// One stream that comes back by itself. `on` maps names of messages to what takes them.
export class Stream {
  private source: EventSource | null = null;
  private timer = 0;
  private failures = 0;
  private ended = false;

  constructor(private readonly url: string, private readonly on: Record<string, (told: never) => void>,
    private readonly state: (connection: Connection) => void) {
    this.open();
  }

  private open(): void {
    this.state(this.failures === 0 ? 'connecting' : 'lost');
    const source = new EventSource(this.url);
    this.source = source;
    source.onopen = () => {
      this.failures = 0;
      this.state('live');
    };
    // The browser's own retry never tells of an error status, and knows no pace; so every failure is a new beginning.
    source.onerror = () => {
      source.close();
      if (this.ended) return;
      this.state('lost');
      const wait = RETRY_MS[Math.min(this.failures++, RETRY_MS.length - 1)];
      this.timer = setTimeout(() => this.open(), wait);
    };
    for (const [name, take] of Object.entries(this.on)) {
      source.addEventListener(name, message => {
        let told: unknown;
        try {
          told = parse((message as MessageEvent<string>).data);
        } catch {
          return;  // cut off in the middle: the next one is whole
        }
        take(told as never);
      });
    }
  }

  end(): void {
    this.ended = true;
    clearTimeout(this.timer);
    this.source?.close();
  }
}

/// At most one change of the page for each frame that the screen shows, however fast messages come.
export function framed<T>(take: (value: T) => void): (value: T) => void {
  let waiting: { value: T } | null = null;
  return value => {
    if (waiting) {
      waiting.value = value;
      return;
    }
    waiting = { value };
    const show = () => {
      const last = waiting!;
      waiting = null;
      take(last.value);
    };
    if (document.hidden) setTimeout(show);
    else requestAnimationFrame(show);
  };
}

let stream: Stream | null = null;
let heard = 0;

function restart(): void {
  stream?.end();
  stream = null;
  if (document.hidden) {
    connection.value = 'asleep';
    return;
  }
  const show = framed((told: Overview) => {
    now.value = Date.parse(told.now) || Date.now();
    overview.value = told;
  });
  heard = Date.now();
  stream = new Stream(`${BASE}stream?window=${window_.value}`, {
    overview: (told: Overview) => {
      heard = Date.now();
      show(told);
    },
    flow: framed((told: Flow) => (flow.value = told)),
  }, state => (connection.value = state));
}

/// A connection that is open and silent is lost as well: a server that was stopped, a laptop that slept.
function watch(): void {
  if (stream && Date.now() - heard > SILENT_MS) {
    heard = Date.now();
    restart();
    connection.value = 'lost';
  }
}

async function sign_in(): Promise<void> {
  for (let failures = 0;; ++failures) {
    try {
      session.value = await get<Session>('session');
      refusal.value = null;
      return;
    } catch (error) {
      if (error instanceof ApiError) refusal.value = error;
      if (error instanceof ApiError && (error.status === 401 || error.status === 403)) {
        stream?.end();  // it would only be refused as well, again and again
        stream = null;
        return;
      }
      await new Promise(resolve => setTimeout(resolve, RETRY_MS[Math.min(failures, RETRY_MS.length - 1)]));
    }
  }
}

export function begin(): void {
  void sign_in();
  let known = '';
  effect(() => {
    const wanted = window_.value;
    if (wanted !== known && !(refusal.value && refusal.value.status >= 400)) {
      known = wanted;
      restart();
    }
  });
  document.addEventListener('visibilitychange', () => !(refusal.value && refusal.value.status >= 400) && restart());
  setInterval(watch, 2000);
  // The server may have been started anew, with other options.
  let was: Connection = 'connecting';
  effect(() => {
    const is = connection.value;
    if (is === 'live' && was === 'lost') void sign_in();
    was = is;
  });
}
