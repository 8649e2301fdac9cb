export function titleOf(answer: any): string {
  return String(answer.title);
}
