import { useEffect, useState } from 'preact/hooks';
import { compact_json, type DeadLetters, get, type HeldKey, type Inbox, type Letter, type LetterList, type LettersProgress, type LettersRequest, type Outbox, post, type Reason, told } from '../api';
import { useGet } from '../data';
import { ActionDialog, show_dialog } from '../dialog';
import { at_least, count, duration, plural } from '../format';
import { session } from '../live';
import { Ago, Empty, Fact, Holder, Loading, Panel, Problem, StatusMark, Table } from '../parts';
import { link, route } from '../router';
import { Head } from './overview';
import { preview } from './events';

type What = 'redrive' | 'drop';
interface Meant {
  group: string;
  code?: string;
  key?: string;
  only_first?: boolean;
}

export function Failures() {
  const { group, code } = route.value.query;
  return group ? <Letters group={group} code={code ?? ''} /> : <All />;
}

function act_on(what: What, meant: Meant, title: string, done: () => void): void {
  show_dialog(
    <ActionDialog<LettersRequest> title={`${what === 'redrive' ? 'Redrive' : 'Drop'} ${title}`} verb={what === 'redrive' ? 'Redrive' : 'Drop for good'} danger={what === 'drop'} about={what} done={done}
      dry={() => post<LettersRequest>('dead-letters', { ...meant, action: what, dry_run: true })}
      preview={seen => ({
        empty: seen.matched === 0,
        content: seen.matched === 0 ? <p>Nothing: no open dead letter matches any more.</p>
          : what === 'redrive' ? <p><b>{plural(seen.matched, 'dead letter')}</b> of <b>{meant.group}</b> would be handled again, in their order by key; those that fail again are parked again.</p>
            : meant.only_first ? <p>The first dead letter of this key would be given up: <b>{meant.group}</b> never handles it.{seen.matched > 1 && <> <b>{plural(seen.matched - 1, 'event')}</b> behind it would be handled then, in order.</>}</p>
            : <p><b>{plural(seen.matched, 'dead letter')}</b> of <b>{meant.group}</b> would be given up: they are never handled, and later events of their keys go on.</p>,
      })}
      act={async () => {
        const sent = await post<LettersRequest>('dead-letters', { ...meant, action: what, dry_run: false });
        return sent.request ? <Progress request={sent.request} matched={sent.matched} done={done} /> : <p>{plural(sent.matched, 'dead letter')}: done.</p>;
      }} />);
}

