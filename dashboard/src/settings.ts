/// What the reader chose, kept by the browser where it lets us.
import { effect, type Signal, signal } from '@preact/signals';

export function stored<T extends string>(name: string, otherwise: T, allowed: readonly T[]): Signal<T> {
  let first: T = otherwise;
  try {
    const kept = localStorage.getItem(`tidings.${name}`) as T | null;
    if (kept !== null && allowed.includes(kept)) first = kept;
  } catch {
    // storage is switched off
  }
  const chosen = signal<T>(first);
  effect(() => {
    const value = chosen.value;
    try {
      localStorage.setItem(`tidings.${name}`, value);
    } catch {
      // storage is switched off, or full
    }
  });
  return chosen;
}

export type Theme = 'system' | 'light' | 'dark';
export const THEMES: readonly Theme[] = ['system', 'light', 'dark'];
export const theme = stored<Theme>('theme', 'system', THEMES);
const dark = matchMedia('(prefers-color-scheme: dark)');
/// The one in force; charts are drawn anew when it changes.
export const scheme = signal<'light' | 'dark'>('light');

function apply(): void {
  const wanted = theme.value === 'system' ? (dark.matches ? 'dark' : 'light') : theme.value;
  document.documentElement.dataset.theme = wanted;
  scheme.value = wanted;
}
effect(apply);
dark.addEventListener('change', apply);

export const calm = matchMedia('(prefers-reduced-motion: reduce)');
