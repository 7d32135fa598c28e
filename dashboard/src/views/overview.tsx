import { count, compact, duration, plural, rate } from '../format';
import { Chart } from '../chart';
import { overview, window_ } from '../live';
import { Ago, Choice, Empty, Loading, Panel, Shape, StatusMark, Table } from '../parts';
import { link } from '../router';
import type { Overview, Service, Topic, Window } from '../api';

const WINDOWS: readonly (readonly [Window, string])[] = [['10m', '10 min'], ['1h', '1 h'], ['24h', '24 h']];
const WORST = ['down', 'stalled', 'behind', 'ok', 'idle'];

export function Head({ title, children }: { title: string; children?: preact.ComponentChildren }) {
  return <div class="head"><h1 tabIndex={-1}>{title}</h1><div class="head-tools">{children}</div></div>;
}

export function WindowChoice() {
  return <Choice legend="Span of the charts" value={window_.value} options={WINDOWS} change={value => (window_.value = value)} />;
}

export function OverviewView() {
  const told = overview.value;
  return (
    <>
      <Head title="Overview"><WindowChoice /></Head>
      {told ? <Whole told={told} /> : <Loading what="the overview" />}
    </>
  );
}

function Whole({ told }: { told: Overview }) {
  const { rates, series } = told;
  return (
    <>
      <Attention told={told} />
      <dl class="tiles">
        <Tile name="Published" value={rate(rates.published)} unit="/s" colour="c-published" />
        <Tile name="Handled" value={rate(rates.handled)} unit="/s" colour="c-handled" />
        <Tile name="Lag" value={compact(told.lag)} unit={told.lag === 1 ? 'event' : 'events'} colour="c-lag" href={link('consumers')} />
        <Tile name="Dead letters" value={compact(told.parked)} unit="open" colour="c-parked" href={link('failures')} />
      </dl>
      <div class="pair">
        <section class="panel" aria-label="Throughput">
          <Chart title="Events per second" unit="/s" t={series.t} lines={[
            { name: 'published', values: series.published, colour: 'published', fill: true },
            { name: 'handled', values: series.handled, colour: 'handled' },
            { name: 'parked', values: series.parked, colour: 'parked', dash: [4, 3] },
          ]} />
        </section>
        <section class="panel" aria-label="Lag over time">
          <Chart title="Lag, all groups" unit=" events" t={series.t} lines={[{ name: 'lag', values: series.lag, colour: 'lag', fill: true }]} />
        </section>
      </div>
      <Panel title="Services" id="services" flush aside={<span class="faint">{plural(told.services.length, 'service')}</span>}>
        <Table<Service> caption="Services and how they stand" row_key={row => row.service} href={row => link('consumers', { service: row.service })}
          rows={[...told.services].sort((a, b) => WORST.indexOf(a.status) - WORST.indexOf(b.status) || a.service.localeCompare(b.service))}
          empty={<Empty title="No services yet"><p>A service is seen once it has handled something. Start one, or try <code>tidings demo</code>.</p></Empty>}
          columns={[
            { name: 'Service', cell: row => row.service, class: 'name' },
            { name: 'Status', cell: row => <StatusMark status={row.status} /> },
            { name: 'Why', cell: row => row.reason ? <>{row.reason}{row.since && <span class="faint"> · <Ago at={row.since} /></span>}</> : '', class: 'wide', spare: 1 },
            { name: 'Handlers', number: true, cell: row => count(row.handlers), spare: 2 },
            { name: 'Lag', number: true, cell: row => count(row.lag) },
            { name: 'Per second', number: true, cell: row => rate(row.rate) },
          ]} />
      </Panel>
      <Panel title="Topics" id="topics" flush aside={<span class="faint">{plural(told.topics.length, 'topic')}</span>}>
        <Table<Topic> caption="Topics" row_key={row => row.topic} href={row => link('events', { topic: row.topic })}
          rows={[...told.topics].sort((a, b) => a.topic.localeCompare(b.topic))}
          empty={<Empty title="No topics yet"><p>A topic is there once something is published to it: <code>tidings publish TOPIC …</code>.</p></Empty>}
          columns={[
            { name: 'Topic', cell: row => row.topic, class: 'name' },
            { name: 'Per second', number: true, cell: row => rate(row.rate) },
            { name: 'Events', number: true, cell: row => count(row.events) },
            { name: 'Partitions', number: true, cell: row => count(row.partitions), spare: 2 },
            { name: 'Durability', cell: row => row.durability, spare: 1 },
          ]} />
      </Panel>
    </>
  );
}

function Tile({ name, value, unit, colour, href }: { name: string; value: string; unit: string; colour: string; href?: string }) {
  const content = <><b>{value}</b> <small>{unit}</small></>;
  return <div class={`tile ${colour}`}><dt>{name}</dt><dd>{href ? <a href={href}>{content}</a> : content}</dd></div>;
}

/// Who is behind, and whether it gets worse: nobody knows of the others that they catch up.
function sentence(behind: Service[]): string {
  const grows = behind.filter(one => /lag grows/.test(one.reason)).map(one => one.service);
  const waits = behind.filter(one => !/lag grows/.test(one.reason)).map(one => one.service);
  return [grows.length > 0 && `${grows.join(', ')} ${grows.length === 1 ? 'falls' : 'fall'} behind: the lag grows.`,
    waits.length > 0 && `${waits.join(', ')} ${waits.length === 1 ? 'is' : 'are'} behind.`].filter(Boolean).join(' ');
}

/// What needs somebody, first; where nothing does, it says so in the same place, and nothing below moves much.
function Attention({ told }: { told: Overview }) {
  const groups = told.groups.filter(group => group.status === 'down' || group.status === 'stalled');
  const behind = told.services.filter(service => service.status === 'behind');
  if (groups.length === 0 && told.damaged.length === 0) {
    const status = behind.length > 0 ? 'behind' : told.services.length > 0 ? 'ok' : 'idle';
    return (
      <p class={`calm s-${status}`}><Shape status={status} />
        {behind.length > 0 ? sentence(behind)
          : told.services.length > 0 ? 'All services keep up.' : 'No service has been seen yet.'}
      </p>
    );
  }
  return (
    <section class="attention" aria-label="Needs attention">
      <ul>
        {told.damaged.map(one => <li key={`damaged ${one.name}`}><StatusMark status="down" text="damaged" /><b>{one.name}</b><span>{one.message}</span></li>)}
        {groups.slice(0, 6).map(group => (
          <li key={`${group.group} ${group.topic}`}>
            <StatusMark status={group.status} />
            <a href={link('consumers', { group: group.group, topic: group.topic })}><b>{group.group}</b> on {group.topic}</a>
            <span>{group.reason}{group.lag > 0 && `, ${plural(group.lag, 'event')} behind`}{group.since && <> · <Ago at={group.since} /></>}</span>
          </li>
        ))}
        {groups.length > 6 && <li class="rest"><a href={link('consumers')}>and {plural(groups.length - 6, 'more group', 'more groups')}</a></li>}
      </ul>
    </section>
  );
}

export function eta(seconds: number | null): string {
  return seconds === null ? '–' : seconds < 1 ? 'now' : duration(seconds);
}
