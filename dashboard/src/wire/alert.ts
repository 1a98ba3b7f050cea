/** An alert as the server sends it, read into the shape that the page shows. */
import { outcome, type Outcome } from './outcome';
import { list, moment, number, object, text } from './read';
import { severity, type Severity } from './severity';

export const ALERT_STATES = ['open', 'acknowledged', 'resolved'] as const;

export type AlertState = (typeof ALERT_STATES)[number];

/** What a list of alerts ranks by, within a state. */
export const RANKINGS = ['severity', 'outcome'] as const;

export type Ranking = (typeof RANKINGS)[number];

/** What a person can do to an alert. */
export type AlertAction = 'acknowledge' | 'resolve' | 'note';

/** One change of an alert, with who and when. */
export interface AlertChange {
  readonly action: string;
  readonly by: string;
  readonly at: number;
  readonly note: string | undefined;
}

export interface Alert {
  readonly id: string;
  readonly title: string;
  readonly address: string | undefined;
  readonly country: string | undefined;
  readonly family: string;
  readonly severity: Severity;
  readonly outcome: Outcome;
  readonly score: number;
  readonly state: AlertState;
  readonly count: number;
  readonly firstSeen: number;
  readonly lastSeen: number;
  readonly assignee: string | undefined;
  /** Known only where this one alert was asked for. */
  readonly changes: readonly AlertChange[] | undefined;
}

function readChange(value: unknown): AlertChange {
  const it = object(value);
  return {
    action: text(it['action']) ?? '',
    by: text(it['by']) ?? '',
    at: moment(it['at']) ?? 0,
    note: text(it['note']),
  };
}

/** Reads an alert; nothing if it has no id. */
export function readAlert(value: unknown): Alert | undefined {
  const it = object(value);
  const id = text(it['id']);
  if (id === undefined) return undefined;
  return {
    id,
    title: text(it['title']) ?? 'Alert',
    address: text(it['source_ip']),
    country: text(it['country_iso_code']),
    family: text(it['family']) ?? '',
    severity: severity(it['severity']),
    outcome: outcome(it['outcome']),
    score: number(it['score']) ?? 0,
    state: ALERT_STATES.find((state) => state === it['state']) ?? 'open',
    count: number(it['count']) ?? 0,
    firstSeen: moment(it['first_seen']) ?? 0,
    lastSeen: moment(it['last_seen']) ?? 0,
    assignee: text(it['assignee']),
    changes: Array.isArray(it['changes']) ? list(it['changes'], readChange) : undefined,
  };
}
