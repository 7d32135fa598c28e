import { useState } from 'preact/hooks';
import { type Group, type GroupDetail, type PartitionOfGroup, type PauseAnswer, post, type SeekAnswer } from '../api';
import { Chart } from '../chart';
import { useGet } from '../data';
import { ActionDialog, show_dialog } from '../dialog';
import { count, plural, rate } from '../format';
import { overview, session } from '../live';
import { Ago, Empty, Fact, Field, Loading, Panel, Problem, Shape, StatusMark, Table } from '../parts';
import { link, refine, route } from '../router';
import { eta, Head } from './overview';

export function Consumers() {
  const { group, topic } = route.value.query;
  return group ? <One group={group} topic={topic ?? ''} /> : <List />;
}

const WORST = ['down', 'stalled', 'behind', 'ok', 'idle'];

function List() {
  const told = overview.value;
  const { service = '', filter = '' } = route.value.query;
  const shown = told?.groups.filter(one => (!service || one.service === service) && (!filter || `${one.group} ${one.topic}`.includes(filter)))
    .sort((a, b) => WORST.indexOf(a.status) - WORST.indexOf(b.status) || a.group.localeCompare(b.group) || a.topic.localeCompare(b.topic)) ?? [];
  return (
    <>
      <Head title="Consumers" />
      <form class="filters" role="search" onSubmit={event => event.preventDefault()}>
        <Field label="Group or topic"><input type="search" data-find="" value={filter} spellcheck={false} onInput={event => refine({ filter: event.currentTarget.value || undefined })} /></Field>
        <Field label="Service">
          <select value={service} onChange={event => refine({ service: event.currentTarget.value || undefined })}>
            <option value="">all</option>
            {[...new Set([...(told?.services.map(one => one.service) ?? []), ...(service ? [service] : [])])].sort().map(one => <option key={one} value={one}>{one}</option>)}
          </select>
        </Field>
        {session.value?.actions && service && <div class="filter-tools"><PauseButtons target={service} paused={null} /></div>}
      </form>
      {!told ? <Loading what="the groups" /> : (
        <section class="panel flush" aria-label="Groups">
          <Table<Group> caption="Groups of consumers and how they stand" rows={shown} row_key={row => `${row.group} ${row.topic}`} href={row => link('consumers', { group: row.group, topic: row.topic })}
            empty={<Empty title={told.groups.length > 0 ? 'No group matches' : 'No groups yet'}><p>{told.groups.length > 0 ? 'Change the filter above.' : 'A group is there once a service has subscribed.'}</p></Empty>}
            columns={[
              { name: 'Group', cell: row => row.group, class: 'name' },
              { name: 'Topic', cell: row => row.topic },
              { name: 'Status', cell: row => <StatusMark status={row.status} /> },
              { name: 'Why', cell: row => row.reason ? <>{row.reason}{row.since && <span class="faint"> · <Ago at={row.since} /></span>}</> : '', class: 'wide', spare: 1 },
              { name: 'Lag', number: true, cell: row => count(row.lag) },
              { name: 'Per second', number: true, cell: row => rate(row.rate) },
              { name: 'Caught up in', number: true, cell: row => row.lag === 0 ? '' : eta(row.eta), spare: 1 },
              { name: 'Parked', number: true, cell: row => row.parked > 0 ? count(row.parked) : '' },
              { name: 'Members', cell: row => row.members ? 'yes' : 'nobody', spare: 1 },
            ]} />
        </section>
      )}
    </>
  );
}

function PauseButtons({ target, paused, again }: { target: string; paused: boolean | null; again?: () => void }) {
  const ask = (on: boolean) => show_dialog(
    <ActionDialog title={`${on ? 'Pause' : 'Resume'} ${target}`} verb={on ? 'Pause' : 'Resume'} done={again}
      act={async () => <Answers told={await post<PauseAnswer>('pause', { target, paused: on })} />}>
      <p>{on ? <>Its handlers finish what they have begun and take nothing more; events wait, and lag grows, until it is resumed. A service that is started anew stays paused only as long as <code>tidings pause</code> says.</>
        : <>Its handlers go on where they stopped.</>}</p>
    </ActionDialog>);
  return (
    <>
      {paused !== true && <button type="button" onClick={() => ask(true)}>Pause …</button>}
      {paused !== false && <button type="button" onClick={() => ask(false)}>Resume …</button>}
    </>
  );
}

