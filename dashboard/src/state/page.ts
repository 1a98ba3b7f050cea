/** Everything the page knows, and the one place where frames and answers become state. */
import { signal } from '@preact/signals';
import * as api from '../api/api';
import { Client, webSocket } from '../connection/client';
import type { Envelope, Gap, Welcome } from '../connection/frames';
import type { Phase } from '../connection/machine';
import { readAlert } from '../wire/alert';
import { readStatus, type Status } from '../wire/status';
import { readThreat, type Threat } from '../wire/threat';
import { Alerts } from './alerts';
import { Announcer } from './announcer';
import { Counts, fittingRange, type Range } from './counts';
import { Feed, MAX_ROWS } from './feed';
import { Notices } from './notices';

/** How soon after a threat came the server's counts are fetched again, and how often at least. */
const COUNT_SOON_MS = 8_000;
const COUNT_IDLE_MS = 60_000;
/** Live threats are counted together this often. */
const COUNT_LIVE_MS = 250;

/** The roles that may change alerts. */
const CHANGING = ['analyst', 'admin'];

export type View = 'threats' | 'alerts' | 'top';

export class Page {
  readonly phase = signal<Phase>({ kind: 'connecting' });
  readonly session = signal<Welcome | undefined>(undefined);
  readonly status = signal<Status | undefined>(undefined);
  readonly selected = signal<Threat | undefined>(undefined);
  readonly now = signal(Date.now());
  /** What a narrow screen shows. */
  readonly view = signal<View>('threats');
  readonly feed = new Feed();
  readonly counts = new Counts();
  readonly notices = new Notices();
  readonly announcer = new Announcer();
  readonly alerts: Alerts;
  readonly client: Client;

  #fresh: Threat[] = [];
  #freshTimer: ReturnType<typeof setTimeout> | undefined;
  #countTimer: ReturnType<typeof setTimeout> | undefined;
  #countAt = 0;
  #rangeChosen = false;

  constructor() {
    this.client = new Client({
      wanted: [
        { channel: 'threats', last: 100 },
        { channel: 'alerts', last: 100 },
        { channel: 'status', last: 1 },
      ],
      connect: (on) => {
        const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
        return webSocket(`${scheme}://${location.host}/ws`, 'vigil.v1.json', on);
      },
      isSignedOut: api.isSignedOut,
      listener: {
        phase: (phase) => this.#phase(phase),
        deliver: (envelope) => this.#deliver(envelope),
        gap: (gap) => this.#gap(gap),
        welcome: (welcome) => this.#welcome(welcome),
        problem: (message) => (this.notices.problem.value = message),
      },
    });
    this.alerts = new Alerts(() => this.client.signedOut());
  }

  /** Connects and keeps the clock. */
  start(): void {
    this.client.start();
    setInterval(() => (this.now.value = Date.now()), 1000);
    addEventListener('online', () => this.client.retry());
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState === 'visible') this.client.retry();
    });
  }

  /** Chooses the range of time that is counted. */
  choose(range: Range): void {
    this.#rangeChosen = true;
    this.counts.range.value = range;
    void this.#count();
  }

  /** Fetches the newest threats, after some were not delivered. */
  async reloadHistory(channel: string): Promise<void> {
    await this.#fetching(async () => {
      if (channel === 'alerts') await this.alerts.load();
      else this.feed.merge(await api.threats(MAX_ROWS));
      this.notices.clear(channel);
    });
  }

  /** Shows the threats in which this stands. */
  searchFor(text: string): void {
    this.feed.search.value = text;
    this.view.value = 'threats';
  }

  #phase(phase: Phase): void {
    const before = this.phase.value.kind;
    this.phase.value = phase;
    if (phase.kind === 'live' && before !== 'stalled') void this.#load();
    if (phase.kind !== before && phase.kind !== 'connecting') this.announcer.say(SPOKEN[phase.kind]);
  }

  async #load(): Promise<void> {
    await Promise.all([this.#fetching(() => this.alerts.load()), this.#count()]);
  }

  #welcome(welcome: Welcome): void {
    this.session.value = welcome;
    this.notices.problem.value = undefined;
    const { role } = welcome;
    this.alerts.forbidden.value =
      role === undefined || CHANGING.includes(role)
        ? undefined
        : `Your role is ${role}: only analysts and admins change alerts.`;
  }

  /** How the server was a moment ago is no loss: only how it is now matters. */
  #gap(gap: Gap): void {
    if (gap.channel !== 'status') this.notices.gap(gap);
  }

  #deliver(envelope: Envelope): void {
    if (envelope.type === 'threat.new') {
      const threat = readThreat(envelope.data, envelope.at);
      if (threat !== undefined) this.#threat(threat);
    } else if (envelope.type.startsWith('alert.')) {
      const alert = readAlert(envelope.data);
      if (alert !== undefined) this.alerts.put(alert);
    } else if (envelope.type === 'status.update') {
      this.status.value = readStatus(envelope.data);
    }
  }

  #threat(threat: Threat): void {
    this.feed.push(threat);
    this.announcer.count(threat);
    this.#fresh.push(threat);
    this.#freshTimer ??= setTimeout(() => {
      this.#freshTimer = undefined;
      this.counts.push(this.#fresh);
      this.#fresh = [];
    }, COUNT_LIVE_MS);
    this.#countIn(COUNT_SOON_MS);
  }

  /** Counts again in this time, unless it happens sooner anyway. */
  #countIn(ms: number): void {
    const at = Date.now() + ms;
    if (this.#countTimer !== undefined && this.#countAt <= at) return;
    clearTimeout(this.#countTimer);
    this.#countAt = at;
    this.#countTimer = setTimeout(() => void this.#count(), ms);
  }

  async #count(): Promise<void> {
    clearTimeout(this.#countTimer);
    this.#countTimer = undefined;
    await this.#fetching(async () => {
      const range = this.counts.range.value;
      const stats = await api.stats(range.ms);
      if (range !== this.counts.range.value) return;
      const fitting = this.#rangeChosen ? range : fittingRange(stats);
      this.counts.load(stats);
      if (fitting !== range && this.counts.range.value === range && range.key === '24h') {
        this.counts.range.value = fitting;
        this.counts.load(await api.stats(fitting.ms));
      }
    });
    if (this.phase.value.kind === 'live') this.#countIn(COUNT_IDLE_MS);
  }

  /** A fetch that fails is told by the connection's state, or tried again with the next count. */
  async #fetching(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof api.ApiError)) throw error;
      if (error.status === 401) this.client.signedOut();
      else if (error.status > 0) this.notices.problem.value = error.message;
    }
  }
}

const SPOKEN: Readonly<Record<Phase['kind'], string>> = {
  connecting: 'Connecting',
  live: 'Connected, live',
  stalled: 'The stream has stalled',
  reconnecting: 'Connection lost, reconnecting',
  'signed-out': 'Signed out',
  refused: 'The server refused the connection',
};
