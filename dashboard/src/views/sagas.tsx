import { useState } from 'preact/hooks';
import { compact_json, get, type JsonValue, post, type SagaDetail, type SagaLine, type SagaList, told as told_of } from '../api';
import { useGet } from '../data';
import { ActionDialog, show_dialog } from '../dialog';
import { at_least, due, duration, plural } from '../format';
import { Json } from '../json';
import { now, session } from '../live';
import { Ago, Empty, Fact, Loading, Panel, Problem, Shape, shape_of, StatusMark, Table, Time } from '../parts';
import { link, refine, route } from '../router';
import { NoStore } from './failures';
import { Head } from './overview';

const OVER = ['completed', 'failed', 'abandoned'];
/// Those that are not over, the ones that need somebody first.
const OPEN = ['stuck', 'compensating', 'running'] as const;
const MOST_OPEN = 50;  // of each status, in the list of all

export function Sagas() {
  const { type, id } = route.value.query;
  return type && id ? <One type={type} id={id} /> : <List />;
}

function List() {
  const { type = '', status = '' } = route.value.query;
  const asked = useGet<SagaList>('sagas', { type, status }, 3000);
  // The server lists by type and id, which would begin with the oldest that is over.
  const open = OPEN.map(one => useGet<SagaList>(status === '' ? 'sagas' : null, { type, status: one, limit: MOST_OPEN }, 3000).value);
  const [more, set_more] = useState<{ about: string; sagas: SagaLine[]; next: SagaList['next']; error: string } | null>(null);
  const about = `${type} ${status}`;
  const mine = more?.about === about ? more : null;
  const told = asked.value;
  const name = (saga: SagaLine) => `${saga.type} ${saga.id}`;
  const first = open.flatMap(one => one?.sagas ?? []);
  const known = new Set(first.map(name));
  // One that has moved on between two answers stands once.
  const sagas = [...new Map(first.map(saga => [name(saga), saga])).values(), ...[...(told?.sagas ?? []), ...(mine?.sagas ?? [])].filter(saga => !known.has(name(saga)))];
  const cut = OPEN.filter((_, at) => open[at]?.next);
  const next = mine ? mine.next : told?.next ?? null;
  const counts = told?.counts ?? [];
  const types = [...new Set(counts.map(one => one.type))].sort();
  const statuses = new Map<string, { n: number; exact: boolean }>();
  for (const one of counts) {
    const was = statuses.get(one.status) ?? { n: 0, exact: true };
    if (!type || one.type === type) statuses.set(one.status, { n: was.n + one.n, exact: was.exact && one.exact });
  }
  const several = new Set(counts.map(one => one.store)).size > 1;
  const further = () => get<SagaList>('sagas', { type, status, ...next }).then(
    page => set_more({ about, sagas: [...(mine?.sagas ?? []), ...page.sagas], next: page.next, error: '' }),
    (error: unknown) => set_more({ about, sagas: mine?.sagas ?? [], next, error: told_of(error) }));
  return (
    <>
      <Head title="Sagas" />
      {asked.error?.code === 'no_store' ? <section class="panel" aria-label="Sagas"><NoStore what="sagas" message={asked.error.message} /></section> : (
        <>
          {asked.error && <Problem error={asked.error.message} retry={asked.again} />}
          <div class="chips" role="group" aria-label="Which sagas">
            <button type="button" class="chip" aria-pressed={status === ''} onClick={() => refine({ status: undefined })}>all</button>
            {[...statuses].map(([name, { n, exact }]) => (
              <button key={name} type="button" class="chip" aria-pressed={status === name} onClick={() => refine({ status: name === status ? undefined : name })}>
                <StatusMark status={name} /> <b>{at_least(n, exact)}</b></button>))}
            {types.length > 1 && <label class="field inline"><span>Type</span><select value={type} onChange={event => refine({ type: event.currentTarget.value || undefined })}>
              <option value="">all</option>{types.map(one => <option key={one} value={one}>{one}</option>)}</select></label>}
          </div>
          {!told || (status === '' && open.some(one => !one)) ? !asked.error && <Loading what="sagas" /> : (
            <section class="panel flush" aria-label="Instances">
              <Table<SagaLine> caption="Sagas" rows={sagas} row_key={row => `${row.type} ${row.id}`} href={row => link('sagas', { type: row.type, id: row.id, of: type, status })}
                empty={<Empty title={counts.length > 0 ? 'None of these' : 'No sagas yet'}><p>{counts.length > 0 ? 'Choose another status above.' : 'A saga stands here once its first event has been handled by the service that runs it.'}</p></Empty>}
                columns={[
                  { name: 'Id', cell: row => row.id, class: 'name' },
                  { name: 'Type', cell: row => <>{row.type} <span class="faint">v{row.version}</span></>, spare: 2 },
                  ...(several ? [{ name: 'Store', cell: (row: SagaLine) => row.store, spare: 2 as const }] : []),
                  { name: 'Status', cell: row => row.unreadable ? <StatusMark status="unreadable" /> : <StatusMark status={row.status} /> },
                  { name: 'Step', cell: row => row.step, spare: 2 },
                  { name: 'Waits for', cell: row => row.unreadable ?? row.waits.replace(/^waits for: /, ''), class: 'wide' },
                  { name: 'Changed', cell: row => <Ago at={row.changed} />, spare: 1 },
                ]} />
              {status === '' && <p class="note">{OPEN.join(', ')} first, then all others; each by type and id.{cut.length > 0 && ` Of ${cut.join(' and ')} the first ${MOST_OPEN} stand at the top: choose the status for the rest.`}</p>}
              {mine?.error && <Problem error={mine.error} />}
              {next && <p class="more"><button type="button" onClick={() => void further()}>More</button></p>}
            </section>
          )}
        </>
      )}
    </>
  );
}