function Answers({ told }: { told: PauseAnswer }) {
  return (
    <>
      {told.answers.length === 0 ? <p>No process has answered. Is the service running?</p> : (
        <ul class="plain-list">{told.answers.map((one, at) => <li key={at}><StatusMark status={one.paused ? 'paused' : 'ok'} text={one.paused ? 'paused' : 'runs'} /> {one.group}, process {one.process}{one.partitions.length > 0 && `, partitions ${one.partitions.join(', ')}`}</li>)}</ul>)}
      {told.silent.length > 0 && <p class="note">No answer from: {told.silent.join(', ')}.</p>}
    </>
  );
}

const LINES = ['line-1', 'line-2', 'line-3', 'line-4', 'line-5', 'line-6', 'line-7', 'line-8'];
const MOST_LINES = 16;

function One({ group, topic: named }: { group: string; topic: string }) {
  // An address without the topic means the first that the group is on.
  const topic = named || (overview.value?.groups.find(one => one.group === group)?.topic ?? '');
  const asked = useGet<GroupDetail>(topic ? 'group' : null, { group, topic }, 2000);
  const live = overview.value?.groups.find(one => one.group === group && one.topic === topic);
  const told = asked.value;
  const may = session.value?.actions ?? false;
  const most = told ? Math.max(1, ...told.partitions.map(one => one.lag)) : 1;
  const target = live ? live.handler ? `${live.service}/${live.handler}` : live.service : group;
  return (
    <>
      <p class="crumbs"><a href={link('consumers')}>Consumers</a></p>
      <Head title={group}>
        {told && <StatusMark status={told.paused ? 'paused' : told.status} />}
        {may && told && <>
          <PauseButtons target={target} paused={told.paused} again={asked.again} />
          <button type="button" onClick={() => show_dialog(<Seek group={group} topic={topic} done={asked.again} />)}
            disabled={session.value?.capabilities.seek === false} title={session.value?.capabilities.seek === false ? 'This broker cannot move a group' : undefined}>Seek or replay …</button>
        </>}
      </Head>
      {asked.error && <Problem error={asked.error.message} retry={asked.again} />}
      {!told ? !asked.error && <Loading what="the group" /> : (
        <>
          {told.reason && <p class={`calm s-${told.status}`}><Shape status={told.status} /><span>{told.reason}{live?.since && <span class="faint"> · <Ago at={live.since} /></span>}</span></p>}
          <section class="panel" aria-label="The group">
            <dl class="facts">
              <Fact name="Topic"><a href={link('events', { topic: told.topic })}>{told.topic}</a></Fact>
              <Fact name="Lag">{count(told.lag)}</Fact>
              <Fact name="Handled">{live ? `${rate(live.rate)}/s` : '–'}</Fact>
              <Fact name="Caught up in">{told.lag === 0 ? 'now' : eta(live?.eta ?? null)}</Fact>
              <Fact name="Dead letters">{told.dead_letters > 0 ? <a href={link('failures', { group })}>{count(told.dead_letters)}</a> : '0'}</Fact>
              {told.lost > 0 && <Fact name="Lost to retention"><StatusMark status="down" text={count(told.lost)} /></Fact>}
            </dl>
          </section>
          <section class="panel" aria-label="Lag over time">
            <Chart title={told.partitions.length > MOST_LINES ? `Lag by partition, the first ${MOST_LINES} of ${told.partitions.length}` : 'Lag by partition'} unit=" events" t={told.history.t}
              lines={told.history.lag.slice(0, MOST_LINES).map((values, at) => ({ name: `partition ${told.partitions[at]?.partition ?? at}`, values, colour: LINES[at % LINES.length]!, dash: at >= LINES.length ? [4, 3] : undefined }))} />
          </section>
          <Panel title="Partitions" id="partitions" flush aside={<span class="faint">{plural(told.partitions.length, 'partition')}</span>}>
            <Table<PartitionOfGroup> caption={`Partitions of ${told.topic} and how far ${group} is in them`} rows={told.partitions} row_key={row => String(row.partition)}
              columns={[
                { name: 'Partition', cell: row => row.partition },
                { name: 'Lag', cell: row => <span class="bar"><span class="bar-text">{count(row.lag)}</span><meter min={0} max={most} value={row.lag} aria-hidden="true" /></span> },
                { name: 'Position', number: true, cell: row => count(row.position) },
                { name: 'Settled beyond', number: true, cell: row => row.settled_beyond > 0 ? count(row.settled_beyond) : '', spare: 2 },
                { name: 'End', number: true, cell: row => count(row.end) },
                { name: 'Earliest', number: true, cell: row => count(row.earliest), spare: 1 },
                { name: 'Handled', number: true, cell: row => count(row.handled), spare: 2 },
                { name: 'Parked', number: true, cell: row => count(row.parked), spare: 1 },
                { name: 'Skipped', number: true, cell: row => count(row.skipped), spare: 1 },
                { name: 'Expired', number: true, cell: row => count(row.expired), spare: 1 },
                { name: 'Taken by', cell: row => row.owned ? 'somebody' : <StatusMark status="idle" text="nobody" /> },
              ]} />
          </Panel>
        </>
      )}
    </>
  );
}

