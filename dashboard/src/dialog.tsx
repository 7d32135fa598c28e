/// Dialogs. Anything that changes something is shown first as what it would do, and done only when that was seen.
import { type ComponentChildren } from 'preact';
import { signal } from '@preact/signals';
import { useEffect, useRef, useState } from 'preact/hooks';
import { announce } from './announce';
import { told } from './api';
import { Problem } from './parts';

const open_ = signal<{ content: ComponentChildren; number: number } | null>(null);
let opened = 0;
let before: Element | null = null;

export function show_dialog(content: ComponentChildren): void {
  if (!open_.value) before = document.activeElement;
  open_.value = { content, number: ++opened };
}

export function close_dialog(): void {
  open_.value = null;
  if (before instanceof HTMLElement && before.isConnected) before.focus();
  before = null;
}

export function DialogPlace() {
  const shown = open_.value;
  return shown ? <Modal key={shown.number}>{shown.content}</Modal> : null;
}

function Modal({ children }: { children: ComponentChildren }) {
  const place = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    place.current?.showModal();
    // Rather than on the cross: on the first field, or on what does no harm.
    place.current?.querySelector<HTMLElement>('form input, form select, form textarea, form button')?.focus();
  }, []);
  return (
    <dialog ref={place} aria-labelledby="dialog-title"
      onCancel={event => {
        event.preventDefault();
        close_dialog();
      }}
      onClick={event => event.target === place.current && close_dialog()}>
      <div class="dialog">{children}</div>
    </dialog>
  );
}

export function Dialog({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <>
      <header class="dialog-head"><h2 id="dialog-title">{title}</h2><button type="button" class="quiet" onClick={close_dialog} aria-label="Close">✕</button></header>
      {children}
    </>
  );
}

/// An action: what it would do (`dry`, asked for anew whenever `about` changes, and shown), then doing it. Without `dry`, what it says is all.
/// `act` tells what came of it, which stays on show.
export function ActionDialog<Dry>({ title, verb, danger, about, ready = true, children, dry, preview, act, done }: {
  title: string;
  verb: string;
  danger?: boolean;
  about?: string;
  ready?: boolean;
  children?: ComponentChildren;
  dry?: () => Promise<Dry>;
  /// What is shown of a dry run; null where it says that there is nothing to do.
  preview?: (told: Dry) => { content: ComponentChildren; empty?: boolean };
  act: () => Promise<ComponentChildren>;
  done?: () => void;
}) {
  const [seen, set_seen] = useState<{ told: Dry } | null>(null);
  const [error, set_error] = useState('');
  const [busy, set_busy] = useState(false);
  const [outcome, set_outcome] = useState<{ content: ComponentChildren } | null>(null);
  const round = useRef(0);
  const ask = () => {
    const mine = ++round.current;
    set_seen(null);
    set_error('');
    if (!dry || !ready) return;
    dry().then(answer => mine === round.current && set_seen({ told: answer }), (why: unknown) => mine === round.current && set_error(told(why)));
  };
  useEffect(() => {
    const timer = setTimeout(ask, 150);
    return () => clearTimeout(timer);
  }, [about, ready]);
  const shown = seen && preview ? preview(seen.told) : null;
  const may = ready && !busy && !outcome && (!dry || (seen !== null && !shown?.empty));
  const go = () => {
    set_busy(true);
    set_error('');
    act().then(content => {
      set_outcome({ content });
      set_busy(false);
      announce(`${title}: done`);
      done?.();
    }, (why: unknown) => {
      set_error(told(why));
      set_busy(false);
    });
  };
  return (
    <Dialog title={title}>
      <form method="dialog" onSubmit={event => {
        event.preventDefault();
        if (may) go();
      }}>
        {!outcome && children}
        {dry && !outcome && (
          <div class="dry" aria-live="polite" aria-busy={ready && !seen && !error}>
            <h3>What it would do</h3>
            {shown ? shown.content : <p class="faint">{error ? 'Nothing: see below.' : ready ? 'Asking …' : 'Fill in the fields above.'}</p>}
          </div>
        )}
        {error && <Problem error={error} retry={dry ? ask : undefined} />}
        {outcome && <div class="outcome" role="status">{outcome.content}</div>}
        <footer class="dialog-foot">
          <button type="button" onClick={close_dialog}>{outcome ? 'Close' : 'Cancel'}</button>
          {!outcome && <button type="submit" class={danger ? 'danger' : 'primary'} disabled={!may}>{busy ? 'Working …' : verb}</button>}
        </footer>
      </form>
    </Dialog>
  );
}
