export function found<T>(row: T | undefined, id: string): T {
  if (row === undefined) throw `Content ${id} not found`;
  return row;
}
