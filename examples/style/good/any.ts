// What comes from outside is unknown until it was looked at.
export function titleOf(answer: unknown): string {
  if (typeof answer === 'object' && answer !== null && 'title' in answer) {
    return String(answer.title);
  }
  return '';
}
