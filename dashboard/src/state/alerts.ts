/** The alerts that are known, and what may be done to them. */
import { batch, computed, signal } from '@preact/signals';
import * as api from '../api/api';
import { ALERT_STATES, type Alert, type AlertAction, type AlertChange, type Ranking } from '../wire/alert';
import { OUTCOMES } from '../wire/outcome';
import { SEVERITIES } from '../wire/severity';

/** The most alerts in memory. */
const MAX_ALERTS = 500;

const byOutcome = (a: Alert, b: Alert): number => OUTCOMES.indexOf(b.outcome) - OUTCOMES.indexOf(a.outcome);

/** The order of the list: what needs work first, in the same order however threats come in. */
function order(a: Alert, b: Alert, ranking: Ranking): number {
  return (
    ALERT_STATES.indexOf(a.state) - ALERT_STATES.indexOf(b.state) ||
    (ranking === 'outcome' ? byOutcome(a, b) : 0) ||
    SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity) ||
    byOutcome(a, b) ||
    b.firstSeen - a.firstSeen
  );
}

export class Alerts {
  readonly list = signal<readonly Alert[]>([]);
  readonly ranking = signal<Ranking>('severity');
  readonly loaded = signal(false);
  readonly open = computed(() => this.list.value.filter((alert) => alert.state === 'open').length);
  /** The changes of the alerts whose history was asked for. */
  readonly changes = signal<ReadonlyMap<string, readonly AlertChange[]>>(new Map());
  /** The alerts that a change is under way for. */
  readonly busy = signal<ReadonlySet<string>>(new Set());
  readonly failures = signal<ReadonlyMap<string, string>>(new Map());
  /** Why nothing can be changed; nothing where it can. */
  readonly forbidden = signal<string | undefined>(undefined);

  /** The alerts that the socket told of while they are being fetched: it is newer. */
  #told: Set<string> | undefined;

  constructor(private readonly signedOut: () => void) {}

  /** Takes in an alert as it is now. */
  put(...alerts: readonly Alert[]): void {
    for (const alert of alerts) this.#told?.add(alert.id);
    const byId = new Map([...this.list.value, ...alerts].map((alert) => [alert.id, alert]));
    this.list.value = [...byId.values()].sort(this.#order).slice(0, MAX_ALERTS);
    for (const alert of alerts) if (alert.changes !== undefined) this.#remember(alert.id, alert.changes);
  }

  /** Ranks by something else, and fetches what that has in front. */
  async rankBy(ranking: Ranking): Promise<void> {
    if (this.ranking.value === ranking) return;
    batch(() => {
      this.ranking.value = ranking;
      this.list.value = [...this.list.value].sort(this.#order);
    });
    // The page works on with what it has where this fails: the connection says so.
    await this.load().catch(() => undefined);
  }

  readonly #order = (a: Alert, b: Alert): number => order(a, b, this.ranking.value);

  /** Fetches what needs work; what is not among it any more was resolved while nobody told. */
  async load(): Promise<void> {
    const told = new Set<string>();
    this.#told = told;
    const ranking = this.ranking.value;
    const isLatest = (): boolean => this.#told === told;
    try {
      const unresolved = await Promise.all([
        api.alerts('open', ranking),
        api.alerts('acknowledged', ranking),
      ]);
      // Another call that began since has the newer answer.
      if (!isLatest()) return;
      const fetched = unresolved.flat().filter((alert) => !told.has(alert.id));
      const kept = this.list.value.filter((alert) => alert.state === 'resolved' || told.has(alert.id));
      batch(() => {
        this.list.value = kept;
        this.put(...fetched);
        this.loaded.value = true;
      });
    } finally {
      if (isLatest()) this.#told = undefined;
    }
  }

  /** Fetches an alert's history. */
  async loadChanges(id: string): Promise<void> {
    await this.#attempt(id, async () => {
      const alert = await api.alert(id);
      if (alert !== undefined) this.put({ ...alert, changes: alert.changes ?? [] });
    });
  }

  /** Does something to an alert; whether it was done. */
  async change(id: string, action: AlertAction, note = ''): Promise<boolean> {
    if (this.busy.value.has(id)) return false;
    this.busy.value = new Set([...this.busy.value, id]);
    const done = await this.#attempt(id, async () => {
      const alert = await api.change(id, action, note);
      if (alert !== undefined) this.put(alert);
      if (this.changes.value.has(id) && alert?.changes === undefined) await this.loadChanges(id);
    });
    this.busy.value = new Set([...this.busy.value].filter((one) => one !== id));
    return done;
  }

  async #attempt(id: string, work: () => Promise<void>): Promise<boolean> {
    const failures = new Map(this.failures.value);
    failures.delete(id);
    this.failures.value = failures;
    try {
      await work();
      return true;
    } catch (error) {
      const message = error instanceof Error ? error.message : 'the request failed';
      const status = error instanceof api.ApiError ? error.status : 0;
      if (status === 401) this.signedOut();
      if (status === 403) this.forbidden.value = message;
      this.failures.value = new Map([...this.failures.value, [id, message]]);
      return false;
    }
  }

  #remember(id: string, changes: readonly AlertChange[]): void {
    this.changes.value = new Map([...this.changes.value, [id, changes]]);
  }
}