const ACTIONS = [
  ['resume', 'Resume', 'tries again what it is stuck at.'],
  ['compensate', 'Compensate', 'turns it back: what its steps did is undone, in the opposite order.'],
  ['abandon', 'Abandon', 'ends it as it stands: nothing more is done, and nothing is undone. Whatever is half done stays so.'],
] as const;

function Steer({ type, id, status, done }: { type: string; id: string; status: string; done: () => void }) {
  const ask = (action: string, name: string, what: string) => show_dialog(
    <ActionDialog title={`${name} ${type} ${id}`} verb={name} danger={action !== 'resume'} done={done}
      act={async () => {
        await post('saga', { type, id, action });
        return <p>Asked for. The service that runs the saga does it within a second or so, or says in its log why not.</p>;
      }}>
      <p>This {what}</p>
    </ActionDialog>);
  return <>{ACTIONS.filter(([action]) => action !== 'resume' || status === 'stuck').map(([action, name, what]) => <button key={action} type="button" onClick={() => ask(action, name, what)}>{name} …</button>)}</>;
}

const as_text = (value: JsonValue | undefined) => (value === null || value === undefined ? '' : typeof value === 'object' ? compact_json(value) : String(value));
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;
/// How a line of the history is drawn.
function kind(what: string): string {
  // What a whole saga can be looks the same here as in the list.
  if (OVER.includes(what) || what === 'stuck' || what === 'compensating') return shape_of(what);
  if (/fail|refus|stuck|timed|unknown|declin/.test(what)) return 'stalled';
  if (/undo|compens|back/.test(what)) return 'behind';
  if (/done|complet/.test(what)) return 'ok';
  return 'idle';
}

function One({ type, id }: { type: string; id: string }) {
  const asked = useGet<SagaDetail>('saga', { type, id }, 2000);
  const { of, status: back } = route.value.query;
  const told = asked.value;
  const status = as_text(told?.instance.status);
  const why = as_text(told?.instance.why);
  const history = told?.history ?? [];
  const first = history[0] ? Date.parse(history[0].time) : 0;
  const last = history.length > 0 ? Date.parse(history[history.length - 1]!.time) : 0;
  const plain = told ? Object.entries(told.instance).filter(([name, value]) => !['type', 'saga', 'id', 'status', 'why', 'state'].includes(name) && (value === null || typeof value !== 'object') && as_text(value) !== '') : [];
  const steps = Array.isArray(told?.instance.steps) ? told.instance.steps.filter((one): one is { [name: string]: JsonValue } => typeof one === 'object' && one !== null && !Array.isArray(one)) : [];
  return (
    <>
      <p class="crumbs"><a href={link('sagas', { type: of, status: back })}>Sagas</a> / {type}</p>
      <Head title={id}>
        {told && <StatusMark status={status} />}
        {told && session.value?.actions && !OVER.includes(status) && <Steer type={type} id={id} status={status} done={asked.again} />}
      </Head>
      {asked.error && <Problem error={asked.error.message} retry={asked.again} />}
      {!told ? !asked.error && <Loading what="the saga" /> : (
        <>
          {why && <p class={`calm s-${shape_of(status)}`}><Shape status={status} />{why}</p>}
          <Panel title="Waits for" id="waits">
            {told.waits.length === 0 ? <p class="faint">{OVER.includes(status) ? 'Nothing: it is over.' : status === 'stuck' ? 'Somebody: it goes neither on nor back by itself.' : 'An answer; nothing limits how long it may take.'}</p> : (
              <ul class="plain-list">{told.waits.map((wait, at) => <li key={at}><b>{wait.step || 'the whole'}</b>: {wait.kind}, due {due(wait.due, now.value)}{wait.attempts > 0 && `, ${plural(wait.attempts, 'failed attempt')}`}</li>)}</ul>)}
          </Panel>
          {steps.length > 0 && (
            <Panel title="Steps" id="steps">
              <ol class="steps">{steps.map((step, at) => <li key={at} data-status={as_text(step.status)}><StatusMark status={kind_of_step(as_text(step.status))} text={as_text(step.step ?? step.name)} /> <span class="faint">{as_text(step.status)}</span></li>)}</ol>
            </Panel>
          )}
          <Panel title="History" id="history" aside={<span class="faint">{plural(history.length, 'line')}{history.length > 1 && ` in ${duration((last - first) / 1000)}`}</span>}>
            <ol class="timeline">
              {history.map((line, at) => (
                <li key={at} class={`s-${kind(line.what)}`}>
                  <span class="when"><Time at={line.time} /><small>+{duration((Date.parse(line.time) - first) / 1000)}</small></span>
                  <StatusMark status={kind(line.what)} text={line.what} />
                  <span class="what">{line.step && <b>{line.step} </b>}{line.text && <>{line.text} </>}{line.event && <a href={link('event', { id: line.event })} title={line.event}>{line.event_type || line.event}</a>}</span>
                </li>))}
            </ol>
          </Panel>
          <Panel title="State" id="state"><Json value={told.state} /></Panel>
          <Panel title="Instance" id="instance"><dl class="facts"><Fact name="store">{told.store}</Fact>{plain.map(([name, value]) => <Fact key={name} name={name.replace(/_/g, ' ')}>{TIME.test(as_text(value)) ? <Time at={as_text(value)} /> : as_text(value)}</Fact>)}</dl></Panel>
        </>
      )}
    </>
  );
}

function kind_of_step(status: string): string {
  if (status === 'done' || status === 'undone') return 'ok';
  if (status === 'failed') return shape_of(status);
  if (status.includes('unknown') || status === 'undo_failed') return 'stalled';
  if (status === 'sent' || status === 'undoing') return 'behind';
  return 'idle';
}
