import { EMPTY, reduce, statusLine } from '../../src/ui/editor';

test('the status line follows the events', () => {
  const saving = reduce(EMPTY, { kind: 'saving', title: 'Spring' });
  expect(statusLine(EMPTY)).toContain('Nothing saved yet');
  expect(statusLine(saving)).toContain('Saving Spring');
  expect(statusLine(reduce(saving, { kind: 'published' }))).toContain('Published Spring');
});

test("a user's text is never markup", () => {
  const failed = reduce(EMPTY, { kind: 'failed', message: '<script>' });
  expect(statusLine(failed)).toBe('<p role="status">Not published: &#60;script&#62;</p>');
});
