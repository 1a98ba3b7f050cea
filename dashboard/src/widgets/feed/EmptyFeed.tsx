/** An empty feed says why it is empty and what to do. */
import { count } from '../../format/number';
import { usePage } from '../../state/context';

export function EmptyFeed() {
  const page = usePage();
  const { feed } = page;
  const status = page.status.value;
  if (feed.rows.value.length > 0) {
    const clear = (): void => {
      feed.search.value = '';
      feed.floor.value = 'informational';
    };
    return (
      <div class="empty">
        <strong>No threat here passes the filters.</strong>
        <p>{count(feed.rows.value.length)} are hidden; new ones show up as soon as they match.</p>
        <p>
          <button type="button" onClick={clear}>
            Show all
          </button>
        </p>
      </div>
    );
  }
  if (page.phase.value.kind !== 'live') {
    return (
      <div class="empty">
        <strong>Not connected yet.</strong>
        <p>Threats show up here as soon as the connection stands.</p>
      </div>
    );
  }
  if (status?.sources?.length === 0) {
    return (
      <div class="empty">
        <strong>No log is being read.</strong>
        <p>Name one when you start the server, or under its sources in the configuration file:</p>
        <pre>vigil serve --log /var/log/nginx/access.log</pre>
        <p>To see the page with made-up traffic, run:</p>
        <pre>vigil demo</pre>
      </div>
    );
  }
  const read =
    status?.linesTotal === undefined ? '' : ` ${count(status.linesTotal)} lines were read since the start.`;
  return (
    <div class="empty">
      <strong>No threats yet.</strong>
      <p>Vigil is listening.{read} To see one, send a harmless attack to a site whose log is read:</p>
      <pre>{"curl 'http://localhost/?id=1%27%20OR%20%271%27=%271'"}</pre>
      <p>It shows up here within a second.</p>
    </div>
  );
}
