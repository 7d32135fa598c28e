import { useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { computed } from '@preact/signals';
import { Graph, layout } from '@dagrejs/dagre';
import type { Flow, Status } from '../api';
import { compact, plural, rate } from '../format';
import { flow, overview } from '../live';
import { Empty, Loading, Panel, Shape, shape_of, StatusMark, Table } from '../parts';
import { link } from '../router';
import { Head } from './overview';

/// A node or a way between two, where layout put it. What changes every second (rates, statuses) is not in it, so that nothing moves
/// while nothing but figures changes.
interface Place {
  id: string;
  x: number;
  y: number;
  width: number;
  height: number;
}
interface Layout {
  width: number;
  height: number;
  places: Map<string, Place>;
  paths: Map<string, { d: string; x: number; y: number }>;
}

/// A graph of more is neither read nor laid out in good time.
const MOST_TOPICS = 80;
const NARROW = '(max-width: 700px)';
const MOST_SCALE = 1.2;  // a graph of two nodes does not fill the screen
const LEAST_SCALE = 0.75;  // on a phone: what does not fit then is scrolled to, since smaller text is not read
const pen = document.createElement('canvas').getContext('2d');
/// How wide a name is in the graph: fonts differ by half.
function width_of(name: string): number {
  if (!pen) return name.length * 9;
  pen.font = `600 15px ${getComputedStyle(document.body).fontFamily}`;
  return pen.measureText(name).width;
}
const service_id = (name: string) => `s ${name}`;
const topic_id = (name: string) => `t ${name}`;
const way_id = (from: string, to: string) => `${from}\n${to}`;

function lay_out(told: Flow, down: boolean): Layout {
  const graph = new Graph();
  graph.setGraph({ rankdir: down ? 'TB' : 'LR', nodesep: down ? 16 : 24, ranksep: down ? 56 : 100, marginx: down ? 34 : 12, marginy: 12 });
  graph.setDefaultEdgeLabel(() => ({}));
  const topics = new Set(told.topics.map(topic => topic.name));
  const services = new Set(told.services.map(service => service.name));
  for (const way of [...told.publishes, ...told.consumes]) {
    topics.add(way.topic);
    services.add(way.service);
  }
  for (const name of services) graph.setNode(service_id(name), { width: Math.max(104, width_of(name) + 48), height: 50 });
  for (const name of topics) graph.setNode(topic_id(name), { width: Math.max(88, width_of(name) + 30), height: 44 });
  for (const way of told.publishes) graph.setEdge(service_id(way.service), topic_id(way.topic), { weight: 1 });
  for (const way of told.consumes) graph.setEdge(topic_id(way.topic), service_id(way.service), { weight: 2 });
  layout(graph);
  const whole = graph.graph() as { width?: number; height?: number };
  const result: Layout = { width: Math.ceil(whole.width ?? 100), height: Math.ceil(whole.height ?? 100), places: new Map(), paths: new Map() };
  for (const id of graph.nodes()) {
    const node = graph.node(id) as { x: number; y: number; width: number; height: number };
    result.places.set(id, { id, x: node.x, y: node.y, width: node.width, height: node.height });
  }
  for (const edge of graph.edges()) {
    const points = (graph.edge(edge) as { points: { x: number; y: number }[] }).points;
    result.paths.set(way_id(edge.v, edge.w), { d: smooth(points), ...points[Math.floor(points.length / 2)]! });
  }
  return result;
}

/// A curve through the middles of the way's pieces.
function smooth(points: { x: number; y: number }[]): string {
  const at = (point: { x: number; y: number }) => `${point.x.toFixed(1)} ${point.y.toFixed(1)}`;
  let d = `M${at(points[0]!)}`;
  for (let i = 1; i < points.length - 1; ++i) {
    const here = points[i]!;
    const next = points[i + 1]!;
    const end = i === points.length - 2 ? next : { x: (here.x + next.x) / 2, y: (here.y + next.y) / 2 };
    d += `Q${at(here)} ${at(end)}`;
  }
  if (points.length === 2) d += `L${at(points[1]!)}`;
  return d;
}

/// Where there are too many topics, those on paths in trouble, then those that have had the most events: an order that seldom changes.
function narrowed(told: Flow): { told: Flow; left_out: number } {
  if (told.topics.length <= MOST_TOPICS) return { told, left_out: 0 };
  const trouble = new Set(told.consumes.filter(way => bad(way.status)).map(way => way.topic));
  const kept = new Set([...told.topics].sort((a, b) => Number(trouble.has(b.name)) - Number(trouble.has(a.name)) || b.events - a.events || a.name.localeCompare(b.name)).slice(0, MOST_TOPICS).map(topic => topic.name));
  const publishes = told.publishes.filter(way => kept.has(way.topic));
  const consumes = told.consumes.filter(way => kept.has(way.topic));
  const services = new Set([...publishes, ...consumes].map(way => way.service));
  return { told: { ...told, topics: told.topics.filter(topic => kept.has(topic.name)), publishes, consumes, services: told.services.filter(service => services.has(service.name)) }, left_out: told.topics.length - kept.size };
}

const drawn_flow = computed(() => (flow.value ? narrowed(flow.value) : null));
const structure = computed(() => {
  const told = drawn_flow.value?.told;
  if (!told) return '';
  return JSON.stringify([told.services.map(one => one.name).sort(), told.topics.map(one => one.name).sort(),
    told.publishes.map(one => [one.service, one.topic]).sort(), told.consumes.map(one => [one.topic, one.service]).sort()]);
});

/// How fast dashes run: three steps, so that a rate that trembles does not make its line jump.
const pace = (per_second: number) => (per_second <= 0 ? '' : per_second < 10 ? ' slow' : per_second < 1000 ? ' medium' : ' fast');
const bad = (status: Status) => status === 'stalled' || status === 'down';

export function FlowView() {
  const told = flow.value;
  const broken = told ? told.consumes.filter(way => bad(way.status)) : [];
  const behind = told ? told.consumes.filter(way => way.status === 'behind').length : 0;
  return (
    <>
      <Head title="Flow">
        {told && <StatusMark status={broken.length > 0 ? broken.some(way => way.status === 'down') ? 'down' : 'stalled' : behind > 0 ? 'behind' : 'ok'}
          text={broken.length > 0 ? `${plural(broken.length, 'path')} stopped` : behind > 0 ? `${plural(behind, 'path')} behind` : 'every path moves'} />}
      </Head>
      {!told ? <Loading what="the flow" />
        : told.services.length + told.topics.length === 0
          ? <Empty title="Nothing flows yet"><p>Services and topics stand here once something is published or handled. Try <code>tidings demo</code>.</p></Empty>
          : <Drawing told={told} />}
    </>
  );
}

function Drawing({ told: whole }: { told: Flow }) {
  const { told, left_out } = drawn_flow.value ?? { told: whole, left_out: 0 };
  const narrow = matchMedia(NARROW).matches;
  const drawn = useMemo(() => lay_out(told, narrow), [structure.value, narrow]);
  const [scale, set_scale] = useState(0);  // 0: as fits
  const [room, set_room] = useState(0);
  const [near, set_near] = useState<string | null>(null);
  const place = useRef<HTMLDivElement>(null);
  const services = new Map(told.services.map(service => [service.name, service]));
  const topics = new Map(told.topics.map(topic => [topic.name, topic]));
  const publishes = new Map(told.publishes.map(way => [way_id(service_id(way.service), topic_id(way.topic)), way]));
  const consumes = new Map(told.consumes.map(way => [way_id(topic_id(way.topic), service_id(way.service)), way]));
  const away = (...ids: string[]) => near !== null && !ids.includes(near);
  const beside = new Set<string>();
  if (near !== null) {
    beside.add(near);
    for (const id of drawn.paths.keys()) {
      const [from, to] = id.split('\n') as [string, string];
      if (from === near) beside.add(to);
      if (to === near) beside.add(from);
    }
  }
  const look = (id: string) => ({ onMouseEnter: () => set_near(id), onMouseLeave: () => set_near(null), onFocus: () => set_near(id), onBlur: () => set_near(null) });
  useLayoutEffect(() => {
    const at = place.current!;
    const resized = new ResizeObserver(() => set_room(at.clientWidth - 16));  // without its padding
    resized.observe(at);
    return () => resized.disconnect();
  }, []);
  const fit = scale === 0;
  const shown = fit ? room > 0 ? Math.min(MOST_SCALE, Math.max(narrow ? LEAST_SCALE : 0, room / drawn.width)) : 1 : scale;
  const stopped = whole.consumes.filter(way => bad(way.status)).sort((a, b) => b.lag - a.lag);
  // Where not all fits, what is stopped is in the middle.
  useLayoutEffect(() => {
    const at = place.current!;
    const worst = stopped[0] && drawn.paths.get(way_id(topic_id(stopped[0].topic), service_id(stopped[0].service)));
    at.scrollLeft = (worst ? worst.x : drawn.width / 2) * shown - at.clientWidth / 2;
  }, [drawn, room, fit]);
  const most = narrow ? 3 : 8;  // the graph is on the first screen
  const why = (way: Flow['consumes'][number]) => overview.value?.groups.find(one => one.topic === way.topic && one.service === way.service && one.status === way.status)?.reason
    || (way.lag > 0 ? `${plural(way.lag, 'event')} waiting` : '');
  return (
    <>
      {stopped.length > 0 && (
        <section class="attention" aria-label="Paths that do not move">
          <ul>{stopped.slice(0, most).map(way => (
            <li key={`${way.topic} ${way.service}`}><StatusMark status={way.status} />
              <a href={link('consumers', { group: way.handlers[0]?.group, topic: way.topic })}><b>{way.topic}</b> → service <b>{way.service}</b></a>
              <span>{why(way)}</span>
            </li>))}
            {stopped.length > most && <li class="rest"><a href={link('consumers')}>and {plural(stopped.length - most, 'more path', 'more paths')}</a></li>}
          </ul>
        </section>
      )}
      <section class="panel flush flow" aria-label="Graph of services and topics">
        <div class="graph-bar">
          <ul class="graph-key">
            <li><i class="key-service" />service</li><li><i class="key-topic" />topic</li>
            {(['behind', 'stalled', 'down'] as const).map(status => <li key={status} class={`s-${status}`}><Shape status={status} />{status}</li>)}
          </ul>
          <div class="zoom" role="group" aria-label="Size of the graph">
            <button type="button" class="small" onClick={() => set_scale(shown / 1.25)} disabled={shown <= 0.2} aria-label="Smaller">−</button>
            <button type="button" class="small" onClick={() => set_scale(0)} aria-pressed={fit}>fit</button>
            <button type="button" class="small" onClick={() => set_scale(shown * 1.25)} disabled={shown >= 4} aria-label="Larger">+</button>
          </div>
        </div>
        <div class="graph-scroll" ref={place} tabIndex={0} role="region" aria-label="The graph, which scrolls">
          <svg class="graph" viewBox={`0 0 ${drawn.width} ${drawn.height}`} role="group" aria-label="Services and topics, with what goes between them. The same stands in the table below."
            width={Math.floor(drawn.width * shown)} height={Math.floor(drawn.height * shown)}>
            <defs>
              {['line', 'behind', 'stalled', 'down'].map(name => (
                <marker key={name} id={`tip-${name}`} viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" markerUnits="userSpaceOnUse" orient="auto">
                  <path class={`tip-${name}`} d="M0 0 8 4 0 8Z" /></marker>))}
            </defs>
            {[...drawn.paths].map(([id, path]) => {
              const [from, to] = id.split('\n') as [string, string];
              const out = publishes.get(id);
              const into = consumes.get(id);
              const per_second = out?.rate ?? into?.rate ?? 0;
              const status = into && (into.status === 'behind' || bad(into.status)) ? into.status : '';
              return (
                <g key={id} class={`way ${status} ${away(from, to) ? 'away' : ''}`}>
                  <path class={`rail`} d={path.d} marker-end={`url(#tip-${status || 'line'})`} />
                  <path class={`run${bad(into?.status ?? 'ok') ? '' : pace(per_second)}`} d={path.d} />
                </g>
              );
            })}
            {[...drawn.places.values()].map(at => {
              const name = at.id.slice(2);
              const left = at.x - at.width / 2;
              const top = at.y - at.height / 2;
              const dim = near !== null && !beside.has(at.id) ? 'away' : '';
              if (at.id.startsWith('s ')) {
                const service = services.get(name);
                const status = service?.status ?? 'idle';
                return (
                  <a key={at.id} class={`node service s-${shape_of(status)} ${dim}`} href={link('consumers', { service: name })} {...look(at.id)}>
                    <rect x={left} y={top} width={at.width} height={at.height} rx={9} />
                    <svg x={left + 12} y={at.y - 8} width={16} height={16}><Shape status={status} /></svg>
                    <text class="node-name" x={left + 35} y={at.y - 3}>{name}</text>
                    <text class="node-sub" x={left + 35} y={at.y + 14}>{status}</text>
                  </a>
                );
              }
              const topic = topics.get(name);
              return (
                <a key={at.id} class={`node topic ${dim}`} href={link('events', { topic: name })} {...look(at.id)}>
                  <rect x={left} y={top} width={at.width} height={at.height} rx={at.height / 2} />
                  <text class="node-name" x={at.x} y={at.y - 2} text-anchor="middle">{name}</text>
                  <text class="node-sub" x={at.x} y={at.y + 14} text-anchor="middle">{rate(topic?.rate)}/s</text>
                </a>
              );
            })}
            {[...drawn.paths].map(([id, path]) => {
              const [from, to] = id.split('\n') as [string, string];
              const out = publishes.get(id);
              const into = consumes.get(id);
              const per_second = out?.rate ?? into?.rate ?? 0;
              const status = into && (into.status === 'behind' || bad(into.status)) ? into.status : '';
              const lines = status ? [bad(into!.status) ? status : `${rate(per_second)}/s`, `${compact(into!.lag)} waiting`] : per_second > 0 ? [`${rate(per_second)}/s`] : [];
              const width = Math.max(...lines.map(line => line.length), 0) * 7.2 + 8;
              return lines.length > 0 && (
                <g key={id} class={`way label ${status} ${away(from, to) ? 'away' : ''}`} aria-hidden="true">
                  <rect class="way-back" x={path.x - width / 2} y={path.y - 9 * lines.length} width={width} height={18 * lines.length} rx={5} />
                  {lines.map((line, at) => <text key={at} class="way-text" x={path.x} y={path.y + 4 + (at - (lines.length - 1) / 2) * 15}>{line}</text>)}
                </g>
              );
            })}
          </svg>
        </div>
        {left_out > 0 && <p class="note">{plural(left_out, 'topic is', 'topics are')} left out of the graph: those with the fewest events. What is stopped is always in it.</p>}
        {told.sampled && <p class="note">Who publishes what is learnt from a sample of the events: one that is published seldom may not stand here yet.</p>}
      </section>
      <Panel title="Paths" id="paths" flush>
        <Table caption="Every path, from service to topic and from topic to service"
          rows={[...whole.consumes.map(way => ({ id: `c ${way.topic} ${way.service}`, kinds: ['topic', 'service'], from: way.topic, to: way.service, status: way.status as string, rate: way.rate, lag: way.lag as number | null, what: way.handlers.map(one => one.handler).join(', ') })),
            ...whole.publishes.map(way => ({ id: `p ${way.service} ${way.topic}`, kinds: ['service', 'topic'], from: way.service, to: way.topic, status: way.rate > 0 ? 'ok' : 'idle', rate: way.rate, lag: null, what: way.types.join(', ') }))]
            .sort((a, b) => Number(bad(b.status as Status)) - Number(bad(a.status as Status)))}
          row_key={row => row.id}
          columns={[
            { name: 'From', cell: row => <><span class="faint">{row.kinds[0]}</span> {row.from}</>, class: 'name' },
            { name: 'To', cell: row => <><span class="faint">{row.kinds[1]}</span> {row.to}</>, class: 'name' },
            { name: 'Status', cell: row => <StatusMark status={row.status} /> },
            { name: 'Per second', number: true, cell: row => rate(row.rate) },
            { name: 'Waiting', number: true, cell: row => row.lag === null ? '' : compact(row.lag) },
            { name: 'Handlers, or types', cell: row => row.what, spare: 1, class: 'wide' },
          ]} />
      </Panel>
    </>
  );
}
