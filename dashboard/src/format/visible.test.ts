/** What cannot be seen is written out, everything else left alone. */
import { describe, expect, it } from 'vitest';
import { cut, segments, visible } from './visible';

describe('visible', () => {
  it('writes out controls, so that a terminal escape is only letters', () => {
    expect(visible('a\u001b[31mb\u0000\r\n\t\u007f')).toBe('a\\x1b[31mb\\x00\\x0d\\x0a\\x09\\x7f');
    expect(visible('\u009b1m')).toBe('\\u{9b}1m');
  });

  it('writes out what turns the direction of reading', () => {
    expect(visible('user\u202eexe.txt\u2066\u2069\u061c')).toBe(
      'user\\u{202e}exe.txt\\u{2066}\\u{2069}\\u{61c}',
    );
  });

  it('writes out what has no width', () => {
    expect(visible('ad\u200bmin\ufeff\u00ad\u2060')).toBe('ad\\u{200b}min\\u{feff}\\u{ad}\\u{2060}');
    expect(visible('a\u{e0041}b')).toBe('a\\u{e0041}b');
  });

  it('writes out half a surrogate pair and leaves a whole one', () => {
    expect(visible('\ud800x')).toBe('\\u{d800}x');
    expect(visible('\u{1f600}')).toBe('\u{1f600}');
  });

  it('leaves letters of every script, and markup, as they are', () => {
    const plain = '<script>alert(1)</script> é 日本語 العربية ñ';
    expect(visible(plain)).toBe(plain);
  });

  it('tells an escape from the same letters typed', () => {
    expect(segments('\\x1b\u001b.')).toEqual([
      { text: '\\x1b', escaped: false },
      { text: '\\x1b', escaped: true },
      { text: '.', escaped: false },
    ]);
    expect(segments('')).toEqual([]);
  });
});

describe('cut', () => {
  it('keeps what is short and never halves a pair', () => {
    expect(cut('abc', 3)).toBe('abc');
    expect(cut('abcd', 3)).toBe('abc');
    expect(cut('ab\u{1f600}', 3)).toBe('ab');
  });
});
