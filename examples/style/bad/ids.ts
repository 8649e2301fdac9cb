import { address, type ContentId, type TargetId } from '../good/ids';

export function swapped(content: ContentId, target: TargetId): string {
  return address(target, content);
}
