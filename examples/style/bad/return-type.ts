export function wordCount(text: string) {
  return text.split(/\s+/).filter(Boolean).length;
}
