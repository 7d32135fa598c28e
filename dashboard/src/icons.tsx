const PATHS: Record<string, string> = {
  overview: 'M3 13h3V8H3zm5 0h3V3H8zm5 0h3V6h-3z',
  flow: 'M2 4h5v4H2zm11 0h4v4h-4zM8 12h5v4H8zM7 6h6M4.5 8v6H8m5 0h2V8',
  events: 'M3 5h13M3 9.5h9M3 14h11',
  consumers: 'M9.5 8a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM4 16c0-3 2.5-5 5.5-5s5.5 2 5.5 5',
  failures: 'M9.5 3 17 16H2zm0 5v4m0 1.6v.6',
  sagas: 'M3 4h4v3H3zm6 4h4v3H9zm3 5h4v3h-4zM7 5.5h4V8m2 1.5h2V13',
  audit: 'M5 2.5h9v14H5zM7.5 6.5h4m-4 3h4m-4 3h2',
};
export function Icon({ name }: { name: string }) {
  const filled = name === 'overview';
  return <svg class="icon" viewBox="0 0 19 19" aria-hidden="true" fill={filled ? 'currentColor' : 'none'} stroke={filled ? 'none' : 'currentColor'}
    stroke-width="1.5" stroke-linejoin="round" stroke-linecap="round"><path d={PATHS[name]} /></svg>;
}
