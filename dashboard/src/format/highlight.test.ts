/** Matches are found by byte offsets, in text of any script. */
import { describe, expect, it } from 'vitest';
import { highlight } from './highlight';

describe('highlight', () => {
  it('finds the match by its byte offset, also past wide characters', () => {
    expect(highlight('é=or&x=or', 'or', 8)).toEqual({ before: 'é=or&x=', match: 'or', after: '' });
    expect(highlight('a=or&b=or', 'or', 7)).toEqual({ before: 'a=or&b=', match: 'or', after: '' });
  });

  it('looks for the text where the offset leads elsewhere', () => {
    expect(highlight('\\xff=union select', 'union', 2)?.before).toBe('\\xff=');
  });

  it('says nothing where the match is not in the text', () => {
    expect(highlight('%27%20or', "' or", 0)).toBeUndefined();
    expect(highlight('abc', '', 0)).toBeUndefined();
  });

  it('shows a part of a long text', () => {
    const found = highlight('a'.repeat(500) + 'X' + 'b'.repeat(500), 'X', 500);
    expect(found?.before).toBe('…' + 'a'.repeat(80));
    expect(found?.after).toBe('b'.repeat(80) + '…');
  });
});
