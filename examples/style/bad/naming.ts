const Most_Tags = 20;

export interface tagList {
  readonly tags: readonly string[];
}

export function IsFull(list: tagList): boolean {
  return list.tags.length >= Most_Tags;
}
