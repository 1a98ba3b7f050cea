/** What comes over the wire is read without trust: any JSON at all gives something to show, or nothing. */
import { describe, expect, it } from 'vitest';
import { readFrame } from '../connection/frames';
import { readAlert } from './alert';
import { readStats } from './stats';
import { readStatus } from './status';
import { readThreat } from './threat';

const JUNK: unknown[] = [
  undefined,
  null,
  7,
  '',
  'text',
  [],
  [null],
  {},
  { id: 7 },
  { id: null, detections: 'x' },
];

describe('junk', () => {
  it('never throws', () => {
    for (const value of JUNK) {
      expect(readThreat(value)).toBeUndefined();
      expect(readAlert(value)).toBeUndefined();
      expect(readStatus(value).sources).toBeUndefined();
      expect(readStatus({ state: value }).state).toMatchObject({ keys: 0, bytes: 0, refused: [] });
      expect(readStats(value, 1000, 500)).toMatchObject({ since: 500, until: 1000, total: 0, buckets: [] });
      expect(readFrame(JSON.stringify([value]).slice(1, -1))).toBeUndefined();
    }
  });

  it('inside of a threat reads as missing', () => {
    const threat = readThreat({
      id: 'a',
      '@timestamp': 'yesterday',
      score: 'high',
      severity: 'apocalyptic',
      source: { ip: 7, geo: [], as: { organization: 'no number' } },
      url: null,
      detections: [null, 3, { score: Number.NaN, evidence: [{}] }],
      stages: { read_at: 5 },
    });
    expect(threat).toMatchObject({ outcome: 'unknown' });
    expect(threat).toMatchObject({ occurredAt: 0, score: 0, severity: 'informational', url: '', stages: [] });
    expect(threat?.address).toBeUndefined();
    expect(threat?.network).toBeUndefined();
    expect(threat?.detections).toHaveLength(3);
  });
});

describe('a status', () => {
  it('says when the state was saved, and what was refused', () => {
    const state = {
      saved_at: '2026-11-21T02:00:00Z',
      keys: 40,
      bytes: 900,
      problem: 'the disk is full',
      restored: { refused: ['rule:a: it is damaged'] },
    };
    expect(readStatus({ state }).state).toEqual({
      savedAt: Date.UTC(2026, 10, 21, 2),
      keys: 40,
      bytes: 900,
      problem: 'the disk is full',
      refused: ['rule:a: it is damaged'],
    });
  });
});

describe('a threat', () => {
  it('is read as the server writes it', () => {
    const threat = readThreat(
      {
        id: '0193',
        '@timestamp': '2026-11-20T12:00:00.123Z',
        score: 9.1,
        severity: 'critical',
        source: {
          ip: '203.0.113.9',
          geo: { country_iso_code: 'NL' },
          as: { number: 64500, organization: 'Ex' },
        },
        http: { request: { method: 'GET' }, response: { status_code: 200, body_bytes: 5 }, version: '1.1' },
        url: { original: '/?q=1', path: '/', query: 'q=1' },
        user_agent: { original: 'curl' },
        event: { original: 'the line', ingested: '2026-11-20T12:00:00.124Z', truncated: true },
        detections: [
          {
            rule_id: 'r',
            title: 'T',
            family: 'xss',
            detector: 'rule',
            score: 9.1,
            evidence: [{ field: 'url.query', decodings: ['percent'], start: 2, end: 3, matched: '1' }],
          },
        ],
        record: { source: '/a.log', stream: 's', offset: 12 },
        node: 'n',
        stages: { read_at: '2026-11-20T12:00:00.124Z', stored_at: '2026-11-20T12:00:00.130Z' },
      },
      Date.UTC(2026, 10, 20, 12, 0, 0, 131),
    );
    expect(threat).toMatchObject({
      occurredAt: Date.UTC(2026, 10, 20, 12, 0, 0, 123),
      severity: 'critical',
      address: '203.0.113.9',
      country: 'NL',
      network: 'AS64500 Ex',
      status: 200,
      truncated: true,
      source: '/a.log',
      offset: 12,
    });
    expect(threat?.detections[0]?.evidence[0]).toMatchObject({ field: 'url.query', matched: '1', start: 2 });
    expect(threat?.stages.map((stage) => stage.name)).toEqual(['read', 'stored', 'published']);
  });
});
