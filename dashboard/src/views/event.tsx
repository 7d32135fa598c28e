import { useEffect, useMemo } from 'preact/hooks';
import { type Chain, type ChainNode, compact_json, type Event, type OutboxEvent } from '../api';
import { useGet } from '../data';
import { bytes, duration } from '../format';
import { Json } from '../json';
import { Ago, Copy, Empty, Fact, Loading, Panel, Problem, StatusMark, Table, Time } from '../parts';
import { link, route } from '../router';
import { Head } from './overview';

export function EventPage() {
  const { topic, partition, offset, id } = route.value.query;
  const asked = useGet<Event>(topic && partition && offset ? 'event' : null, { topic, partition, offset });
  const event = asked.value;
  const of = event?.id ?? id ?? '';
  const chain = useGet<Chain>(of ? 'chain' : null, { id: of });
  // Looked at again only while something is under way: to find a chain the server reads a good deal.
  const moving = chain.value?.nodes.some(node => node.attempts.some(attempt => attempt.status === 'pending' || attempt.status === 'in_progress'));
  useEffect(() => {
    if (!moving) return;
    const timer = setTimeout(() => document.hidden || chain.again(), 2000);
    return () => clearTimeout(timer);
  }, [moving, chain.value]);
  return (
    <>
      <p class="crumbs"><a href={link('events')}>Events</a></p>
      <Head title={event ? event.type : topic ? 'Event' : of} />
      {asked.error && <Problem error={asked.error.message} retry={asked.again} />}
      {!event ? !asked.error && of === '' && <Loading what="the event" /> : <Whole event={event} />}
      {of !== '' && (
        <Panel title="Causes and effects" id="chain" flush>
          {chain.error && !chain.value ? <Problem error={chain.error.message} retry={chain.again} /> : chain.value ? <ChainOf chain={chain.value} id={of} /> : <Loading what="the chain" />}
        </Panel>
      )}
    </>
  );
}

function Whole({ event }: { event: Event }) {
  const headers = Object.entries(event.headers ?? {});
  const text = event.data !== undefined && event.data !== null ? compact_json(event.data) : event.text ?? event.base64 ?? '';
  return (
    <>
      <section class="panel" aria-label="Envelope">
        <dl class="facts">
          <Fact name="Id" wide><code>{event.id}</code> <Copy text={event.id} what="the id" /></Fact>
          <Fact name="Key">{event.key ? <a href={link('events', { mode: 'search', topic: event.topic, key: event.key })}><code>{event.key}</code></a> : <span class="faint">none</span>}</Fact>
          <Fact name="Topic"><a href={link('events', { topic: event.topic })}>{event.topic}</a></Fact>
          <Fact name="Place">partition {event.partition}, offset {event.offset}</Fact>
          <Fact name="Time"><Time at={event.time} /></Fact>
          {event.appended && <Fact name="Appended"><Time at={event.appended} /></Fact>}
          <Fact name="Source">{event.source || '–'}</Fact>
          {event.subject && <Fact name="Subject">{event.subject}</Fact>}
          {event.correlation && <Fact name="Correlation" wide><a href={link('event', { id: event.correlation })}><code>{event.correlation}</code></a></Fact>}
          {event.causation && <Fact name="Caused by" wide><a href={link('event', { id: event.causation })}><code>{event.causation}</code></a></Fact>}
          {event.traceparent && <Fact name="Trace" wide><code>{event.traceparent}</code></Fact>}
          <Fact name="Content">{event.contenttype || 'not said'}, version {event.version}, {bytes(event.bytes)}</Fact>
        </dl>
      </section>
      <Panel title="Data" id="data" aside={text && <Copy text={text} what="the data" />}>
        {event.redacted.length > 0 && <p class="note">Not shown, as personal or secret: {event.redacted.join(', ')}.</p>}
        {event.data !== undefined && event.data !== null ? <Json value={event.data} />
          : event.text !== undefined ? <pre class="json" tabIndex={0} role="group" aria-label="Text"><code data-lines>{event.text}</code></pre>
            : event.base64 !== undefined ? <><p class="faint">It is no text; in base64:</p><pre class="json wrap" tabIndex={0} role="group" aria-label="Base64"><code>{event.base64}</code></pre></>
              : <p class="faint">None.</p>}
      </Panel>
      {headers.length > 0 && (
        <Panel title="Headers" id="headers" flush>
          <div class="scroll" tabIndex={0} role="group" aria-label="Headers of the event"><table class="plain"><caption class="unseen">Headers</caption>
            <thead><tr><th scope="col">Name</th><th scope="col">Value</th></tr></thead>
            <tbody>{headers.map(([name, value]) => <tr key={name}><th scope="row"><code>{name}</code></th><td><code>{value}</code></td></tr>)}</tbody></table></div>
        </Panel>
      )}
    </>
  );
}

interface Placed {
  node: ChainNode;
  depth: number;
  at: number;  // seconds after the first
}

