/// JSON, laid out and coloured; all of it text nodes.
import type { ComponentChildren } from 'preact';
import type { JsonValue } from './api';

const DEEPEST = 64;
/// More lines than this are cut: the page stays quick, and the whole can be copied.
const MOST_LINES = 2000;

export function Json({ value }: { value: JsonValue | undefined }) {
  const budget = { lines: MOST_LINES };
  const content = draw(value ?? null, 0, budget);
  return <pre class="json" tabIndex={0} role="group" aria-label="JSON"><code data-lines>{content}</code>{budget.lines <= 0 && '\n… cut here: it is long'}</pre>;
}

function draw(value: JsonValue, depth: number, budget: { lines: number }): ComponentChildren {
  if (value === null || typeof value === 'boolean') return <span class="j-word">{String(value)}</span>;
  if (typeof value === 'number' || typeof value === 'bigint') return <span class="j-number">{String(value)}</span>;
  if (typeof value === 'string') return <span class="j-text">{JSON.stringify(value)}</span>;
  const list = Array.isArray(value);
  const entries = list ? value.map(one => ['', one] as const) : Object.entries(value);
  const [open, close] = list ? ['[', ']'] : ['{', '}'];
  if (entries.length === 0) return open + close;
  if (depth >= DEEPEST || budget.lines <= 0) return `${open} … ${close}`;
  const pad = '  '.repeat(depth + 1);
  const parts: ComponentChildren[] = [];
  for (const [name, one] of entries) {
    if (--budget.lines <= 0) {
      parts.push(`\n${pad}…`);
      break;
    }
    parts.push(`${parts.length > 0 ? ',' : ''}\n${pad}`);
    if (!list) parts.push(<span class="j-name">{JSON.stringify(name)}</span>, ': ');
    parts.push(draw(one, depth + 1, budget));
  }
  return [open, ...parts, `\n${'  '.repeat(depth)}`, close];
}