function Seek({ group, topic, done }: { group: string; topic: string; done: () => void }) {
  const [kind, set_kind] = useState<'' | 'earliest' | 'latest' | 'offset' | 'time'>('');  // what has consequences is chosen by who does it
  const [offset, set_offset] = useState('');
  const [time, set_time] = useState('');
  const at = time ? new Date(time) : null;
  const to = kind === 'offset' ? /^\d+$/.test(offset) ? offset : '' : kind === 'time' ? at && !Number.isNaN(at.getTime()) ? at.toISOString() : '' : kind;
  return (
    <ActionDialog<SeekAnswer> title={`Seek ${group}`} verb="Move the group" danger about={to} ready={to !== ''} done={done}
      dry={() => post<SeekAnswer>('seek', { group, topic, to, dry_run: true })}
      preview={told => {
        const moved = told.partitions.filter(one => one.events > 0);
        const sum = (direction: string) => moved.filter(one => one.direction === direction).reduce((all, one) => all + one.events, 0);
        const [again, never] = [sum('replay'), sum('skip')];
        return {
          empty: moved.length === 0,
          content: moved.length === 0 ? <p>Nothing: the group stands there already.</p> : (
            <>
              <p>{again > 0 && <><b>{plural(again, 'event')}</b> would be handled again. </>}{never > 0 && <><b>{plural(never, 'event')}</b> would be skipped, and not handled at all. </>}
                {again > 0 && 'A handler with an inbox, or one that is idempotent, takes them without harm; others do their work twice.'}</p>
              <Table caption="What would be moved, by partition" short rows={moved} row_key={row => String(row.partition)}
                columns={[
                  { name: 'Partition', cell: row => row.partition, label: true },
                  { name: 'From', number: true, cell: row => count(row.from) },
                  { name: 'To', number: true, cell: row => count(row.to) },
                  { name: 'Events', number: true, cell: row => count(row.events) },
                  { name: 'Which are', cell: row => row.direction === 'replay' ? 'handled again' : 'skipped' },
                ]} />
            </>
          ),
        };
      }}
      act={async () => {
        const told = await post<SeekAnswer>('seek', { group, topic, to, dry_run: false });
        return <p>{told.done ? <>The group has been moved, in {plural(told.partitions.length, 'partition')}. Its members begin there.</> : 'The group was not moved.'}</p>;
      }}>
      <p class="faint">On topic {topic}. A group is moved while its service is stopped.</p>
      <div class="fields">
        <Field label="To">
          <select value={kind} onChange={event => set_kind(event.currentTarget.value as typeof kind)}>
            <option value="" disabled>choose where to</option>
            <option value="earliest">the earliest event that is kept (replay all)</option>
            <option value="time">the first event since a time</option>
            <option value="offset">an offset, in every partition</option>
            <option value="latest">the end (skip what waits)</option>
          </select>
        </Field>
        {kind === 'offset' && <Field label="Offset"><input inputMode="numeric" pattern="[0-9]+" required value={offset} onInput={event => set_offset(event.currentTarget.value)} /></Field>}
        {kind === 'time' && <Field label="Time, in your time zone"><input type="datetime-local" step={1} required value={time} onInput={event => set_time(event.currentTarget.value)} /></Field>}
      </div>
    </ActionDialog>
  );
}
