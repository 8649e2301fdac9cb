// What a module gives to others says its type.
export function wordCount(text: string): number {
  return text.split(/\s+/).filter(Boolean).length;
}