function Progress({ request, matched, done }: { request: string; matched: number; done: () => void }) {
  const [is, set_is] = useState<LettersProgress | null>(null);
  const [error, set_error] = useState('');
  useEffect(() => {
    let timer = 0;
    let over = false;
    const ask = () => get<LettersProgress>('dead-letters/progress', { request }).then(answer => {
      if (over) return;
      set_is(answer);
      if (answer.done < answer.partitions) timer = setTimeout(ask, 700);
      else done();
    }, (why: unknown) => over || set_error(told(why)));
    void ask();
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [request]);
  const settled = is ? is.redriven + is.dropped + is.failed : 0;
  const over = is !== null && is.done >= is.partitions;
  return (
    <>
      {error && <Problem error={error} />}
      <p>{over ? 'Done.' : 'Asked for; the service that owns the group does it.'} {is && <>{count(is.redriven)} redriven, {count(is.dropped)} dropped, {count(is.failed)} failed again.</>}</p>
      <progress max={Math.max(1, matched)} value={over ? matched || 1 : Math.min(settled, matched)} aria-label="How far it is" />
      {is && !over && is.begun === 0 && <p class="note">No process has begun yet: is a process of the service running? It is done as soon as there is one.</p>}
      {is && is.given_up.length > 0 && <p class="note">Given up: {is.given_up.map(one => typeof one === 'string' ? one : compact_json(one)).join('; ')}</p>}
    </>
  );
}

function All() {
  const asked = useGet<DeadLetters>('dead-letters', {}, 3000);
  const groups = asked.value?.groups.filter(one => one.open > 0 || one.reasons.length > 0) ?? [];
  return (
    <>
      <Head title="Failures" />
      {asked.error && <Problem error={asked.error.message} retry={asked.again} />}
      {!asked.value ? !asked.error && <Loading what="dead letters" /> : groups.length === 0 ? (
        <section class="panel" aria-label="Dead letters"><Empty title="No dead letters"><p>An event that a handler cannot take after all its attempts is parked, and stands here with the reason.</p></Empty></section>
      ) : groups.map((one, at) => (
        <Panel key={one.group} title={one.group} id={`group-${at}`} flush aside={
          <span class="panel-tools"><span class="faint">{plural(one.open, 'open dead letter')}{one.blocked_keys > 0 && `, ${plural(one.blocked_keys, 'key')} blocked`}</span>
            <a class="button small" href={link('failures', { group: one.group })}>Look at all</a>
            {session.value?.actions && <ReasonTools meant={{ group: one.group }} title={`all of ${one.group}`} done={asked.again} />}
          </span>}>
          <Table<Reason> caption={`Reasons for dead letters of ${one.group}`} rows={one.reasons} row_key={row => row.code} href={row => link('failures', { group: one.group, code: row.code })}
            columns={[
              { name: 'Code', cell: row => row.code, class: 'name' },
              { name: 'Reason, of one', cell: row => row.reason, class: 'wide clip', spare: 2, in_card: true },
              { name: 'Letters', number: true, cell: row => count(row.count) },
              { name: 'Keys', number: true, cell: row => count(row.keys), spare: 2 },
              { name: 'First', cell: row => <Ago at={row.first} />, spare: 1 },
              { name: 'Last', cell: row => <Ago at={row.last} /> },
              ...(session.value?.actions ? [{ name: 'Actions', class: 'tools', cell: (row: Reason) => <ReasonTools meant={{ group: one.group, code: row.code }} title={row.code} done={asked.again} /> }] : []),
            ]} />
          {!one.complete && <p class="note">There are more than were looked at: the counts by reason are of a part.</p>}
        </Panel>
      ))}
      <OutboxPanel />
      <InboxPanel />
    </>
  );
}

function ReasonTools({ meant, title, done }: { meant: Meant; title: string; done: () => void }) {
  return (
    <span class="row-tools">
      <button type="button" class="small" onClick={() => act_on('redrive', meant, title, done)} aria-label={`Redrive ${title}`}>Redrive …</button>
      <button type="button" class="small" onClick={() => act_on('drop', meant, title, done)} aria-label={`Drop ${title}`}>Drop …</button>
    </span>
  );
}

function Letters({ group, code }: { group: string; code: string }) {
  const { key = '' } = route.value.query;
  const asked = useGet<LetterList>('dead-letters/list', { group, code, key, limit: 200 }, 5000);
  const may = session.value?.actions ?? false;
  const letters = asked.value?.letters;
  return (
    <>
      <p class="crumbs"><a href={link('failures')}>Failures</a>{code && <> / <a href={link('failures', { group })}>{group}</a></>}</p>
      <Head title={code || group}>{may && letters && letters.length > 0 && <ReasonTools meant={{ group, code: code || undefined, key: key || undefined }} title={code || `all of ${group}`} done={asked.again} />}</Head>
      {asked.error && <Problem error={asked.error.message} retry={asked.again} />}
      {!letters ? !asked.error && <Loading what="dead letters" /> : (
        <section class="panel flush" aria-label="Dead letters">
          <Table<Letter> caption={`Dead letters of ${group}`} rows={letters} row_key={row => `${row.topic} ${row.partition} ${row.offset}`}
            href={row => link('event', { topic: row.topic, partition: row.partition, offset: row.offset })}
            empty={<Empty title="No open dead letters"><p>They have been redriven or dropped. <a href={link('failures')}>Back to all</a>.</p></Empty>}
            columns={[
              { name: 'Event', cell: row => row.type || row.id, class: 'name' },
              { name: 'Key', cell: row => row.key, class: 'key' },
              { name: 'Reason', cell: row => <>{row.follows ? <span class="faint">waits behind an earlier one of its key</span> : <><code>{row.code}</code> {row.reason}</>}</>, class: 'wide' },
              { name: 'Attempts', number: true, cell: row => count(row.attempts), spare: 1 },
              { name: 'Blocks', number: true, cell: row => row.blocks > 0 ? count(row.blocks) : '', spare: 1, in_card: true },
              { name: 'Parked', cell: row => <Ago at={row.parked} /> },
              { name: 'Data', cell: row => <code>{preview(row)}</code>, class: 'data', spare: 1, in_card: true },
              ...(may ? [{ name: 'Actions', class: 'tools', cell: (row: Letter) => row.key === '' ? <span class="faint">by reason</span>
                : <span class="row-tools">
                    <button type="button" class="small" onClick={() => act_on('redrive', { group, key: row.key }, `all of key ${row.key}`, asked.again)} aria-label={`Redrive all of key ${row.key}`}>Redrive …</button>
                    <button type="button" class="small" onClick={() => act_on('drop', { group, key: row.key, only_first: true }, `the first of key ${row.key}`, asked.again)} aria-label={`Drop the first of key ${row.key}`}>Drop …</button>
                  </span> }] : []),
            ]} />
          {asked.value?.more && <p class="note">There are more; these are the first 200.</p>}
        </section>
      )}
    </>
  );
}

type OutboxOf = Outbox['stores'][number];

/// Those that hold parts, and those whose time is over: what these held waits for another.
function Relays({ of }: { of: OutboxOf }) {
  if (of.relays.length === 0) return <StatusMark status={of.waiting > 0 ? 'down' : 'idle'} text="nobody" />;
  return <>{of.relays.map(one => <span key={one.owner} class="relay">{one.late ? <><StatusMark status={of.waiting > 0 ? 'down' : 'stalled'} text="late" /> </> : null}<Holder name={one.owner} /></span>)}</>;
}

function OutboxPanel() {
  const asked = useGet<Outbox>('outbox', {}, 3000);
  const told_ = asked.value;
  const several = told_ !== null && told_.stores.length > 1;
  const held = told_?.stores.flatMap(of => of.held.map(one => ({ ...one, store: of.store }))) ?? [];
  const is_late = told_?.stores.some(of => of.relays.some(one => one.late));
  type Held = (typeof held)[number];
  const steer = (what: What, held: Held) => show_dialog(
    <ActionDialog title={`${what === 'redrive' ? 'Send' : 'Drop'} what is held for ${name_of(held)}`} verb={what === 'redrive' ? 'Send again' : 'Drop for good'} danger={what === 'drop'} done={asked.again}
      act={async () => {
        await post('outbox', { action: what, store: held.store, topic: held.topic, key: held.key, row: held.row });
        return <p>{what === 'redrive' ? 'The relay tries again at once.' : 'Dropped.'}</p>;
      }}>
      <p>{plural(held.events, 'event')} for {held.topic}, <code>{name_of(held)}</code>: {held.error}</p>
      {what === 'drop' && <p>The first of them is never published, although its transaction was committed.</p>}
    </ActionDialog>);
  return (
    <Panel title="Outbox" id="outbox" flush={held.length > 0 || several}>
      {asked.error?.code === 'no_store' ? <NoStore what="what waits to be published" message={asked.error.message} />
        : asked.error ? <Problem error={asked.error.message} retry={asked.again} />
          : !told_ ? <Loading what="the outbox" /> : told_.stores.length === 0 ? <Empty title="No outbox"><p>No store that is looked at has one.</p></Empty> : (
            <>
              {several ? (
                <Table<OutboxOf> caption="Outboxes by store" rows={told_.stores} row_key={row => row.store}
                  columns={[
                    { name: 'Store', cell: row => row.store, class: 'name' },
                    { name: 'Waiting', number: true, cell: row => waiting(row) },
                    { name: 'Oldest', number: true, cell: row => oldest(row) },
                    { name: 'Held keys', number: true, cell: row => row.held.length > 0 ? at_least(row.held.length, row.held.length < MOST_HELD) : '' },
                    { name: 'Relay', cell: row => <Relays of={row} />, class: 'wide' },
                  ]} />
              ) : told_.stores.map(of => (
                <dl key={of.store} class="facts inset">
                  <Fact name="Waiting">{waiting(of)}</Fact>
                  <Fact name="Oldest">{oldest(of)}</Fact>
                  <Fact name="Relay"><Relays of={of} /></Fact>
                  <Fact name="Store">{of.store}</Fact>
                </dl>))}
              {is_late && <p class="note">Late: the time of what this relay holds is over, so it is gone, or hangs. Another takes over what it held.</p>}
              {held.length > 0 && <Table<Held> caption="Keys that the outbox holds back" rows={held} row_key={row => `${row.store} ${row.topic} ${row.key} ${row.row}`}
                columns={[
                  { name: 'Key', cell: row => <code>{name_of(row)}</code>, class: 'name' },
                  { name: 'Topic', cell: row => row.topic, spare: 2 },
                  ...(several ? [{ name: 'Store', cell: (row: Held) => row.store, spare: 2 as const }] : []),
                  { name: 'Status', cell: row => <StatusMark status={row.parked ? 'parked' : 'behind'} text={row.parked ? 'parked' : 'trying'} /> },
                  { name: 'Error', cell: row => <><code>{row.code}</code> {row.error}</>, class: 'wide' },
                  { name: 'Events', number: true, cell: row => count(row.events) },
                  { name: 'Attempts', number: true, cell: row => count(row.attempts), spare: 1 },
                  { name: 'Since', cell: row => <Ago at={row.since} />, spare: 1 },
                  ...(session.value?.actions ? [{ name: 'Actions', class: 'tools', cell: (row: Held) => (
                    <span class="row-tools"><button type="button" class="small" onClick={() => steer('redrive', row)} aria-label={`Send ${name_of(row)} again`}>Send …</button>
                      <button type="button" class="small" onClick={() => steer('drop', row)} aria-label={`Drop ${name_of(row)}`}>Drop …</button></span>) }] : []),
                ]} />}
            </>
          )}
    </Panel>
  );
}

/// An event without a key is held by itself.
const name_of = (held: HeldKey) => held.key || `no key, row ${held.row}`;

const MOST_HELD = 500;  // of a store the server lists no more

/// What is more than 10,000 is reckoned, by how many numbers lie between the first and the last.
const waiting = (of: OutboxOf) => of.exact ? count(of.waiting) : `about ${count(of.waiting)}`;
const oldest = (of: OutboxOf) => of.waiting === 0 ? '–' : duration(of.oldest_age);

type InboxOf = Inbox['stores'][number];

function InboxPanel() {
  const asked = useGet<Inbox>('inbox', {}, 5000);
  const stores = asked.value?.stores ?? [];
  return (
    <Panel title="Inbox" id="inbox" flush={stores.length > 1}>
      {asked.error?.code === 'no_store' ? <NoStore what="what has been handled" message={asked.error.message} />
        : asked.error ? <Problem error={asked.error.message} retry={asked.again} />
          : !asked.value ? <Loading what="the inbox" /> : stores.length === 0 ? <Empty title="No inbox"><p>No store that is looked at has one.</p></Empty>
            : stores.length > 1 ? (
              <Table<InboxOf> caption="Inboxes by store" rows={stores} row_key={row => row.store}
                columns={[
                  { name: 'Store', cell: row => row.store, class: 'name' },
                  { name: 'Marks', number: true, cell: row => at_least(row.marks, row.exact) },
                  { name: 'Consumers', number: true, cell: row => count(row.consumers) },
                  { name: 'Oldest', cell: row => <Ago at={row.oldest} /> },
                ]} />
            ) : stores.map(of => (
              <dl key={of.store} class="facts"><Fact name="Marks">{at_least(of.marks, of.exact)}</Fact><Fact name="Consumers">{count(of.consumers)}</Fact><Fact name="Oldest"><Ago at={of.oldest} /></Fact></dl>))}
    </Panel>
  );
}

export function NoStore({ what, message }: { what: string; message?: string }) {
  return <Empty title="No store is looked at"><p>To see {what}, start it with <code>tidings dashboard --store URL</code>, the store that the service has.{message ? <span class="unseen"> {message}</span> : null}</p></Empty>;
}
