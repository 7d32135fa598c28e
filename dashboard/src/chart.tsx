/// Lines over time, on a canvas (uPlot), with the same in words.
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { clock, compact, rate } from './format';
import { scheme } from './settings';

export interface Line {
  name: string;
  values: (number | null)[];
  colour: string;
  dash?: number[];
  fill?: boolean;
}

function colour(name: string, alpha?: number): string {
  const value = getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  if (alpha === undefined || !value.startsWith('#')) return value;
  return value + Math.round(alpha * 255).toString(16).padStart(2, '0');
}

/// Of steps of an axis: whole ones, so that no two ticks have one label.
const STEPS = Array.from({ length: 16 }, (_, power) => [1, 2, 5].map(digit => digit * 10 ** power)).flat();
const figure = (value: number | null | undefined, unit: string) => (unit === '/s' ? rate(value) : compact(value));

/// What a line did, for who does not see it.
function words(line: Line, unit: string): string {
  const known = line.values.filter((value): value is number => value !== null && value !== undefined);
  if (known.length === 0) return `${line.name}: nothing known`;
  return `${line.name}: now ${figure(known[known.length - 1], unit)}${unit}, least ${figure(Math.min(...known), unit)}, most ${figure(Math.max(...known), unit)}`;
}

export function Chart({ title, t, lines, unit = '', height = 180 }: { title: string; t: number[]; lines: Line[]; unit?: string; height?: number }) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const shape = lines.map(line => `${line.name}|${line.colour}`).join('\n');
  const theme = scheme.value;
  useEffect(() => {
    const at = place.current!;
    const axis = { stroke: colour('faint'), grid: { stroke: colour('grid'), width: 1 }, ticks: { show: false }, font: '11px system-ui, sans-serif' };
    const made = new uPlot({
      width: Math.max(200, at.clientWidth),
      height,
      legend: { show: false },
      cursor: { y: false, points: { size: 6 }, drag: { x: false, y: false } },
      padding: [8, 8, 0, 0],
      scales: { x: { time: true }, y: { range: (_, __, most) => [0, Math.max(most * 1.1, 1)] } },
      axes: [
        { ...axis, space: 70, size: 28, values: (_, splits) => splits.map(split => clock(new Date(split * 1000).toISOString(), false).slice(-8, split % 60 === 0 ? -3 : undefined)) },
        { ...axis, size: 52, incrs: STEPS, values: (_, splits) => splits.map(split => compact(split)) },
      ],
      series: [{}, ...lines.map(line => ({
        label: line.name,
        stroke: colour(line.colour),
        width: 1.75,
        dash: line.dash,
        fill: line.fill ? colour(line.colour, 0.12) : undefined,
        spanGaps: false,
        points: { show: false },
      }))],
      hooks: { setCursor: [show] },
    }, [t, ...lines.map(line => line.values)] as uPlot.AlignedData, at);
    plot.current = made;
    const tip = document.createElement('div');
    tip.className = 'tip';
    tip.hidden = true;
    made.over.append(tip);
    made.over.addEventListener('mouseleave', () => (tip.hidden = true));
    function show(of: uPlot): void {
      const index = of.cursor.idx;
      const tip_ = of.over.querySelector<HTMLElement>('.tip');
      if (!tip_) return;
      tip_.hidden = index === null || index === undefined || (of.cursor.left ?? -1) < 0;
      if (tip_.hidden || index === null || index === undefined) return;
      const time = of.data[0][index];
      tip_.replaceChildren(...[clock(new Date((time ?? 0) * 1000).toISOString(), false),
        ...of.series.slice(1).map((one, number) => `${String(one.label)} ${figure(of.data[number + 1]![index], unit)}${unit}`)].map(text => {
        const row = document.createElement('div');
        row.textContent = text;
        return row;
      }));
      const left = of.cursor.left ?? 0;
      const right = left > of.over.clientWidth / 2;
      tip_.style.left = right ? '' : `${left + 12}px`;
      tip_.style.right = right ? `${of.over.clientWidth - left + 12}px` : '';
    }
    const resized = new ResizeObserver(() => made.setSize({ width: Math.max(200, at.clientWidth), height }));
    resized.observe(at);
    return () => {
      resized.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [shape, theme, height]);
  useEffect(() => plot.current?.setData([t, ...lines.map(line => line.values)] as uPlot.AlignedData), [t, ...lines.map(line => line.values)]);
  return (
    <figure class="chart">
      <figcaption>
        <span class="chart-title">{title}</span>
        <span class="legend" aria-hidden="true">{lines.length <= 8 && lines.map(line => <span key={line.name} class={`c-${line.colour}`}><i />{line.name}</span>)}</span>
      </figcaption>
      <div ref={place} class="plot" role="img" style={{ height: `${height}px` }} aria-label={`${title}. ${lines.map(line => words(line, unit)).join('. ')}`} />
    </figure>
  );
}
