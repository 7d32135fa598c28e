import { render } from 'preact';
import { begin } from './live';
import { Shell } from './shell';
import { write_out_what_is_hidden } from './visible';

write_out_what_is_hidden();
render(<Shell />, document.getElementById('app')!);
begin();
