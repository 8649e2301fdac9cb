import { type Status } from '../good/exhaustive';

export function mayEdit(status: Status): boolean {
  switch (status) {
    case 'draft':
      return true;
    case 'published':
      return false;
  }
  return true;
}
