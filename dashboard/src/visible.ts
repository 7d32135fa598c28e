/// Characters that no screen shows, or that turn text around, are written out wherever text is shown: `\u202e`. Values stay as they are; so what an
/// action sends is what there is.
import { type ComponentChildren, Fragment, options, type VNode } from 'preact';

// Control characters; marks of width, joining and direction; separators of lines; tags.
const HIDDEN = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/gu;

const BREAKS = new Set(['\n', '\t']);

/// `lines`: where a line feed and a tab are seen as what they are.
export function visible(text: string, lines = false): string {
  return text.replace(HIDDEN, one => lines && BREAKS.has(one) ? one : `\\u${one.codePointAt(0)!.toString(16).padStart(4, '0')}`);
}

function each(children: ComponentChildren, lines: boolean): ComponentChildren {
  if (typeof children === 'string') return visible(children, lines);
  return Array.isArray(children) ? children.map(one => each(one, lines)) : children;
}

/// Every element is made here, so nothing can be forgotten.
export function write_out_what_is_hidden(): void {
  const before = options.vnode;
  options.vnode = (vnode: VNode) => {
    const props = vnode.props as { children?: ComponentChildren; title?: unknown; 'data-lines'?: unknown };
    if (typeof vnode.type === 'string' || vnode.type === Fragment) {
      if (props.children !== undefined) props.children = each(props.children, vnode.type === 'pre' || props['data-lines'] !== undefined);
      if (typeof props.title === 'string') props.title = visible(props.title);
    }
    before?.(vnode);
  };
}
