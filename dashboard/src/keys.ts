/// The keyboard. A key that is typed into a field, or held with a modifier, is the field's or the browser's.
import { useEffect } from 'preact/hooks';

type Keys = Record<string, () => void>;
const layers: Keys[] = [];

function typing(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

/// The rows of the view, or of the dialog that is open: what j and k go through.
function rows(): HTMLElement[] {
  const within = document.querySelector('dialog[open]') ?? document.querySelector('main');
  return within ? [...within.querySelectorAll<HTMLElement>('[data-row]')].filter(row => row.offsetParent !== null) : [];
}

function step(by: number): void {
  const all = rows();
  if (all.length === 0) return;
  const at = all.indexOf(document.activeElement as HTMLElement);
  const next = all[at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.max(0, Math.min(all.length - 1, at + by))];
  next?.focus();
  next?.scrollIntoView({ block: 'nearest' });
}

export function begin_keys(global: Keys): void {
  layers.unshift({
    j: () => step(1),
    k: () => step(-1),
    '/': () => {
      const field = document.querySelector<HTMLInputElement>('main [data-find]');
      field?.focus();
      field?.select();
    },
    ...global,
  });
  document.addEventListener('keydown', event => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (typing(event.target)) {
      if (event.key === 'Escape') (event.target as HTMLElement).blur();
      return;
    }
    if (document.querySelector('dialog[open]') && !['j', 'k'].includes(event.key)) return;  // a dialog has its own
    for (let layer = layers.length - 1; layer >= 0; --layer) {
      const act = layers[layer]![event.key];
      if (act) {
        event.preventDefault();
        act();
        return;
      }
    }
  });
}

/// Keys while what calls this is on the page.
export function useKeys(keys: Keys): void {
  useEffect(() => {
    layers.push(keys);
    return () => void layers.splice(layers.indexOf(keys), 1);
  });
}
