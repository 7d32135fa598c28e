import { useState } from 'preact/hooks';
import { post } from '../api';
import { ActionDialog, show_dialog } from '../dialog';
import { overview } from '../live';
import { Field } from '../parts';
import { link } from '../router';

export function publish(topic: string): void {
  show_dialog(<Publish first={topic} />);
}

/// Why the data cannot be published as it stands; empty where it can.
function wrong(text: string): string {
  try {
    JSON.parse(text);
    return '';
  } catch (error) {
    return `This is no JSON: ${error instanceof Error ? error.message : ''}`;
  }
}

function Publish({ first }: { first: string }) {
  const [topic, set_topic] = useState(first);
  const [type, set_type] = useState('');
  const [key, set_key] = useState('');
  const [data, set_data] = useState('{\n  \n}');
  const problem = wrong(data);
  return (
    <ActionDialog title="Publish a test event" verb="Publish" ready={topic !== '' && type !== '' && problem === ''}
      act={async () => {
        const sent = await post<{ id: string; partition: number; offset: number }>('events', { topic, type, key }, { data });
        return <p>Published as <a href={link('event', { topic, partition: sent.partition, offset: sent.offset })}>{sent.id}</a>, partition {sent.partition}, offset {sent.offset}.</p>;
      }}>
      <p class="faint">Services handle it like any other event. It cannot be taken back.</p>
      <div class="fields">
        <Field label="Topic"><input required list="topics" value={topic} spellcheck={false} autocomplete="off" onInput={event => set_topic(event.currentTarget.value)} /></Field>
        <datalist id="topics">{overview.value?.topics.map(one => <option key={one.topic} value={one.topic} />)}</datalist>
        <Field label="Type"><input required value={type} spellcheck={false} autocomplete="off" placeholder="shop.order-placed" onInput={event => set_type(event.currentTarget.value)} /></Field>
        <Field label="Key"><input value={key} spellcheck={false} autocomplete="off" onInput={event => set_key(event.currentTarget.value)} /></Field>
      </div>
      <Field label="Data, as JSON" hint={problem || ' '}><textarea class="code" rows={8} value={data} spellcheck={false} aria-invalid={problem !== ''} onInput={event => set_data(event.currentTarget.value)} /></Field>
    </ActionDialog>
  );
}
