import { useEffect, useState } from 'preact/hooks';
import { compact_json, type DeadLetters, get, type HeldKey, type Inbox, type Letter, type LetterList, type LettersProgress, type LettersRequest, type Outbox, post, type Reason, told } from '../api';
import { useGet } from '../data';
import { ActionDialog, show_dialog } from '../dialog';
import { count, duration, plural } from '../format';
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
              { name: 'Reason, of one', cell: row => row.reason, class: 'wide clip', spare: 2 },
              { name: 'Letters', number: true, cell: row => count(row.count) },
              { name: 'Keys', number: true, cell: row => count(row.keys), spare: 2 },
              { name: 'First', cell: row => <Ago at={row.first} />, spare: 1 },
              { name: 'Last', cell: row => <Ago at={row.last} /> },
              ...(session.value?.actions ? [{ name: 'Actions', class: 'tools', cell: (row: Reason) => <ReasonTools meant={{ group: one.group, code: row.code }} title={row.code} done={asked.again} /> }] : []),
            ]} />
          {one.complete === false && <p class="note">There are more than were looked at: the counts by reason are of a part.</p>}
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

function OutboxPanel() {
  const asked = useGet<Outbox>('outbox', {}, 3000);
  const told_ = asked.value;
  const steer = (what: What, held: HeldKey) => show_dialog(
    <ActionDialog title={`${what === 'redrive' ? 'Send' : 'Drop'} what is held for ${held.key}`} verb={what === 'redrive' ? 'Send again' : 'Drop for good'} danger={what === 'drop'} done={asked.again}
      act={async () => {
        await post('outbox', { action: what, topic: held.topic, key: held.key, row: held.row });
        return <p>{what === 'redrive' ? 'The relay tries again at once.' : 'Dropped.'}</p>;
      }}>
      <p>{plural(held.events, 'event')} for {held.topic}, key <code>{held.key}</code>: {held.error}</p>
      {what === 'drop' && <p>The first of them is never published, although its transaction was committed.</p>}
    </ActionDialog>);
  return (
    <Panel title="Outbox" id="outbox" flush={Boolean(told_ && told_.held.length > 0)}>
      {asked.error?.code === 'no_store' ? <NoStore what="what waits to be published" message={asked.error.message} />
        : asked.error ? <Problem error={asked.error.message} retry={asked.again} />
          : !told_ ? <Loading what="the outbox" /> : (
            <>
              <dl class="facts inset">
                <Fact name={told_.store.includes(', ') ? 'Waiting, in all stores' : 'Waiting'}>{count(told_.waiting)}</Fact>
                <Fact name="Oldest">{told_.waiting === 0 ? '–' : duration(told_.oldest_age)}</Fact>
                <Fact name="Relay">{told_.relay?.owner ? <Holder name={told_.relay.owner} /> : <StatusMark status={told_.waiting > 0 ? 'down' : 'idle'} text="nobody" />}</Fact>
                <Fact name={told_.store.includes(', ') ? 'Stores' : 'Store'}>{told_.store}</Fact>
              </dl>
              {told_.held.length > 0 && <Table<HeldKey> caption="Keys that the outbox holds back" rows={told_.held} row_key={row => `${row.topic} ${row.key}`}
                columns={[
                  { name: 'Key', cell: row => <code>{row.key}</code>, class: 'name' },
                  { name: 'Topic', cell: row => row.topic, spare: 2 },
                  { name: 'Status', cell: row => <StatusMark status={row.parked ? 'parked' : 'behind'} text={row.parked ? 'parked' : 'trying'} /> },
                  { name: 'Error', cell: row => <><code>{row.code}</code> {row.error}</>, class: 'wide' },
                  { name: 'Events', number: true, cell: row => count(row.events) },
                  { name: 'Attempts', number: true, cell: row => count(row.attempts), spare: 1 },
                  { name: 'Since', cell: row => <Ago at={row.since} />, spare: 1 },
                  ...(session.value?.actions ? [{ name: 'Actions', class: 'tools', cell: (row: HeldKey) => (
                    <span class="row-tools"><button type="button" class="small" onClick={() => steer('redrive', row)} aria-label={`Send ${row.key} again`}>Send …</button>
                      <button type="button" class="small" onClick={() => steer('drop', row)} aria-label={`Drop ${row.key}`}>Drop …</button></span>) }] : []),
                ]} />}
            </>
          )}
    </Panel>
  );
}

function InboxPanel() {
  const asked = useGet<Inbox>('inbox', {}, 5000);
  return (
    <Panel title="Inbox" id="inbox">
      {asked.error?.code === 'no_store' ? <NoStore what="what has been handled" message={asked.error.message} />
        : asked.error ? <Problem error={asked.error.message} retry={asked.again} />
          : !asked.value ? <Loading what="the inbox" /> : (
            <dl class="facts"><Fact name="Marks">{count(asked.value.rows)}</Fact><Fact name="Oldest"><Ago at={asked.value.oldest} /></Fact></dl>
          )}
    </Panel>
  );
}

export function NoStore({ what, message }: { what: string; message?: string }) {
  return <Empty title="No store is looked at"><p>To see {what}, start it with <code>tidings dashboard --store URL</code>, the store that the service has.{message ? <span class="unseen"> {message}</span> : null}</p></Empty>;
}
