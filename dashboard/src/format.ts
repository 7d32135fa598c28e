/// Numbers and times as people read them. Everything is short enough for a column and keeps its width where it can.
const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const one = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });

export function count(value: number | null | undefined): string {
  return value === null || value === undefined ? '–' : whole.format(value);
}

/// Of a count that went only so far: there are as many, or more.
export function at_least(value: number, exact: boolean): string {
  return exact ? count(value) : `≥ ${count(value)}`;
}

/// 1,234,567 as 1.23 M: for axes, graphs and tiles.
export function compact(value: number | null | undefined): string {
  if (value === null || value === undefined) return '–';
  const size = Math.abs(value);
  if (size >= 1e9) return `${(value / 1e9).toFixed(size >= 1e10 ? 1 : 2)} G`;
  if (size >= 1e6) return `${(value / 1e6).toFixed(size >= 1e7 ? 1 : 2)} M`;
  if (size >= 1e4) return `${(value / 1e3).toFixed(size >= 1e5 ? 0 : 1)} k`;
  return whole.format(value);
}

export function rate(value: number | null | undefined): string {
  if (value === null || value === undefined) return '–';
  if (value !== 0 && Math.abs(value) < 10) return one.format(value);
  return compact(value);
}

export function bytes(value: number): string {
  if (value < 1024) return `${value} B`;
  if (value < 1024 * 1024) return `${one.format(value / 1024)} KiB`;
  return `${one.format(value / 1024 / 1024)} MiB`;
}

/// 12 ms, 3.4 s, 5 min, 2 h 10 min, 3 d.
export function duration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return '–';
  const size = Math.abs(seconds);
  if (size < 1) return `${Math.round(seconds * 1000)} ms`;
  if (size < 10) return `${one.format(seconds)} s`;
  if (size < 90) return `${Math.round(seconds)} s`;
  if (size < 5400) return `${Math.round(seconds / 60)} min`;
  if (size < 36 * 3600) {
    const minutes = Math.round(seconds / 60);
    return minutes % 60 === 0 ? `${minutes / 60} h` : `${Math.trunc(minutes / 60)} h ${Math.abs(minutes % 60)} min`;
  }
  return `${one.format(seconds / 86400)} d`;
}

const pad = (value: number, width = 2) => String(value).padStart(width, '0');

function parsed(time: string | null | undefined): Date | null {
  if (!time) return null;
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? null : date;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/// 14:03:22.123, in the reader's own time zone; Nov 25 14:03:22 where it is not today, with the year where that is another.
export function clock(time: string | null | undefined, milliseconds = true): string {
  const date = parsed(time);
  if (!date) return '–';
  const text = `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}`;
  const today = new Date();
  if (date.toDateString() === today.toDateString()) return milliseconds ? `${text}.${pad(date.getMilliseconds(), 3)}` : text;
  return `${date.getFullYear() === today.getFullYear() ? '' : `${date.getFullYear()} `}${MONTHS[date.getMonth()]} ${date.getDate()} ${text}`;
}

export function ago(time: string | null | undefined, now = Date.now()): string {
  const date = parsed(time);
  if (!date) return '–';
  const seconds = (now - date.getTime()) / 1000;
  return seconds < 1 ? 'now' : `${duration(seconds)} ago`;
}

/// Until then, or how long since.
export function due(time: string, now = Date.now()): string {
  const date = parsed(time);
  if (!date) return '–';
  const seconds = (date.getTime() - now) / 1000;
  return seconds >= 0 ? `in ${duration(seconds)}` : `${duration(-seconds)} overdue`;
}

export function plural(value: number, noun: string, nouns = `${noun}s`): string {
  return `${count(value)} ${value === 1 ? noun : nouns}`;
}
