/// What a screen reader is told without having asked. Seldom: what is said within a few seconds of the last is said with the next.
import { signal } from '@preact/signals';

const PAUSE_MS = 5000;
const said = signal('');
let waiting: string[] = [];
let timer = 0;

export function announce(text: string): void {
  if (!waiting.includes(text)) waiting.push(text);
  if (timer) return;
  const say = () => {
    said.value = waiting.slice(-4).join('. ');
    waiting = [];
    timer = setTimeout(() => {
      timer = 0;
      if (waiting.length > 0) {
        timer = 1;
        say();
      }
    }, PAUSE_MS);
  };
  timer = 1;
  setTimeout(say, 100);
}

export function Announcer() {
  return <div class="unseen" role="status" aria-live="polite" id="announcer">{said}</div>;
}
