import { render } from 'preact';
import { begin } from './live';
import { Shell } from './shell';

render(<Shell />, document.getElementById('app')!);
begin();
