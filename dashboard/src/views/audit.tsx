import { type AuditEntry, compact_json } from '../api';
import { useGet } from '../data';
import { session } from '../live';
import { Empty, Loading, Problem, StatusMark, Table, Time } from '../parts';
import { Head } from './overview';

export function Audit() {
  const asked = useGet<{ entries: AuditEntry[] }>('audit', {}, 5000);
  return (
    <>
      <Head title="Audit log" />
      {asked.error && <Problem error={asked.error.message} retry={asked.again} />}
      {!asked.value ? !asked.error && <Loading what="the audit log" /> : (
        <section class="panel flush" aria-label="Actions">
          <Table<AuditEntry & { at: number }> caption="Actions that were asked of this dashboard, the newest first" rows={asked.value.entries.map((entry, at) => ({ ...entry, at: asked.value!.entries.length - at }))} row_key={row => String(row.at)}
            empty={<Empty title="No actions yet"><p>{session.value?.actions ? 'What is paused, moved, redriven, dropped or published from here stands here, with who asked.' : <>This dashboard is read-only. Started with <code>--allow-actions</code> it can steer, and each action stands here.</>}</p></Empty>}
            columns={[
              { name: 'Time', cell: row => <Time at={row.time} milliseconds={false} /> },
              { name: 'Action', cell: row => row.action, class: 'name' },
              { name: 'Outcome', cell: row => <StatusMark status={row.outcome === 'ok' || row.outcome === 'done' ? 'done' : row.outcome === 'asked' || row.outcome === 'dry_run' ? 'pending' : row.outcome === 'refused' ? 'refused' : 'error'} text={row.outcome} /> },
              { name: 'What', cell: row => <code>{compact_json(row.arguments)}</code>, class: 'wide clip' },
              { name: 'Message', cell: row => row.message, class: 'wide', spare: 2 },
              { name: 'Who', cell: row => row.actor, spare: 2 },
            ]} />
        </section>
      )}
    </>
  );
}
