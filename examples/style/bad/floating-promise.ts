export function saveAll(save: (id: string) => Promise<void>, ids: string[]): void {
  for (const id of ids) save(id);
}
