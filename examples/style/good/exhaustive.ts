// Every state is named: a new one does not compile until this is decided.
export type Status = 'draft' | 'scheduled' | 'published' | 'archived';

export function mayEdit(status: Status): boolean {
  switch (status) {
    case 'draft':
    case 'scheduled':
      return true;
    case 'published':
    case 'archived':
      return false;
  }
}
