// An id has a kind of its own: the compiler refuses one in another's place.
export type ContentId = string & { readonly __brand: 'ContentId' };
export type TargetId = string & { readonly __brand: 'TargetId' };

export function address(content: ContentId, target: TargetId): string {
  return `${target}/${content}`;
}

export function swapped(content: ContentId, target: TargetId): string {
  return address(content, target);
}