/// Each event under the one that caused it, siblings by time. What is caused by something that is not known any more stands at the top.
function placed(nodes: ChainNode[]): Placed[] {
  const known = new Set(nodes.map(node => node.id));
  const below = new Map<string, ChainNode[]>();
  for (const node of nodes) {
    const parent = known.has(node.causation) && node.causation !== node.id ? node.causation : '';
    below.set(parent, [...(below.get(parent) ?? []), node]);
  }
  const first = Math.min(...nodes.map(node => Date.parse(node.time)));
  const result: Placed[] = [];
  const seen = new Set<string>();
  const walk = (parent: string, depth: number) => {
    for (const node of (below.get(parent) ?? []).sort((a, b) => Date.parse(a.time) - Date.parse(b.time))) {
      if (seen.has(node.id)) continue;  // two of one id
      seen.add(node.id);
      result.push({ node, depth, at: (Date.parse(node.time) - first) / 1000 });
      walk(node.id, depth + 1);
    }
  };
  walk('', 0);
  // A circle of causes, which no honest publisher makes.
  for (const node of nodes) {
    if (!seen.has(node.id)) {
      seen.add(node.id);
      result.push({ node, depth: 0, at: (Date.parse(node.time) - first) / 1000 });
    }
  }
  return result;
}

/// Whose reason stands below it; that of the others is in the title.
const TOLD = new Set(['parked', 'dropped', 'pending', 'in_progress']);

function ChainOf({ chain, id }: { chain: Chain; id: string }) {
  const all = useMemo(() => placed(chain.nodes), [chain]);
  if (all.length === 0) return <>{chain.outbox.length === 0 && <Empty title="Nothing is known of its causes and effects"><p>Retention may have removed them.</p></Empty>}<Beside chain={chain} /></>;
  const span = Math.max(...all.map(one => one.at), 0.001);
  return (
    <>
      <div class="scroll" role="group" aria-label="Causes and effects"><table class="chain" role="table">
        <caption class="unseen">Events of one cause, each under what caused it, with the time after the first</caption>
        <thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col">Event</th><th role="columnheader" scope="col" class="spare-1">Service</th><th role="columnheader" scope="col">Attempts</th><th role="columnheader" scope="col" class="number">After</th><th role="columnheader" scope="col" class="line spare-1">Time line, {duration(span)}</th></tr></thead>
        <tbody role="rowgroup">{all.map(({ node, depth, at }) => (
          <tr key={`${node.topic} ${node.partition} ${node.offset}`} role="row" class="leads" aria-current={node.id === id ? 'true' : undefined}>
            <th role="rowheader" scope="row" class={`name depth-${Math.min(depth, 8)}`}>
              {depth > 0 && <span class="elbow" aria-hidden="true">└ </span>}<span class="unseen">{`level ${depth + 1}: `}</span>
              <a data-row href={link('event', { topic: node.topic, partition: node.partition, offset: node.offset })}>{node.type}</a>
              <span class="faint"> {node.key}</span>{node.id === id && <span class="this">this one</span>}
            </th>
            <td role="cell" class="spare-1">{node.service}</td>
            <td role="cell" class="attempts">{node.attempts.length === 0 ? <span class="faint">nobody takes it</span>
              : node.attempts.map(attempt => <span key={attempt.group} title={attempt.reason}><StatusMark status={attempt.status} text={`${attempt.group} ${attempt.status.replace('_', ' ')}`} />{attempt.reason && TOLD.has(attempt.status) && <small class="why">{attempt.reason}</small>}</span>)}</td>
            <td role="cell" class="number">{at === 0 ? '0' : `+${duration(at)}`}</td>
            <td role="cell" class="line spare-1"><span class="lane"><i style={{ left: `${(at / span * 100).toFixed(2)}%` }} /></span></td>
          </tr>))}
        </tbody>
      </table></div>
      <Beside chain={chain} />
      {!chain.complete && <p class="note">Not everything that is kept was looked at: there may be more causes or effects than these.</p>}
    </>
  );
}

/// What no topic has yet, and what could not be asked.
function Beside({ chain }: { chain: Chain }) {
  return (
    <>
      {chain.outbox.length > 0 && (
        <Table<OutboxEvent> caption="In outboxes" rows={chain.outbox} row_key={row => `${row.id} ${row.topic}`}
          columns={[
            { name: 'In an outbox', cell: row => row.type, class: 'name' },
            { name: 'Key', cell: row => row.key, class: 'key' },
            { name: 'Topic', cell: row => row.topic, spare: 1 },
            { name: 'Status', cell: row => <StatusMark status={row.status} /> },
            { name: 'Why', cell: row => <>{row.effect && 'it was caused by this one; '}{row.reason}</>, class: 'wide' },
            { name: 'Since', cell: row => <Ago at={row.since} /> },
          ]} />)}
      {chain.problems.map(one => <p key={one} class="note">A store could not be asked: {one}</p>)}
    </>
  );
}
