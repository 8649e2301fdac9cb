// Types PascalCase; values and functions camelCase; fixed values UPPER_CASE.
const MOST_TAGS = 20;

export interface TagList {
  readonly tags: readonly string[];
}

export function isFull(list: TagList): boolean {
  return list.tags.length >= MOST_TAGS;
}
