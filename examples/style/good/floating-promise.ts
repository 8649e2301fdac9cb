// A promise is waited for: its failure is the caller's failure.
export async function saveAll(save: (id: string) => Promise<void>, ids: string[]): Promise<void> {
  for (const id of ids) await save(id);
}
