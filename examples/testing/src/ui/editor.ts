/** What the editor shows. */
export interface EditorState {
  readonly title: string;
  readonly status: 'new' | 'saving' | 'published' | 'failed';
  readonly message: string;
}

export type EditorEvent =
  | { readonly kind: 'saving'; readonly title: string }
  | { readonly kind: 'published' }
  | { readonly kind: 'failed'; readonly message: string };

export const EMPTY: EditorState = { title: '', status: 'new', message: '' };

/** The state after an event; the old one stays as it is. */
export function reduce(state: EditorState, event: EditorEvent): EditorState {
  switch (event.kind) {
    case 'saving':
      return { title: event.title, status: 'saving', message: '' };
    case 'published':
      return { ...state, status: 'published', message: '' };
    case 'failed':
      return { ...state, status: 'failed', message: event.message };
  }
}

/** The editor's status line as HTML; a user's text is never markup. */
export function statusLine(state: EditorState): string {
  const words = {
    new: 'Nothing saved yet',
    saving: `Saving ${escaped(state.title)}`,
    published: `Published ${escaped(state.title)}`,
    failed: `Not published: ${escaped(state.message)}`,
  };
  return `<p role="status">${words[state.status]}</p>`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
