/// What a view asks for: once, and again every `every` milliseconds while the page is looked at. What was there stays on show while the next is under way.
import { useEffect, useRef, useState } from 'preact/hooks';
import { get, type Query, ApiError } from './api';

export interface Asked<T> {
  value: T | null;
  error: ApiError | null;
  again: () => void;
}

export function useGet<T>(path: string | null, query: Query = {}, every = 0): Asked<T> {
  const [state, set_state] = useState<{ about: string; value: T | null; error: ApiError | null }>({ about: '', value: null, error: null });
  const about = path === null ? '' : path + JSON.stringify(query);
  const again = useRef<() => void>(() => undefined);
  useEffect(() => {
    if (path === null) return;
    const abort = new AbortController();
    let timer = 0;
    let busy = false;
    const ask = () => {
      clearTimeout(timer);
      if (busy) return;
      busy = true;
      get<T>(path, query, abort.signal).then(
        value => set_state({ about, value, error: null }),
        (error: unknown) => {
          if (!abort.signal.aborted) set_state(old => ({ about, value: old.about === about ? old.value : null, error: error instanceof ApiError ? error : new ApiError(0, '', String(error)) }));
        },
      ).finally(() => {
        busy = false;
        if (every > 0 && !abort.signal.aborted) timer = setTimeout(() => (document.hidden ? later() : ask()), every);
      });
    };
    const later = () => (timer = setTimeout(() => (document.hidden ? later() : ask()), every));
    again.current = ask;
    ask();
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [about, every]);
  const mine = state.about === about;
  return { value: mine ? state.value : null, error: mine ? state.error : null, again: () => again.current() };
}
