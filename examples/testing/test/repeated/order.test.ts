// A test that depends on which of two jobs is faster: it passes most of the time. RUN stands
// for chance, so that the same runs fail each time it is shown.
const run = Number(process.env.RUN ?? '1');

async function finishedFirst(): Promise<string> {
  const work = async (name: string, ms: number): Promise<string> => {
    await new Promise((resolve) => setTimeout(resolve, ms));
    return name;
  };
  return Promise.race([work('first', run % 3 === 0 ? 40 : 1), work('second', 20)]);
}

test('the first job ends first', async () => {
  expect(await finishedFirst()).toBe('first');
});
